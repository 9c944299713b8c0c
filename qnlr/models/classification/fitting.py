"""What lies between the methods of a classifier and the parts that it is made of."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from qnlr.errors import InputError, is_number
from qnlr.models.classification.assembly import Parts, assemble, number_of_qubits, number_of_weights
from qnlr.models.classification.fitted import Fitted, Learned, Progress, Trained, positive
from qnlr.models.classification.identity import Described, described, require_same
from qnlr.models.classification.one_vs_rest import OneAgainstRest, outputs, train
from qnlr.models.classification.optimizing import fresh_optimizer, together
from qnlr.models.classification.preparation import SUITABLE, Preparation
from qnlr.rng import stream
from qnlr.training import Outcome, Status
from qnlr.types import Cost, FloatArray

ASSEMBLED = (
    *("ansatz", "encoding", "qubits", "layers", "observable", "scaling", "loss", "head"),
    *("backend", "shots", "noise"),
)
TRANSIENT = ("_built", "_progress")  # they hold functions and compiled circuits


class Fitting(Learned):
    """Fits binary models and measures their outputs, as the parameters of a classifier say."""

    encoding: Any
    scaling: str
    optimizer: Any
    noise: Any
    shots: Any
    batch_size: int
    callback: Any
    random_state: Any
    n_features_in_: int

    @contextlib.contextmanager
    def _unchanged_if_refused(self) -> Iterator[None]:
        kept = dict(vars(self))
        try:
            yield
        except BaseException:
            vars(self).clear()
            vars(self).update(kept)
            raise

    def _checked(self, X: Any, y: Any, reset: bool) -> tuple[FloatArray, np.ndarray]:
        with np.errstate(all="ignore"):  # scaling says what is too large
            X, y = validate_data(self, X, y, reset=reset, dtype=np.float64)
        check_classification_targets(y)
        return X, y

    def _train(
        self, X: FloatArray, y: np.ndarray, classes: np.ndarray, before: Fitted | None, steps: int
    ) -> Self:
        seed = _seed(self.random_state) if before is None else before.seed
        prepared = self._preparation(X) if before is None else before.preparation
        made_of = self._described(prepared)
        if before is not None:
            self._require_as_fitted(before)
        parts = self._parts(prepared)
        angles = parts.encoding.angles_from(prepared(X))
        labels = positive(classes)
        known = [None] * len(labels) if before is None else [*before.models]
        listeners = together(self.callback, self.optimizer)
        self._progress = Progress(listeners, [one.cost if one else Cost() for one in known])
        try:
            listeners.begin(steps * len(labels))
            models = [
                train(
                    OneAgainstRest(parts, angles, np.where(y == label, 1.0, -1.0)),
                    parts,
                    lambda own, n: fresh_optimizer(self.optimizer, parts, self.noise, own, n),
                    seed=seed,
                    number=number,
                    more=steps,
                    batch_size=min(self.batch_size, len(X)),
                    before=known[number],
                    progress=self._progress,
                )
                for number, label in enumerate(labels)
            ]
        finally:
            listeners.end()
            del self._progress
        self._fitted = Fitted(classes, prepared, seed, _told(models, labels), made_of)
        return self

    def _preparation(self, X: FloatArray) -> Preparation:
        named = self.encoding if isinstance(self.encoding, str) else ""
        auto = isinstance(self.scaling, str) and self.scaling == "auto"
        scaling = SUITABLE.get(named, "none") if auto else self.scaling
        return Preparation.learned(X, scaling, append=named == "amplitude")

    def _given(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ASSEMBLED}

    def _described(self, prepared: Preparation) -> Described:
        """Describe what predictions depend on besides weights, backend, shots and noise."""
        given = self._given()
        return described(given, number_of_qubits(given, prepared.features))

    def _parts(self, prepared: Preparation) -> Parts:
        """Return the parts, built anew if a parameter has changed, be it in its place."""
        given, made_of = self._given(), self._described(prepared)
        built: tuple[dict[str, Any], Described, Parts] | None = getattr(self, "_built", None)
        if (
            built is None
            or built[1] != made_of
            or any(built[0][name] is not value for name, value in given.items())
        ):
            self._built = built = given, made_of, assemble(given, prepared.features)
        return built[2]

    def _require_as_fitted(self, fitted: Fitted) -> None:
        """Make sure that the weights belong to the model that the parameters describe."""
        prepared = fitted.preparation
        require_same(self._described(prepared), fitted.made_of)
        now, before = number_of_weights(self._given(), prepared.features), fitted.weights.shape[1]
        if now != before:
            raise InputError(
                f"the model has {now} weights, but it was fitted with {before}; fit again"
            )

    def _outputs(self, X: ArrayLike) -> FloatArray:
        check_is_fitted(self)
        with np.errstate(all="ignore"):
            X = validate_data(self, X, reset=False, dtype=np.float64)
        fitted = self._fitted
        self._require_as_fitted(fitted)
        parts = self._parts(fitted.preparation)
        angles = parts.encoding.angles_from(fitted.preparation(np.asarray(X)))
        return outputs(parts, fitted.weights, angles, stream("predictions", fitted.seed))

    def __sklearn_tags__(self) -> Any:
        """Say that measured predictions differ from one another."""
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.non_deterministic = self.shots is not None
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        """Return whether training has come to an end."""
        return "_fitted" in vars(self)

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()  # type: ignore[assignment]
        return {key: value for key, value in state.items() if key not in TRANSIENT}


def distinct(labels: np.ndarray) -> np.ndarray:
    """Return the classes among some labels, sorted.

    Raises:
        InputError: If there is but one.
    """
    classes = np.unique(labels)
    if len(classes) < 2:
        raise InputError(f"there is 1 class, {classes.tolist()}; a classifier needs at least 2")
    return classes


def require_known(labels: np.ndarray, classes: np.ndarray) -> None:
    """Make sure that all labels are among the classes.

    Raises:
        InputError: If one is not.
    """
    strange = np.setdiff1d(labels, classes)
    if strange.size:
        raise InputError(
            f"label {strange.tolist()[0]!r} is not one of the classes {classes.tolist()}"
        )


def _told(models: list[Trained], labels: np.ndarray) -> tuple[Trained, ...]:
    """Say, in outcomes and as a warning, which classes a callback has left untrained."""
    untrained = [label for label, one in zip(labels.tolist(), models, strict=True) if not one.steps]
    if not untrained:
        return tuple(models)
    addition = f"the models of classes {untrained} still have their initial weights"
    warnings.warn(f"a callback stopped the fit: {addition}", ConvergenceWarning, stacklevel=4)
    return tuple(
        replace(one, outcome=Outcome(one.outcome.status, f"{one.outcome.sentence}; {addition}"))
        if one.outcome.status is Status.INTERRUPTED
        else one
        for one in models
    )


def _seed(random_state: Any) -> int:
    drawing = check_random_state(random_state)
    if is_number(random_state):
        return int(random_state)
    return int(drawing.randint(np.iinfo(np.int32).max))

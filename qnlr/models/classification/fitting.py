"""What lies between the methods of a classifier and the parts that it is made of."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from qnlr.errors import InputError, is_number
from qnlr.models.classification.assembly import Parts, assemble, fresh_optimizer
from qnlr.models.classification.fitted import Fitted, Learned, positive
from qnlr.models.classification.one_vs_rest import OneAgainstRest, outputs, train
from qnlr.models.classification.preparation import SUITABLE, Preparation
from qnlr.optimizers.callbacks import Listeners
from qnlr.rng import stream
from qnlr.types import FloatArray

ASSEMBLED = (
    *("ansatz", "encoding", "qubits", "layers", "observable", "loss", "head"),
    *("backend", "shots", "noise"),
)


class Fitting(Learned):
    """Fits binary models and measures their outputs, as the parameters of a classifier say."""

    encoding: Any
    scaling: str
    optimizer: Any
    noise: Any
    batch_size: int
    callback: Any
    random_state: Any
    n_features_in_: int

    def _checked(self, X: Any, y: Any, reset: bool) -> tuple[FloatArray, np.ndarray]:
        if reset:
            self.__dict__.pop("_fitted", None)
            self.__dict__.pop("_built", None)
        X, y = validate_data(self, X, y, reset=reset, dtype=np.float64)
        check_classification_targets(y)
        return X, y

    def _train(
        self, X: FloatArray, y: np.ndarray, classes: np.ndarray, before: Fitted | None, steps: int
    ) -> Self:
        strange = np.setdiff1d(y, classes)
        if strange.size:
            raise InputError(
                f"label {strange.tolist()[0]!r} is not one of the classes {classes.tolist()}"
            )
        seed = _seed(self.random_state) if before is None else before.seed
        prepared = self._preparation(X) if before is None else before.preparation
        parts = self._parts(prepared)
        if before is not None:
            _require_same(parts, before.weights)
        angles = parts.encoding.angles_from(prepared(X))
        models = tuple(
            train(
                OneAgainstRest(parts, angles, np.where(y == label, 1.0, -1.0)),
                parts,
                lambda own, total: fresh_optimizer(self.optimizer, parts, self.noise, own, total),
                seed=seed,
                number=number,
                more=steps,
                batch_size=min(self.batch_size, len(X)),
                before=None if before is None else before.models[number],
                listeners=Listeners(self.callback),
            )
            for number, label in enumerate(positive(classes))
        )
        self._fitted = Fitted(classes, prepared, seed, models)
        return self

    def _preparation(self, X: FloatArray) -> Preparation:
        named = self.encoding if isinstance(self.encoding, str) else ""
        scaling = SUITABLE.get(named, "none") if self.scaling == "auto" else self.scaling
        return Preparation.learned(X, scaling, append=named == "amplitude")

    def _parts(self, prepared: Preparation) -> Parts:
        """Return the parts, built anew if a parameter has changed."""
        given = {name: getattr(self, name) for name in ASSEMBLED}
        built = getattr(self, "_built", None)
        if built is None or any(built[0][name] is not value for name, value in given.items()):
            features = self.n_features_in_ + (prepared.constant is not None)
            self._built = built = given, assemble(given, features)
        parts: Parts = built[1]
        return parts

    def _outputs(self, X: ArrayLike) -> FloatArray:
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        fitted = self._fitted
        parts = self._parts(fitted.preparation)
        _require_same(parts, fitted.weights)
        angles = parts.encoding.angles_from(fitted.preparation(np.asarray(X)))
        return outputs(parts, fitted.weights, angles, stream("predictions", fitted.seed))


def distinct(labels: np.ndarray) -> np.ndarray:
    """Return the classes among some labels, sorted.

    Raises:
        InputError: If there is but one.
    """
    classes = np.unique(labels)
    if len(classes) < 2:
        raise InputError(f"there is 1 class, {classes.tolist()}; a classifier needs at least 2")
    return classes


def _seed(random_state: Any) -> int:
    drawing = check_random_state(random_state)
    if is_number(random_state):
        return int(random_state)
    return int(drawing.randint(np.iinfo(np.int32).max))


def _require_same(parts: Parts, weights: FloatArray) -> None:
    if weights.shape[1] != parts.num_weights:
        raise InputError(
            f"the model has {parts.num_weights} weights, but it was fitted with "
            f"{weights.shape[1]}; set ansatz, layers and head back, or fit again"
        )

"""A variational classifier for scikit-learn, trained with NLR unless it is told otherwise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer.noise import NoiseModel
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from qnlr.circuits import Encoding
from qnlr.errors import InputError
from qnlr.models.classification import saving
from qnlr.models.classification.fitted import Fitted
from qnlr.models.classification.fitting import Fitting, distinct, require_known
from qnlr.models.classification.one_vs_rest import probabilities
from qnlr.noise import Noise
from qnlr.optimizers import AskTell, StepRecord
from qnlr.problems import Head, Loss
from qnlr.training import TrainingSettings
from qnlr.types import Backend, FloatArray


class VariationalClassifier(Fitting, ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    r"""A variational quantum classifier as a scikit-learn estimator.

    .. math:: f(x, θ) = ⟨ψ(x)| U(θ)^† O U(θ) |ψ(x)⟩, \qquad o = \mathrm{head}(f)

    The label is the sign of o for two classes, and the largest of the o_k of one binary model for
    each class for more (one-vs-rest). All models run on one circuit and share their mini-batches;
    a prediction of all classes is one job. The local simulators ``"simulator"``, ``"statevector"``
    and ``"aer"`` take more than 4096/K samples in several, to bound the memory.

    Features are shifted and scaled inside, as learned from the samples of the first fit. Amplitude
    encoding cannot tell x from −x: a constant feature, as long as a scaled sample is on average, is
    appended, so that d features take ⌈log₂(d + 1)⌉ qubits.

    With shots, predictions are measured: the same samples in the same order give the same ones.
    ``backend``, ``shots`` and ``noise`` may be changed after fitting: predictions are made there.
    What says how to train may be, too; all else needs another fit. Training that goes on with
    another kind of optimizer, or SPSA or COBYLA of other settings, begins that one anew at the
    weights.

    Args:
        ansatz: Name of an ansatz, ``"hardware_efficient"`` or ``"efficient_su2"``, or a circuit
            whose parameters are the weights.
        encoding: Name of an encoding, ``"amplitude"``, ``"angle"`` or ``"zz"``; a circuit whose
            parameters are the features, in the order of ``circuit.parameters``, which sorts by
            name (x10 before x2, if not of one ParameterVector); or an
            :class:`~qnlr.circuits.Encoding`.
        qubits: n; None for as many as the circuits given have, or the encoding needs.
        layers: L, layers of a named ansatz, at least 1.
        observable: The qubit whose Z is read out, negative from the last (which is behind the
            chain of CX of a hardware-efficient ansatz, so that it sees all qubits from the first
            layer on); ``"z"``, ``"mean_z"`` or ``"global_z"``; or an operator.
        scaling: ``"standard"``, ``"angle"`` (onto [0, π]), ``"none"``, or ``"auto"``: standard for
            amplitude, angle for angle and zz, none for an encoding of your own.
        optimizer: One of :mod:`qnlr.optimizers`, which is copied for every binary model; None for
            ``NLR(0.1, trigger=StandardErrors(2.0))``, with its noise scaling if there is noise.
            ``NLR(0.1)`` has the paper's trigger, any increase, which climbs under shots. Its
            ``maxiter`` is not used; its callback is called beside that of the classifier.
        loss: ``"squared_error"``, ``"cross_entropy"``, ``"logistic"``, or an object of theirs.
        head: ``"scale_bias"``, o = af + b, trained with the circuit: one class against the rest
            needs another threshold than 0; or ``"bare"``, o = f.
        backend: ``"simulator"``, ``"statevector"``, ``"aer"``, ``"mitigated"``, or a function that
            takes a :class:`~qnlr.circuits.VariationalCircuit` and returns a backend; it is handed
            ``shots`` and ``noise`` where they are not None.
        shots: Shots per circuit, at least 1, or None for exact expectation values.
        noise: Gate and read-out errors, from :mod:`qnlr.noise` or as Aer's noise model, or None.
        batch_size: B, samples in a mini-batch, at least 1; all samples if there are fewer.
        steps: Steps of ``fit``, at least 1; None to give ``passes``, and 100 if neither is given.
        passes: Passes of ``fit`` over the samples, ⌈N/B⌉ steps each, instead of ``steps``.
        warm_start: Whether ``fit`` goes on from where the last one ended, with the optimizer's
            state, by that many steps more.
        callback: Called with a :class:`~qnlr.optimizers.StepRecord` after every step of the binary
            models, one after another, whose steps are numbered through; ends the fit by returning
            True. Models that were not begun then keep their initial weights, which is warned of and
            said in ``outcomes_``. ``StopAt(shots=..., of=model)`` counts the classifier's shots.
            ``clone``, and so every search, copies callbacks: read ``history_`` afterwards.
        random_state: Seed of initial weights, mini-batches, shots and optimizer; a RandomState to
            draw it from; or None for another one in each fit.

    Attributes:
        classes_: The labels, sorted.
        weights_: Weights of the circuit, then the head's, one row for each binary model.
        history_: A row for every step of every model; ``class`` is its class.
        n_iter_: Steps made, by the model that made most.
        outcomes_: How training ended, one for each model.
        cost_: Circuits, shots and jobs of training, while it runs, too; not of predictions.
        n_features_in_: The number of features d.
        feature_names_in_: Their names, if they had any.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.model_selection import cross_val_score
        >>> X, y = load_iris(return_X_y=True)
        >>> model = VariationalClassifier(random_state=0)
        >>> bool(cross_val_score(model, X, y).mean() > 0.9)
        True
        >>> model.fit(X, y).weights_.shape, model.cost_.jobs
        ((3, 47), 600)
    """

    def __init__(
        self,
        ansatz: str | QuantumCircuit = "hardware_efficient",
        encoding: str | QuantumCircuit | Encoding = "amplitude",
        qubits: int | None = None,
        layers: int = 5,
        observable: int | str | SparsePauliOp = -1,
        scaling: str = "auto",
        optimizer: AskTell | None = None,
        loss: str | Loss = "squared_error",
        head: str | Head = "scale_bias",
        backend: str | Callable[..., Backend] = "simulator",
        shots: int | None = None,
        noise: Noise | NoiseModel | None = None,
        batch_size: int = 32,
        steps: int | None = None,
        passes: int | None = None,
        warm_start: bool = False,
        callback: Callable[[StepRecord], object] | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.ansatz = ansatz
        self.encoding = encoding
        self.qubits = qubits
        self.layers = layers
        self.observable = observable
        self.scaling = scaling
        self.optimizer = optimizer
        self.loss = loss
        self.head = head
        self.backend = backend
        self.shots = shots
        self.noise = noise
        self.batch_size = batch_size
        self.steps = steps
        self.passes = passes
        self.warm_start = warm_start
        self.callback = callback
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Train on samples, from the beginning unless ``warm_start`` is set.

        Args:
            X: Features, shape (N, d).
            y: Labels of at least two classes, shape (N,).

        Returns:
            The classifier.

        Raises:
            InputError: If a parameter is not valid, there is but one class, or training diverges.
        """
        before = self._fitted if self.warm_start and hasattr(self, "_fitted") else None
        with self._unchanged_if_refused():
            X, y = self._checked(X, y, reset=before is None)
            classes = distinct(y)
            if before is not None and not np.array_equal(classes, before.classes):
                raise InputError(
                    f"y holds the classes {classes.tolist()}, but those of the last fit were "
                    f"{before.classes.tolist()}; set warm_start = False to begin anew"
                )
        if before is None:
            self.__dict__.pop("_fitted", None)
        settings = TrainingSettings(self.steps, self.passes, self.batch_size)
        return self._train(X, y, classes, before, settings.total_steps(len(X)))

    def partial_fit(self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None) -> Self:
        """Train for one pass over some samples, ⌈N/B⌉ steps, from where training stood.

        Scaling and constant are learned in the first call. Not all classes need be among the
        samples. SPSA and COBYLA go on by repeating all their steps so far, without circuits: many
        calls take a time that grows with the square of their number. COBYLA ends by itself, and
        makes no step from then on: ``outcomes_`` says so.

        Args:
            X: Features, shape (N, d).
            y: Labels, shape (N,).
            classes: All labels that will ever occur; needed in the first call only.

        Returns:
            The classifier.

        Raises:
            InputError: If a parameter or label is not valid, classes are missing or others than in
                the first call, or training diverges.
        """
        before: Fitted | None = getattr(self, "_fitted", None)
        with self._unchanged_if_refused():
            X, y = self._checked(X, y, reset=before is None)
            if classes is not None:
                known = distinct(np.asarray(classes))
            elif before is not None:
                known = before.classes
            else:
                raise InputError("classes must be passed on the first call to partial_fit")
            if before is not None and not np.array_equal(known, before.classes):
                raise InputError(
                    f"classes = {known.tolist()} are not those of the first call, "
                    f"{before.classes.tolist()}"
                )
            require_known(y, known)
        settings = TrainingSettings(passes=1, batch_size=self.batch_size)
        return self._train(X, y, known, before, settings.total_steps(len(X)))

    def decision_function(self, X: ArrayLike) -> FloatArray:
        """Measure the outputs o.

        Args:
            X: Features, shape (B, d).

        Returns:
            Shape (B,) for two classes, where an output above 0 means the second one; (B, K) for K.

        Raises:
            InputError: If the features cannot be encoded, or a parameter that predictions depend on
                is no longer that of the fit.
        """
        found = self._outputs(X)
        return found[:, 0] if found.shape[1] == 1 else found

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Return the labels of samples, shape (B,), as measured by :meth:`decision_function`."""
        found = self._outputs(X)
        best = (found[:, 0] > 0).astype(int) if found.shape[1] == 1 else found.argmax(axis=1)
        labels: np.ndarray = self._fitted.classes[best]
        return labels

    def predict_proba(self, X: ArrayLike) -> FloatArray:
        r"""Return probabilities of the classes, in the order of ``classes_``.

        Two classes: p = (1 + o)/2, clipped to [0, 1]. More: the same for every class, divided by
        their sum; outputs of a sample beyond [−1, 1] are scaled back into it. With the logistic
        loss, 1/(1 + exp(−o)) instead of (1 + o)/2. They are not calibrated.

        Args:
            X: Features, shape (B, d).

        Returns:
            Shape (B, K).
        """
        found = self._outputs(X)
        return probabilities(found, self._parts(self._fitted.preparation).loss)

    def save(self, path: str | Path) -> None:
        """Write the classifier to a file, without pickle, for :meth:`load`.

        Predictions of the loaded classifier are the same, and training can go on. Callbacks are not
        saved.

        Args:
            path: The file, ``*.npz``; it is written whole or not at all, and its folder is made.

        Raises:
            InputError: If the name ends otherwise, a parameter cannot be saved or is no longer that
                of the fit, or the file cannot be written.
            NotFittedError: If it is not fitted.
        """
        check_is_fitted(self)
        self._require_as_fitted(self._fitted)
        names = getattr(self, "feature_names_in_", None)
        saving.write(Path(path), self.get_params(deep=False), self._fitted, names)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a classifier that :meth:`save` wrote; nothing in the file is executed.

        Args:
            path: The file.

        Returns:
            The classifier, fitted.

        Raises:
            InputError: If the file is missing, damaged, of a newer version, or something else.
        """
        return saving.read(Path(path), cls)

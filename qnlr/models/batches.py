"""Mini-batches for models of qiskit-machine-learning, whose objective is that of all samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from qiskit_machine_learning.algorithms.objective_functions import ObjectiveFunction
from qiskit_machine_learning.optimizers import (
    Optimizer,
    OptimizerResult,
    OptimizerSupportLevel,
    SteppableOptimizer,
)

from qnlr.errors import InputError, require_count
from qnlr.models.objective import Objective
from qnlr.optimizers.settings import Configured
from qnlr.types import FloatArray


class MiniBatches(Configured, Optimizer):
    """Lets a steppable optimizer see a fresh mini-batch in every step, and one only.

    Models of qiskit-machine-learning minimise the loss on all samples. Between these and an
    optimizer it draws rows without replacement before each step, as the training of studies does;
    all that a step measures, such as the gradient and the probe of NLR, is measured on the same
    rows. The loss of the result is that of the last weights on all samples; ``fun_best`` of the
    result is the lowest loss of a mini-batch.

    Args:
        optimizer: Any ``SteppableOptimizer``: ``NLR``, ``SGD``, ``Momentum``, ``RMSProp``,
            ``Adam`` or ``SPSA`` of qnlr, or qiskit-machine-learning's ``GradientDescent``.
        size: Samples in a mini-batch, from 1 to the number of samples.
        seed: Seed of the rows, drawn anew for every minimisation; or a generator, which goes on.

    Raises:
        InputError: If the optimizer cannot be driven step by step, or ``size`` or ``seed`` lies
            outside its range; when minimising, if there are fewer samples than ``size``, or the
            gradient is not that of a model.

    Example:
        >>> from qiskit.circuit.library import real_amplitudes, z_feature_map
        >>> from qiskit_machine_learning.algorithms import VQC
        >>> from qnlr import NLR
        >>> model = VQC(
        ...     feature_map=z_feature_map(2), ansatz=real_amplitudes(2, reps=1),
        ...     optimizer=MiniBatches(NLR(0.2, maxiter=5), size=2, seed=0),
        ...     initial_point=np.zeros(4),
        ... )
        >>> X = np.array([[0.1, 0.2], [0.3, 0.1], [1.4, 1.6], [1.5, 1.3]])
        >>> model.fit(X, np.array([0, 0, 1, 1])).fit_result.nit
        5
    """

    def __init__(
        self,
        optimizer: Optimizer,
        size: int,
        seed: int | np.random.Generator | None = None,
    ) -> None:
        if not isinstance(optimizer, SteppableOptimizer):
            name = optimizer.__name__ if isinstance(optimizer, type) else type(optimizer).__name__
            raise InputError(
                f"optimizer = {name} cannot be driven step by step; give an object such as "
                "NLR(), SGD(), Momentum(), RMSProp(), Adam() or SPSA() of qnlr, or "
                "qiskit-machine-learning's GradientDescent()"
            )
        if seed is not None and not isinstance(seed, np.random.Generator):
            require_count("seed", seed, low=0)
        self.optimizer = optimizer
        self.size = require_count("size", size)
        self.seed = seed
        super().__init__()  # type: ignore[no-untyped-call]

    def get_support_level(self) -> dict[str, OptimizerSupportLevel]:
        """Return what the optimizer supports; the gradient is required, for whose it is."""
        inner: Any = self.optimizer
        return {**inner.get_support_level(), "gradient": OptimizerSupportLevel.required}

    @property
    def settings(self) -> dict[str, Any]:
        """The arguments that rebuild this optimizer: ``MiniBatches(**batches.settings)``."""
        return {"optimizer": self.optimizer, "size": self.size, "seed": self.seed}

    @property
    def maxiter(self) -> int:
        """The number of steps, which is the optimizer's."""
        return int(self.optimizer.maxiter)

    @maxiter.setter
    def maxiter(self, maxiter: int) -> None:
        self.optimizer.maxiter = maxiter

    @property
    def callback(self) -> Callable[..., object] | None:
        """The optimizer's attribute of that name, which models set."""
        return getattr(self.optimizer, "callback", None)

    @callback.setter
    def callback(self, callback: Callable[..., object] | None) -> None:
        self.optimizer.callback = callback  # type: ignore[attr-defined]

    def minimize(  # type: ignore[override]
        self,
        fun: Callable[[FloatArray], float],
        x0: Any,
        jac: Callable[[FloatArray], FloatArray] | None = None,
        bounds: list[tuple[float, float]] | None = None,
    ) -> OptimizerResult:
        """Minimise the loss of the model that the gradient belongs to.

        Args:
            fun: Not used: the loss is that of the model.
            x0: Initial weights, shape (P,).
            jac: The gradient, a method of the model's objective function.
            bounds: Handed to the optimizer.

        Returns:
            What the optimizer returns, with the loss on all samples.

        Raises:
            InputError: If there are fewer samples than ``size``, or the gradient is not that of a
                model.
        """
        whole = _on_samples(jac)
        if self.size > len(whole):
            raise InputError(
                f"size = {self.size} is not valid; the model is trained on {len(whole)} samples, "
                "and a mini-batch holds no more"
            )
        rng, inner, now = np.random.default_rng(self.seed), self.optimizer, _Present(whole)
        try:
            inner.start(now.objective, x0, now.gradient, bounds)  # type: ignore[arg-type]
            while inner.continue_condition():
                now.samples = whole.take(rng.choice(len(whole), self.size, replace=False))
                inner.step()
                inner._callback_wrapper()  # as minimize() of a SteppableOptimizer does
            now.samples = whole
            return inner.create_result()
        finally:
            if callable(close := getattr(inner, "close", None)):
                close()


class _Present:
    """The loss on the samples of the moment."""

    def __init__(self, samples: Objective) -> None:
        self.samples = samples

    def objective(self, weights: FloatArray) -> float:
        return self.samples.objective(weights)

    def gradient(self, weights: FloatArray) -> FloatArray:
        return self.samples.gradient(weights)


def _on_samples(jac: object) -> Objective:
    owner = getattr(jac, "__self__", None)
    if isinstance(owner, Objective):
        return owner
    if isinstance(owner, ObjectiveFunction):
        return Objective.of(owner)
    raise InputError(
        "MiniBatches needs the samples of a model, and the gradient it was given belongs to none; "
        "use it as the optimizer of a VQC, VQR, NeuralNetworkClassifier or NeuralNetworkRegressor, "
        "and elsewhere the optimizer inside it"
    )

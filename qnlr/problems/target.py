"""The square of how far an expectation value is from where it is to be."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from qnlr.circuits import VariationalCircuit
from qnlr.problems.energy import Energy
from qnlr.problems.problem import Batch, Evaluation, LossGradient
from qnlr.types import Backend, Estimate, FloatArray


class Target(Energy):
    r"""An expectation value that is to become a number.

    .. math:: L(θ) = (⟨O⟩ - b)^2, \qquad ∇L = 2 (⟨O⟩ - b) ∇⟨O⟩

    Source: one summand of Eq. 1 of Boabang and Gyamerah, "Overcoming Barren Plateaus in Variational
    Quantum Circuits using a Two-Step Least Squares Approach".

    Args:
        model: The circuit without encoding angles, with O as its observable.
        ties: As for :class:`~qnlr.problems.energy.Energy`.
        offsets: As for :class:`~qnlr.problems.energy.Energy`.
        target: b.

    Example:
        >>> from qiskit.quantum_info import SparsePauliOp
        >>> from qnlr.backends import SimulatorBackend
        >>> from qnlr.circuits import hardware_efficient
        >>> from qnlr.problems.energy import bare_model
        >>> ansatz = hardware_efficient(qubits=2, layers=1)
        >>> problem = Target(*bare_model(ansatz, SparsePauliOp("IZ")), target=0.5)
        >>> backend, rng = SimulatorBackend(problem.model), np.random.default_rng(0)
        >>> problem.loss(np.zeros(6), problem.train, backend, rng)
        Estimate(0.25, std=0.0)
    """

    def __init__(
        self,
        model: VariationalCircuit,
        ties: FloatArray | None = None,
        offsets: FloatArray | None = None,
        *,
        target: float,
    ) -> None:
        super().__init__(model, ties, offsets)
        self.target = target

    def loss(
        self, weights: FloatArray, batch: Batch, backend: Backend, rng: np.random.Generator
    ) -> Estimate:
        """Measure (⟨O⟩ − b)², with its standard error to second order."""
        return self._squared(super().loss(weights, batch, backend, rng))

    def loss_and_gradient(
        self, weights: FloatArray, batch: Batch, backend: Backend, rng: np.random.Generator
    ) -> LossGradient:
        """Measure (⟨O⟩ − b)² and its gradient, in one job."""
        found = super().loss_and_gradient(weights, batch, backend, rng)
        slope, spread = 2 * (float(found.loss) - self.target), 2 * found.loss.std
        # Value and derivatives come from different circuits, so their errors are independent.
        both = (spread * found.stds) ** 2
        variances = (slope * found.stds) ** 2 + (spread * found.gradient) ** 2 - both
        return LossGradient(
            loss=self._squared(found.loss),
            gradient=slope * found.gradient,
            stds=np.sqrt(np.maximum(variances, both)),
        )

    def metrics(self, found: Mapping[str, Evaluation]) -> dict[str, float]:
        """Return nothing: the loss says it all."""
        return {}

    def _squared(self, value: Estimate) -> Estimate:
        away = float(value) - self.target
        second = 2 * value.std**4  # the variance where the slope is 0
        variance = max(4 * away**2 * value.std**2 - second, second)
        return Estimate(away**2, math.sqrt(variance))

"""The cost of a circuit at many points at once: exact, and as shots measure it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp

from qnlr.errors import require_count
from qnlr.simulator import Simulator, exact_jacobian, sampled_jacobian, sampled_values
from qnlr.simulator.program import Program
from qnlr.types import Estimate, FloatArray

BLOCK = 2048
"""Points whose exact gradients are taken at a time, to bound memory."""


@dataclass(frozen=True, eq=False)
class Surface:
    r"""The cost of a circuit without data at many points: exact, and as shots measure it.

    .. math:: C(θ) = ⟨0| U(θ)^† O U(θ) |0⟩

    Args:
        circuit: U, with P parameters.
        observable: O.
        shots: Shots of every circuit, at least 1.

    Raises:
        InputError: If shots is below 1.

    Example:
        >>> from qnlr.circuits import global_z, hardware_efficient
        >>> surface = Surface(hardware_efficient(4, 2), global_z(4), shots=100)
        >>> costs, slopes = surface.exact(np.zeros((3, surface.dimension)))
        >>> costs, slopes.shape
        (array([1., 1., 1.]), (3, 24))
    """

    circuit: QuantumCircuit
    observable: SparsePauliOp
    shots: int

    def __post_init__(self) -> None:
        require_count("shots", self.shots)

    @property
    def dimension(self) -> int:
        """d, the number of weights."""
        return int(self.circuit.num_parameters)

    def points(self, number: int, rng: np.random.Generator) -> FloatArray:
        """Draw weights uniform in [−π, π], shape (number, d)."""
        return rng.uniform(-np.pi, np.pi, (number, self.dimension))

    def exact(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return exact costs (...) and gradients (..., d) at weights (..., d)."""
        rows = weights.reshape(-1, self.dimension)
        costs, slopes = np.empty(len(rows)), np.empty(rows.shape)
        for begin in range(0, len(rows), BLOCK):
            part = slice(begin, begin + BLOCK)
            found = exact_jacobian(self._program, rows[part], self.observable, self._all)
            costs[part], slopes[part] = found.values, found.derivatives
        return costs.reshape(weights.shape[:-1]), slopes.reshape(weights.shape)

    def costs(self, weights: FloatArray) -> FloatArray:
        """Return exact costs (E,) at weights (E, d)."""
        simple, program = self.observable.simplify(), self._program
        found = program.expectations(program.angles(weights), simple.paulis)
        return np.asarray(simple.coeffs.real @ found)

    def gradient_norms(self, weights: FloatArray) -> FloatArray:
        """Return exact gradient norms (...) at weights (..., d)."""
        return np.asarray(np.linalg.norm(self.exact(weights)[1], axis=-1))

    def measure(
        self, weights: FloatArray, rng: np.random.Generator
    ) -> tuple[list[Estimate], FloatArray]:
        """Measure costs and, by the parameter-shift rule, gradients (E, d) at weights (E, d)."""
        found = sampled_jacobian(
            self._program, weights, self.observable, self._all, self.shots, rng
        )
        return _estimates(found.values, found.variances), found.derivatives

    def measure_costs(self, weights: FloatArray, rng: np.random.Generator) -> list[Estimate]:
        """Measure costs at weights (E, d)."""
        return _estimates(*sampled_values(self._program, weights, self.observable, self.shots, rng))

    @cached_property
    def _program(self) -> Program:
        return Simulator().program(self.circuit)

    @property
    def _all(self) -> np.ndarray:
        return np.ones(self.dimension, dtype=bool)


def _estimates(values: FloatArray, variances: FloatArray) -> list[Estimate]:
    return [Estimate(f, std=s) for f, s in zip(values, np.sqrt(variances), strict=True)]

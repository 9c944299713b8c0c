"""Observables of a circuit, measured apart: their values and derivatives, exact or with shots."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from qiskit.quantum_info import SparsePauliOp

from qnlr.simulator.jacobian import Slopes, exact_jacobian, sampled_jacobian, sampled_values
from qnlr.simulator.program import Program
from qnlr.types import FloatArray


@dataclass(frozen=True, eq=False)
class Observed:
    """A circuit and K observables, each with shots of its own.

    Args:
        program: The circuit.
        observables: Sums of Pauli strings with real coefficients.

    Example:
        >>> from qiskit.circuit.library import real_amplitudes
        >>> from qnlr.simulator import Simulator
        >>> both = (SparsePauliOp("ZI"), SparsePauliOp("ZZ"))
        >>> observed = Observed(Simulator().program(real_amplitudes(2, reps=1)), both)
        >>> values, _ = observed.values(np.zeros((1, 4)), None, np.random.default_rng(0))
        >>> values
        array([[1., 1.]])
    """

    program: Program
    observables: tuple[SparsePauliOp, ...]

    def values(
        self, values: FloatArray, shots: int | None, rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        """Measure the observables.

        Args:
            values: Parameter values, shape (E, D).
            shots: Shots of every circuit; None for exact values.
            rng: Draws them.

        Returns:
            Values and their variances, shape (E, K) each.
        """
        if shots is not None:
            drawn = [sampled_values(self.program, values, o, shots, rng) for o in self.observables]
            found, variances = (np.stack(parts, axis=1) for parts in zip(*drawn, strict=True))
            return found, variances
        angles = self.program.angles(values)
        exact = np.stack(
            [o.coeffs.real @ self.program.expectations(angles, o.paulis) for o in self.observables],
            axis=1,
        )
        return exact, np.zeros_like(exact)

    def jacobians(
        self, values: FloatArray, wanted: np.ndarray, shots: int | None, rng: np.random.Generator
    ) -> list[Slopes]:
        """Measure the observables and their derivatives.

        Args:
            values: Parameter values, shape (E, D).
            wanted: Whether to differentiate by each parameter, shape (D,).
            shots: Shots of every circuit at every shift; None for exact derivatives.
            rng: Draws them.

        Returns:
            One for each observable.
        """
        if shots is None:
            return [exact_jacobian(self.program, values, o, wanted) for o in self.observables]
        return [
            sampled_jacobian(self.program, values, o, wanted, shots, rng) for o in self.observables
        ]

    def shifts(self, wanted: np.ndarray) -> int:
        """Return how many shifts the parameter-shift rule has for the wanted parameters."""
        return 2 * int(self.program.tape.angles.reached(wanted).sum())

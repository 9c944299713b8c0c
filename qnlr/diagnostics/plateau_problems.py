"""Landscapes that theory is tested on: a plateau, and a trainable one.

Each knows its exact cost and gradient beside what shots measure of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from qiskit import QuantumCircuit

from qnlr.backends import SimulatorBackend, parameter_shift
from qnlr.circuits import (
    OBSERVABLES,
    Encoding,
    hardware_efficient,
    variational_circuit,
)
from qnlr.errors import unknown_name
from qnlr.types import Estimate, FloatArray

STEP = 1e-4
"""Step of the central difference of exact gradients, whose error is of the order of its square."""

NO_DATA: FloatArray = np.empty((1, 0))
"""Encoding angles of one sample without features."""


class Landscape(Protocol):
    """A cost C over P weights: exact, and as shots measure it."""

    @property
    def num_weights(self) -> int:
        """P."""

    @property
    def shots(self) -> int | None:
        """Shots per circuit of what is measured, or None where that is exact, too."""

    def exact(self, weights: FloatArray) -> FloatArray:
        """Return C for weights (..., P)."""

    def gradient(self, weights: FloatArray) -> FloatArray:
        """Return the exact gradient at weights (P,)."""

    def measured_loss(self, weights: FloatArray, rng: np.random.Generator) -> Estimate:
        """Measure C at weights (P,)."""

    def measured_gradient(
        self, weights: FloatArray, rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        """Measure the gradient at weights (P,), with its standard errors."""


@dataclass(frozen=True, eq=False)
class CircuitCost:
    """The expectation value of a circuit without data, as a cost.

    .. math:: C(θ) = ⟨0| U(θ)^† O U(θ) |0⟩

    Args:
        truth: The circuit, exact.
        measured: The same circuit as it is measured, with shots or without.
    """

    truth: SimulatorBackend
    measured: SimulatorBackend

    @property
    def num_weights(self) -> int:
        """P."""
        return len(self.truth.model.weights)

    @property
    def shots(self) -> int | None:
        """Shots per circuit of what is measured."""
        return self.measured.shots

    def exact(self, weights: FloatArray) -> FloatArray:
        """Return C for weights (..., P)."""
        found: FloatArray = self.truth.values(weights, NO_DATA, no_shots()).values[..., 0]
        return found

    def gradient(self, weights: FloatArray) -> FloatArray:
        """Return the exact gradient at weights (P,)."""
        found: FloatArray = self.truth.jacobian(weights, NO_DATA, no_shots()).derivatives[0]
        return found

    def measured_loss(self, weights: FloatArray, rng: np.random.Generator) -> Estimate:
        """Measure C at weights (P,)."""
        found = self.measured.values(weights, NO_DATA, rng)
        return Estimate(float(found.values[0]), float(found.stds[0]))

    def measured_gradient(
        self, weights: FloatArray, rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        """Measure the gradient at weights (P,), with its standard errors."""
        if self.shots is None:
            return self.gradient(weights), np.zeros(self.num_weights)
        # the same distribution as the backend's own Jacobian, and faster from eight qubits on
        found = parameter_shift(self.measured, weights, NO_DATA, rng)
        return found.derivatives[0], found.derivative_stds[0]


def plateau(
    qubits: int = 8, layers: int = 8, observable: str = "global_z", shots: int | None = 1000
) -> CircuitCost:
    """Return the landscape of a random circuit, which is a plateau if it is deep or O is global.

    Args:
        qubits: n, at least 1.
        layers: L of the hardware-efficient ansatz, at least 1.
        observable: ``"global_z"``, ``"mean_z"`` or ``"z"``.
        shots: Shots per circuit, or None for exact measurements.

    Returns:
        The landscape; P = 3nL.

    Raises:
        InputError: If a setting is not valid.

    Example:
        >>> landscape = plateau(4, 3, shots=100)
        >>> landscape.num_weights, landscape.exact(np.zeros((2, 36)))
        (36, array([1., 1.]))
    """
    if observable not in OBSERVABLES:
        raise unknown_name("observable", observable, OBSERVABLES)
    ansatz = hardware_efficient(qubits, layers)
    model = variational_circuit(_no_data(qubits), ansatz, OBSERVABLES[observable](qubits))
    return CircuitCost(SimulatorBackend(model), SimulatorBackend(model, shots))


def trainable(qubits: int = 8, layers: int = 1, shots: int | None = 1000) -> CircuitCost:
    """Return a landscape without a plateau: a local observable, and few layers.

    Its gradients shrink with a power of n, as a mean over n qubits does, not exponentially.

    Args:
        qubits: n, at least 1.
        layers: L of the hardware-efficient ansatz, at least 1.
        shots: Shots per circuit, or None for exact measurements.

    Returns:
        The landscape of the mean of Z.

    Raises:
        InputError: If a setting is not valid.

    Example:
        >>> trainable(4).num_weights
        12
    """
    return plateau(qubits, layers, "mean_z", shots)


def random_weights(landscape: Landscape, rng: np.random.Generator) -> FloatArray:
    """Draw weights uniformly from [−π, π], as the paper initialises them.

    Args:
        landscape: Says how many.
        rng: Draws them.

    Returns:
        θ, shape (P,).

    Example:
        >>> random_weights(trainable(2), np.random.default_rng(0)).round(2)
        array([ 0.86, -1.45, -2.88, -3.04,  1.97,  2.59])
    """
    return rng.uniform(-np.pi, np.pi, landscape.num_weights)


def curvature(landscape: Landscape, weights: FloatArray, direction: FloatArray) -> float:
    r"""Return the exact curvature along a direction, from a central difference of exact gradients.

    .. math:: d^⊤ H d ≈ \frac{‖d‖}{2h} \, d^⊤ [∇C(θ + h d/‖d‖) - ∇C(θ - h d/‖d‖)]

    Args:
        landscape: The landscape.
        weights: θ, shape (P,).
        direction: d, shape (P,).

    Returns:
        dᵀHd; 0 for d = 0.

    Example:
        >>> one = trainable(1)  # C = cos θ₁ cos θ₂ from RX, RY, RZ
        >>> round(curvature(one, np.zeros(3), np.array([2.0, 0.0, 0.0])), 6)
        -4.0
    """
    length = float(np.linalg.norm(direction))
    if length == 0:
        return 0.0
    step = STEP * direction / length
    change = landscape.gradient(weights + step) - landscape.gradient(weights - step)
    return float(direction @ change) * length / (2 * STEP)


def resolution(landscape: Landscape) -> float:
    r"""Return the smallest difference between two measured costs that are not equal.

    Shots of ±1 give costs on a grid, so that two of them can tie: a measured difference above 0 is
    one above half of this, in what a normal distribution says of it.

    Args:
        landscape: The landscape.

    Returns:
        2 min|c|/shots for an observable Σ cP; 0 for a loss, and where costs are exact.

    Example:
        >>> resolution(plateau(2, 1, shots=100)), resolution(trainable(2, 1, shots=100))
        (0.02, 0.01)
    """
    if landscape.shots is None or not isinstance(landscape, CircuitCost):
        return 0.0
    weights = np.abs(landscape.measured.model.observable.coeffs)
    return float(2 * weights.min() / landscape.shots)


def _no_data(qubits: int) -> Encoding:
    return Encoding("none", 0, QuantumCircuit(qubits), (), lambda samples: samples)


def no_shots() -> np.random.Generator:
    """Return the generator that every backend asks for, and none draws from that is exact."""
    return np.random.default_rng(0)

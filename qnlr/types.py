"""What passes between the floors: measured values, their cost, and the backend protocol."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import Gate

from qnlr.errors import InputError, require_count, require_within

FloatArray = NDArray[np.float64]


class Estimate(float):
    """A measured number that carries its standard error.

    It is a float, so any optimizer takes it; arithmetic on it gives plain floats.

    Args:
        value: The estimated value.
        std: Its standard error, at least 0; 0 says that the value is exact.

    Raises:
        InputError: If the standard error is below 0.

    Example:
        >>> loss = Estimate(0.5, std=0.02)
        >>> loss
        Estimate(0.5, std=0.02)
        >>> loss < 0.6, loss.std
        (True, 0.02)
    """

    std: float

    def __new__(cls, value: float, std: float = 0.0) -> Estimate:  # noqa: D102
        if std < 0:
            raise InputError(f"std = {std!r} is not valid; a standard error is at least 0")
        estimate = super().__new__(cls, value)
        estimate.std = float(std)
        return estimate

    def __getnewargs__(self) -> tuple[float, float]:  # type: ignore[override]
        return float(self), self.std

    def __repr__(self) -> str:
        return f"Estimate({float(self)!r}, std={self.std!r})"


@dataclass(frozen=True)
class NoiseLevel:
    """How noisy a circuit is: the average error rate ν and the depth L, in layers.

    The paper scales the negative rate by them, η'_eff = η'/(1 + νL).
    :func:`qnlr.noise.noise_level` takes both from a noise model and a circuit.

    Args:
        rate: Average error rate ν, 0 to 1.
        layers: Depth L, in layers of the ansatz, at least 1.

    Raises:
        InputError: If the rate lies outside [0, 1] or layers is not a positive integer.

    Example:
        >>> level = NoiseLevel(rate=0.02, layers=5)
        >>> round(level.scaling, 4)
        0.9091
    """

    rate: float
    layers: int

    def __post_init__(self) -> None:
        require_within("noise rate ν", self.rate, 0.0, 1.0)
        require_count("layers L", self.layers)

    @property
    def scaling(self) -> float:
        """The factor 1/(1 + νL) on the negative rate."""
        return 1.0 / (1.0 + self.rate * self.layers)


def depth_in_layers(circuit: QuantumCircuit) -> int:
    """Return the depth L of a circuit, in layers.

    Args:
        circuit: Any circuit.

    Returns:
        ``layers`` of the circuit's metadata, which the ansätze of this package set; for another
        circuit the depth of its gates on two or more qubits, at least 1.

    Example:
        >>> circuit = QuantumCircuit(3)
        >>> _ = circuit.cx(0, 1), circuit.cx(1, 2), circuit.x(0)
        >>> depth_in_layers(circuit)
        2
    """
    layers = (circuit.metadata or {}).get("layers")
    if layers is not None:
        return int(layers)
    wide = circuit.depth(lambda step: isinstance(step.operation, Gate) and len(step.qubits) > 1)
    return max(1, int(wide))


@dataclass(frozen=True)
class Cost:
    """What a measurement cost: circuits, shots and jobs.

    Args:
        circuits: Circuits after broadcasting, one for each set of parameter values and basis.
        shots: Executions of a circuit; 0 where expectation values are exact.
        jobs: Calls of the primitive.

    Example:
        >>> Cost(circuits=2, shots=200, jobs=1) + Cost(circuits=1, shots=100, jobs=1)
        Cost(circuits=3, shots=300, jobs=2)
    """

    circuits: int = 0
    shots: int = 0
    jobs: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.circuits + other.circuits, self.shots + other.shots, self.jobs + other.jobs
        )


@dataclass(frozen=True)
class Expectations:
    """Expectation values with their standard errors.

    Args:
        values: Expectation values, any shape.
        stds: Standard errors, same shape; 0 where exact.
        cost: What measuring them cost.
    """

    values: FloatArray
    stds: FloatArray
    cost: Cost = field(default_factory=Cost)


@dataclass(frozen=True)
class Jacobian:
    """Expectation values of a batch and their derivatives by the weights.

    Args:
        values: Expectation values f, shape (B,).
        stds: Their standard errors, shape (B,).
        derivatives: ∂f/∂θ, shape (B, P).
        derivative_stds: Their standard errors, shape (B, P).
        cost: What measuring them cost.
    """

    values: FloatArray
    stds: FloatArray
    derivatives: FloatArray
    derivative_stds: FloatArray
    cost: Cost = field(default_factory=Cost)


class Backend(Protocol):
    """Where a circuit runs: anything that gives expectation values and their Jacobian.

    A backend is bound to one circuit and one observable, holds no random state, and draws its shot
    noise from the generator it is handed.
    """

    @property
    def shots(self) -> int | None:
        """Shots per circuit, or None where expectation values are exact."""

    @property
    def circuits_per_value(self) -> int:
        """Circuits that one expectation value takes: one for each basis that is measured."""

    def values(
        self, weights: FloatArray, angles: FloatArray, rng: np.random.Generator
    ) -> Expectations:
        """Return ⟨O⟩ for weights (..., P) and encoding angles (B, D), shape (..., B)."""

    def jacobian(
        self, weights: FloatArray, angles: FloatArray, rng: np.random.Generator
    ) -> Jacobian:
        """Return ⟨O⟩ and its derivatives for weights (P,) and encoding angles (B, D)."""

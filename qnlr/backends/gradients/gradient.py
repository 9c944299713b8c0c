"""What every way to measure a gradient does, and a backend that measures it so.

A gradient is a frozen dataclass of settings; what it remembers lives apart, in a plain dict that
the training keeps for it, as does the generator of its random choices.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from qnlr.types import Backend, Expectations, FloatArray, Jacobian

State = dict[str, Any]


class Gradient(Protocol):
    """Measures values and derivatives of a batch, in one call of a backend."""

    def require_fit(self, weights: int, shots: int | None) -> None:
        """Refuse settings that do not fit ``weights`` weights, or what the backend measures."""

    def rows(self, weights: int) -> int:
        """Return the vectors of weights that circuits run at, for each sample of a batch."""

    def initial_state(self, weights: int) -> State:
        """Return the state before the first gradient."""

    def jacobian(
        self,
        backend: Backend,
        weights: FloatArray,
        angles: FloatArray,
        rng: np.random.Generator,
        choices: np.random.Generator,
        state: State,
    ) -> tuple[Jacobian, State]:
        """Return values and derivatives, and the next state.

        ``rng`` draws the shot noise, ``choices`` whatever the gradient itself draws.
        """


class GradientBackend:
    """A backend whose Jacobian is measured by a gradient of one's choice.

    Args:
        backend: The backend.
        gradient: How derivatives are measured.
        choices: Draws the directions or coordinates.
        state: What the gradient remembers; replaced by every Jacobian.

    Example:
        >>> from qnlr.backends import statevector
        >>> from qnlr.backends.gradients import SimultaneousPerturbation
        >>> from qnlr.circuits import angle, hardware_efficient, variational_circuit, z
        >>> model = variational_circuit(angle(2, 2), hardware_efficient(2, 1), z(2))
        >>> spsa, rng = SimultaneousPerturbation(directions=2), np.random.default_rng(0)
        >>> backend = GradientBackend(statevector(model), spsa, rng, spsa.initial_state(6))
        >>> found = backend.jacobian(np.ones(6), np.zeros((3, 2)), rng)
        >>> found.derivatives.shape, found.cost.circuits
        ((3, 6), 15)
    """

    def __init__(
        self, backend: Backend, gradient: Gradient, choices: np.random.Generator, state: State
    ) -> None:
        self.backend = backend
        self.gradient = gradient
        self.choices = choices
        self.state = state

    @property
    def shots(self) -> int | None:
        """Shots per circuit, or None where expectation values are exact."""
        return self.backend.shots

    @property
    def circuits_per_value(self) -> int:
        """Circuits that one expectation value takes."""
        return self.backend.circuits_per_value

    def values(
        self, weights: FloatArray, angles: FloatArray, rng: np.random.Generator
    ) -> Expectations:
        """Return the backend's values."""
        return self.backend.values(weights, angles, rng)

    def jacobian(
        self, weights: FloatArray, angles: FloatArray, rng: np.random.Generator
    ) -> Jacobian:
        """Return the backend's values and what the gradient makes of them."""
        measured, self.state = self.gradient.jacobian(
            self.backend, weights, angles, rng, self.choices, self.state
        )
        return measured

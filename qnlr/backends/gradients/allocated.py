"""The shift rule with shots of its own for every weight, as an optimizer asks for them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qnlr.backends.gradients.gradient import State
from qnlr.backends.gradients.shift_rule import central_differences, differences
from qnlr.errors import InputError
from qnlr.types import Backend, Cost, FloatArray, Jacobian


@dataclass(frozen=True, eq=False)
class Allocated:
    r"""Parameter-shift derivatives, that of weight k from two circuits of n_k shots each.

    A backend that can draw them all at once does; of any other whose shots can be set, each number
    of shots is a job of its own.

    Args:
        shots: n, shape (P,), integers of at least 0; 0 leaves the derivative at 0, and takes no
            circuit. The value itself has the most of them.

    Raises:
        InputError: If they are not such integers.

    Example:
        >>> from qnlr.backends import statevector
        >>> from qnlr.circuits import angle, hardware_efficient, variational_circuit, z
        >>> model = variational_circuit(angle(2, 2), hardware_efficient(2, 1), z(2))
        >>> gradient, rng = Allocated(np.array([0, 10, 0, 20, 0, 10])), np.random.default_rng(0)
        >>> backend = statevector(model, shots=100)
        >>> found, _ = gradient.jacobian(backend, np.ones(6), np.ones((1, 2)), rng, rng, {})
        >>> found.cost
        Cost(circuits=7, shots=100, jobs=2)
    """

    shots: NDArray[np.int64]

    def __post_init__(self) -> None:
        given = np.asarray(self.shots)
        if given.ndim != 1 or not np.issubdtype(given.dtype, np.integer) or (given < 0).any():
            raise InputError(
                f"shots = {self.shots!r} are not valid; they must be integers of at least 0, one "
                "for each weight"
            )

    def require_fit(self, weights: int, shots: int | None) -> None:
        """Refuse shots of another number of weights, or for exact values.

        Args:
            weights: P.
            shots: Shots per circuit of the backend, or None where values are exact.

        Raises:
            InputError: If they do not fit.
        """
        if len(self.shots) != weights:
            raise InputError(f"there are {len(self.shots)} numbers of shots for {weights} weights")
        if shots is None:
            raise InputError("shots cannot be spread over weights where values are exact")

    def rows(self, weights: int) -> int:
        """Return the vectors of weights that circuits run at."""
        return 2 * int((self.shots > 0).sum()) + 1

    def initial_state(self, weights: int) -> State:
        """Return an empty state."""
        return {}

    def jacobian(
        self,
        backend: Backend,
        weights: FloatArray,
        angles: FloatArray,
        rng: np.random.Generator,
        choices: np.random.Generator,
        state: State,
    ) -> tuple[Jacobian, State]:
        """Measure values and derivatives with these shots.

        Args:
            backend: Where the circuits run.
            weights: θ, shape (P,), each occurring once in a gate exp(−iθG/2) with G² = 1.
            angles: Encoding angles, shape (B, D).
            rng: Draws the shot noise.
            choices: Not used.
            state: Empty.

        Returns:
            Values, shape (B,), and derivatives, shape (B, P), with standard errors; the state.

        Raises:
            InputError: If the shots do not fit, or those of the backend are fixed.
        """
        self.require_fit(weights.size, backend.shots)
        at_once = getattr(backend, "allocated_jacobian", None)
        found: Jacobian | None = None
        if at_once is not None:
            found = at_once(weights, angles, rng, np.asarray(self.shots, dtype=np.int64))
        return (self._one_by_one(backend, weights, angles, rng) if found is None else found), state

    def _one_by_one(
        self, backend: Backend, weights: FloatArray, angles: FloatArray, rng: np.random.Generator
    ) -> Jacobian:
        derivatives, stds = np.zeros((2, len(angles), weights.size))
        shifts, there, cost = math.pi / 2 * np.eye(weights.size), None, Cost()
        for number in np.unique(self.shots[self.shots > 0])[::-1]:
            chosen = np.flatnonzero(self.shots == number)
            some = reshot(backend, int(number))
            if there is None:
                there, halves = central_differences(some, weights, shifts[chosen], angles, rng)
                cost = cost + there.cost
            else:
                halves = differences(some, weights, shifts[chosen], angles, rng)
                cost = cost + halves.cost
            derivatives[:, chosen], stds[:, chosen] = halves.values.T, halves.stds.T
        if there is None:
            there = reshot(backend, 1).values(weights, angles, rng)
            cost = there.cost
        return Jacobian(there.values, there.stds, derivatives, stds, cost)


def reshot(backend: Backend, shots: int) -> Backend:
    """Return a backend with another number of shots.

    Args:
        backend: A backend with shots.
        shots: Shots per circuit, at least 1.

    Raises:
        InputError: If its shots cannot be set.
    """
    other = getattr(backend, "with_shots", None)
    if other is None:
        raise InputError(
            f"the optimizer chooses its shots, and those of {type(backend).__name__} are fixed; "
            "take the simulator or another optimizer"
        )
    changed: Backend = other(shots)
    return changed

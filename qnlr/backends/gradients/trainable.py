"""Derivatives by some weights alone: frozen ones cost nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qnlr.backends.gradients.gradient import Gradient, State
from qnlr.backends.gradients.shift_rule import parameter_shift
from qnlr.types import Backend, Expectations, FloatArray, Jacobian


@dataclass(frozen=True, eq=False)
class Trainable:
    """A gradient by the weights that are trained; derivatives by the others are 0 and unmeasured.

    Args:
        gradient: How the derivatives are measured.
        mask: Whether each weight is trained, shape (P,).

    Example:
        >>> from qnlr.backends.gradients import ParameterShift
        >>> Trainable(ParameterShift(), np.array([True, False, False, True])).rows(4)
        5
    """

    gradient: Gradient
    mask: NDArray[np.bool_]

    def require_fit(self, weights: int, shots: int | None) -> None:
        """Refuse settings that do not fit the trained weights."""
        self.gradient.require_fit(self._number, shots)

    def rows(self, weights: int) -> int:
        """Return the vectors of weights that circuits run at."""
        return self.gradient.rows(self._number)

    def initial_state(self, weights: int) -> State:
        """Return what the gradient remembers at first."""
        return self.gradient.initial_state(self._number)

    def jacobian(
        self,
        backend: Backend,
        weights: FloatArray,
        angles: FloatArray,
        rng: np.random.Generator,
        choices: np.random.Generator,
        state: State,
    ) -> tuple[Jacobian, State]:
        """Return values and derivatives, and the next state."""
        found, state = self.gradient.jacobian(
            _Subspace(backend, weights, self.mask),
            weights[self.mask],
            angles,
            rng,
            choices,
            state,
        )
        derivatives, stds = np.zeros((2, len(angles), weights.size))
        derivatives[:, self.mask] = found.derivatives
        stds[:, self.mask] = found.derivative_stds
        return replace(found, derivatives=derivatives, derivative_stds=stds), state

    @property
    def _number(self) -> int:
        return int(self.mask.sum())


class _Subspace:
    """A backend at fixed values of the frozen weights."""

    def __init__(self, backend: Backend, weights: FloatArray, mask: NDArray[np.bool_]) -> None:
        self._backend = backend
        self._weights = weights
        self._mask = mask

    @property
    def shots(self) -> int | None:
        return self._backend.shots

    @property
    def circuits_per_value(self) -> int:
        return self._backend.circuits_per_value

    def values(
        self, weights: FloatArray, angles: FloatArray, rng: np.random.Generator
    ) -> Expectations:
        whole = np.broadcast_to(self._weights, (*weights.shape[:-1], self._weights.size)).copy()
        whole[..., self._mask] = weights
        return self._backend.values(whole, angles, rng)

    def jacobian(
        self, weights: FloatArray, angles: FloatArray, rng: np.random.Generator
    ) -> Jacobian:
        whole = self._weights.copy()
        whole[self._mask] = weights
        partial = getattr(self._backend, "partial_jacobian", None)  # a simulator's shorter way
        found: Jacobian | None = None
        if partial is not None:
            found = partial(whole, angles, rng, self._mask)
        if found is None:
            return parameter_shift(self, weights, angles, rng)
        return replace(
            found,
            derivatives=found.derivatives[:, self._mask],
            derivative_stds=found.derivative_stds[:, self._mask],
        )

"""The parameter-shift gradient as one broadcast PUB, on any backend that gives values."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from qnlr.backends.gradients.gradient import State
from qnlr.types import Backend, Expectations, FloatArray, Jacobian


class GivesValues(Protocol):
    """Anything with the ``values`` method of a :class:`qnlr.types.Backend`."""

    def values(
        self, weights: FloatArray, angles: FloatArray, rng: np.random.Generator
    ) -> Expectations:
        """Return ⟨O⟩ for weights (..., P) and encoding angles (B, D), shape (..., B)."""


@dataclass(frozen=True)
class ParameterShift:
    """Every derivative, by the parameter-shift rule: each backend's own Jacobian.

    A simulator has a faster way to the same numbers than :func:`parameter_shift`.

    Example:
        >>> ParameterShift().rows(90)
        181
    """

    def require_fit(self, weights: int, shots: int | None) -> None:
        """Fit whatever there is."""

    def rows(self, weights: int) -> int:
        """Return 2P + 1: the weights themselves, and two shifts of each."""
        return 2 * weights + 1

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
        """Return the backend's own Jacobian; nothing is chosen, nothing remembered."""
        return backend.jacobian(weights, angles, rng), state


def parameter_shift(
    backend: GivesValues, weights: FloatArray, angles: FloatArray, rng: np.random.Generator
) -> Jacobian:
    r"""Measure values and derivatives of a batch: all shifts of all samples in one call.

    .. math:: \frac{∂f}{∂θ_k} = \frac{1}{2} [f(θ + \frac{π}{2} e_k) - f(θ - \frac{π}{2} e_k)]

    The noise of the two shifts is independent: s² = (s₊² + s₋²)/4.

    Source: NLR paper, Eq. 7; Schuld et al., Phys. Rev. A 99, 032331 (2019).

    Args:
        backend: Gives the values; called once, with weights of shape (2P + 1, P).
        weights: θ, shape (P,), each occurring once in a gate exp(−iθG/2) with G² = 1.
        angles: Encoding angles, shape (B, D).
        rng: Draws the shot noise.

    Returns:
        Values, shape (B,), and derivatives, shape (B, P), with standard errors.
    """
    shifts = math.pi / 2 * np.eye(weights.size)
    there, halves = central_differences(backend, weights, shifts, angles, rng)
    return Jacobian(
        values=there.values,
        stds=there.stds,
        derivatives=halves.values.T,
        derivative_stds=halves.stds.T,
        cost=there.cost,
    )


def central_differences(
    backend: GivesValues,
    weights: FloatArray,
    shifts: FloatArray,
    angles: FloatArray,
    rng: np.random.Generator,
) -> tuple[Expectations, Expectations]:
    """Measure a batch at θ, and half of what f changes by between θ − s and θ + s, in one call.

    Args:
        backend: Gives the values; called once, with weights of shape (2S + 1, P).
        weights: θ, shape (P,).
        shifts: The shifts s, shape (S, P).
        angles: Encoding angles, shape (B, D).
        rng: Draws the shot noise.

    Returns:
        f(θ), shape (B,), with the cost of all; and [f(θ + s) − f(θ − s)]/2, shape (S, B).

    Example:
        >>> from qnlr.backends import statevector
        >>> from qnlr.circuits import angle, hardware_efficient, variational_circuit, z
        >>> model = variational_circuit(angle(2, 2), hardware_efficient(2, 1), z(2))
        >>> rng, shifts = np.random.default_rng(0), np.full((1, 6), 0.1)
        >>> there, halves = central_differences(
        ...     statevector(model), np.ones(6), shifts, np.zeros((3, 2)), rng
        ... )
        >>> there.values.shape, halves.values.shape, there.cost.circuits
        ((3,), (1, 3), 9)
    """
    rows = np.vstack([weights, weights + shifts, weights - shifts])
    measured = backend.values(rows, angles, rng)
    return (
        Expectations(measured.values[0], measured.stds[0], measured.cost),
        _halves(measured.values[1:], measured.stds[1:]),
    )


def differences(
    backend: GivesValues,
    weights: FloatArray,
    shifts: FloatArray,
    angles: FloatArray,
    rng: np.random.Generator,
) -> Expectations:
    """Measure half of what f changes by between θ − s and θ + s, in one call, and nothing at θ.

    Args:
        backend: Gives the values; called once, with weights of shape (2S, P).
        weights: θ, shape (P,).
        shifts: The shifts s, shape (S, P).
        angles: Encoding angles, shape (B, D).
        rng: Draws the shot noise.

    Returns:
        [f(θ + s) − f(θ − s)]/2, shape (S, B), with the cost of all.
    """
    measured = backend.values(np.vstack([weights + shifts, weights - shifts]), angles, rng)
    return replace(_halves(measured.values, measured.stds), cost=measured.cost)


def _halves(values: FloatArray, stds: FloatArray) -> Expectations:
    """Return half the differences of the first half of some values to the second."""
    plus, minus = np.split(values, 2)
    up, down = np.split(stds, 2)
    return Expectations((plus - minus) / 2, np.hypot(up, down) / 2)

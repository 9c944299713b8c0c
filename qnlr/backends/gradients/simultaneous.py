"""Simultaneous perturbation: all derivatives from the change of f along a few random directions."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qnlr.backends.gradients.gradient import State
from qnlr.backends.gradients.shift_rule import central_differences
from qnlr.errors import InputError, is_number, require_count
from qnlr.types import Backend, FloatArray, Jacobian


@dataclass(frozen=True)
class SimultaneousPerturbation:
    r"""The gradient along random directions, averaged: 2K + 1 circuits a sample, whatever P is.

    .. math::

        \frac{∂f}{∂θ_k} ≈ \frac{1}{K} \sum_{d=1}^{K}
            \frac{f(θ + cΔ_d) - f(θ - cΔ_d)}{2c} Δ_{dk}, \qquad Δ_{dk} = ±1

    The directions are drawn anew for every gradient, and shared by all samples of the batch. Over
    directions the estimate has a mean that is near the derivative, and a variance of about
    (‖∇f‖² − (∂f/∂θ_k)²)/K even where values are exact. Standard errors are those of the shots at
    the directions drawn, so they do not contain it.

    For circuits of Pauli rotations the mean is known: a term of f that is a product of sines and
    cosines of m weights enters it with the factor (sin c / c) (cos c)^(m−1). The shift π/2 of the
    parameter-shift rule would thus leave nothing of what depends on more than one weight. Shot
    noise grows as 1/c instead. The default of 0.1 keeps 0.995^(m−1) of a term, so 0.64 in the worst
    case of 90 weights; smaller shifts need more shots.

    Source: Spall, IEEE Trans. Autom. Control 37, 332 (1992).

    Args:
        directions: K, at least 1.
        shift: c in radians, 0 < c ≤ π/2; constant.

    Raises:
        InputError: If a setting lies outside its range.

    Example:
        >>> SimultaneousPerturbation(directions=4).rows(90)
        9
    """

    directions: int = 1
    shift: float = 0.1

    def __post_init__(self) -> None:
        require_count("directions", self.directions)
        if not (is_number(self.shift) and 0 < self.shift <= math.pi / 2):
            raise InputError(f"shift = {self.shift!r} is not valid; it must lie in (0, π/2]")

    def require_fit(self, weights: int, shots: int | None) -> None:
        """Fit whatever there is."""

    def rows(self, weights: int) -> int:
        """Return 2K + 1: the weights themselves, and two shifts along each direction."""
        return 2 * self.directions + 1

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
        """Measure along directions that are drawn for it; nothing is remembered.

        Args:
            backend: Gives the values; called once, with weights of shape (2K + 1, P).
            weights: θ, shape (P,).
            angles: Encoding angles, shape (B, D).
            rng: Draws the shot noise.
            choices: Draws the directions.
            state: Empty.

        Returns:
            Values, shape (B,), and derivatives, shape (B, P), with standard errors; the state.
        """
        signs = choices.choice([-1.0, 1.0], (self.directions, weights.size))
        there, halves = central_differences(backend, weights, self.shift * signs, angles, rng)
        scale = 1 / (self.directions * self.shift)
        # The errors of one direction enter all derivatives alike, up to the sign.
        stds = scale * np.sqrt((halves.stds**2).sum(axis=0))
        jacobian = Jacobian(
            values=there.values,
            stds=there.stds,
            derivatives=scale * halves.values.T @ signs,
            derivative_stds=np.tile(stds[:, None], weights.size),
            cost=there.cost,
        )
        return jacobian, state

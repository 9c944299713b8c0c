"""The parameter-shift gradient as one broadcast PUB, on any backend that gives values."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from qnlr.types import Expectations, FloatArray, Jacobian


class GivesValues(Protocol):
    """Anything with the ``values`` method of a :class:`qnlr.types.Backend`."""

    def values(
        self, weights: FloatArray, angles: FloatArray, rng: np.random.Generator
    ) -> Expectations:
        """Return ⟨O⟩ for weights (..., P) and encoding angles (B, D), shape (..., B)."""


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
    shift = math.pi / 2 * np.eye(weights.size)
    measured = backend.values(np.vstack([weights, weights + shift, weights - shift]), angles, rng)
    plus, minus = np.split(measured.values[1:], 2)
    plus_std, minus_std = np.split(measured.stds[1:], 2)
    return Jacobian(
        values=measured.values[0],
        stds=measured.stds[0],
        derivatives=(plus - minus).T / 2,
        derivative_stds=np.hypot(plus_std, minus_std).T / 2,
        cost=measured.cost,
    )

"""Extrapolation: from values at amplified noise to the value without noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from qnlr.types import FloatArray

APART = 2.0
"""Standard errors that a value must lie from 0 for an exponential to be fitted to it."""


@dataclass(frozen=True, eq=False)
class Extrapolated:
    """Values at zero noise.

    Args:
        values: Values, any shape.
        stds: Standard errors, same shape.
        fallbacks: How many of them could not be extrapolated as asked, and were linearly.
    """

    values: FloatArray
    stds: FloatArray
    fallbacks: int = 0


def linear(factors: FloatArray, values: FloatArray, stds: FloatArray) -> Extrapolated:
    r"""Extrapolate along the straight line that fits best.

    .. math:: \min_{a, b} \sum_i \Big(\frac{y_i - a - b λ_i}{s_i}\Big)^2

    Where a standard error is 0 or not known, all values of that element weigh the same.

    Source: Giurgica-Tiron et al., arXiv:2005.10921, section III.

    Args:
        factors: λ, shape (F,), at least two of them different.
        values: y, shape (F, ...).
        stds: s, same shape.

    Returns:
        a for every element.

    Example:
        >>> found = linear(np.array([1.0, 3.0]), np.array([0.7, 0.3]), np.array([0.1, 0.1]))
        >>> found.values.round(6), found.stds.round(6)
        (np.float64(0.9), np.float64(0.158114))
    """
    return _combined(_intercept(factors, stds), values, stds)


def richardson(factors: FloatArray, values: FloatArray, stds: FloatArray) -> Extrapolated:
    r"""Extrapolate along the polynomial through all values.

    .. math:: a = \sum_i y_i \prod_{j ≠ i} \frac{λ_j}{λ_j - λ_i}

    Source: Temme, Bravyi and Gambetta, Phys. Rev. Lett. 119, 180509 (2017).

    Args:
        factors: λ, shape (F,), all different.
        values: y, shape (F, ...).
        stds: s, same shape.

    Returns:
        a for every element.

    Example:
        >>> found = richardson(np.array([1.0, 2.0, 3.0]), np.array([0.0, 1.0, 4.0]), np.zeros(3))
        >>> found.values.round(6)
        np.float64(1.0)
    """
    gaps = factors[None, :] - factors[:, None]
    np.fill_diagonal(gaps, 1.0)
    ratios = factors[None, :] / gaps
    np.fill_diagonal(ratios, 1.0)
    weights = ratios.prod(axis=1)
    return _combined(weights.reshape((-1,) + (1,) * (values.ndim - 1)), values, stds)


def exponential(factors: FloatArray, values: FloatArray, stds: FloatArray) -> Extrapolated:
    r"""Extrapolate along the exponential y = a·exp(−bλ), which decays to 0.

    .. math:: \min_{a, b} \sum_i \Big(\frac{y_i}{s_i} (\ln |y_i| - \ln |a| + b λ_i)\Big)^2

    An element is extrapolated linearly instead where its values are not all of one sign, or one of
    them lies within two standard errors of 0: no such exponential is near them.

    Source: Endo, Benjamin and Li, Phys. Rev. X 8, 031027 (2018).

    Args:
        factors: λ, shape (F,), at least two of them different.
        values: y, shape (F, ...).
        stds: s, same shape.

    Returns:
        a for every element.

    Example:
        >>> found = exponential(np.array([1.0, 3.0]), np.array([0.4, 0.1]), np.zeros(2))
        >>> found.values.round(6), found.fallbacks
        (np.float64(0.8), 0)
    """
    straight = linear(factors, values, stds)
    one_sign = (values > 0).all(axis=0) | (values < 0).all(axis=0)
    fits = one_sign & (np.abs(values) > APART * np.nan_to_num(stds)).all(axis=0)
    sizes = np.where(fits, np.abs(values), 1.0)
    relative = stds / sizes
    logs = _combined(_intercept(factors, relative), np.log(sizes), relative)
    a = np.sign(values[0]) * np.exp(np.where(fits, logs.values, 0.0))
    return Extrapolated(
        np.where(fits, a, straight.values),
        np.where(fits, np.abs(a) * logs.stds, straight.stds),
        int(np.sum(~fits)),
    )


Extrapolation = Callable[[FloatArray, FloatArray, FloatArray], Extrapolated]
EXTRAPOLATIONS: dict[str, Extrapolation] = {
    "linear": linear,
    "exponential": exponential,
    "richardson": richardson,
}


def _intercept(factors: FloatArray, stds: FloatArray) -> FloatArray:
    """Return the weights of values in the intercept of their line, shape (F, ...)."""
    x = factors.reshape((-1,) + (1,) * (stds.ndim - 1))
    known = (np.isfinite(stds) & (stds > 0)).all(axis=0)
    s = np.where(known, stds, 1.0)
    p = (s.min(axis=0) / s) ** 2
    p = p / p.sum(axis=0)
    mean = (p * x).sum(axis=0)
    spread = (p * (x - mean) ** 2).sum(axis=0)
    weights: FloatArray = p * (1.0 - mean * (x - mean) / spread)
    return weights


def _combined(weights: FloatArray, values: FloatArray, stds: FloatArray) -> Extrapolated:
    variances = (weights**2 * stds**2).sum(axis=0)
    total = np.asarray((weights * values).sum(axis=0))
    return Extrapolated(total, np.asarray(np.sqrt(variances)))

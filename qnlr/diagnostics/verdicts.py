"""Intervals of ratios and slopes, and what an interval says of a prediction: yes, no, too wide."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from qnlr.intervals import LEVEL, Interval
from qnlr.types import FloatArray


def ratio_interval(above: FloatArray, below: FloatArray, resamples: int = 4000) -> Interval:
    r"""Return a ratio of means with its percentile bootstrap interval over pairs.

    .. math:: \sum_k a_k / \sum_k b_k

    Args:
        above: a, one value for each trajectory, shape (K,).
        below: b, the same.
        resamples: Number of resamples, at least 1; always the same ones.

    Returns:
        The interval; its ends are NaN for a single pair.

    Source:
        Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.

    Example:
        >>> ratio_interval(np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 6.0])).text(2)
        '0.50 ± 0.00'
    """
    ratio = float(np.sum(above) / np.sum(below))
    if len(above) < 2:
        return Interval(ratio, math.nan, math.nan, len(above))
    if np.allclose(above, ratio * below, rtol=1e-12, atol=0.0):  # nothing to resample
        return Interval(ratio, ratio, ratio, len(above))
    low, high = stats.bootstrap(
        (above, below),
        lambda a, b, axis: np.sum(a, axis=axis) / np.sum(b, axis=axis),
        n_resamples=resamples,
        confidence_level=LEVEL,
        method="percentile",
        paired=True,
        vectorized=True,
        rng=np.random.default_rng(0),
    ).confidence_interval
    return Interval(ratio, float(low), float(high), len(above))


def median_interval(values: ArrayLike) -> Interval:
    r"""Return the median of values with its 95 % interval from ranks, whatever they are drawn from.

    Args:
        values: Independent values, shape (K,).

    Returns:
        The interval: its ends are NaN for fewer than 6 values, which are too few for 95 %.

    Source:
        Conover, Practical Nonparametric Statistics (1999), section 3.2.

    Example:
        >>> median_interval(np.arange(101.0)).text(0)
        '50 ± 10'
        >>> median_interval([1.0, 2.0, 9.0]).text(0)
        '2'
    """
    x = np.asarray(values, dtype=float)
    if not len(x):
        return Interval(math.nan, math.nan, math.nan, 0)
    found: Any = stats.quantile_test(x, p=0.5).confidence_interval(LEVEL)
    low, high = float(found.low), float(found.high)
    if not math.isfinite(high - low):
        low = high = math.nan
    return Interval(float(np.median(x)), low, high, len(x))


def slope_interval(x: FloatArray, y: FloatArray, group: NDArray[Any]) -> Interval:
    r"""Return the slope of a line through points with its bootstrap interval over groups of them.

    .. math:: (N Σxy - Σx Σy) / (N Σx^2 - (Σx)^2)

    Args:
        x: Along the axis, shape (N,).
        y: Values, shape (N,).
        group: To which group each belongs, shape (N,); those of one group need not be independent.

    Returns:
        The interval; its ends are NaN for a single group, or where groups are too few for a slope.

    Source:
        Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapters 8 and 13.

    Example:
        >>> x = np.arange(4.0)
        >>> slope_interval(x, 3 * x + 1, np.array([0, 0, 1, 1])).mean
        3.0
    """
    _, places = np.unique(group, return_inverse=True)
    terms = [np.ones_like(x), x, y, x * x, x * y]
    sums = [np.bincount(places, weights=term).astype(float) for term in terms]

    def slope(*parts: FloatArray, axis: int = -1) -> FloatArray:
        n, sx, sy, sxx, sxy = (part.sum(axis=axis) for part in parts)
        with np.errstate(divide="ignore", invalid="ignore"):  # a resample may have a single x
            return np.asarray((n * sxy - sx * sy) / (n * sxx - sx**2))

    found, count = float(slope(*sums)), len(sums[0])
    if count < 2:
        return Interval(found, math.nan, math.nan, count)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)  # the ends are NaN then
        low, high = stats.bootstrap(
            sums,
            slope,
            n_resamples=4000,
            confidence_level=LEVEL,
            method="percentile",
            paired=True,
            vectorized=True,
            rng=np.random.default_rng(0),
        ).confidence_interval
    return Interval(found, float(low), float(high), count)


def agrees(measured: Interval, predicted: float, tolerance: float = 0.1) -> bool | None:
    """Return whether a measured value equals a predicted one, within a tolerance.

    Args:
        measured: What was measured.
        predicted: What was predicted.
        tolerance: Relative deviation that counts as equal; a tenth is a choice.

    Returns:
        True if the whole interval lies within the tolerance, False if all of it lies outside,
        None otherwise.

    Example:
        >>> near, far, wide = (Interval(1.0, 1.0 - w, 1.0 + w, 9) for w in (0.05, 0.05, 0.5))
        >>> agrees(near, 1.0), agrees(far, 2.0), agrees(wide, 1.0)
        (True, False, None)
    """
    margin = tolerance * abs(predicted)
    if predicted - margin <= measured.low and measured.high <= predicted + margin:
        return True
    if measured.high < predicted - margin or measured.low > predicted + margin:
        return False
    return None


def covers(measured: Interval, predicted: float, width: float = 0.05) -> bool | None:
    """Return whether an interval holds a value that theory gives exactly.

    Args:
        measured: What was measured.
        predicted: What was predicted.
        width: Largest half-width, in the unit of both, at which holding it says anything; by
            default five percentage points of a share, which is a choice.

    Returns:
        False if the value lies outside, True if it lies within an interval that is narrow enough,
        None if that is wider.

    Example:
        >>> near, wide = Interval(0.0, -0.03, 0.03, 9), Interval(0.0, -1.0, 1.0, 9)
        >>> covers(near, 0.0), covers(near, 0.5), covers(wide, 0.0)
        (True, False, None)
    """
    if measured.low > predicted or measured.high < predicted:
        return False
    return True if measured.half_width <= width else None


def above(measured: Interval, bound: float) -> bool | None:
    """Return whether a measured value lies above a bound; None if its interval holds the bound.

    Args:
        measured: What was measured.
        bound: What it is held against.

    Returns:
        True if the whole interval lies above, False if it lies below, None otherwise.

    Example:
        >>> above(Interval(1.0, 0.8, 1.2, 9), 0.5), above(Interval(1.0, 0.8, 1.2, 9), 1.1)
        (True, None)
    """
    if math.isnan(measured.low):
        return None
    if measured.low > bound:
        return True
    return False if measured.high < bound else None


def below(measured: Interval, bound: float) -> bool | None:
    """Return whether a measured value lies below a bound; None if its interval holds the bound.

    Args:
        measured: What was measured.
        bound: What it is held against.

    Returns:
        True if the whole interval lies below, False if it lies above, None otherwise.

    Example:
        >>> below(Interval(1.0, 0.8, 1.2, 9), 1.5)
        True
    """
    return above(measured.times(-1.0), -bound)

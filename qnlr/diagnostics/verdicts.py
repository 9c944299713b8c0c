"""Ratios with intervals, and what an interval says of a prediction: yes, no, or too wide."""

from __future__ import annotations

import math

import numpy as np
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


def agrees(measured: Interval, predicted: float, tolerance: float = 0.1) -> bool | None:
    """Return whether a measured value equals a predicted one, within a tolerance.

    Args:
        measured: What was measured.
        predicted: What was predicted.
        tolerance: Relative deviation that counts as equal.

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

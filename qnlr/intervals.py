"""Confidence intervals over seeds: of a mean, and of a share of seeds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from qnlr.errors import InputError, require_count, require_within
from qnlr.types import FloatArray

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean over seeds with its confidence interval.

    Args:
        mean: The mean.
        low: Lower end; NaN for a single seed.
        high: Upper end; NaN for a single seed.
        count: Number of seeds, or of pairs.
    """

    mean: float
    low: float
    high: float
    count: int

    @property
    def half_width(self) -> float:
        """Half the width of the interval."""
        return (self.high - self.low) / 2

    def text(self, digits: int = 3) -> str:
        """Return mean and interval with so many digits behind the point.

        Example:
            >>> Interval(0.5, 0.25, 0.75, 5).text(2), Interval(0.5, 0.3, 0.9, 5).text(2)
            ('0.50 ± 0.25', '0.50 [0.30, 0.90]')
        """
        if math.isnan(self.mean):
            return "–"
        mean = f"{self.mean:.{digits}f}"
        if math.isnan(self.half_width):
            return mean
        # the arms then differ from their mean by less than what rounding hides
        alike = {"rel_tol": 1e-12, "abs_tol": 0.5 * 10.0**-digits}
        if math.isclose(self.low + self.high, 2 * self.mean, **alike):
            return f"{mean} ± {self.half_width:.{digits}f}"
        return f"{mean} [{self.low:.{digits}f}, {self.high:.{digits}f}]"

    def columns(self, name: str) -> dict[str, float]:
        """Return mean, lower and upper end as three columns of a frame.

        Example:
            >>> Interval(0.5, 0.4, 0.6, 9).columns("p")
            {'p': 0.5, 'p_low': 0.4, 'p_high': 0.6}
        """
        return {name: self.mean, f"{name}_low": self.low, f"{name}_high": self.high}

    def times(self, factor: float) -> Interval:
        """Return the interval in another unit."""
        ends = self.low * factor, self.high * factor
        return Interval(self.mean * factor, min(ends), max(ends), self.count)


def mean_interval(values: ArrayLike) -> Interval:
    r"""Return the mean of values with its 95 % confidence interval from Student's t.

    .. math:: \bar x ± t_{0.975, n-1} \, s / \sqrt{n}

    Args:
        values: One value for each seed; what is not finite is left out.

    Returns:
        The interval; NaN where there are no values, or none to spread.

    Example:
        >>> mean_interval([1.0, 2.0, 3.0]).text(2)
        '2.00 ± 2.48'
    """
    x = _finite(values)
    if x.size < 2:
        return Interval(float(x[0]) if x.size else math.nan, math.nan, math.nan, x.size)
    half = stats.t.ppf((1 + LEVEL) / 2, x.size - 1) * x.std(ddof=1) / math.sqrt(x.size)
    return Interval(float(x.mean()), float(x.mean() - half), float(x.mean() + half), x.size)


def bootstrap_interval(
    values: ArrayLike, level: float = LEVEL, resamples: int = 10_000
) -> Interval:
    """Return the mean of values with its percentile bootstrap interval.

    It is too narrow for few seeds: on normal data its 95 % intervals hold the true mean in 84 % of
    20 000 simulated samples of n = 5, and in 90 % of those of n = 10, where intervals of
    :func:`mean_interval` hold it in 95 %. Verdicts therefore rest on Student's t; this interval
    can show skew.

    Args:
        values: One value for each seed; what is not finite is left out.
        level: Confidence level, in (0, 1).
        resamples: Number of resamples, at least 1; always the same ones, so that the same values
            have the same interval.

    Returns:
        The interval; NaN where there are no values, or none to spread.

    Raises:
        InputError: If level or resamples lie outside their range.

    Source:
        Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.

    Example:
        >>> bootstrap_interval([1.0, 2.0, 6.0, 2.5, 1.5]).text(2)
        '2.60 [1.40, 4.40]'
    """
    if not 0 < level < 1:
        raise InputError(f"level = {level!r} is not valid; it must lie in (0, 1), such as {LEVEL}")
    require_count("resamples", resamples)
    x = _finite(values)
    if x.size < 2:
        return mean_interval(x)
    if np.ptp(x) == 0:  # not to show rounding as spread
        return Interval(float(x[0]), float(x[0]), float(x[0]), x.size)
    low, high = stats.bootstrap(
        (x,),
        np.mean,
        n_resamples=resamples,
        confidence_level=level,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return Interval(float(x.mean()), float(low), float(high), x.size)


def share_interval(number: float, count: int) -> Interval:
    r"""Return a share of seeds with its 95 % interval by Wilson.

    .. math:: \frac{p + z^2/2n ± z \sqrt{p (1 - p)/n + z^2/4n^2}}{1 + z^2/n}

    Args:
        number: On how many seeds something was seen, in [0, count]; a tie may count half, which
            SciPy's ``binomtest`` cannot take.
        count: n, number of seeds, at least 0.

    Returns:
        The interval; NaN without a seed. It holds the true share about 95 % of the time on average
        over shares, and may do so less for a single one.

    Raises:
        InputError: If the number does not lie in [0, count].

    Source:
        Wilson, JASA 22, 209 (1927); recommended for small n by Brown, Cai and DasGupta,
        Statistical Science 16, 101 (2001).

    Example:
        >>> share_interval(5, 5).text(2)
        '1.00 [0.57, 1.00]'
    """
    require_within("number of seeds", number, 0, count)
    if not count:
        return Interval(math.nan, math.nan, math.nan, 0)
    z, share = float(stats.norm.ppf((1 + LEVEL) / 2)), number / count
    centre = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z * math.sqrt(share * (1 - share) / count + (z / (2 * count)) ** 2) / (1 + z**2 / count)
    return Interval(share, max(centre - half, 0.0), min(centre + half, 1.0), count)


def _finite(values: ArrayLike) -> FloatArray:
    x: FloatArray = np.asarray(values, dtype=float)
    finite: FloatArray = x[np.isfinite(x)]
    return finite

"""Intervals of variances, and how fast they fall: exponentially, as a power, or not at all."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from qnlr.errors import InputError, require_count
from qnlr.intervals import LEVEL, Interval
from qnlr.types import FloatArray

DOUBT = 0.01
"""Probability of deviations as large as those measured, below which theory is said to fail."""

CLEAR = 2.0
"""Difference in AICc from which one law is said to describe the data better than another."""


@dataclass(frozen=True)
class Spread:
    """A variance with its interval.

    Args:
        variance: s², unbiased.
        low: Lower end of the interval.
        high: Upper end.
        std: Standard error of ln s².
        kurtosis: Kurtosis of the values, 3 for normal ones.
        count: Number of values N.
    """

    variance: float
    low: float
    high: float
    std: float
    kurtosis: float
    count: int

    @property
    def effective(self) -> float:
        """Normal values that would give as sharp a variance, 2/std²; below 60 it is not sharp."""
        return 2.0 / self.std**2 if self.std > 0 else math.inf


def variance_interval(values: ArrayLike, confidence: float = LEVEL) -> Spread:
    r"""Return the variance of values with an interval that knows of heavy tails.

    .. math:: \exp\Big[\ln(c s^2) ± z c \sqrt{\frac{\hat γ_4 - (N - 3)/N}{N - 1}}\Big],
              \qquad c = \frac{N}{N - z}

    with γ̂₄ the kurtosis about a trimmed mean. It holds the variance about as often as it says
    where N is large beside the kurtosis; where a few values in thousands make the variance, as for
    products of many cosines, it is too narrow and too low.

    Source: Bonett, Computational Statistics & Data Analysis 50, 775 (2006).

    Args:
        values: N values, at least 5.
        confidence: Confidence level, in (0, 1).

    Returns:
        The variance.

    Raises:
        InputError: If there are fewer than 5 values, or confidence lies outside (0, 1).

    Example:
        >>> spread = variance_interval(np.random.default_rng(0).normal(size=1000))
        >>> print(f"{spread.variance:.2f} [{spread.low:.2f}, {spread.high:.2f}]")
        0.96 [0.87, 1.05]
    """
    x = np.asarray(values, dtype=float)
    require_count("number of values", x.size, low=5)
    z = quantile(confidence)
    variance = float(x.var(ddof=1))
    if variance == 0.0:
        return Spread(0.0, 0.0, 0.0, 0.0, math.nan, x.size)
    n = x.size
    centre = stats.trim_mean(x, 1 / (2 * math.sqrt(n - 4)))
    scaled = (x - x.mean()) / math.sqrt(x.var())  # so that fourth powers do not underflow
    about = (x - centre) / math.sqrt(x.var())
    kurtosis = float(n * (about**4).sum() / (scaled**2).sum() ** 2)
    c = n / (n - z)
    std = c * math.sqrt(max(kurtosis - (n - 3) / n, 0.0) / (n - 1))
    low, high = (math.exp(math.log(c * variance) + sign * z * std) for sign in (-1, 1))
    return Spread(variance, low, high, std, kurtosis, n)


def quantile(confidence: float) -> float:
    """Return the two-sided normal quantile, 1.96 for 95 %."""
    if not 0 < confidence < 1:
        raise InputError(f"confidence = {confidence!r} is not valid; it must lie in (0, 1)")
    return float(stats.norm.ppf((1 + confidence) / 2))


@dataclass(frozen=True)
class Law:
    """How a variance depends on a size: one law, fitted.

    Args:
        name: ``"exponential"``, ``"power"`` or ``"constant"``.
        rate: Exponent: Var ∝ e^(−rate·x), or x^(−rate); NaN for a constant.
        chi2: Squared residuals over their standard errors, summed.
        freedom: Number of sizes less that of fitted parameters.
        aicc: Akaike's criterion for small samples; infinite where there are too few sizes.
    """

    name: str
    rate: Interval
    chi2: float
    freedom: int
    aicc: float

    @property
    def fits(self) -> bool:
        """Whether residuals as large as these are no rarer than 1 % of what chance gives."""
        return self.freedom < 1 or float(stats.chi2.sf(self.chi2, self.freedom)) > DOUBT


def fit_laws(
    sizes: ArrayLike, logs: ArrayLike, stds: ArrayLike, confidence: float = LEVEL
) -> tuple[Law, ...]:
    r"""Fit ln Var = a − b x, a − b ln x and a, by weighted least squares.

    .. math:: χ^2 = \sum_i \frac{(\ln s_i^2 - a + b g(x_i))^2}{σ_i^2}, \qquad
              \mathrm{AICc} = χ^2 + 2k + \frac{2k(k + 1)}{m - k - 1}

    Intervals of b follow from the standard errors σ_i of the measurement alone; where χ² is much
    larger than its degrees of freedom, the law does not hold and b is a mean slope.

    Args:
        sizes: m sizes x above 0, such as numbers of qubits; at least 2 different ones.
        logs: ln s².
        stds: Their standard errors σ, above 0.
        confidence: Confidence level of the intervals.

    Returns:
        The exponential, the power law and the constant.

    Raises:
        InputError: If there are fewer than 2 sizes, or one is not above 0, or an error is not.

    Example:
        >>> laws = fit_laws([2, 4, 6, 8], [-1.4, -2.8, -4.2, -5.6], [0.1] * 4)
        >>> laws[0].name, laws[0].rate.text(2), best_law(laws)
        ('exponential', '0.70 ± 0.04', 'exponential')
    """
    x, y, s = (np.asarray(part, dtype=float) for part in (sizes, logs, stds))
    if len(set(x.tolist())) < 2 or not (x > 0).all() or not (s > 0).all():
        raise InputError(
            f"sizes {x.tolist()} with errors {s.tolist()} cannot be fitted; give at least 2 "
            "different sizes above 0, and errors above 0"
        )
    shapes = {"exponential": x, "power": np.log(x), "constant": None}
    return tuple(_fitted(name, g, y, s, quantile(confidence)) for name, g in shapes.items())


def _fitted(name: str, g: FloatArray | None, y: FloatArray, s: FloatArray, z: float) -> Law:
    columns = [np.ones_like(y)] if g is None else [np.ones_like(y), -g]
    design = np.stack(columns, axis=1) / s[:, None]
    found, *_ = np.linalg.lstsq(design, y / s)
    covariance = np.linalg.inv(design.T @ design)
    chi2 = float((((y / s) - design @ found) ** 2).sum())
    m, k = len(y), len(found)
    aicc = chi2 + 2 * k + 2 * k * (k + 1) / (m - k - 1) if m > k + 1 else math.inf
    if g is None:
        rate = Interval(math.nan, math.nan, math.nan, m)
    else:
        half = z * math.sqrt(covariance[1, 1])
        rate = Interval(float(found[1]), float(found[1] - half), float(found[1] + half), m)
    return Law(name, rate, chi2, m - k, aicc)


def best_law(laws: tuple[Law, ...]) -> str | None:
    """Return the law that describes the data clearly better than the others, if there is one.

    Args:
        laws: Laws fitted to the same data.

    Returns:
        Its name; None if the next is within 2 of its AICc, or there are too few sizes to tell.

    Example:
        >>> best_law(fit_laws([2, 4], [-1.4, -2.8], [0.1, 0.1])) is None
        True
    """
    ordered = sorted(laws, key=lambda law: law.aicc)
    if len(ordered) < 2 or not math.isfinite(ordered[-1].aicc):
        return None
    return ordered[0].name if ordered[1].aicc - ordered[0].aicc > CLEAR else None


def agrees(rate: Interval, predicted: float, confidence: float = LEVEL) -> bool | None:
    """Return whether a rate is the predicted one.

    Args:
        rate: The rate, with a normal interval.
        predicted: What theory says.
        confidence: Confidence level of the interval.

    Returns:
        True within the interval, False beyond one of 99 %, None between them: of many rates that
        are as predicted, some lie there by chance.

    Example:
        >>> rate = Interval(0.70, 0.60, 0.80, 5)
        >>> agrees(rate, 0.79), agrees(rate, 0.81), agrees(rate, 0.90)
        (True, None, False)
    """
    if rate.low <= predicted <= rate.high:
        return True
    wide = rate.half_width * max(1.0, quantile(1 - DOUBT) / quantile(confidence))
    return None if abs(predicted - rate.mean) <= wide else False


def decays_exponentially(laws: tuple[Law, ...]) -> bool | None:
    """Return whether a variance falls exponentially; None if it cannot be told.

    Args:
        laws: Laws fitted to the same data.

    Returns:
        True if the exponential describes it clearly better than a power law or a constant and its
        rate is above 0 with its whole interval; False if it grows, or another law does and fits: of
        laws of which none fits, the best says nothing.

    Example:
        >>> decays_exponentially(fit_laws([2, 4, 6, 8], [-1.4, -2.8, -4.2, -5.6], [0.1] * 4))
        True
    """
    name = best_law(laws)
    best = next((law for law in laws if law.name == name), None)
    if best is None or (name != "exponential" and not best.fits):
        return None
    return name == "exponential" and best.rate.low > 0

"""Statistics over paired seeds: comparisons with a baseline, and of many methods at once."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from qnlr.errors import InputError, unknown_name
from qnlr.intervals import Interval as Interval
from qnlr.intervals import bootstrap_interval as bootstrap_interval
from qnlr.intervals import mean_interval as mean_interval
from qnlr.intervals import share_interval as share_interval
from qnlr.types import FloatArray

ENDED = ("finished", "target_reached", "budget_spent")


def paired_difference(results: pd.DataFrame, label: str, baseline: str, column: str) -> Interval:
    """Return the mean difference of a method to a baseline over the seeds that both have.

    Args:
        results: Rows with ``label``, ``spec_seed`` and the column.
        label: The method.
        baseline: What it is compared with.
        column: What is compared.

    Returns:
        Mean and interval of method − baseline.

    Example:
        >>> frame = pd.DataFrame({
        ...     "label": ["a", "a", "b", "b"], "spec_seed": [0, 1, 0, 1], "x": [3.0, 5.0, 2.0, 4.0],
        ... })
        >>> paired_difference(frame, "a", "b", "x").mean
        1.0
    """
    own, base = _paired(results, label, baseline, column)
    return mean_interval(own - base)


@dataclass(frozen=True)
class Comparison:
    """What a method shows against a baseline over paired seeds.

    Args:
        label: The method.
        baseline: What it is compared with.
        column: What is compared.
        difference: Mean of method − baseline, with its interval from Student's t.
        p_value: Of Wilcoxon's signed-rank test, two-sided; NaN without a pair.
        improvement: Share of seeds on which the method is better, with Wilson's interval.
        pairs: Number of seeds that both have.
    """

    label: str
    baseline: str
    column: str
    difference: Interval
    p_value: float
    improvement: Interval
    pairs: int


def compare(
    results: pd.DataFrame, label: str, baseline: str, column: str, *, lower_is_better: bool = True
) -> Comparison:
    """Compare a method with a baseline over the seeds on which both ended with a finite value.

    A difference of zero tells the test nothing and is left out of it. The p-value is exact for up
    to 13 differences besides, and for up to 50 without ties. With 5 pairs it is at least
    2/2⁵ = 0.0625, so that no claim can be significant at 0.05 with 5 seeds.

    Runs that diverged or failed are left out of all numbers: a method that diverges where it does
    badly looks better here than it is, so read :func:`endings`, too.

    Args:
        results: What :func:`qnlr.load_results` returned.
        label: The method.
        baseline: What it is compared with.
        column: What is compared, such as ``"metric_train_loss"``.
        lower_is_better: Whether a lower value is better, as for a loss.

    Returns:
        Difference, p-value and P(method better than baseline on a seed), in which ties count half.
        Differences are rounded to 1e-12 of the largest value, so that what is equal but for
        rounding is a tie. Wilson's interval is approximate: 5 of 5 seeds give [0.57, 1], where an
        exact test of 1/2 gives p = 0.0625; claims rest on the difference and the p-value.

    Raises:
        InputError: If the results have no such method, baseline or column.

    Source:
        Wilcoxon, Biometrics Bulletin 1, 80 (1945). Probability of improvement: Agarwal et al.,
        NeurIPS 34 (2021), section 4.

    Example:
        >>> frame = pd.DataFrame({
        ...     "label": ["nlr"] * 5 + ["sgd"] * 5, "spec_seed": [*range(5)] * 2,
        ...     "status": "finished", "x": [0.3, 0.2, 0.4, 0.1, 0.3, 0.5, 0.3, 0.8, 0.4, 0.4],
        ... })
        >>> found = compare(frame, "nlr", "sgd", "x")
        >>> found.difference.text(), found.p_value, found.improvement.text(2)
        ('-0.220 ± 0.162', 0.0625, '1.00 [0.57, 1.00]')
    """
    for name in (label, baseline):
        if name not in set(results["label"]):
            raise unknown_name("label", name, sorted(set(results["label"])))
    if column not in results:
        raise unknown_name("column", column, results.columns)
    ended = results[results["status"].isin(ENDED)]
    own, base = _paired(ended, label, baseline, column)
    signs = _without_rounding(own, base)
    better = signs < 0 if lower_is_better else signs > 0
    return Comparison(
        label=label,
        baseline=baseline,
        column=column,
        difference=mean_interval(own - base),
        p_value=_wilcoxon(signs),
        improvement=share_interval(float(better.sum() + (signs == 0).sum() / 2), signs.size),
        pairs=signs.size,
    )


def holm(p_values: ArrayLike) -> FloatArray:
    r"""Return p-values adjusted for their number by Holm's step-down method.

    .. math:: \tilde p_{(i)} = \max_{j ≤ i} \min(1, (m - j + 1) \, p_{(j)})

    Args:
        p_values: (m,) p-values of one family of hypotheses; NaN stays NaN and does not count.

    Returns:
        (m,) adjusted p-values, in the order given; those below α hold together with the chance of
        any false one at most α, however the tests depend on each other.

    Raises:
        InputError: If a value does not lie in [0, 1].

    Source:
        Holm, Scandinavian Journal of Statistics 6, 65 (1979).

    Example:
        >>> holm([0.01, 0.04, 0.03]).round(3).tolist()
        [0.03, 0.06, 0.06]
    """
    adjusted = np.array(p_values, dtype=float)
    known = np.flatnonzero(~np.isnan(adjusted))
    if np.any((adjusted[known] < 0) | (adjusted[known] > 1)):
        raise InputError(f"p-values {adjusted.tolist()} are not valid; they must lie in [0, 1]")
    order = known[np.argsort(adjusted[known])]
    factors = np.arange(order.size, 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(factors * adjusted[order]), 1.0)
    return adjusted


@dataclass(frozen=True, eq=False)
class Ranks:
    """How methods rank over blocks, such as data sets.

    Args:
        mean: Mean rank by method, 1 for the best.
        p_value: Of Friedman's test that all methods rank alike; NaN for fewer than 3 methods or 2
            blocks.
        blocks: Number of blocks on which every method has a value.
    """

    mean: pd.Series[float]
    p_value: float
    blocks: int


def mean_ranks(table: pd.DataFrame, *, lower_is_better: bool = True) -> Ranks:
    """Return the mean rank of each method over blocks, with Friedman's test.

    Args:
        table: A row for each block, such as a data set, and a column for each method, of mean
            losses. Blocks on which a method has no value are left out.
        lower_is_better: Whether a lower value is better, as for a loss.

    Returns:
        Mean ranks, in which ties share the mean of their ranks, and the p-value, from χ². That is
        crude for few blocks: for 3 methods on 2 blocks it cannot be less than 0.135.

    Source:
        Friedman, JASA 32, 675 (1937); Demšar, JMLR 7, 1 (2006), section 3.2.2.

    Example:
        >>> table = pd.DataFrame(
        ...     {"sgd": [0.5, 0.6, 0.4], "nlr": [0.4, 0.5, 0.5], "adam": [0.1, 0.2, 0.3]},
        ...     index=["digits", "gaussian", "iris"],
        ... )
        >>> found = mean_ranks(table)
        >>> found.mean.round(2).to_dict(), round(found.p_value, 3)
        ({'sgd': 2.67, 'nlr': 2.33, 'adam': 1.0}, 0.097)
    """
    whole = table.dropna()
    ranks = whole.rank(axis=1, ascending=lower_is_better)
    return Ranks(ranks.mean(), _friedman(whole.to_numpy(dtype=float)), len(whole))


def endings(results: pd.DataFrame) -> pd.DataFrame:
    """Count how the runs of each method ended.

    Args:
        results: What :func:`qnlr.load_results` returned.

    Returns:
        A row for each label, with ``total``, ``ended`` (in order, so that their values count),
        ``failed`` and ``diverged``; what is in none of these has not ended yet.

    Example:
        >>> frame = pd.DataFrame({
        ...     "label": ["sgd", "sgd", "nlr"], "status": ["finished", "pending", "diverged"],
        ... })
        >>> endings(frame).loc["sgd"].to_dict()
        {'total': 2, 'ended': 1, 'failed': 0, 'diverged': 0}
    """
    counted = pd.DataFrame(
        {
            "total": results["status"].notna(),
            "ended": results["status"].isin(ENDED),
            "failed": results["status"] == "failed",
            "diverged": results["status"] == "diverged",
        }
    )
    return counted.astype(int).groupby(results["label"], sort=False).sum()


def _paired(
    results: pd.DataFrame, label: str, baseline: str, column: str
) -> tuple[FloatArray, FloatArray]:
    """Return the values of method and baseline on the seeds on which both are finite."""
    wide = results.pivot(index="spec_seed", columns="label", values=column)
    values = wide.reindex(columns=[label, baseline]).to_numpy(dtype=float)
    own, base = values[np.isfinite(values).all(axis=1)].T
    return own, base


def _without_rounding(own: FloatArray, base: FloatArray) -> FloatArray:
    """Return own − base up to a factor, so that what is equal but for rounding is equal."""
    scale = float(np.abs([own, base]).max(initial=0.0)) or 1.0
    return np.asarray(np.round((own - base) / scale, 12), dtype=float)


def _wilcoxon(differences: FloatArray) -> float:
    if not differences.size:
        return math.nan
    known = differences[differences != 0]
    return float(stats.wilcoxon(known).pvalue) if known.size else 1.0


def _friedman(values: FloatArray) -> float:
    blocks, methods = values.shape
    if blocks < 2 or methods < 3:
        return math.nan
    if (np.ptp(values, axis=1) == 0).all():  # nothing but ties, for which χ² is 0/0
        return 1.0
    return float(stats.friedmanchisquare(*values.T).pvalue)

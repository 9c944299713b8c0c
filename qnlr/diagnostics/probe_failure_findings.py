"""What the probes of :mod:`qnlr.diagnostics.probe_failure` say: counts, checks, and drawings."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from qnlr.diagnostics.findings import Check, Lines
from qnlr.diagnostics.verdicts import above, agrees, below, covers
from qnlr.intervals import Interval, mean_interval, share_interval

EXACT, MEASURED = "exact costs", "measured costs"
POINT = ["landscape", "shots", "point"]
"""What tells random weights apart: probes from the same ones are not independent."""

CERTAIN = 0.99
"""A share of probes above it counts as all of them, and one below the rest as none: a choice."""


def summary(frame: pd.DataFrame) -> pd.DataFrame:
    """Count what the condition said and what happened, for each setting and comparison.

    Args:
        frame: A row for each probe.
    """
    rows = []
    for (name, shots, rate), part in frame.groupby(["landscape", "shots", "rate"]):
        for kind, column in ((EXACT, "failed"), (MEASURED, "read_higher")):
            if kind == MEASURED and not shots:
                continue
            said, was = part["condition"].to_numpy(bool), part[column].to_numpy(bool)
            failed = share_interval(int(was.sum()), len(part))
            agreed = share_interval(int((said == was).sum()), len(part))
            rows.append(
                {
                    "landscape": name,
                    "shots": shots,
                    "rate": rate,
                    "comparison": kind,
                    "series": f"{kind}, " + (f"{shots} shots" if shots else "exact gradient"),
                    "said_and_failed": int((said & was).sum()),
                    "said_not_failed": int((said & ~was).sum()),
                    "failed_unsaid": int((~said & was).sum()),
                    "neither": int((~said & ~was).sum()),
                    "failed": failed.mean,
                    "failed_low": failed.low,
                    "failed_high": failed.high,
                    "expected": part["probability" if kind == MEASURED else "condition"].mean(),
                    "agreed": agreed.mean,
                    "agreed_low": agreed.low,
                    "agreed_high": agreed.high,
                    "remainder": part["remainder"].median(),
                }
            )
    return pd.DataFrame(rows)


def checks(frame: pd.DataFrame, counts: pd.DataFrame) -> tuple[Check, ...]:
    """Test Lemma 1 on the probes.

    Args:
        frame: A row for each probe.
        counts: Their summary.
    """
    smallest = frame["rate"].min()
    small = frame[frame["rate"] == smallest]
    noisy, sharp = small[small["shots"] > 0], small[small["shots"] == 0]
    agreed = share_interval(int((small["condition"] == small["failed"]).sum()), len(small))
    found = [
        Check(
            f"as η → 0 a probe compared exactly fails where Eq. 12 says so (here η = {smallest:g})",
            "agreement → 1",
            agreed.text(),
            holds=above(agreed, CERTAIN),
            remark=f"at least {CERTAIN:g} counts as 1",
        )
    ]
    if (slope := _order(counts)) is not None:
        found.append(
            Check(
                "what Eq. 11 leaves out is of third order in η",
                "exponent 3",
                slope.text(2),
                holds=agrees(slope, 3.0),
                remark="fitted to medians at rates up to 1, landscapes and shots apart",
            )
        )
    if len(sharp):
        never = share_interval(int(sharp["failed"].sum()), len(sharp))
        found.append(
            Check(
                "with an exact gradient and exact costs no probe fails as η → 0",
                "0",
                never.text(),
                holds=below(never, 1 - CERTAIN),
                remark=f"less than {1 - CERTAIN:g} counts as 0; NLR is then SGD",
            )
        )
    if len(noisy):
        found += _noisy_checks(frame[frame["shots"] > 0], noisy)
    return tuple(found)


def _noisy_checks(frame: pd.DataFrame, small: pd.DataFrame) -> list[Check]:
    rate = small["rate"].iloc[0]
    failed = share_interval(int(small["failed"].sum()), len(small))
    off = mean_interval(small["failed"] - small["wrong_direction"])
    right = (frame["condition"] == frame["read_higher"]).astype(float)
    agreed = mean_interval(right.groupby([frame[key] for key in POINT]).mean())
    error = mean_interval(frame["read_higher"] - frame["probability"])
    return [
        Check(
            "with a measured gradient and exact costs, probes go on failing as η → 0, where noise "
            "turns the gradient uphill, not where the curvature is large",
            f"Φ(−‖∇C‖²/std(ξᵀ∇C)), on average {small['wrong_direction'].mean():.3f}",
            f"{failed.text()} at η = {rate:g}; difference {off.text()}",
            holds=covers(off, 0.0),
            remark="the paper explains failures by positive curvature along the noise",
        ),
        Check(
            "Eq. 12 tells when a probe fails that is compared as it is measured",
            "agreement 1",
            agreed.text(),
            holds=above(agreed, CERTAIN),
            remark="over all rates and shots, with an interval over weights; Assumption 5 leaves "
            "the noise of the costs out",
        ),
        Check(
            "a measured probe reads higher with probability Φ(ΔC/√(s² + s'²))",
            f"{frame['probability'].mean():.3f} on average",
            f"{frame['read_higher'].mean():.3f}; difference {error.text()}",
            holds=covers(error, 0.0),
            remark="less half a count for ties, which are no failures; costs are normal only "
            "approximately",
        ),
    ]


def _order(counts: pd.DataFrame) -> Interval | None:
    """Fit the exponent of the remainder in η, one for each landscape and number of shots."""
    part = counts[(counts["comparison"] == EXACT) & (counts["rate"] <= 1)]
    if part["rate"].nunique() < 2:
        return None
    slopes = [
        stats.linregress(np.log(one["rate"]), np.log(one["remainder"])).slope
        for _, one in part.groupby(["landscape", "shots"])
    ]
    return mean_interval(slopes)


def says(counts: pd.DataFrame) -> tuple[str, ...]:
    """Say how often the condition agrees with what happens.

    Args:
        counts: A summary of probes.
    """
    said = []
    for (name, comparison), part in counts.groupby(["landscape", "comparison"]):
        low, high = part["rate"].min(), part["rate"].max()
        first, last = part[part["rate"] == low], part[part["rate"] == high]
        said.append(
            f"{name}, {comparison}: the condition agrees with what happens in "
            f"{_range(first['agreed'])} of the probes at η = {low:g} and in "
            f"{_range(last['agreed'])} at η = {high:g}; {_range(first['failed'])} and "
            f"{_range(last['failed'])} of them fail."
        )
    return tuple(said)


def _range(shares: pd.Series) -> str:
    low, high = f"{100 * shares.min():.0f}", f"{100 * shares.max():.0f}"
    return f"{low} %" if low == high else f"{low} to {high} %"


def drawings(counts: pd.DataFrame) -> tuple[Lines, ...]:
    """Return how often the condition agrees, and how often probes fail, against η.

    Args:
        counts: A summary of probes.
    """
    rate = "learning rate η"
    return (
        Lines(
            counts,
            x="rate",
            y="agreed",
            low="agreed_low",
            high="agreed_high",
            by="series",
            panel="landscape",
            xlabel=rate,
            ylabel="share of probes",
            logx=True,
            name="agreement",
            title="How often Eq. 12 says what happens",
            caption="Shares of random weights with 95 % intervals by Wilson.",
        ),
        Lines(
            counts,
            x="rate",
            y="failed",
            low="failed_low",
            high="failed_high",
            expected="expected",
            by="series",
            panel="landscape",
            xlabel=rate,
            ylabel="share of probes that fail",
            logx=True,
            name="failures",
            title="How often a probe fails",
            caption="Shares of random weights with 95 % intervals by Wilson. Thin lines: what "
            "Eq. 12 says of exact costs, and the mean of Φ(ΔC/s) of measured ones.",
        ),
    )

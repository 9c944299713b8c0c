"""What the failed probes of :mod:`qnlr.diagnostics.backtracking_cap` say."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from qnlr.diagnostics.findings import Check, Lines
from qnlr.diagnostics.verdicts import (
    above,
    below,
    covers,
    median_interval,
    ratio_interval,
    slope_interval,
)
from qnlr.intervals import Interval, share_interval

CERTAIN = 0.95
"""A share of cases above it counts as all of them: a choice."""

FAR_BELOW = 0.1
"""A share of η below it counts as far below η: a choice."""

SMALL = 0.5
"""Step in radians beyond which what the expansion leaves out is not taken as small: a choice."""

FEWEST = 10
"""Failed probes with a positive cap below which nothing is said of caps."""


def summary(frame: pd.DataFrame, points: int) -> pd.DataFrame:
    """Summarise failed probes by shots, η and c.

    Args:
        frame: A row for each failed probe and c.
        points: Probes of each number of shots and η, failed or not.
    """
    rows = []
    for key, part in frame.groupby(["shots", "rate", "decrease"]):
        number, rate, c = (float(one) for one in cast(tuple[float, float, float], key))
        none = share_interval(int(part["accepted"].isna().sum()), len(part))
        inner = part[(part["slope"] > 0) & (part["curvature"] > 0)]
        cap = median_interval(2 * inner["slope"] / inner["curvature"])
        rows.append(
            {
                "shots": int(number),
                "rate": rate,
                "decrease": c,
                "series": f"{number:g} shots, c = {c:g}",
                "probes": points,
                "failed": len(part),
                "uphill": (part["slope"] < 0).mean(),
                "below_decrease": (part["cap_appendix"] < 0).mean(),
                "no_step": none.mean,
                "no_step_low": none.low,
                "no_step_high": none.high,
                "accepted": part["accepted"].median(),
                "caps": len(inner),
                **cap.columns("cap"),
                "half_rate": rate / 2,
                "order_text": (part["gradient_norm"] / part["measured_norm"] ** 2).median(),
            }
        )
    return pd.DataFrame(rows)


def checks(frame: pd.DataFrame) -> tuple[Check, ...]:
    """Test Lemma 2 on the failed probes.

    Args:
        frame: A row for each failed probe and c.
    """
    return (*_armijo_checks(frame), *_order_checks(frame))


def _armijo_checks(frame: pd.DataFrame) -> list[Check]:
    accepted = frame["accepted"].notna()
    found = []
    for column, name, remark in (
        ("cap_appendix", "the appendix", "over all failed probes, rates and c"),
        ("cap_equation_13", "Eq. 13", "it belongs to a decrease of c η̃ gᵀ∇C, not c η̃‖g‖²"),
    ):
        allowed = accepted[frame[column] > 0]
        met = _over_points(frame.loc[allowed.index], allowed)
        found.append(
            Check(
                f"where the cap of {name} is above 0, a step meets the Armijo condition as written",
                "always",
                f"in {met.text()} of {len(allowed)} cases",
                holds=above(met, CERTAIN),
                remark=remark,
            )
        )
    met = _over_points(frame, accepted)
    uphill = _over_points(frame, frame["slope"] < 0)
    found.append(
        Check(
            "after a failed probe backtracking finds a step",
            "always, a short one: Eq. 15 steps by −η̃g, Eq. 16 takes the mean of η̃²",
            f"in {met.text()} of {len(frame)} cases",
            holds=above(met, CERTAIN),
            remark=f"in {uphill.text()} of them gᵀ∇C < 0: −g leads uphill, however short the step",
        )
    )
    return found


def _order_checks(frame: pd.DataFrame) -> list[Check]:
    """Test what is claimed of the size of positive caps, where steps are small (Assumption 4)."""
    one = frame[frame["decrease"] == frame["decrease"].min()]
    small = one["rate"] * one["measured_norm"] <= SMALL
    inner = one[small & (one["slope"] > 0) & (one["curvature"] > 0)]
    if len(inner) < FEWEST:
        return []
    cap = 2 * inner["slope"] / inner["curvature"]
    share = _over_points(inner, cap / inner["rate"])
    uphill = float((one[small]["slope"] < 0).mean())
    claimed = (inner["gradient_norm"] / inner["measured_norm"] ** 2 / inner["rate"]).median()
    found = [
        Check(
            "among failed probes 2 gᵀ∇C/gᵀHg is uniform over (0, η), so η/2 on average",
            "mean of cap/η: 0.5",
            f"{share.text()}, n = {len(inner)}",
            holds=covers(share, 0.5),
            remark=f"where gᵀ∇C > 0, gᵀHg > 0 and η‖g‖ ≤ {SMALL}; exact as η → 0",
        ),
        Check(
            "where backtracking is allowed a step at all, its cap is far below η (Lemma 2)",
            f"≲ ε/(σ²d), the median of which is here {claimed:.3g} η, and ≪ η",
            f"{share.text()} η",
            holds=below(share, FAR_BELOW),
            remark=f"for the {uphill:.0%} of failed probes with gᵀ∇C < 0 it is below 0. ‖g‖² "
            "stands for σ²d; the proof in the appendix has another order, ε/(Lσ√d)",
        ),
    ]
    if inner["rate"].nunique() > 1:
        exponent = slope_interval(
            np.log(inner["rate"].to_numpy()), np.log(cap.to_numpy()), _places(inner)
        )
        found.append(
            Check(
                "the order of the cap is set by ε, σ and d, not by η",
                "exponent of the cap in η: 0",
                exponent.text(2),
                holds=covers(exponent, 0.0, 0.5),
                remark="uniform caps have 1; half-widths up to 0.5 tell them apart",
            )
        )
    return found


def _over_points(frame: pd.DataFrame, column: pd.Series) -> Interval:
    """Return a mean with its interval over weights, as rates and c share them."""
    by = column.astype(float).groupby(_places(frame))
    if column.nunique() < 2:  # nothing to resample
        return share_interval(by.mean().sum(), by.ngroups)
    return ratio_interval(np.asarray(by.sum()), np.asarray(by.size(), dtype=float))


def _places(frame: pd.DataFrame) -> NDArray[Any]:
    """Number the random weights that failed probes are from."""
    return np.asarray(frame.groupby(["shots", "point"]).ngroup())


def says(frame: pd.DataFrame, caps: pd.DataFrame) -> tuple[str, ...]:
    """Say how often backtracking finds no step.

    Args:
        frame: A row for each failed probe and c.
        caps: Their summary.
    """
    said = []
    for c, part in frame.groupby("decrease"):
        below, none = (part["cap_appendix"] < 0).mean(), part["accepted"].isna().mean()
        of = (part["cap_equation_13"] > 0) & part["accepted"].isna()
        said.append(
            f"c = {c:g}: gᵀ∇C < c‖g‖² in {below:.0%} of the failed probes, so that no short step "
            f"meets the condition; none was found in {none:.0%}, though Eq. 13 allows one in "
            f"{of.mean():.0%}."
        )
    rates = caps.drop_duplicates(["shots", "rate"])
    said.append(
        f"Between {(rates['failed'] / rates['probes']).min():.0%} and "
        f"{(rates['failed'] / rates['probes']).max():.0%} of the probes failed; where they did, −g "
        f"led uphill in {rates['uphill'].min():.0%} to {rates['uphill'].max():.0%}."
    )
    return tuple(said)


def drawings(caps: pd.DataFrame) -> tuple[Lines, ...]:
    """Return the caps, and how often there is no step, against η.

    Args:
        caps: A summary of failed probes.
    """
    one = caps[(caps["decrease"] == caps["decrease"].min()) & (caps["caps"] >= 2)].copy()
    one["series"] = [f"{number} shots" for number in one["shots"]]
    return (
        Lines(
            one,
            x="rate",
            y="cap",
            low="cap_low",
            high="cap_high",
            expected="half_rate",
            by="series",
            xlabel="learning rate η of the probe",
            ylabel="median of 2 gᵀ∇C/gᵀHg",
            logx=True,
            logy=True,
            name="caps",
            title="Caps on backtracking where a probe failed",
            caption="Medians with 95 % intervals (of ranks) over failed probes with gᵀ∇C > 0 and "
            "gᵀHg > 0: where gᵀHg is small the cap is huge, so that means would be of few probes. "
            "Thin line: η/2.",
        ),
        Lines(
            caps,
            x="rate",
            y="no_step",
            low="no_step_low",
            high="no_step_high",
            by="series",
            xlabel="learning rate η of the probe",
            ylabel="share of failed probes",
            logx=True,
            name="no_step",
            title="How often backtracking finds no step",
            caption="Shares with 95 % intervals by Wilson; steps are halved up to twenty times.",
        ),
    )

"""What Theorem 2 says of informative regions, held against measurements."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from qnlr.diagnostics.findings import Check
from qnlr.diagnostics.verdicts import above, agrees, below, ratio_interval
from qnlr.intervals import Interval

RARE = 0.02
"""A violation probability below it counts as vanishing: a choice."""

LEAST = 0.7
"""An exponent above it counts as 1 or more, as finite rates have corrections: a choice."""

LEFT = 0.1
"""A share of ‖∇C‖² below it counts as gone, and an exponent above it as a decay: a choice."""


def checks_of(
    tables: Mapping[str, pd.DataFrame], floors: pd.DataFrame, kappa: float
) -> tuple[Check, ...]:
    """Hold violations, decays and floors against the theorem.

    Args:
        tables: The tables ``violations``, ``decays``, ``floors`` and ``floor_fits``.
        floors: Floors by trajectory.
        kappa: η'/η.

    Returns:
        The checks.
    """
    violations = tables["violations"]
    shots, few = violations["shots"].max(), violations["shots"].min()
    exact, sharp, measured = violations["mode"].unique()
    fits = tables["floor_fits"]
    noisy = fits[~fits["rule"].str.contains("all exact")]
    return (
        _vanishing(violations, exact, shots, ""),
        _vanishing(
            violations, sharp, shots, "Φ(−‖∇C‖/σ) is what is left: the proof's g·∇C ≥ ε² is untrue."
        ),
        _vanishing(
            violations, sharp, few, "Φ(−‖∇C‖/σ) is what is left: the proof's g·∇C ≥ ε² is untrue."
        ),
        _vanishing(violations, measured, shots, "The probe's difference drowns in shot noise."),
        _uphill(violations, measured, shots, kappa),
        *(_step_of_proof(violations, sharp, some) for some in (shots, few)),
        *(_convergence(row) for row in tables["decays"].itertuples()),
        *(_lower(row) for row in tables["decays"].itertuples() if row.rule == "NLR"),
        *(_rare(row) for row in tables["decays"].itertuples() if row.rule == "NLR, exact losses"),
        *(_floor(row) for row in noisy.itertuples()),
        _noise(floors),
    )


def _interval(row: Any, name: str) -> Interval:
    mean, low, high = (float(getattr(row, f"{name}{end}")) for end in ("", "_low", "_high"))
    return Interval(mean, low, high, 0)


def _smallest(violations: pd.DataFrame, mode: str, shots: int) -> Any:
    rows = violations[(violations["mode"] == mode) & (violations["shots"] == shots)]
    return rows.iloc[int(rows["learning_rate"].to_numpy().argmin())]


def _vanishing(violations: pd.DataFrame, mode: str, shots: int, remark: str) -> Check:
    row = _smallest(violations, mode, shots)
    p = _interval(row, "p")
    seen = f"p = {p.text(3)} at η = {row.learning_rate:g}; first order in η: {row.first_order:.3f}"
    kind = mode if mode.startswith("exact") else f"{mode}, {shots} shots"
    return Check(f"Theorem 2, {kind}: p → 0 as η → 0", f"p < {RARE}", seen, below(p, RARE), remark)


def _uphill(violations: pd.DataFrame, mode: str, shots: int, kappa: float) -> Check:
    row = _smallest(violations, mode, shots)
    p, bound = _interval(row, "p"), 1 / (1 + kappa)
    return Check(
        "Proof of Theorem 2: rare ascents do not alter convergence (measured losses, small η)",
        f"p < η/(η + η') = {bound:.2f}, so that the mean step goes down",
        f"p = {p.text(3)} at η = {row.learning_rate:g}",
        below(p, bound),
        "Above it the mean step −(η(1 − p) − η'p)g goes up the gradient.",
    )


def _step_of_proof(violations: pd.DataFrame, mode: str, shots: int) -> Check:
    rows = violations[(violations["mode"] == mode) & (violations["shots"] == shots)]
    share = float(rows["below_epsilon"].mean())
    return Check(
        f"Proof of Theorem 2: g·∇C ≥ ε² for measured gradients, {shots} shots",
        "for all of them",
        f"not for {share:.1%} of them",
        share == 0,
        "It holds on average only: E[g·∇C] = ‖∇C‖² ≥ ε².",
    )


def _convergence(row: Any) -> Check:
    alpha, left = _interval(row, "exponent"), _interval(row, "left")
    name, power = row.rule, row.power
    remark = "Shot noise of constant σ² gives E‖∇C‖² ∝ η_t, that is α = γ."
    falls, gone = above(alpha, LEFT), below(left, LEFT)
    holds = True if falls and gone else False if False in (falls, gone) else None
    return Check(
        f"Theorem 2, γ = {power:g}: {name} reaches stationary points",
        f"‖∇C‖² ∝ t^−α with α > {LEFT:g}, and less than {LEFT:g} of it is left at the end",
        f"α = {alpha.text(2)}; left {left.mean:.2g} [{left.low:.2g}, {left.high:.2g}]",
        holds,
        "" if "all exact" in name else remark,
    )


def _lower(row: Any) -> Check:
    change = _interval(row, "cost_change")
    return Check(
        f"NLR with measured losses goes down, γ = {row.power:g}",
        "exact cost at the end below that at the start",
        change.text(3),
        below(change, 0.0),
        "Stationary points are maxima, too; without descent, convergence is worth nothing.",
    )


def _rare(row: Any) -> Check:
    p = _interval(row, "p_last")
    return Check(
        f"Proof of Theorem 2: almost all steps are descent steps, γ = {row.power:g}, exact losses",
        f"p < {RARE} in the last tenth of the steps",
        p.text(2),
        below(p, RARE),
        "Stationary points lie outside the region of p → 0: ‖∇C‖ falls below σ. With exact losses "
        "a flip then goes down.",
    )


def _floor(row: Any) -> Check:
    beta = _interval(row, "exponent")
    return Check(
        f"Theorem 2, constant η: {row.rule} ends at E‖∇C‖² ≤ O(η)",
        f"exponent of at least 1; above {LEAST} counts as that",
        beta.text(2),
        above(beta, LEAST),
        "The theorem is an upper bound: a larger exponent is no contradiction.",
    )


def _noise(floors: pd.DataFrame) -> Check:
    eta = floors["learning_rate"].max()
    rows = floors[(floors["rule"] == "SGD") & (floors["learning_rate"] == eta)]
    wide = rows.pivot(index="shots", columns="trajectory", values="square_gradient").sort_index()
    few, many = int(wide.index[0]), int(wide.index[-1])
    ratio = ratio_interval(wide.loc[many].to_numpy(), wide.loc[few].to_numpy())
    return Check(
        f"Theorem 2, constant η = {eta:g}: SGD ends at E‖∇C‖² ∝ σ²",
        f"{few / many:.2f} of it with {many // few} times the shots",
        ratio.text(3),
        agrees(ratio, few / many, 0.3),
        "σ² ∝ 1/shots.",
    )

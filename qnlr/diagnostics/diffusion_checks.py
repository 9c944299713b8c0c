"""What Theorem 1 says of diffusion, held against measured coefficients."""

from __future__ import annotations

import numpy as np

from qnlr.diagnostics.diffusion_coefficients import Diffusion
from qnlr.diagnostics.findings import Check
from qnlr.diagnostics.trajectories import Trajectories
from qnlr.diagnostics.verdicts import above, agrees, below, ratio_interval
from qnlr.intervals import mean_interval
from qnlr.types import FloatArray


def checks_of(
    found: dict[str, Diffusion], paths: Trajectories, variance: float, slope: float
) -> tuple[Check, ...]:
    """Hold coefficients against the theorem.

    Args:
        found: Coefficients by rule.
        paths: The trajectories that they come from.
        variance: σ², the variance of a coordinate of the measured gradient.
        slope: ‖∇C‖²/d, mean over the trajectories.

    Returns:
        The checks.
    """
    return (
        _ordering(found, ""),
        _ordering(found, ", exact losses"),
        *_formula(found["NLR"], variance, slope),
        _independence(found),
        _condition(paths, "backtracking"),
        _uncorrelated(found, "NLR"),
        _uncorrelated(found, "SGD"),
        _flip(found),
        _descent(found, "SGD", "NLR"),
        _descent(found, "SGD, matched rate", "NLR"),
    )


def _ordering(found: dict[str, Diffusion], kind: str) -> Check:
    ratio = ratio_interval(found[f"NLR{kind}"].short, found[f"backtracking{kind}"].short)
    return Check(
        f"Theorem 1{kind or ', measured losses'}: D^NLR > D^BT",
        "D^NLR/D^BT > 1",
        ratio.text(2),
        above(ratio, 1.0),
        "The ratio is that of mean squared rates: a longer step diffuses more, whatever its sign.",
    )


def _formula(nlr: Diffusion, variance: float, slope: float) -> tuple[Check, ...]:
    stated = ratio_interval(nlr.short, nlr.square_rate * variance)
    full = ratio_interval(nlr.short, nlr.square_rate * (variance + slope))
    return (
        Check(
            "Eq. 16: D^NLR = [(1 − p)η² + pη'²]σ² for Cov(g) = σ²I",
            "D/([…]σ²) = 1",
            stated.text(3),
            agrees(stated, 1.0),
            "With Σ = σ²I/d, as the theorem has it, Eq. 16 would be too large by 2d.",
        ),
        Check(
            "Appendix A: D = E‖Δθ‖²/2d, so that D^NLR = ½[(1 − p)η² + pη'²](σ² + ‖∇C‖²/d)",
            "D/([…](σ² + ‖∇C‖²/d)) = 0.5",
            full.text(3),
            agrees(full, 0.5),
            f"The share of ‖∇C‖²/d is {slope / (variance + slope):.0%}. By the definition of D "
            "this tests only that ‖g‖² does not depend on the rate taken.",
        ),
    )


def _independence(found: dict[str, Diffusion]) -> Check:
    nlr = found["NLR"]
    kept = np.isfinite(nlr.square_norm_worse)
    ratio = ratio_interval(nlr.square_norm_worse[kept], nlr.square_norm[kept])
    return Check(
        "Proof of Theorem 1: E[‖g‖² | E] = E[‖g‖²]", "ratio 1", ratio.text(3), agrees(ratio, 1.0)
    )


def _condition(paths: Trajectories, name: str) -> Check:
    rates, worse = paths.rates[name], paths.worse[name]
    seen = worse.any(axis=0)
    count = worse.sum(axis=0)[seen]
    mean = (rates * worse).sum(axis=0)[seen] / count / rates.max()
    square = (rates**2 * worse).sum(axis=0)[seen] / count / rates.max() ** 2
    spread = mean_interval(square - mean.mean() ** 2)
    return Check(
        "Theorem 1: η' > E[η̃ | E] is enough for D^NLR > D^BT",
        "the order turns at η' = E[η̃ | E], so that Var[η̃ | E] = 0",
        f"it turns at the root mean square {np.sqrt(square.mean()):.3f}η, not at the mean "
        f"{mean.mean():.3f}η; Var[η̃ | E]/η² = {spread.text(4)}",
        {True: False, False: None, None: None}[above(spread, 0.0)],
        "η' ≥ η is enough, as backtracking never takes more than η. Were comparisons pure noise, "
        "η/2^k would be accepted with probability 2/((k + 1)(k + 2)): 0.309η and 0.227η.",
    )


def _uncorrelated(found: dict[str, Diffusion], name: str) -> Check:
    ratio = ratio_interval(found[name].long, found[name].short)
    turn = mean_interval(found[name].correlation)
    return Check(
        f"Steps of {name} are uncorrelated: a random walk (section III-B, Remark 1)",
        "D from all steps/D from single steps = 1",
        f"{ratio.text(2)}; correlation of successive steps {turn.text(3)}",
        agrees(ratio, 1.0),
        "What is left of the gradient pushes all steps the same way.",
    )


def _flip(found: dict[str, Diffusion]) -> Check:
    nlr, sgd = found["NLR"], found["SGD, matched rate"]
    short, whole = ratio_interval(nlr.short, sgd.short), ratio_interval(nlr.long, sgd.long)
    farther = above(short, 1.1) or above(whole, 1.1)
    nowhere = below(short, 1.1) and below(whole, 1.1)
    return Check(
        "Section IV, Remark 2: flips explore more than steps of one sign, at one mean square rate",
        "D^NLR/D^SGD > 1.1 at the rate √((1 − p)η² + pη'²), in single steps or in all of them",
        f"{short.text(2)} in single steps, {whole.text(2)} in all of them",
        True if farther else False if nowhere else None,
        "SGD at that rate needs neither probe nor flip. In single steps the ratio is 1 by choice "
        "of the rate; 1.1, to be told from that, is a choice, too.",
    )


def _descent(found: dict[str, Diffusion], name: str, other: str) -> Check:
    change: FloatArray = found[other].cost_change - found[name].cost_change
    gap = mean_interval(change)
    return Check(
        f"What section IV implies, that what diffuses more ends lower: {other} below {name}",
        "difference of exact costs at the end < 0",
        gap.text(3),
        below(gap, 0.0),
        "Paired by start. With p near ½ the mean step of NLR goes up the gradient.",
    )

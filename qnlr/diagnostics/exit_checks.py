"""What Remark 1 says of times of exit, held against measured ones."""

from __future__ import annotations

import numpy as np

from qnlr.diagnostics.exits import Exits
from qnlr.diagnostics.findings import Check
from qnlr.diagnostics.verdicts import above, agrees, below, ratio_interval
from qnlr.intervals import Interval, mean_interval, share_interval


def checks_of(
    exits: dict[str, Exits],
    radii: tuple[float, ...],
    threshold: float,
    multiple: float,
    fresh: Interval,
) -> tuple[Check, ...]:
    """Hold times of exit against the remark.

    Args:
        exits: Trajectories by rule.
        radii: Radii of the balls.
        threshold: Gradient norm beyond which the plateau has been left.
        multiple: The threshold in medians.
        fresh: Share of random weights beyond it.

    Returns:
        The checks.
    """
    walks = ("Gaussian walk", "NLR", "SGD, matched rate")
    return (
        *(_formula(name, exits[name], radii, paper=True) for name in walks),
        *(_formula(name, exits[name], radii, paper=False) for name in walks),
        _faster(exits["NLR"], exits["SGD"], min(radii)),
        *(_left_plateau(name, exits[name], radii, threshold, multiple, fresh) for name in walks),
        *(_sooner(exits, other, threshold, multiple) for other in exits if other != "NLR"),
    )


def _formula(name: str, one: Exits, radii: tuple[float, ...], paper: bool) -> Check:
    d = 1 if paper else one.dimension
    texts, verdicts = [], []
    for radius in radii:
        times = one.times(radius)
        if not np.isfinite(times).all():
            continue
        square = one.distances_at(times) ** 2 if not paper else np.full_like(times, radius**2)
        ratio = ratio_interval(times, square / (2 * d * one.coefficient))
        texts.append(f"{ratio.text(3)} at R = {radius:g}")
        verdicts.append(agrees(ratio, 1.0))
    holds = False if False in verdicts else None if None in verdicts or not verdicts else True
    if paper:
        statement = f"Remark 1, {name}: E[τ] = R²/2D"
        remark = "R²/2D is the formula of one dimension; the remark says d-dimensional."
    else:
        statement = f"Brownian motion in d = {d} dimensions, {name}: E[τ] = E‖θ_τ − θ_0‖²/2dD"
        remark = (
            "R²/2dD with what the last step overshoots; D from single steps: it fails where steps "
            "are not independent."
        )
    measured = "; ".join(texts) or "not all trajectories left a ball"
    return Check(statement, "E[τ] over it = 1", measured, holds, remark)


def _faster(nlr: Exits, sgd: Exits, radius: float) -> Check:
    expected = nlr.coefficient / sgd.coefficient
    slow, fast = sgd.times(radius), nlr.times(radius)
    statement = "Remark 1: times of exit go as 1/D, from SGD to NLR at the same η"
    predicted = f"τ_SGD/τ_NLR = D^NLR/D^SGD = {expected:.2f} at R = {radius:g}"
    if not (np.isfinite(slow).all() and np.isfinite(fast).all()):
        return Check(statement, predicted, "not all trajectories left the ball", None)
    ratio = ratio_interval(slow, fast)
    return Check(
        statement,
        predicted,
        ratio.text(2),
        agrees(ratio, expected),
        "What is left of the gradient carries SGD out; flips undo that for NLR.",
    )


def _left_plateau(
    name: str,
    one: Exits,
    radii: tuple[float, ...],
    threshold: float,
    multiple: float,
    fresh: Interval,
) -> Check:
    statement = f"{name}: what has left a ball of weights has left the plateau"
    predicted = f"most have more than {multiple:g} times the median gradient norm at exit"
    for radius in sorted(radii, reverse=True):
        times = one.times(radius)
        left = np.isfinite(times)
        if left.sum() > 1:
            norms = one.norms_at(times)
            share = share_interval(int(np.sum(norms >= threshold)), len(norms))
            growth = ratio_interval(norms, one.norms[0][left])
            measured = (
                f"{share.text(2)} of {len(norms)} at R = {radius:g}; gradient norm at exit over "
                f"that at the start {growth.text(2)}"
            )
            remark = (
                f"{fresh.mean:.0%} of random weights have. 'Most' and {multiple:g} are choices."
            )
            return Check(statement, predicted, measured, above(share, 0.5), remark)
    return Check(statement, predicted, "no trajectory left a ball", None)


def _sooner(exits: dict[str, Exits], other: str, threshold: float, multiple: float) -> Check:
    cut = {}
    for name in ("NLR", other):
        times = exits[name].escapes(threshold)
        cut[name] = np.where(np.isfinite(times), times, len(exits[name].norms) - 1)
    gap = mean_interval(cut["NLR"] - cut[other])
    return Check(
        f"NLR leaves the plateau sooner than {other}",
        f"fewer steps until {multiple:g} times the median gradient norm",
        f"{gap.text(1)} steps",
        below(gap, 0.0),
        "Paired by start; times are cut at the last step.",
    )

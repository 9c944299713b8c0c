"""What the subject of a leaderboard shows, computed from its runs, in words."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from qnlr.study.leaderboard.ranks import Blocks
from qnlr.study.leaderboard.standings import Standings, percent
from qnlr.study.leaderboard.targets import paired_ratio

HOLDS, FAILS, UNKNOWN = "holds", "does not hold", "not decided"


@dataclass(frozen=True)
class Judged:
    """A claim about the subject, and what was found.

    Args:
        name: Short name.
        claim: What is claimed.
        verdict: ``"holds"``, ``"does not hold"`` or ``"not decided"``.
        found: What was found, as a sentence.
        exceptions: Where it does not hold, and by how much, a line each.
    """

    name: str
    claim: str
    verdict: str
    found: str
    exceptions: tuple[str, ...] = ()


def judged(found: Standings, excess: pd.DataFrame, costs: pd.DataFrame) -> list[Judged]:
    """Judge the entry that the leaderboard is about.

    Args:
        found: What is known.
        excess: What :func:`excesses` returned.
        costs: What :func:`costs_frame` returned.

    Returns:
        The claims; none where there is no subject, or nothing of it was run.
    """
    subject = found.board.table.subject
    if subject is None or subject not in found.entries:
        return []
    claims = [_final(found, excess, subject), _counted(found, costs, subject)]
    free = [name for name in found.board.table.parameter_free if name in found.entries]
    return claims + [_against(found, costs, subject, rival) for rival in free]


def _final(found: Standings, excess: pd.DataFrame, subject: str) -> Judged:
    """Judge the final loss from every initial rate against the best tuned rival."""
    tolerance = found.board.table.tolerance
    own = excess[(excess["entry"] == subject) & excess["use"].isin(["untuned", "decade"])]
    claim = (
        f"From every initial rate, the final loss of {subject} is within {percent(tolerance, 0)} "
        "of its best tuned rival's, on every problem and in every mode."
    )
    within, surely, over, lines, known = 0, 0, 0, [], 0
    for problem, mode in found.places:
        here = own[(own["problem"] == problem) & (own["mode"] == mode)]
        if here.empty or here["excess"].isna().all():
            continue
        known += 1
        worst = here.sort_values("excess", kind="stable", na_position="first").iloc[-1]
        within += bool(worst["excess"] <= tolerance)
        surely += bool((here["excess_high"] <= tolerance).all())
        over += bool(((here["excess_low"] > tolerance) | np.isinf(here["excess"])).any())
        if worst["excess"] > tolerance:
            lines.append(_line(problem, mode, worst, found))
    rates = own["rate"].nunique() + 1
    from_rates = f"from all of its {rates} initial rates" if rates > 1 else "as it is"
    text = (
        f"Within {percent(tolerance, 0)} by the mean {from_rates} in {within} of {known} cases; in "
        f"{surely} of them the 95 % intervals are, too. In {over} of {known} an interval lies "
        f"above {percent(tolerance, 0)}, or a run failed."
    )
    verdict = _verdict(found, known, within)
    return Judged("final_loss", claim, verdict, text, tuple(lines))


def _line(problem: str, mode: str, worst: pd.Series, found: Standings) -> str:
    rate = "its own rate" if math.isnan(worst["rate"]) else f"the rate {worst['rate']:g}"
    if math.isinf(worst["excess"]):
        return f"{problem}, {mode}: {worst['failed']} of {worst['seeds']} runs failed from {rate}."
    of = "of the way" if found.is_energy(problem) else "of its loss"
    low, high = worst["excess_low"], worst["excess_high"]
    interval = "" if math.isnan(low) else f" [{percent(low)}, {percent(high)}]"
    return (
        f"{problem}, {mode}: from {rate} {percent(worst['excess'])}{interval} {of} above "
        f"{worst['rival']}."
    )


def _counted(found: Standings, costs: pd.DataFrame, subject: str) -> Judged:
    """Judge the cost to the reference's loss, with what tuning the reference spent."""
    table = found.board.table
    share, reference = table.share_of_reference, table.reference
    claim = (
        f"With tuning counted, {subject}, untuned, spends at most {share:g} times what tuned "
        f"{reference} spends to reach its loss."
    )
    own = costs[(costs["entry"] == subject) & (costs["use"] == "untuned")]
    counted = _of_ratios(found, own.assign(ratio=own["ratio_counted"]), "counted", claim, share)
    rates = next(len(one.rates) for one in found.board.entries if one.name == reference)
    reached = int(np.isfinite(own["ratio"]).sum())
    if rates < 2:
        return counted
    text = (
        f"{counted.found} Tuning {reference} takes a run at each of {rates} rates, so that whoever "
        f"reaches its loss untuned, within the same budget, spends about 1/{rates} of that or "
        f"less: what is at stake is to reach it, and {reached} of {len(own)} runs did."
    )
    return replace(counted, found=text)


def _against(found: Standings, costs: pd.DataFrame, subject: str, rival: str) -> Judged:
    """Judge the cost to the reference's loss against a rival that has nothing to tune."""
    claim = (
        f"Without tuning, {subject} spends no more than {rival} to reach the loss of tuned "
        f"{found.board.table.reference}; where neither reaches it, they are level."
    )
    ratios = paired_ratio(costs, subject, rival)
    return _of_ratios(found, ratios, f"against_{rival}", claim, 1.0)


def _of_ratios(
    found: Standings, ratios: pd.DataFrame, name: str, claim: str, most: float
) -> Judged:
    """Judge ratios: their median over seeds, case by case, and over all."""
    cases = dict(list(ratios.groupby(["problem", "mode"])))
    kept, lines = 0, []
    for place in found.places:
        if place not in cases:
            continue
        values = cases[place]["ratio"].to_numpy(dtype=float)
        median = float(np.median(values))
        kept += median <= most
        if median > most:
            missed = int(np.isinf(values).sum())
            what = (
                f"not reached on {missed} of {values.size} seeds"
                if math.isinf(median)
                else f"{median:.3g} times as much"
            )
            lines.append(f"{place[0]}, {place[1]}: {what}.")
    value, low, high = _overall(found, ratios)
    text = (
        f"The median ratio over seeds is at most {most:g} in {kept} of {len(cases)} cases; over "
        f"all it is {_number(value)} [{_number(low)}, {_number(high)}]."
    )
    return Judged(name, claim, _verdict(found, len(cases), kept), text, tuple(lines))


def _overall(found: Standings, ratios: pd.DataFrame) -> tuple[float, float, float]:
    """Return the median ratio over problems, modes and seeds with its bootstrap interval."""
    modes = [mode.name for mode in found.board.modes if mode.name in set(ratios["mode"])]
    frame = ratios.assign(entry="subject")
    blocks = Blocks.of(frame, "ratio", ["subject"], modes)
    median: Callable[[np.ndarray], np.ndarray] = lambda values: np.median(values, axis=0)  # noqa: E731
    value, low, high = blocks.interval(median)
    return float(value[0]), float(low[0]), float(high[0])


def _verdict(found: Standings, known: int, kept: int) -> str:
    if kept < known:
        return FAILS
    return HOLDS if known == len(found.places) > 0 else UNKNOWN


def _number(value: float) -> str:
    return "∞" if math.isinf(value) else "–" if math.isnan(value) else f"{value:.3g}"


def said(claims: Sequence[Judged]) -> list[str]:
    """Return claims and what was found, a line each.

    Args:
        claims: The claims.

    Example:
        >>> said([Judged("x", "It is quick.", "holds", "In 2 of 2 cases.")])
        ['Holds: It is quick. In 2 of 2 cases.']
    """
    return [f"{one.verdict.capitalize()}: {one.claim} {one.found}" for one in claims]

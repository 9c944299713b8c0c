"""The tables of a leaderboard's page."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from qnlr.report import Cell, Table
from qnlr.study.leaderboard.standings import ALL, PERCENT, Standings, percent
from qnlr.study.leaderboard.verdicts import HOLDS, Judged
from qnlr.study.stats import Comparison, Interval, share_interval
from qnlr.study.summary import shots_text

USES = {"tuned": "tuned", "untuned": "untuned", "decade": "worst of the decades"}


def judged_table(claims: Sequence[Judged], source: str) -> Table:
    """Return the claims about the subject with their verdicts.

    Args:
        claims: The claims.
        source: The command that repeats it.
    """
    rows = tuple(
        (
            Cell(one.claim),
            Cell(one.verdict, kind="good" if one.verdict == HOLDS else "bad"),
            Cell(one.found, note=" ".join(one.exceptions)),
        )
        for one in claims
    )
    columns = ("claim", "verdict", "what was found")
    return Table("judged", "What is judged", columns, rows, "", source, text_columns=3)


def rank_table(
    means: pd.DataFrame, compared: Sequence[tuple[Comparison, float]], source: str
) -> Table:
    """Return mean ranks, best first, and beside them how the subject compares.

    Args:
        means: What :func:`mean_rank_frame` returned.
        compared: What :func:`rank_comparisons` returned; empty without a subject.
        source: The command that repeats it.
    """
    modes = list(dict.fromkeys(means["mode"]))
    order = list(means[means["mode"] == ALL].sort_values("mean", kind="stable")["entry"])
    order += [name for name in dict.fromkeys(means["entry"]) if name not in order]
    known = means.set_index(["entry", "mode"])
    against = {one.baseline: (one, p) for one, p in compared}
    subject = compared[0][0].label if compared else ""
    rows = []
    for entry in order:
        cells = [Cell(str(entry))]
        for mode in modes:
            if (entry, mode) not in known.index:
                cells.append(Cell("–"))
                continue
            row = known.loc[(entry, mode)]
            interval = Interval(row["mean"], row["low"], row["high"], int(row["problems"]))
            cells.append(Cell(_ends(interval, 2), float(row["mean"])))
        one, p = against.get(str(entry), (None, math.nan))
        cells.append(Cell("–" if one is None else one.difference.text(2)))
        small = "< 0.001" if p < 0.001 else f"{p:.3f}"
        cells.append(Cell("–") if math.isnan(p) else Cell(small, p))
        rows.append(tuple(cells))
    caption = (
        "Mean rank by final training loss at tuned rates, 1 is best, with its 95 % bootstrap "
        "interval over problems and seeds. "
        + (
            f"Beside it the mean difference of {subject}'s rank to the entry's over problems and "
            "modes, with Student's interval, and Wilcoxon's p adjusted by Holm; the modes of a "
            "problem are not independent, so that p is too small rather than too large."
            if subject
            else ""
        )
    )
    columns = ("entry", *modes, "subject − entry", "p (Holm)")
    return Table("ranks", "Mean ranks", columns, tuple(rows), caption, source)


def loss_table(found: Standings, excess: pd.DataFrame, mode: str, source: str) -> Table:
    """Return final losses in a mode: tuned, untuned, and the worst of the decades.

    Args:
        found: What is known.
        excess: What :func:`excesses` returned.
        mode: The mode.
        source: The command that repeats it.
    """
    here = excess[excess["mode"] == mode]
    problems = list(dict.fromkeys(here["problem"]))
    rows = []
    for entry in found.entries:
        for use, text in USES.items():
            own = here[(here["entry"] == entry) & (here["use"] == use)]
            if own.empty:
                continue
            cells = [Cell(entry), Cell(text)]
            for problem in problems:
                cells.append(_loss_cell(own[own["problem"] == problem]))
            rows.append(tuple(cells))
    number = [one.name for one in found.board.modes].index(mode) + 1
    caption = (
        "Mean final training loss with its 95 % interval over seeds, and in brackets the excess "
        "over the best tuned rival of the entry: of its loss, or of energies and cuts of the way "
        "from the initial loss to it. Losses are free of shot noise, unless the method says "
        "whose are not."
    )
    columns = ("entry", "at", *problems)
    title = f"Final loss, {mode}"
    return Table(f"loss_{number}", title, columns, tuple(rows), caption, source, text_columns=2)


def _loss_cell(own: pd.DataFrame) -> Cell:
    if own.empty:
        return Cell("–")
    row = own.sort_values("loss", kind="stable").iloc[-1]
    rate = row["rate"]
    note = "" if math.isnan(rate) else f"at the rate {rate:g}; "
    note += f"{row['seeds']} seeds; the rival is {row['rival']}"
    if math.isinf(row["loss"]):
        return Cell(f"failed on {row['failed']} of {row['seeds']}", math.inf, note, "bad")
    loss = Interval(row["loss"], row["loss_low"], row["loss_high"], row["seeds"]).text(3)
    beside = "" if math.isnan(row["excess"]) else f" ({PERCENT * row['excess']:+.1f} %)"
    return Cell(loss + beside, float(row["loss"]), note)


def cost_table(
    found: Standings, costs: pd.DataFrame, intervals: pd.DataFrame, source: str
) -> Table:
    """Return what entries spend to reach the tuned reference's loss, over all modes.

    Args:
        found: What is known.
        costs: What :func:`costs_frame` returned.
        intervals: What :func:`cost_intervals` returned.
        source: The command that repeats it.
    """
    ways = list(dict.fromkeys(intervals["way"]))
    whole = intervals[intervals["mode"] == ALL].set_index(["entry", "way"])
    rows = []
    for entry in found.entries:
        cells = [Cell(entry)]
        for way in ways:
            cells.append(
                _ratio_cell(whole.loc[(entry, way)]) if (entry, way) in whole.index else Cell("–")
            )
        for use in ("tuned", "untuned"):
            own = costs[(costs["entry"] == entry) & (costs["use"] == use)]
            share = share_interval(int(np.isfinite(own["cost"]).sum()), len(own))
            cells.append(Cell(share.text(2), share.mean))
        rows.append(tuple(cells))
    caption = (
        f"Ratio to what tuned {found.board.table.reference} spends until its own final loss, up to "
        f"{percent(found.board.table.tolerance, 0)}: median with its 95 % bootstrap interval over "
        "problems and seeds; and the share of runs that reach it, with Wilson's interval. Tuning "
        "counts one run for each rate."
    )
    columns = ("entry", *ways, "reached, tuned", "reached, untuned")
    return Table("costs", "Cost to the reference's loss", columns, tuple(rows), caption, source)


def rate_table(found: Standings, source: str) -> Table:
    """Return tuned rates, and what tuning has spent.

    Args:
        found: What is known.
        source: The command that repeats it.
    """
    runs = found.runs
    tuned = runs[(runs["use"] == "tuned") & runs["rate"].notna()]
    spent = runs[runs["use"] == "tuning"].groupby(["entry", "problem", "mode"])["spent"].sum()
    places = found.places
    rows = []
    for entry in dict.fromkeys(tuned["entry"]):
        cells = [Cell(str(entry))]
        for problem, mode in places:
            own = tuned[
                (tuned["entry"] == entry) & (tuned["problem"] == problem) & (tuned["mode"] == mode)
            ]
            if own.empty:
                cells.append(Cell("–"))
                continue
            rate = float(own["rate"].iloc[0])
            note = f"tuning spent {shots_text(spent.get((entry, problem, mode), math.nan))}"
            cells.append(Cell(f"{rate:g}", rate, note))
        rows.append(tuple(cells))
    seeds = ", ".join(map(str, found.board.table.tuning_seeds))
    caption = f"The rate with the lowest mean final training loss on the seeds {seeds}."
    columns = ("entry", *(f"{problem}, {mode}" for problem, mode in places))
    return Table("rates", "Tuned rates", columns, tuple(rows), caption, source)


def _ratio_cell(row: pd.Series) -> Cell:
    if math.isnan(row["mean"]):
        return Cell("–")
    interval = Interval(row["mean"], row["low"], row["high"], 2)
    return Cell(_ends(interval, 3), float(row["mean"]))


def _ends(interval: Interval, digits: int) -> str:
    """Return value and both ends; percentile intervals are not symmetric."""
    texts = [
        "∞" if math.isinf(value) else f"{value:.{digits}f}"
        for value in (interval.mean, interval.low, interval.high)
    ]
    return f"{texts[0]} [{texts[1]}, {texts[2]}]"

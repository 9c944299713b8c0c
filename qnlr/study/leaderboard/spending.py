"""What entries spent of their budgets: a cap on steps may stop a run before its budget does."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from qnlr.report import Cell, Table
from qnlr.study.leaderboard.standings import Standings, percent

WHOLE = 0.95
"""The share of a budget from which on it counts as spent: a last step may not fit into it."""


def spending(found: Standings) -> pd.DataFrame:
    """Return what the tuned runs of each entry spent in each mode.

    Args:
        found: What is known.

    Returns:
        A row for each entry and mode: means over problems and seeds of the ``share`` of the budget
        that was spent and of ``steps``; the ``least`` share of a run; how many ``runs`` there are,
        and how many of them were ``capped``: stopped by the cap on steps with less than 95 % of
        the budget spent.
    """
    tuned = found.runs[found.runs["use"] == "tuned"]
    caps = {entry.name: found.board.most_steps(entry) for entry in found.board.entries}
    share = tuned["spent"] / tuned["budget"]
    capped = (tuned["steps"] >= tuned["entry"].map(caps)) & (share < WHOLE)
    return (
        tuned.assign(share=share, capped=capped)
        .groupby(["entry", "mode"], sort=False)
        .agg(
            share=("share", "mean"),
            steps=("steps", "mean"),
            least=("share", "min"),
            runs=("share", "size"),
            capped=("capped", "sum"),
        )
        .reset_index()
    )


def spending_table(found: Standings, spent: pd.DataFrame, source: str) -> Table:
    """Return what entries spent, mode by mode.

    Args:
        found: What is known.
        spent: What :func:`spending` returned.
        source: The command that repeats it.
    """
    modes = [mode.name for mode in found.board.modes if mode.name in set(spent["mode"])]
    known = {(row["entry"], row["mode"]): row for row in spent.to_dict("records")}
    rows = []
    for entry in found.entries:
        cells = [Cell(entry)]
        for mode in modes:
            row = known.get((entry, mode))
            if row is None or math.isnan(row["share"]):
                cells.append(Cell("–"))
                continue
            note = f"{row['runs']:.0f} runs; least {percent(row['least'], 0)}"
            if row["capped"]:
                note += f"; {row['capped']:.0f} stopped by the cap on steps"
            kind = "bad" if row["capped"] else ""
            text = f"{percent(row['share'], 0)}, {row['steps']:.0f} steps"
            cells.append(Cell(text, float(row["share"]), note, kind))
        rows.append(tuple(cells))
    caption = (
        "Mean share of the budget that tuned runs spent, and their mean number of steps, over "
        "problems and seeds."
    )
    return Table("spent", "What was spent", ("entry", *modes), tuple(rows), caption, source)


def capped_sentences(found: Standings, spent: pd.DataFrame) -> Sequence[str]:
    """Return a sentence that names the entries that the cap on steps stopped early, if any.

    Args:
        found: What is known.
        spent: What :func:`spending` returned.
    """
    named = []
    for entry in found.entries:
        own = spent[(spent["entry"] == entry) & (spent["capped"] > 0)]
        if not own.empty:
            whole = spent.loc[spent["entry"] == entry, "runs"].sum()
            named.append(f"{entry} ({own['capped'].sum()} of {whole} tuned runs)")
    if not named:
        return ()
    return (
        f"The cap on steps stopped these below {percent(WHOLE, 0)} of the budget, so that they "
        f"spent less than others: {', '.join(named)}.",
    )

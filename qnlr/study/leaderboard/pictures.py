"""The figures of a leaderboard's page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qnlr.intervals import mean_interval
from qnlr.report import Figure
from qnlr.study.figures import against_axis, dots, save, svg_text
from qnlr.study.leaderboard.ranks import Blocks
from qnlr.study.leaderboard.standings import ALL, PERCENT, Standings, percent

if TYPE_CHECKING:
    from qnlr.study.figures.saving import Figure as Drawing

FORMATS = ("png", "pdf")
ENOUGH = 3
"""Problems from which on an interval over them is narrower than the panel it would be drawn in."""


def drawn(name: str, title: str, caption: str, drawing: Drawing, folder: Path) -> Figure:
    """Return a figure for a document, with its PNG and PDF files.

    Args:
        name: Stem of its files.
        title: What it shows.
        caption: What has to be known to read it.
        drawing: The figure.
        folder: Where the files are made.
    """
    files = tuple(save(drawing, folder, name, FORMATS))
    return Figure(name, title, caption, svg_text(drawing), files)


def rank_figure(means: pd.DataFrame, folder: Path) -> Figure:
    """Draw the mean rank of each entry, over all modes and in each.

    Args:
        means: What :func:`mean_rank_frame` returned.
        folder: Where files are made.
    """
    order = means[means["mode"] == ALL].sort_values("mean")["entry"]
    others = [name for name in dict.fromkeys(means["entry"]) if name not in set(order)]
    frame = means.set_index("entry").loc[[*order, *others]].reset_index()
    frame = frame.rename(columns={"entry": "method"}).assign(panel="")
    drawing = dots(
        frame, "mean rank, 1 is best", "mean and 95 % bootstrap interval over problems and seeds"
    )
    caption = (
        "Each entry at its tuned rate, ranked by final training loss on each problem, mode and "
        "seed; runs that diverged or failed share the last ranks. Intervals resample problems, "
        "and seeds within them."
    )
    return drawn("mean_ranks", "Mean rank", caption, drawing, folder)


def excess_figure(found: Standings, excess: pd.DataFrame, folder: Path) -> Figure:
    """Draw the final loss of each tuned entry relative to its best tuned rival.

    Args:
        found: What is known.
        excess: What :func:`excesses` returned.
        folder: Where files are made.
    """
    tuned = excess[(excess["use"] == "tuned") & excess["excess"].notna()]
    frame = pd.DataFrame(
        {
            "panel": tuned["problem"],
            "mode": tuned["mode"],
            "method": tuned["entry"],
            "mean": PERCENT * tuned["excess"],
            "low": PERCENT * tuned["excess_low"],
            "high": PERCENT * tuned["excess_high"],
        }
    )
    tolerance = PERCENT * found.board.table.tolerance
    drawing = dots(
        frame,
        "final loss above the best tuned rival's, %",
        "mean and 95 % interval over paired seeds",
        line=tolerance,
        scale="symlog",
        linear_below=tolerance,
    )
    caption = (
        f"Each entry at its tuned rate. The dashed line is {tolerance:g} %, up to which the scale "
        "is linear. The excess is relative to the rival's loss, and of energies and cuts to the "
        "way from the initial loss to it. Triangles: a run diverged or failed."
    )
    return drawn("excess", "Final loss beside the best tuned rival", caption, drawing, folder)


def rates_figure(excess: pd.DataFrame, folder: Path) -> Figure | None:
    """Draw what is lost from initial rates over decades, entry by entry.

    Args:
        excess: What :func:`excesses` returned.
        folder: Where files are made.

    Returns:
        The figure, or None if no entry has an initial rate.
    """
    decades = excess[(excess["use"] == "decade") & (excess["way"].notna())]
    rows = []
    for (mode, entry, rate), own in decades.groupby(["mode", "entry", "rate"], sort=False):
        lost = PERCENT * np.clip(own["way"].to_numpy(dtype=float), None, 1.0)
        interval = mean_interval(lost)
        enough = len(lost) >= ENOUGH
        rows.append(
            {"method": mode, "mode": entry, "x": rate, "mean": interval.mean}
            | {"low": interval.low if enough else np.nan}
            | {"high": min(interval.high, PERCENT) if enough else np.nan}
        )
    if not rows:
        return None
    drawing = against_axis(
        pd.DataFrame(rows),
        "initial rate",
        "share of the way not gone, %",
        log_x=True,
        log_y=False,
        of_what="mean and 95 % interval over problems",
    )
    caption = (
        "Share of the way from the initial loss to the best tuned rival's that was not gone at the "
        "end: mean over problems with its 95 % interval, a panel for each entry; of two problems "
        "there is no interval. A problem on which a run diverged or failed, or whose mean ended "
        "above where it began, counts as 100 %."
    )
    return drawn("initial_rates", "From initial rates over decades", caption, drawing, folder)


WAYS = {
    "tuned, tuning counted": ("tuned", "ratio_counted"),
    "untuned, with the reference's tuning counted": ("untuned", "ratio_counted"),
    "tuned, tuning not counted": ("tuned", "ratio"),
    "untuned, tuning not counted": ("untuned", "ratio"),
}


def cost_intervals(found: Standings, costs: pd.DataFrame) -> pd.DataFrame:
    """Return the median ratio of costs to the target, with intervals, mode by mode.

    Args:
        found: What is known.
        costs: What :func:`costs_frame` returned.

    Returns:
        Rows with ``entry``, ``mode`` (``"all modes"`` first), ``way`` (what is counted), ``mean``
        (the median), ``low`` and ``high``.
    """
    rows = []
    for name, chosen in found.groups.items():
        for way, (use, column) in WAYS.items():
            own = costs[(costs["use"] == use) & costs["mode"].isin(chosen)]
            entries = [entry for entry in found.entries_in(chosen) if entry in set(own["entry"])]
            ends: dict[str, dict[str, float]] = {}
            for seeds, alike in _by_seeds(found, entries, use).items():
                some = own[own["entry"].isin(alike) & own["seed"].isin(seeds)]
                blocks = Blocks.of(some, column, alike, chosen)
                all_three = blocks.interval(lambda values: np.median(values, axis=0))
                for entry, (value, low, high) in zip(alike, np.transpose(all_three), strict=True):
                    ends[entry] = {"mean": value, "low": low, "high": high}
            rows += [{"entry": entry, "mode": name, "way": way, **ends[entry]} for entry in entries]
    return pd.DataFrame(rows, columns=["entry", "mode", "way", "mean", "low", "high"])


def _by_seeds(
    found: Standings, entries: Sequence[str], use: str
) -> dict[tuple[int, ...], list[str]]:
    """Return entries by the seeds that they have everywhere: one that is tuned has few untuned."""
    known = {entry.name: entry for entry in found.board.entries}
    alike: dict[tuple[int, ...], list[str]] = {}
    for name in entries:
        tunable = known[name].sweep is not None and known[name].rates
        few = known[name].decade_seeds if use == "untuned" and tunable else None
        alike.setdefault(found.board.seeds[:few], []).append(name)
    return alike


def cost_figure(found: Standings, intervals: pd.DataFrame, folder: Path) -> Figure | None:
    """Draw what entries spend to reach the tuned reference's loss, as a ratio to it.

    Args:
        found: What is known.
        intervals: What :func:`cost_intervals` returned.
        folder: Where files are made.

    Returns:
        The figure, or None if nothing is known.
    """
    known = intervals[intervals["mean"].notna()]
    if known.empty:
        return None
    frame = known.rename(columns={"entry": "method", "mode": "panel", "way": "mode"})
    drawing = dots(
        frame,
        f"cost to the target, as a ratio to tuned {found.board.table.reference}",
        "median and 95 % bootstrap interval over problems and seeds",
        line=1.0,
        scale="log",
    )
    caption = (
        f"Cost until the loss of tuned {found.board.table.reference} on the same problem, mode and "
        f"seed is reached, up to {percent(found.board.table.tolerance, 0)}; shots, or circuits "
        "where values are exact. Tuning counts one run for each rate. Triangles: half of the runs "
        "or more do not reach it."
    )
    return drawn("cost_to_target", "Cost to the reference's loss", caption, drawing, folder)

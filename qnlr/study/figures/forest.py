"""Paired differences to a baseline, method by method."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from qnlr.study.figures.rows import banded, mode_handles, named_rows
from qnlr.study.figures.style import (
    WIDTH,
    Look,
    arranged,
    legend,
    looks,
    require_columns,
    settled,
    styled,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FAR = 25.0  # a panel whose largest value is so many medians away is logarithmic


def forest(frame: pd.DataFrame, xlabel: str) -> Figure:
    """Draw paired differences to a baseline with their intervals: left of 0 is better.

    Every panel has an x axis of its own. It is logarithmic on both sides of 0 where one value is
    so far out that the others could not be told apart. A marker is filled where the interval
    leaves out 0.

    Args:
        frame: One row for each difference: ``panel`` (such as the dataset), ``mode``, ``method``,
            ``mean``, and ``low`` and ``high``, the ends of its 95 % interval (NaN for a single
            pair).
        xlabel: What differs, from what, with its unit; lower is better.

    Returns:
        The figure.

    Raises:
        InputError: If there are no rows, or a column is missing.

    Example:
        >>> frame = pd.DataFrame({
        ...     "panel": "gaussian", "mode": "exact", "method": ["nlr", "adam"],
        ...     "mean": [0.2, -0.3], "low": [0.1, -0.4], "high": [0.3, -0.2],
        ... })
        >>> axes = forest(frame, "training loss, difference to SGD").axes[0]
        >>> [text.get_text() for text in axes.get_yticklabels()]
        ['nlr', 'adam']
    """
    from matplotlib.figure import Figure

    require_columns(frame, ["panel", "mode", "method", "mean", "low", "high"])
    panels = list(dict.fromkeys(frame["panel"]))
    methods = list(dict.fromkeys(frame["method"]))
    modes = looks(frame["mode"])
    down, across = arranged(len(panels))
    high = 0.75 + max(0.8, len(methods) * max(0.2, 0.115 * len(modes)))
    with styled():
        figure = Figure(figsize=(WIDTH, 0.2 + high * down), layout="constrained")
        grid = figure.subplots(down, across, squeeze=False, sharey=True)
        for axes, panel in zip(grid.flat, panels, strict=False):
            rows = frame[frame["panel"] == panel]
            tidy(axes, panel, across, "x")
            _rows(axes, rows, methods, modes)
            _range(axes, rows)
            _directions(axes)
        for axes in list(grid.flat)[len(panels) :]:
            axes.set_visible(False)
        named_rows(grid[0, 0], methods)
        figure.supxlabel(xlabel, fontsize=9)
        title = "mean and 95 % interval over seeds; filled where it leaves out 0"
        legend(figure, mode_handles(modes), title, "upper")
        return settled(figure)


def _rows(axes: Axes, rows: pd.DataFrame, methods: list[str], modes: dict[str, Look]) -> None:
    banded(axes, len(methods))
    axes.axvline(0.0, color="black", linewidth=0.9, zorder=1.5)
    for number, (mode, look) in enumerate(modes.items()):
        shift = 0.62 * ((number + 0.5) / len(modes) - 0.5)
        of_mode = rows[rows["mode"] == mode]
        for method, mean, low, high in of_mode[["method", "mean", "low", "high"]].to_numpy():
            at = methods.index(method) + shift
            clear = not low <= 0 <= high and np.isfinite(high - low)
            axes.hlines(at, low, high, color=look.color, linewidth=1.4)
            axes.plot(
                mean,
                at,
                color=look.color,
                marker=look.marker,
                markersize=4.2,
                markerfacecolor=look.color if clear else "white",
                linestyle="none",
            )


def _range(axes: Axes, rows: pd.DataFrame) -> None:
    """Show every end, with room for words on both sides of 0."""
    values = rows[["mean", "low", "high"]].to_numpy(dtype=float)
    values = values[np.isfinite(values)]
    sizes = np.abs(values[values != 0])
    if not sizes.size:
        axes.set_xlim(-1.0, 1.0)
        return
    far = sizes.max() > FAR * np.median(sizes)
    if far:
        axes.set_xscale("symlog", linthresh=10.0 ** np.floor(np.log10(np.median(sizes))))
        axes.set_title(f"{axes.get_title(loc='left')} (log scale)")
    transform = axes.xaxis.get_transform()
    left, right = transform.transform(np.array([min(values.min(), 0.0), max(values.max(), 0.0)]))
    room = 0.5 * max(-left, right)
    ends = np.array([min(left, -room), max(right, room)])
    axes.set_xlim(*transform.inverted().transform(ends + np.ptp(ends) * np.array([-0.05, 0.05])))
    if far:
        _decades(axes)
    else:
        axes.locator_params(axis="x", nbins=4)


def _decades(axes: Axes) -> None:
    """Label 0 and the outermost power of ten on each side, and mark those between."""
    transform: Any = axes.xaxis.get_transform()
    ends = axes.get_xlim()
    least = float(np.log10(transform.linthresh))
    ticks = []
    for sign, end in zip((-1, 1), ends, strict=True):
        powers = np.arange(least, np.log10(abs(end)) + 1e-9)
        ticks.append(sign * 10.0**powers)
    axes.set_xticks(np.concatenate(ticks), minor=True)
    axes.tick_params(axis="x", which="minor", length=2)
    span = np.ptp(transform.transform(np.array(ends)))
    outer = [float(side[-1]) for side in ticks if side.size]
    labelled = [at for at in outer if abs(transform.transform(np.array([at]))[0]) > 0.15 * span]
    shown = sorted([0.0, *labelled])
    axes.set_xticks(shown, [f"{at:g}".replace("-", "−") for at in shown])
    axes.xaxis.set_minor_formatter("")


def _directions(axes: Axes) -> None:
    where: dict[str, Any] = {
        "xy": (0.0, 0.0),
        "xycoords": axes.get_xaxis_transform(),
        "textcoords": "offset points",
        "va": "top",
        "color": "#444444",
    }
    axes.annotate("better ←", xytext=(-2, -17), ha="right", **where)
    axes.annotate("→ worse", xytext=(2, -17), ha="left", **where)

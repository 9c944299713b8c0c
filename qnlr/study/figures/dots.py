"""Values of methods as dots on one scale, panel by panel: ranks, ratios, differences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

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

Scale = Literal["linear", "log", "symlog"]
APART = 0.5  # least distance of labels, in their heights


def dots(
    frame: pd.DataFrame,
    xlabel: str,
    legend_title: str,
    *,
    line: float | None = None,
    scale: Scale = "linear",
    linear_below: float = 1.0,
) -> Figure:
    """Draw a value of every method with its interval; lower is better, methods from top to bottom.

    A value that is infinite is an open triangle at the right edge of its panel. All panels share
    their scale.

    Args:
        frame: One row for each value: ``panel``, ``mode``, ``method``, ``mean``, and ``low`` and
            ``high``, the ends of its interval (NaN for none).
        xlabel: What the values are, with their unit.
        legend_title: What the dots and lines are.
        line: Where a dashed line is drawn, or None.
        scale: ``"linear"``, ``"log"``, or ``"symlog"``: logarithmic on both sides of 0.
        linear_below: Up to which size ``"symlog"`` is linear, > 0.

    Returns:
        The figure.

    Raises:
        InputError: If there are no rows, or a column is missing.

    Example:
        >>> frame = pd.DataFrame({
        ...     "panel": "", "mode": "exact", "method": ["adam", "sgd"],
        ...     "mean": [1.2, np.inf], "low": [1.0, np.nan], "high": [1.5, np.nan],
        ... })
        >>> axes = dots(frame, "mean rank", "mean and interval").axes[0]
        >>> [text.get_text() for text in axes.get_yticklabels()]
        ['adam', 'sgd']
    """
    from matplotlib.figure import Figure

    require_columns(frame, ["panel", "mode", "method", "mean", "low", "high"])
    panels = list(dict.fromkeys(frame["panel"]))
    methods = list(dict.fromkeys(frame["method"]))
    modes = looks(frame["mode"])
    down, across = arranged(len(panels))
    high = 0.6 + max(0.6, len(methods) * max(0.17, 0.075 * len(modes)))
    with styled():
        figure = Figure(figsize=(WIDTH, 0.2 + high * down), layout="constrained")
        grid = figure.subplots(down, across, squeeze=False, sharey=True, sharex=True)
        _scale(grid[0, 0], frame, scale, linear_below)
        edge = _limits(grid[0, 0], frame, line)
        for number, axes in enumerate(grid.flat):
            axes.set_visible(number < len(panels))
            axes.tick_params(labelbottom=number + across >= len(panels))
        for axes, panel in zip(grid.flat, panels, strict=False):
            tidy(axes, str(panel), across, "x")
            if line is not None:
                axes.axvline(line, color="black", linewidth=0.9, linestyle="--", zorder=1.5)
            _rows(axes, frame[frame["panel"] == panel], methods, modes, edge)
        named_rows(grid[0, 0], methods)
        figure.supxlabel(xlabel, fontsize=9)
        legend(figure, mode_handles(modes), legend_title, "upper")
        settled(figure)
        if grid[0, 0].get_xscale() == "symlog":
            _thinned(grid[0, 0], next(axes for axes in grid.flat[::-1] if axes.get_visible()))
        return figure


def _rows(
    axes: Axes, rows: pd.DataFrame, methods: list[str], modes: dict[str, Look], edge: float
) -> None:
    banded(axes, len(methods))
    for number, (mode, look) in enumerate(modes.items()):
        shift = 0.7 * ((number + 0.5) / len(modes) - 0.5)
        of_mode = rows[rows["mode"] == mode]
        for method, mean, low, high in of_mode[["method", "mean", "low", "high"]].to_numpy():
            at = methods.index(method) + shift
            outside = np.isposinf(mean)
            kind: dict[str, Any] = (
                {"marker": ">", "markerfacecolor": "white", "clip_on": False}
                if outside
                else {"marker": look.marker}
            )
            if np.isfinite(low):
                axes.hlines(at, low, min(high, edge), color=look.color, linewidth=1.2)
            axes.plot(
                edge if outside else mean,
                at,
                color=look.color,
                markersize=3.8,
                linestyle="none",
                **kind,
            )


def _scale(axes: Axes, frame: pd.DataFrame, scale: Scale, linear_below: float) -> None:
    means = frame["mean"].to_numpy(dtype=float)
    if scale == "symlog":
        axes.set_xscale("symlog", linthresh=linear_below)
    elif scale == "log" and (means[np.isfinite(means)] > 0).any():
        axes.set_xscale("log")


def _limits(axes: Axes, frame: pd.DataFrame, line: float | None) -> float:
    """Show everything that is finite; return the right edge."""
    values = frame[["mean", "low", "high"]].to_numpy(dtype=float)
    seen = np.append(values[np.isfinite(values)], [] if line is None else [line])
    if axes.get_xscale() == "log":
        seen = seen[seen > 0]
    if not seen.size:
        seen = np.array([1.0])
    transform = axes.xaxis.get_transform()
    ends = transform.transform(np.array([seen.min(), seen.max()]))
    room = 0.06 * (float(np.ptp(ends)) or 1.0)
    left, right = transform.inverted().transform(ends + np.array([-room, room]))
    axes.set_xlim(float(left), float(right))
    if axes.get_xscale() == "symlog":
        _ticks(axes)
    return float(right)


def _thinned(axes: Axes, lowest: Axes) -> None:
    """Leave out labels that meet others as they were drawn, never 0; all panels share them."""
    kept: list[tuple[float, str, Any]] = []
    labels = zip(lowest.get_xticks(), lowest.get_xticklabels(), strict=True)
    for at, label in sorted(labels, key=lambda one: abs(one[0])):
        box = label.get_window_extent()
        room = APART * box.height
        if all(box.x0 > other.x1 + room or box.x1 + room < other.x0 for *_, other in kept):
            kept.append((at, label.get_text(), box))
    kept.sort(key=lambda one: one[0])
    axes.set_xticks([at for at, *_ in kept], [text for _, text, _ in kept])


def _ticks(axes: Axes) -> None:
    """Label 0 and powers of ten where the scale is logarithmic."""
    transform: Any = axes.xaxis.get_transform()
    left, right = axes.get_xlim()
    powers = 10.0 ** np.arange(np.floor(np.log10(transform.linthresh)) + 1, 12)
    ticks = [at for at in (*-powers[::-1], 0.0, *powers) if left <= at <= right]
    axes.set_xticks(ticks, [f"{at:g}".replace("-", "−") for at in ticks])
    axes.set_xticks([], minor=True)

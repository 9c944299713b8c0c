"""A result against one axis of a study, such as the noise rate or the dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from qnlr.errors import InputError
from qnlr.study.figures.places import categories, numeric_ticks, scaled, shifted, spread
from qnlr.study.figures.style import (
    PAPER,
    WIDTH,
    Look,
    Style,
    arranged,
    legend,
    logarithmic,
    looks,
    outer_labels,
    require_columns,
    settled,
    styled,
    tidy,
)
from qnlr.types import FloatArray

CROWDED = 24  # categories times methods, for which a panel takes the whole width

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def against_axis(
    frame: pd.DataFrame,
    xlabel: str,
    ylabel: str,
    log_x: bool = False,
    log_y: bool = True,
    categorical: bool = False,
    of_what: str = "mean and 95 % interval over seeds",
) -> Figure:
    """Draw a result of every method against one axis of a study, one panel for each mode.

    Methods stand side by side at each x, so that no interval hides another. Numbers are joined by
    lines, categories are not. A logarithmic axis is linear around 0 if a mean, or an x, is not
    positive; an interval that reaches 0 or below leaves a logarithmic panel through its bottom.

    Args:
        frame: One row for each method, mode and x: ``method``, ``mode``, ``x``, ``mean``, and
            ``low`` and ``high``, the ends of its 95 % interval over seeds (NaN for a single seed).
            A column ``paper`` has the values that the paper gives, NaN where it gives none.
        xlabel: What x is, with its unit.
        ylabel: What was measured, with its unit.
        log_x: Whether x is logarithmic.
        log_y: Whether y is logarithmic.
        categorical: Whether x are names, shown in the order in which they are first seen.
        of_what: What markers and intervals are, for the legend.

    Returns:
        The figure.

    Raises:
        InputError: If there are no rows, a column is missing, or x are names but not categorical.

    Example:
        >>> frame = pd.DataFrame({
        ...     "method": ["sgd", "nlr"] * 2, "mode": "exact", "x": [1, 1, 5, 5],
        ...     "mean": [0.5, 0.6, 0.3, 0.4], "low": 0.2, "high": 0.7,
        ... })
        >>> figure = against_axis(frame, "layers L", "training loss")
        >>> [axes.get_title(loc="left") for axes in figure.axes]
        ['exact']
    """
    from matplotlib.figure import Figure

    require_columns(frame, ["method", "mode", "x", "mean", "low", "high"])
    frame = frame.assign(paper=frame.get("paper", np.nan))
    names = list(dict.fromkeys(frame["x"]))
    if not categorical and not pd.api.types.is_numeric_dtype(frame["x"]):
        raise InputError(f"x = {names[0]!r} is no number; pass categorical=True to draw names")
    if categorical:
        frame = frame.assign(x=frame["x"].map({name: at for at, name in enumerate(names)}))
    modes = list(dict.fromkeys(frame["mode"]))
    methods = looks(frame["method"])
    crowded = categorical and len(names) * len(methods) > CROWDED
    down, across = (len(modes), 1) if crowded else arranged(len(modes))
    with styled():
        figure = Figure(figsize=(WIDTH, 0.4 + 2.0 * down), layout="constrained")
        grid = figure.subplots(down, across, squeeze=False, sharex=True, sharey=True)
        first: Axes = grid[0, 0]
        if log_x and not categorical:
            logarithmic(first, "x", frame["x"])
        if log_y:
            logarithmic(first, "y", pd.concat([frame["mean"], frame["paper"]]))
        apart = spread(first, frame["x"], len(methods), categorical)
        _limits(first, frame, apart)
        for axes, mode in zip(grid.flat, modes, strict=False):
            tidy(axes, mode, across, "y" if categorical else "both")
            for number, (method, look) in enumerate(methods.items()):
                rows = frame[(frame["mode"] == mode) & (frame["method"] == method)]
                rows = rows.sort_values("x", kind="stable")
                shift = apart * (number / (len(methods) - 1) - 0.5) if len(methods) > 1 else 0.0
                places = shifted(axes, rows["x"], shift)
                _series(axes, rows, places, look, joined=not categorical)
        if categorical:
            categories(grid, [str(name) for name in names])
        else:
            numeric_ticks(first, frame["x"], across)
        outer_labels(grid, len(modes), xlabel, ylabel)
        _legend(figure, frame, methods, of_what, joined=not categorical)
        return settled(figure)


def _series(
    axes: Axes, rows: pd.DataFrame, places: FloatArray, look: Look, *, joined: bool
) -> None:
    """Draw the means of a method with their intervals, and what the paper gives."""
    mean, low, high = (rows[name].to_numpy(dtype=float) for name in ("mean", "low", "high"))
    if np.isfinite(rows["paper"].to_numpy(dtype=float)).any():
        style = look.linestyle if joined else "none"
        outline: dict[str, Any] = {"markeredgecolor": look.color, "markeredgewidth": 0.9}
        axes.plot(places, rows["paper"], **PAPER, **outline, linestyle=style, zorder=3)
    if not np.isfinite(mean).any():
        return
    axes.plot(
        places,
        mean,
        color=look.color,
        linestyle=look.linestyle if joined else "none",
        marker=look.marker,
        markersize=4.5,
        linewidth=1.5,
    )
    if axes.get_yscale() == "log":
        low = np.maximum(low, 1e-9 * axes.get_ylim()[0])  # a logarithm has to have a place
    axes.errorbar(
        places,
        (low + high) / 2,
        (high - low) / 2,
        fmt="none",
        ecolor=look.color,
        elinewidth=1.0,
        capsize=2.0,
    )


def _limits(axes: Axes, frame: pd.DataFrame, spread: float) -> None:
    """Leave room at the sides, and cut a logarithmic panel below the lowest end above 0."""
    places = scaled(axes, frame["x"])
    margin = spread / 2 + 0.05 * float(np.ptp(places))
    back = axes.xaxis.get_transform().inverted()
    axes.set_xlim(*back.transform(np.array([places.min() - margin, places.max() + margin])))
    if axes.get_yscale() == "log":
        seen = frame[["mean", "low", "high", "paper"]].to_numpy(dtype=float)
        seen = seen[np.isfinite(seen) & (seen > 0)]
        axes.set_ylim(float(seen.min()) / 1.25, float(seen.max()) * 1.25)


def _legend(
    figure: Figure, frame: pd.DataFrame, methods: dict[str, Look], of_what: str, *, joined: bool
) -> None:
    from matplotlib.lines import Line2D

    def line(label: str, style: Style, **look: Any) -> Line2D:
        return Line2D([], [], label=label, linestyle=style if joined else "none", **look)

    handles = [
        line(name, look.linestyle, color=look.color, marker=look.marker, markersize=4.5)
        for name, look in methods.items()
    ]
    given = frame.loc[frame["paper"].notna(), "method"].unique()
    if given.size:
        several = " (outlined in the method's colour)" if given.size > 1 else ""
        style: Style = "-" if given.size > 1 else methods[given[0]].linestyle
        handles.append(line("paper" + several, style, **PAPER))
    spread = frame["low"].notna().any()
    legend(figure, handles, of_what if spread else "")

"""Values over two axes: heat maps and surfaces, with a path or a rectangle on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from qnlr.diagnostics.findings import Map
from qnlr.study.figures.style import LEAST, SMALL, legend, settled, styled, wrapped
from qnlr.types import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FEW = 12  # values of an axis, up to which each is labelled
SHORT = 5  # characters of a number, up to which so many stand side by side
BAD = "#bbbbbb"


def draw_map(drawing: Map) -> Figure:
    """Draw values over two axes.

    Args:
        drawing: What to draw. Places of the grid without a value are grey.

    Returns:
        The figure.

    Example:
        >>> frame = pd.DataFrame({"a": [0, 0, 1, 1], "b": [0, 1, 0, 1], "loss": [1, 2, 3, 4.0]})
        >>> figure = draw_map(Map(frame, "a", "b", "loss", "θ₁", "θ₂", "loss"))
        >>> [axes.get_ylabel() for axes in figure.axes]
        ['θ₂', 'loss']
    """
    from matplotlib.figure import Figure

    wide = drawing.frame.pivot_table(
        index=drawing.y,
        columns=drawing.x,
        values=drawing.value,
        aggfunc="mean",
        sort=False,
        dropna=False,
    )
    wide = _sorted(_sorted(wide).T).T
    with styled():
        figure = Figure(figsize=(4.9, 3.7), layout="constrained")
        if not np.isfinite(wide.to_numpy(dtype=float)).any():
            _nothing(figure.add_subplot(), drawing)
        elif drawing.surface:
            _surface(figure.add_subplot(projection="3d"), wide, drawing)
        else:
            _heat(figure, figure.add_subplot(), wide, drawing)
        if drawing.path is not None and len(drawing.path):
            _path_legend(figure)
        return settled(figure)


def _sorted(wide: pd.DataFrame) -> pd.DataFrame:
    return wide.sort_index() if pd.api.types.is_numeric_dtype(wide.index) else wide


def _nothing(axes: Axes, drawing: Map) -> None:
    axes.set_title(drawing.title)
    axes.set(xlabel=drawing.xlabel, ylabel=drawing.ylabel, xticks=[], yticks=[])
    axes.text(0.5, 0.5, "no values", ha="center", va="center", transform=axes.transAxes)


def _heat(figure: Figure, axes: Axes, wide: pd.DataFrame, drawing: Map) -> None:
    from matplotlib.patches import Rectangle

    values = wide.to_numpy(dtype=float)
    free = drawing.path is None and drawing.box is None
    x, y = (_spaced(axis) if free else _places(axis) for axis in (wide.columns, wide.index))
    norm = _norm(values, drawing.log)
    axes.set_facecolor(BAD)
    mesh = axes.pcolormesh(
        _edges(x),
        _edges(y),
        np.ma.masked_invalid(values),
        cmap="viridis" if norm.vmin is None or norm.vmin >= 0 else "RdBu_r",
        norm=norm,
        rasterized=values.size > 400,  # polygons would make a file of megabytes
    )
    if drawing.box is not None:
        left, right, low, high = drawing.box
        for colour, width in (("black", 2.8), ("white", 1.4)):
            axes.add_patch(
                Rectangle(
                    (left, low),
                    right - left,
                    high - low,
                    edgecolor=colour,
                    facecolor="none",
                    lw=width,
                )
            )
    if drawing.path is not None and len(drawing.path):
        _path(axes, drawing.path[drawing.x], drawing.path[drawing.y])
    axes.set_title(wrapped(drawing.title, 1 if len(drawing.title) < 60 else 2))
    axes.set_xlabel(drawing.xlabel)
    axes.set_ylabel(drawing.ylabel)
    axes.tick_params(labelsize=SMALL, length=3)
    _ticks(axes.xaxis, wide.columns, x)
    _ticks(axes.yaxis, wide.index, y)
    if _alike(wide.columns, wide.index, x, y):
        axes.set_aspect("equal")
    figure.colorbar(mesh, ax=axes, label=drawing.label)


def _surface(axes: Any, wide: pd.DataFrame, drawing: Map) -> None:
    values = wide.to_numpy(dtype=float)
    x, y = _places(wide.columns), _places(wide.index)
    shown = np.log10(np.where(values > 0, values, np.nan)) if drawing.log else values
    axes.plot_surface(
        *np.meshgrid(x, y),
        shown,
        cmap="viridis",
        rcount=90,
        ccount=90,
        linewidth=0,
        rasterized=True,
        antialiased=False,
    )
    if drawing.path is not None and len(drawing.path):
        _path_over(axes, drawing, x, y, shown)
    axes.set_title(wrapped(drawing.title, 2), loc="left")
    axes.set_xlabel(drawing.xlabel, labelpad=-2)
    axes.set_ylabel(drawing.ylabel, labelpad=-2)
    axes.set_zlabel(f"log₁₀ {drawing.label}" if drawing.log else drawing.label, labelpad=0)
    axes.tick_params(labelsize=7, pad=-1)
    axes.locator_params(nbins=5)
    axes.view_init(elev=32, azim=-125)
    axes.set_box_aspect(None, zoom=0.9)


def _places(values: pd.Index[Any]) -> FloatArray:
    """Return where the values of an axis stand: themselves if they are numbers, else in a row."""
    if pd.api.types.is_numeric_dtype(values):
        return values.to_numpy(dtype=float)
    return np.arange(len(values), dtype=float)


def _spaced(values: pd.Index[Any]) -> FloatArray:
    """Return where the values of an axis stand: in a row if some of its cells would be too thin."""
    places = _places(values)
    gaps = np.diff(places)
    uneven = 1 < len(values) <= FEW and float(gaps.max()) > 3 * float(gaps.min())
    return np.arange(len(values), dtype=float) if uneven else places


def _edges(places: FloatArray) -> FloatArray:
    """Return the borders of the cells around places, half way between them."""
    if places.size == 1:
        return np.array([places[0] - 0.5, places[0] + 0.5])
    middle = (places[1:] + places[:-1]) / 2
    first, last = 2 * places[0] - middle[0], 2 * places[-1] - middle[-1]
    return np.concatenate([[first], middle, [last]])


def _norm(values: FloatArray, log: bool) -> Any:
    from matplotlib.colors import LogNorm, Normalize, SymLogNorm

    finite = values[np.isfinite(values)]
    sizes = np.abs(finite)
    sizes = sizes[sizes > max(LEAST * float(sizes.max(initial=0.0)), 1e-100)]
    if not log or not sizes.size:
        return Normalize()
    if (finite < 0).any():
        most = float(sizes.max())
        return SymLogNorm(float(max(sizes.min(), 1e-3 * most)), vmin=-most, vmax=most)
    return LogNorm(float(sizes.min()), float(sizes.max()), clip=False)


def _ticks(axis: Any, values: pd.Index[Any], places: FloatArray) -> None:
    """Label each value of an axis that has few and short ones, or names, or is out of scale."""
    named = not pd.api.types.is_numeric_dtype(values)
    texts = [str(value) if named else f"{value:.4g}".replace("-", "−") for value in values]
    short = len(values) <= FEW and all(len(text) <= SHORT for text in texts)
    if named or short or not np.array_equal(places, _places(values)):
        axis.set_ticks(places, texts)
        if named and axis.axis_name == "x" and sum(map(len, texts)) > 40:
            for label in axis.get_ticklabels():
                label.set(rotation=35, ha="right", rotation_mode="anchor")


def _alike(columns: pd.Index[Any], index: pd.Index[Any], x: FloatArray, y: FloatArray) -> bool:
    """Return whether both axes are of one kind and length, as two weights are."""
    numbers = pd.api.types.is_numeric_dtype(columns) and pd.api.types.is_numeric_dtype(index)
    spans = float(np.ptp(x)), float(np.ptp(y))
    fine = min(x.size, y.size) > FEW
    return bool(numbers and fine and min(spans) > 0 and max(spans) < 1.5 * min(spans))


def _path(axes: Axes, x: pd.Series[float], y: pd.Series[float]) -> None:
    from matplotlib.patheffects import Normal, Stroke

    outlined = [Stroke(linewidth=2.8, foreground="black"), Normal()]
    axes.plot(x, y, color="white", linewidth=1.3, path_effects=outlined, zorder=3)
    for at, look in ((0, START), (-1, END)):
        axes.plot(x.iloc[at], y.iloc[at], **look, linestyle="none", zorder=4)


def _path_over(axes: Any, drawing: Map, x: FloatArray, y: FloatArray, z: FloatArray) -> None:
    from scipy.interpolate import RegularGridInterpolator

    assert drawing.path is not None
    if min(x.size, y.size) < 2:
        return
    height = RegularGridInterpolator((y, x), z, bounds_error=False)
    along, across = drawing.path[drawing.x].to_numpy(), drawing.path[drawing.y].to_numpy()
    up = height(np.column_stack([across, along])) + 0.01 * float(np.nanmax(z) - np.nanmin(z))
    axes.plot(along, across, up, color="black", linewidth=1.5, zorder=10)
    for at, look in ((0, START), (-1, END)):
        axes.plot(along[[at]], across[[at]], up[[at]], **look, linestyle="none", zorder=11)


START: dict[str, Any] = {
    "marker": "o",
    "markersize": 6.0,
    "markerfacecolor": "white",
    "markeredgecolor": "black",
}
END: dict[str, Any] = {
    "marker": "*",
    "markersize": 11.0,
    "markerfacecolor": "#D55E00",
    "markeredgecolor": "black",
}


def _path_legend(figure: Figure) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], label="start of the path", linestyle="none", **START),
        Line2D([], [], label="its end", linestyle="none", **END),
    ]
    legend(figure, handles, "")

"""Drawings of diagnostics: lines and points with intervals, and what theory gives beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from qnlr.diagnostics.findings import Drawing, Lines, Map
from qnlr.study.figures.maps import draw_map
from qnlr.study.figures.places import categories, numeric_ticks, shifted, spread
from qnlr.study.figures.style import (
    LEAST,
    WIDTH,
    Look,
    arranged,
    legend,
    logarithmic,
    looks,
    outer_labels,
    settled,
    styled,
    tidy,
)
from qnlr.types import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CROWD = 45  # points of a line, beyond which markers hide each other
LONG = 14  # letters of a name that still stands below one of several panels
FEW = 25  # different x, up to which lines stand side by side
THEORY: dict[str, Any] = {"color": "#333333", "linewidth": 0.9, "linestyle": "-", "zorder": 2.5}
DARKER = 0.55  # brightness of a thin line beside that of the line it belongs to
MARK: dict[str, Any] = {
    "linestyle": "none",
    "marker": "o",
    "markersize": 8.0,
    "markerfacecolor": "none",
    "markeredgecolor": "black",
    "markeredgewidth": 0.9,
    "zorder": 4,
}
BEYOND = 30.0  # how far, as a factor, a logarithmic panel follows intervals beyond all values
ALIKE = 0.2  # share of a common scale that each panel must fill for the scale to be shared


def draw(drawing: Drawing) -> Figure:
    """Draw what a diagnostic wants drawn, in the style of all figures.

    Args:
        drawing: The drawing.

    Returns:
        The figure.

    Example:
        >>> frame = pd.DataFrame({"qubits": [2, 4, 6], "variance": [0.1, 0.03, 0.008]})
        >>> lines = Lines(frame, "qubits", "variance", "qubits n", "Var ∂C/∂θ", logy=True)
        >>> draw(lines).axes[0].get_yscale()
        'log'
    """
    return draw_map(drawing) if isinstance(drawing, Map) else _draw_lines(drawing)


def _draw_lines(drawing: Lines) -> Figure:
    from matplotlib.figure import Figure

    frame, names = _numbered(drawing)
    panels = _names(frame, drawing.panel)
    wordy = max(map(len, names), default=0) > LONG  # such names need the whole width, and once
    down, across = (len(panels), 1) if wordy else arranged(len(panels))
    alike = _alike(frame, drawing)
    with styled():
        figure = Figure(
            figsize=(WIDTH, 0.6 + (2.6 if across == 1 else 2.1) * down), layout="constrained"
        )
        grid = figure.subplots(down, across, squeeze=False, sharex=True, sharey=alike)
        first: Axes = grid[0, 0]
        if drawing.logx and not names:
            logarithmic(first, "x", frame[drawing.x])
        for axes, panel in zip(grid.flat, panels, strict=False):
            rows = _part(frame, drawing.panel, panel)
            if not alike or axes is first:
                _scale(axes, frame if alike else rows, drawing)
            title = drawing.title if panel is None else _named(drawing.panel, panel)
            tidy(axes, title, across, "y" if names else "both")
            _panel(axes, rows, frame, drawing, categorical=bool(names))
        if names:
            categories(grid, names)
        elif _countable(frame[drawing.x]):
            numeric_ticks(first, frame[drawing.x], across)
        outer_labels(grid, len(panels), drawing.xlabel, drawing.ylabel)
        _legend(figure, frame, drawing)
        return settled(figure)


def _countable(x: pd.Series[float]) -> bool:
    """Return whether all values of x can stand below the axis, each as a short number."""
    values = x.dropna().unique()
    return 0 < len(values) <= FEW and all(len(f"{value:g}") <= 5 for value in values)


def _numbered(drawing: Lines) -> tuple[pd.DataFrame, list[str]]:
    """Return the frame with numbers for x, and the names of x if they were no numbers."""
    frame = drawing.frame.reset_index(drop=True)
    for column in (drawing.y, drawing.low, drawing.high, drawing.expected):
        if column is not None:
            frame[column] = frame[column].astype(float).replace([np.inf, -np.inf], np.nan)
    x = frame[drawing.x]
    if pd.api.types.is_numeric_dtype(x) and not pd.api.types.is_bool_dtype(x):
        frame[drawing.x] = x.astype(float)
        return frame, []
    names = list(dict.fromkeys(x))
    frame[drawing.x] = x.map({name: float(at) for at, name in enumerate(names)}).astype(float)
    return frame, [str(name) for name in names]


def _names(frame: pd.DataFrame, column: str | None) -> list[Any]:
    return [None] if column is None or frame.empty else list(dict.fromkeys(frame[column]))


def _part(frame: pd.DataFrame, column: str | None, name: Any) -> pd.DataFrame:
    return frame if column is None else frame[frame[column] == name]


def _named(column: str | None, name: Any) -> str:
    """Name one of the values of a column: a number does not speak for itself."""
    bare = isinstance(name, str) or column is None
    text = f"{name:g}" if isinstance(name, float) else str(name)
    return text if bare else f"{str(column).replace('_', ' ')} = {text}"


def _heights(rows: pd.DataFrame, drawing: Lines) -> pd.Series[float]:
    columns = [drawing.y] if drawing.expected is None else [drawing.y, drawing.expected]
    heights: pd.Series[float] = pd.concat([rows[column] for column in columns])
    return heights


def _alike(frame: pd.DataFrame, drawing: Lines) -> bool:
    """Return whether the panels can share a scale of y, with each of them still to be read."""
    spans = []
    for panel in _names(frame, drawing.panel):
        heights = _heights(_part(frame, drawing.panel, panel), drawing).dropna()
        y = np.log10(heights[heights > 0]) if drawing.logy else heights
        if len(y):
            spans.append((float(y.min()), float(y.max())))
    if len(spans) < 2:
        return True
    lows, highs = np.array(spans).T
    whole = highs.max() - lows.min()
    return bool(whole == 0 or (highs - lows).min() >= ALIKE * whole)


def _scale(axes: Axes, rows: pd.DataFrame, drawing: Lines) -> None:
    """Make y logarithmic if it is to be; intervals that reach 0 leave such a panel downwards."""
    heights = _heights(rows, drawing)
    if drawing.logy:
        logarithmic(axes, "y", heights)
    if axes.get_yscale() != "log":
        return
    high = float(heights.max())
    low = float(heights[heights > LEAST * high].min())
    if drawing.low is not None and drawing.high is not None:
        ends = rows[[drawing.low, drawing.high]].to_numpy(dtype=float)
        ends = ends[(ends > low / BEYOND) & (ends < high * BEYOND)]
        low, high = min([low, *ends]), max([high, *ends])
    room = max((high / low) ** 0.05, 1.2)
    axes.set_ylim(low / room, high * room)


def _panel(
    axes: Axes, rows: pd.DataFrame, frame: pd.DataFrame, drawing: Lines, *, categorical: bool
) -> None:
    lines = looks(map(str, _names(frame, drawing.by)))
    # beside a curve that theory gives, points have to stand where they were measured
    bars = drawing.low is not None and not drawing.band and drawing.expected is None
    beside = categorical or (bars and frame[drawing.x].nunique() <= FEW)
    width = spread(axes, frame[drawing.x], len(lines), categorical) / 2 if beside else 0.0
    for number, (name, look) in enumerate(lines.items()):
        part = rows if drawing.by is None else rows[rows[drawing.by].astype(str) == name]
        if part.empty:
            continue
        if drawing.joined or drawing.expected is not None:
            part = part.sort_values(drawing.x, kind="stable")
        shift = width * (number / (len(lines) - 1) - 0.5) if len(lines) > 1 else 0.0
        places = shifted(axes, part[drawing.x], shift) if shift else part[drawing.x].to_numpy()
        _line(axes, part, places, drawing, look)
    if drawing.expected is not None:
        _theory(axes, rows, drawing, lines)
    if not rows[drawing.y].notna().any():
        axes.text(0.5, 0.5, "no values", ha="center", va="center", transform=axes.transAxes)


def _line(axes: Axes, rows: pd.DataFrame, places: FloatArray, drawing: Lines, look: Look) -> None:
    """Draw one line, or its points, with their intervals and marks."""
    y = rows[drawing.y].to_numpy(dtype=float)
    axes.plot(places, y, **_style(drawing, look, len(rows)))
    if drawing.low is not None and drawing.high is not None:
        _intervals(axes, rows, places, drawing, look)
    if drawing.marked is not None:
        chosen = rows[drawing.marked].fillna(False).to_numpy(dtype=bool)
        many = chosen.sum() > CROWD
        axes.plot(places[chosen], y[chosen], **{**MARK, "markersize": 4.0 if many else 8.0})


def _style(drawing: Lines, look: Look, points: int) -> dict[str, Any]:
    crowded = points > CROWD
    return {
        "color": look.color,
        "linestyle": look.linestyle if drawing.joined else "none",
        "linewidth": 1.3,
        "marker": "none" if crowded and drawing.joined else look.marker,
        "markersize": 2.5 if crowded else 4.5,
        "alpha": 0.6 if crowded and not drawing.joined else 1.0,
    }


def _intervals(
    axes: Axes, rows: pd.DataFrame, places: FloatArray, drawing: Lines, look: Look
) -> None:
    ends = (rows[name].to_numpy(dtype=float) for name in (drawing.low, drawing.high))
    low, high = np.sort(list(ends), axis=0)
    if axes.get_yscale() == "log":
        seen = _heights(rows, drawing)
        low = np.maximum(low, 1e-9 * float(seen[seen > 0].min()))  # a logarithm must have a place
        low = np.where(high > 0, low, np.nan)
    if drawing.band:
        axes.fill_between(places, low, high, color=look.color, alpha=0.18, linewidth=0)
    else:
        axes.errorbar(
            places,
            (low + high) / 2,
            (high - low) / 2,
            fmt="none",
            ecolor=look.color,
            elinewidth=1.0,
            capsize=2.0,
        )


def _theory(axes: Axes, rows: pd.DataFrame, drawing: Lines, lines: dict[str, Look]) -> None:
    """Draw what theory gives: once where it is the same for all lines, else for each of them.

    Each has its line's colour, darker, so that it is seen where it lies on that line, too.
    """
    from matplotlib.colors import to_rgb

    expected = str(drawing.expected)
    known = rows.dropna(subset=[expected])
    if drawing.by is None or _shared(known, drawing):
        parts = [(known.drop_duplicates(drawing.x), THEORY)]
    else:
        parts = [
            (
                known[known[drawing.by].astype(str) == name],
                {**THEORY, "color": tuple(DARKER * part for part in to_rgb(look.color))},
            )
            for name, look in lines.items()
        ]
    for part, style in parts:
        part = part.sort_values(drawing.x, kind="stable")
        marker = "_" if len(part) == 1 else "none"
        axes.plot(part[drawing.x], part[expected], **style, marker=marker, markersize=12.0)


def _shared(known: pd.DataFrame, drawing: Lines) -> bool:
    """Return whether theory gives one curve: the same at each x, with a line that has every x."""
    if known.empty:
        return True
    expected = known[str(drawing.expected)]
    same = expected.groupby(known[drawing.x]).agg(np.ptp) <= 1e-9 * float(expected.abs().max())
    most = known.groupby(known[drawing.by].astype(str))[drawing.x].nunique().max()
    return bool(same.all() and most == len(same))


def _legend(figure: Figure, frame: pd.DataFrame, drawing: Lines) -> None:
    from matplotlib.lines import Line2D

    handles: list[Any] = []
    if drawing.by is not None and not frame.empty:
        parts = [drawing.by] if drawing.panel is None else [drawing.by, drawing.panel]
        most = int(frame.groupby(parts).size().max())
        for name, look in looks(map(str, _names(frame, drawing.by))).items():
            style = {**_style(drawing, look, most), "alpha": 1.0, "markersize": 4.5}
            handles.append(Line2D([], [], label=name, **style))
    if drawing.expected is not None:
        handles.append(Line2D([], [], label=drawing.thin, **THEORY))
    if drawing.marked is not None and frame[drawing.marked].fillna(False).any():
        handles.append(Line2D([], [], label=drawing.marks or drawing.marked, **MARK))
    if handles:
        legend(figure, handles, "" if drawing.by is None else drawing.by.replace("_", " "))

"""Where things stand along x: side by side, and labelled as far as there is room."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from qnlr.study.figures.style import WIDTH
from qnlr.types import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def spread(axes: Axes, x: pd.Series[Any], methods: int, categorical: bool) -> float:
    """Return how far apart the first and the last method stand at an x, in units of the scale.

    Args:
        axes: The panel.
        x: All values of x.
        methods: Number of methods.
        categorical: Whether x are numbers that stand for names.
    """
    if categorical:
        return 0.7
    places = np.unique(scaled(axes, x))
    if places.size < 2:
        return 0.2
    return float(min(0.4 * np.diff(places).min(), 0.022 * (methods - 1) * np.ptp(places)))


def scaled(axes: Axes, x: pd.Series[Any]) -> FloatArray:
    """Return where values stand on the scale of an axis.

    Args:
        axes: The panel.
        x: The values.
    """
    return np.asarray(axes.xaxis.get_transform().transform(x.to_numpy(dtype=float)), dtype=float)


def shifted(axes: Axes, x: pd.Series[Any], shift: float) -> FloatArray:
    """Return the values that stand so far beside others on the scale of an axis.

    Args:
        axes: The panel.
        x: The values.
        shift: How far, in units of the scale.
    """
    back = axes.xaxis.get_transform().inverted()
    return np.asarray(back.transform(scaled(axes, x) + shift), dtype=float)


def numeric_ticks(axes: Axes, x: pd.Series[Any], across: int) -> None:
    """Label the values of x, as many as there is room for.

    Args:
        axes: The panel.
        x: All values of x.
        across: Number of panels side by side.
    """
    values = np.unique(x)
    places = scaled(axes, pd.Series(values)) - axes.xaxis.get_transform().transform(values[:1])
    width = 0.85 * (WIDTH * 72 / across - 35)  # points
    room = places * width / places[-1] if places[-1] else places
    shown = [0]
    for at in range(1, len(values)):
        letters = len(f"{values[shown[-1]]:g}") + len(f"{values[at]:g}")
        if room[at] - room[shown[-1]] > 2.4 * letters + 3:
            shown.append(at)
    axes.set_xticks(values[shown], [f"{values[at]:g}" for at in shown])
    axes.set_xticks([], minor=True)


def categories(grid: Any, names: list[str]) -> None:
    """Name the categories, at an angle if names are too long, and set them apart by shading.

    Args:
        grid: The panels.
        names: The names, at 0, 1, 2 and so on.
    """
    need, room = max(map(len, names)) * len(names) * 5.0, WIDTH * 72 / grid.shape[1] - 35
    turned: dict[str, Any] = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"}
    for axes in grid.flat:
        axes.set_xticks(range(len(names)), names, **(turned if need > room else {}))
        axes.tick_params(axis="x", length=0)
        for at in range(0, len(names), 2):
            axes.axvspan(at - 0.5, at + 0.5, color="#f4f4f4", linewidth=0, zorder=0)

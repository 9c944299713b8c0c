"""Rows of a figure: methods from top to bottom, in bands, and a mark for each mode within a row."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from qnlr.study.figures.style import Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D


def banded(axes: Axes, rows: int) -> None:
    """Shade every other row.

    Args:
        axes: Where.
        rows: How many rows there are.
    """
    for row in range(0, rows, 2):
        axes.axhspan(row - 0.5, row + 0.5, color="#f4f4f4", linewidth=0, zorder=0)
    axes.tick_params(axis="y", length=0)


def named_rows(axes: Axes, names: Sequence[str]) -> None:
    """Name rows from top to bottom.

    Args:
        axes: The panel that has the names; others share its y axis.
        names: The names.
    """
    axes.set_yticks(range(len(names)), [textwrap.fill(name, 28) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)


def mode_handles(modes: dict[str, Look]) -> list[Line2D]:
    """Return an entry of a legend for each mode.

    Args:
        modes: How each is drawn.
    """
    from matplotlib.lines import Line2D

    return [
        Line2D([], [], color=look.color, marker=look.marker, markersize=4.5, label=mode)
        for mode, look in modes.items()
    ]

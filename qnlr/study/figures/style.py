"""What figures have in common: colours, markers, line styles, panels and legends."""

from __future__ import annotations

import contextlib
import math
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from qnlr.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito (2008), without yellow, which is too pale for lines on white
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
GREY = "#999999"
Style = Literal["-", "--", "-.", ":"]
STYLES: tuple[Style, ...] = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "<", "X", ">", "h", "d")
PAPER: dict[str, Any] = {"color": "#777777", "marker": "*", "markersize": 9, "linewidth": 1.0}
ACROSS = 3
WIDTH = 7.0  # inches; the width of a page without its margins
SMALL = 8.0  # points
LEAST = 1e-12  # share of the largest value below which logarithmic scales show nothing more
TINIEST = 1e-280  # below it Matplotlib takes limits for equal, which no scale linear around 0 bears
RC: Any = {
    "axes.axisbelow": True,
    "axes.labelsize": 9.0,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 9.0,
    "font.size": SMALL,
    "legend.frameon": False,
    "pdf.fonttype": 42,  # publishers refuse the Type 3 fonts of the default
    "svg.fonttype": "none",
    "svg.hashsalt": "qnlr",
}


@contextlib.contextmanager
def styled() -> Iterator[None]:
    """Draw or save figures with the settings of this package, whatever those of the user are.

    Yields:
        Nothing; Matplotlib's settings are as they were afterwards.
    """
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(RC)
        yield


@dataclass(frozen=True)
class Look:
    """How a method, or a mode, is drawn, so that it is told apart in print and by any eye.

    Args:
        color: Colour.
        linestyle: Line style.
        marker: Marker.
    """

    color: str
    linestyle: Style
    marker: str


def looks(names: Iterable[str]) -> dict[str, Look]:
    """Give every name a look of its own.

    Args:
        names: The names; repeated ones count once.

    Returns:
        The looks by name, in the order in which names were first seen. They repeat after 308.

    Example:
        >>> looks(["sgd", "nlr", "sgd"])["nlr"]
        Look(color='#D55E00', linestyle='--', marker='s')
    """
    return {
        name: Look(
            COLOURS[number % len(COLOURS)],
            STYLES[number % len(STYLES)],
            MARKERS[number % len(MARKERS)],
        )
        for number, name in enumerate(dict.fromkeys(names))
    }


def require_columns(frame: pd.DataFrame, columns: Sequence[str]) -> None:
    """Make sure that a frame has rows and the columns that a figure is drawn from.

    Args:
        frame: The frame.
        columns: Names of the columns.

    Raises:
        InputError: If it has no rows, or lacks a column.

    Example:
        >>> require_columns(pd.DataFrame({"x": [1.0]}), ["x", "mean"])
        Traceback (most recent call last):
        ...
        qnlr.errors.InputError: the frame to draw lacks mean; it has x
    """
    lacking = [name for name in columns if name not in frame]
    if lacking:
        raise InputError(
            f"the frame to draw lacks {', '.join(lacking)}; it has {', '.join(map(str, frame))}"
        )
    if frame.empty:
        raise InputError("the frame to draw has no rows; pass at least one")


def arranged(count: int) -> tuple[int, int]:
    """Return rows and columns of a grid for so many panels, at most three across.

    Example:
        >>> arranged(2), arranged(5)
        ((1, 2), (2, 3))
    """
    across = min(count, ACROSS)
    return math.ceil(count / across), across


def tidy(axes: Axes, title: str, across: int, grid: str = "both") -> None:
    """Set the title of a panel, in as many lines as it needs, and give it a pale grid.

    Args:
        axes: The panel.
        title: What is seen in it.
        across: Number of panels side by side.
        grid: The axis that has grid lines: ``"x"``, ``"y"`` or ``"both"``.
    """
    axes.set_title(wrapped(title, across))
    axes.grid(visible=True, axis=grid, color="#e4e4e4", linewidth=0.6)  # type: ignore[arg-type]
    axes.tick_params(labelsize=SMALL, length=3)
    axes.tick_params(which="minor", length=0)


def wrapped(text: str, across: int) -> str:
    """Break a text into lines no wider than a panel, where so many stand side by side.

    Example:
        >>> print(wrapped("standard deviation σ of the perturbation", 3))
        standard deviation σ of the
        perturbation
    """
    return textwrap.fill(text, 90 // across)


def settled(figure: Figure) -> Figure:
    """Lay a figure out once and for all: a layout that is found again ends up slightly elsewhere.

    Args:
        figure: The figure, complete.

    Returns:
        The figure.
    """
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    return figure


def outer_labels(grid: Any, shown: int, xlabel: str, ylabel: str) -> None:
    """Label the lowest panel of each column and the first of each row, and hide those not needed.

    Args:
        grid: The panels, which share their axes, shape (down, across).
        shown: Number of panels in use.
        xlabel: What x is.
        ylabel: What y is.
    """
    across = grid.shape[1]
    ylabel = "\n".join(textwrap.fill(line, 30) for line in ylabel.splitlines())
    for number, axes in enumerate(grid.flat):
        axes.set_visible(number < shown)
        lowest = number + across >= shown
        axes.tick_params(labelbottom=lowest)
        axes.set_xlabel(wrapped(xlabel, across) if lowest else "")
        axes.set_ylabel(ylabel if number % across == 0 else "")


def legend(
    figure: Figure, handles: Sequence[Any], title: str, where: Literal["lower", "upper"] = "lower"
) -> None:
    """Put a legend below or above the panels, and make the figure higher by what it takes.

    Args:
        figure: The figure.
        handles: What it lists; every handle has a label.
        title: What all of them have in common; "" for no title.
        where: ``"lower"`` or ``"upper"``.
    """
    for handle in handles:
        handle.set_label(textwrap.fill(str(handle.get_label()), 60))
    labels = [str(handle.get_label()) for handle in handles]
    columns = columns_within(labels, figure.get_figwidth() * 72 - 10)
    high = np.array([1 + label.count("\n") for label in labels])
    lines = max(part.sum() for part in np.array_split(high, columns)) + bool(title)
    figure.set_figheight(figure.get_figheight() + 0.18 * lines + 0.1)
    figure.legend(
        handles=list(handles),
        loc="outside lower center" if where == "lower" else "outside upper center",
        ncols=columns,
        title=title or None,
        fontsize=SMALL,
        title_fontsize=SMALL,
        handlelength=3.0,
        columnspacing=1.5,
    )


def columns_within(labels: Sequence[str], width: float) -> int:
    """Return into how many columns a legend can be put, filled from top to bottom.

    Args:
        labels: Its labels.
        width: Width that there is, in points.

    Returns:
        The largest number of columns that fit, at least 1.

    Example:
        >>> columns_within(["sgd", "nlr", "adam"], 200), columns_within(["sgd"] * 9, 200)
        (3, 3)
    """
    need = [0.6 * SMALL * len(label) + 5.5 * SMALL for label in labels]  # points
    for rows in range(1, len(labels) + 1):
        columns = math.ceil(len(labels) / rows)
        if sum(part.max() for part in np.array_split(need, columns)) <= width:
            return columns
    return 1


def logarithmic(axes: Axes, which: Literal["x", "y"], values: pd.Series[float]) -> None:
    """Make an axis logarithmic, and linear around 0 if there are values that have no logarithm.

    Args:
        axes: The panel.
        which: Its axis.
        values: The values that must be seen.
    """
    from matplotlib.ticker import LogLocator, NullFormatter

    finite = np.asarray(values, dtype=float)
    finite = finite[np.isfinite(finite)]
    sizes = np.abs(finite[finite != 0])
    if not sizes.size or (finite.min() <= 0 and sizes.max() < TINIEST):
        return
    set_scale = axes.set_xscale if which == "x" else axes.set_yscale
    if finite.min() <= 0:
        set_scale("symlog", linthresh=max(float(sizes.min()), LEAST * float(sizes.max())))
        return
    set_scale("log")
    if sizes.max() < 40 * sizes.min():
        for sibling in getattr(axes, f"get_shared_{which}_axes")().get_siblings(axes):
            axis = sibling.xaxis if which == "x" else sibling.yaxis
            axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axis.set_major_formatter("{x:g}")
            axis.set_minor_formatter(NullFormatter())

"""What a diagnostic returns, as plain data: tidy frames, sentences, checks, and what to draw.

Drawings name columns, not colours; :mod:`qnlr.study.figures` draws them, all in one style.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pandas as pd

from qnlr.errors import InputError

Told = Callable[[int, int], object]
"""Told of progress: how much is done, out of how much."""


def untold(done: int, total: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, eq=False)
class Lines:
    """Lines, or points, with intervals.

    Args:
        frame: Tidy rows.
        x: Column along the horizontal axis.
        y: Column of the values.
        xlabel: What x is, with its unit.
        ylabel: What y is, with its unit.
        low: Column of the intervals' lower ends, or None.
        high: Column of their upper ends, or None.
        by: Column that tells the lines apart, or None.
        panel: Column that tells the panels apart, or None.
        expected: Column of what theory gives at the same x, drawn as a thin line, or None.
        thin: What the thin line is, in a word or two.
        joined: Whether points are joined by lines.
        band: Whether intervals are drawn as a band rather than as bars.
        marked: Boolean column of points to be marked, such as reversed steps, or None.
        marks: What the marked points are, in a word or two.
        logx: Whether the horizontal axis is logarithmic.
        logy: Whether the vertical axis is logarithmic.
        name: Stem of the figure's files; no other drawing of the same findings has it.
        title: What is seen.
        caption: What has to be known to read it: which interval, how many samples.

    Raises:
        InputError: If the frame lacks a column.
    """

    frame: pd.DataFrame
    x: str
    y: str
    xlabel: str
    ylabel: str
    low: str | None = None
    high: str | None = None
    by: str | None = None
    panel: str | None = None
    expected: str | None = None
    thin: str = "theory"
    joined: bool = True
    band: bool = False
    marked: str | None = None
    marks: str = ""
    logx: bool = False
    logy: bool = False
    name: str = "lines"
    title: str = ""
    caption: str = ""

    def __post_init__(self) -> None:
        _require_columns(
            self.frame,
            (self.x, self.y, self.low, self.high, self.by, self.panel, self.expected, self.marked),
        )


@dataclass(frozen=True, eq=False)
class Map:
    """Values over two axes, as a heat map or as a surface.

    Args:
        frame: Tidy rows, one for each point of a full grid.
        x: Column along the first axis.
        y: Column along the second axis.
        value: Column of the values.
        xlabel: What x is, with its unit.
        ylabel: What y is, with its unit.
        label: What the value is, with its unit.
        surface: Whether it is drawn in three dimensions.
        log: Whether colours are logarithmic.
        path: Rows with the columns x and y, in order, drawn as a path on it; or None.
        box: Left, right, lower and upper end of a rectangle drawn on it, or None.
        name: Stem of the figure's files; no other drawing of the same findings has it.
        title: What is seen.
        caption: What has to be known to read it.

    Raises:
        InputError: If a frame lacks a column.
    """

    frame: pd.DataFrame
    x: str
    y: str
    value: str
    xlabel: str
    ylabel: str
    label: str
    surface: bool = False
    log: bool = False
    path: pd.DataFrame | None = None
    box: tuple[float, float, float, float] | None = None
    name: str = "map"
    title: str = ""
    caption: str = ""

    def __post_init__(self) -> None:
        _require_columns(self.frame, (self.x, self.y, self.value))
        if self.path is not None:
            _require_columns(self.path, (self.x, self.y))


Drawing = Lines | Map


@dataclass(frozen=True)
class Check:
    """A statement that was tested.

    Args:
        statement: What theory, or a paper, says.
        predicted: What follows from it here, as a number or in words.
        measured: What was measured, with its interval.
        holds: Whether they agree; None where the measurement cannot tell.
        remark: What has to be known about it, if anything.

    Example:
        >>> Check("Var ∝ 2^−n", "−0.69", "−0.71 ± 0.04", holds=True).word
        'holds'
    """

    statement: str
    predicted: str
    measured: str
    holds: bool | None
    remark: str = ""

    @property
    def word(self) -> str:
        """The verdict in words."""
        return {True: "holds", False: "does not hold", None: "cannot be told"}[self.holds]


@dataclass(frozen=True, eq=False)
class Findings:
    """What a diagnostic found.

    Args:
        title: What was looked at.
        frame: The tidy frame: everything that was measured.
        says: What it means, in sentences with numbers.
        checks: What was predicted, and whether it holds.
        drawings: What to draw.
        tables: Further frames by name, such as fitted rates.
        caveats: What the numbers do not say.
    """

    title: str
    frame: pd.DataFrame
    says: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    drawings: tuple[Drawing, ...] = ()
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    caveats: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = [drawing.name for drawing in self.drawings]
        if len(set(names)) < len(names):
            raise InputError(f"two drawings have the same name: {', '.join(sorted(names))}")


def _require_columns(frame: pd.DataFrame, columns: tuple[str | None, ...]) -> None:
    lacking = [name for name in columns if name is not None and name not in frame]
    if lacking:
        raise InputError(
            f"the frame to draw lacks {', '.join(lacking)}; it has {', '.join(map(str, frame))}"
        )

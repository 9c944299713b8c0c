"""Numbers as figures: one for each table, and the paper's four."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from qnlr.diagnostics.cave import landscape
from qnlr.paper.evidence import MODES, Evidence
from qnlr.paper.numbers import Cell, Numbers
from qnlr.paper.tables import ADAM, SGD, Setting
from qnlr.paper.verdicts import NAMES
from qnlr.report.document import Figure
from qnlr.study.figures import against_axis, curves, forest, plateau, save, svg_text

if TYPE_CHECKING:
    from qnlr.study.figures.saving import Figure as Drawing

FORMATS = ("png", "pdf")


def drawn(name: str, title: str, caption: str, drawing: Drawing, folder: Path) -> Figure:
    """Return a figure for a document, with its PNG and PDF files.

    Args:
        name: Stem of its files.
        title: What it shows.
        caption: What has to be known to read it.
        drawing: The figure.
        folder: Where the files are made.
    """
    return Figure(
        name, title, caption, svg_text(drawing), tuple(save(drawing, folder, name, FORMATS))
    )


def of_table(numbers: Numbers, folder: Path) -> list[Figure]:
    """Return the figures of a table: values against its axis, or differences to SGD.

    Args:
        numbers: What was measured.
        folder: Where files are made.

    Returns:
        A figure, or none if nothing was measured.
    """
    table = numbers.table
    if not numbers.cells:
        return []
    if all(setting.x is not None for setting in table.settings):
        frame = _against_settings(numbers)
        axis = table.axis
    elif len({*_own_axis(numbers)} - {None}) > 1 and len(table.settings) == 1:
        frame, axis = _against_methods(numbers), _symbol(numbers)
    else:
        return _forests(numbers, folder)
    if frame.empty:
        return _forests(numbers, folder)
    log_x = table.log_x or axis != table.axis
    drawing = against_axis(frame, axis, "final training loss", log_x=log_x)
    caption = (
        "Mean over seeds with its bootstrap 95 % interval, for each way of evaluating, on a "
        "logarithmic scale."
    )
    if frame["paper"].notna().any():
        caption += " Stars: what the paper reports for NLR."
    return [drawn(table.name, f"{table.title}: training loss", caption, drawing, folder)]


def per_step(numbers: Numbers, evidence: Evidence, folder: Path) -> list[Figure]:
    """Return the figure of a table that shows a column of the history per step.

    Args:
        numbers: What was measured for the table.
        evidence: Its runs.
        folder: Where files are made.

    Returns:
        The figure, or none if there is no history.
    """
    table = numbers.table
    if numbers.runs.empty or evidence.history.empty:
        return []
    about = numbers.runs[["run_id", "method", "mode"]].assign(
        order=numbers.runs["mode"].map(MODES.index), mode=numbers.runs["mode"].map(NAMES)
    )
    history = evidence.history.merge(about, on="run_id").sort_values(
        ["order", "method", "spec_seed", "step"], kind="stable", ascending=[True, False, True, True]
    )
    if history.empty:
        return []
    loss = table.per_step == "metric_loss"
    rows = [(method.label, table.paper_row(Setting(), method)) for method in table.methods]
    ends = {name: row.loss if loss else row.gradient_norm for name, row in rows if row}
    label = "mini-batch loss" if loss else "gradient norm ‖g‖"
    drawing = curves(history, table.per_step, label, paper=ends, window=11)
    caption = (
        "Mean over seeds with its 95 % band; strips below: share of seeds on which the step was a "
        "reversal. Marks at the right: where the paper's curves end (Table IX)."
    )
    return [drawn(table.name, table.title, caption, drawing, folder)]


def cave(folder: Path) -> Figure:
    """Return Figure 1: a synthetic landscape with a cave.

    Args:
        folder: Where files are made.
    """
    scene = landscape()
    drawing = plateau(scene.axis, scene.axis, scene.cost, scene.slope, scene.centre, scene.box)
    return drawn(
        "figure_01_plateau",
        "Figure 1: a synthetic plateau with a cave",
        "The paper does not give its function; this one is a shallow cave with a flat floor, in a "
        "slightly tilted plane. The gradient vanishes on the floor, which the box marks, and is "
        "small outside of the cave.",
        drawing,
        folder,
    )


def _against_settings(numbers: Numbers) -> pd.DataFrame:
    places = {setting.label: setting.x for setting in numbers.table.settings}
    return _points([(places[cell.setting], cell.method, cell) for cell in numbers.cells])


def _against_methods(numbers: Numbers) -> pd.DataFrame:
    """Return NLR against its own setting; what has none is drawn at every place."""
    own = dict(
        zip([method.label for method in numbers.table.methods], _own_axis(numbers), strict=True)
    )
    places = [x for x in own.values() if x is not None]
    rows = []
    for cell in numbers.cells:
        x = own[cell.method]
        if x is not None:
            rows.append((x, cell.method.rpartition(" = ")[0].rpartition(", ")[0], cell))
        elif cell.method in (SGD.label, ADAM.label):
            rows += [(place, cell.method, cell) for place in places]
    return _points(rows)


def _points(rows: Sequence[tuple[float | None, str, Cell]]) -> pd.DataFrame:
    points = []
    for x, method, cell in rows:
        loss = cell.values["last_train_loss"]
        if x is not None and not math.isnan(loss.mean):
            points.append(
                {
                    "x": x,
                    "method": method,
                    "order": MODES.index(cell.mode),
                    "mode": NAMES[cell.mode],
                    "mean": loss.mean,
                    "low": loss.low,
                    "high": loss.high,
                    "paper": math.nan if cell.paper is None else cell.paper.loss,
                }
            )
    frame = pd.DataFrame(points)
    return frame.sort_values("order", kind="stable") if len(frame) else frame


def _own_axis(numbers: Numbers) -> list[float | None]:
    """Return for every method the number that its label ends in, if it does."""
    found: list[float | None] = []
    for method in numbers.table.methods:
        _, equals, value = method.label.rpartition(" = ")
        found.append(float(value) if equals else None)
    return found


def _symbol(numbers: Numbers) -> str:
    names = {
        "η'": "negative learning rate η'",
        "σ": "perturbation σ of a reversal, in radians",
        "κ": "κ = η'/η",
    }
    for method in numbers.table.methods:
        head, equals, _ = method.label.rpartition(" = ")
        if equals:
            return names[head.rpartition(" ")[2]]
    return ""


def _forests(numbers: Numbers, folder: Path) -> list[Figure]:
    rows = [
        {
            "panel": one.setting or "Gaussians",
            "order": MODES.index(one.mode),
            "mode": NAMES[one.mode],
            "method": one.method,
            "mean": one.at_end.difference.mean,
            "low": one.at_end.difference.low,
            "high": one.at_end.difference.high,
        }
        for one in numbers.compared
        if one.at_end.baseline == SGD.label and not math.isnan(one.at_end.difference.mean)
    ]
    if not rows:
        return []
    frame = pd.DataFrame(rows).sort_values("order", kind="stable")
    drawing = forest(frame, "training loss, difference to SGD")
    table = numbers.table
    caption = (
        "Mean paired difference at equal steps with Student's 95 % interval; filled where it "
        "leaves out zero."
    )
    return [drawn(table.name, f"{table.title}: difference to SGD", caption, drawing, folder)]

"""Numbers as tables for people: the paper's beside what was measured, and comparisons."""

from __future__ import annotations

import math
from collections.abc import Sequence

from qnlr.paper.checks import ALPHA
from qnlr.paper.evidence import MODES
from qnlr.paper.numbers import TARGET, Compared, Numbers
from qnlr.paper.numbers import Cell as Measured
from qnlr.paper.verdicts import NAMES
from qnlr.report.tables import Cell, Table
from qnlr.study.stats import Comparison, Interval
from qnlr.study.summary import shots_text

READING = (
    "Numbers are means over seeds with bootstrap 95 % intervals. Losses and accuracies are "
    "measured on all samples at the last evaluation, the gradient norm on the last mini-batch; "
    "the corrected one is without what shot noise adds, √max(0, ‖g‖² − Σ std²). Runs: how many "
    "ended in order, of all that were begun; nothing is left out, and failed or diverged ones are "
    "named. Point at a training loss, or open the CSV file, for the runs of its row; each can be "
    "repeated alone.",
    "Comparisons are training loss of a method minus that of the baseline on the same seeds: mean "
    "with Student's 95 % interval, at equal steps (last evaluation) and at equal cost (shots; "
    "circuits where values are exact). p is Wilcoxon's, two-sided, adjusted by Holm for all "
    "comparisons with that baseline in that mode of the table; with five seeds it cannot be below "
    "0.0625, so claims rest on Student's t. P(better) is the share of seeds on which the method "
    "is better, with Wilson's interval. To target: how many runs came within "
    f"{100 * (TARGET - 1):.0f} % of the loss that SGD ends with, and the median cost of that. Best "
    "is the lowest evaluated loss on the way, which noise flatters.",
)
NUMBERS_CAPTION = "Mean over seeds with its bootstrap 95 % interval."
COMPARED_CAPTION = "Paired differences in training loss, method minus baseline: lower is better."


def numbers_table(numbers: Numbers) -> Table:
    """Return the table of a table's numbers, one row for each cell.

    Args:
        numbers: What was measured.

    Returns:
        Settings, methods and modes; the paper's accuracy, loss and gradient norm where it has them;
        and the measured ones.
    """
    axis = (numbers.table.axis,) if numbers.table.axis else ()
    columns = (
        *(*axis, "method", "evaluation"),
        *("training loss", "paper: loss", "test accuracy %", "paper: accuracy %"),
        *("‖g‖", "paper: ‖g‖", "‖g‖ corrected", "test loss", "flips", "shots", "runs"),
    )
    rows = tuple(_number_row(cell, bool(axis)) for cell in in_order(numbers))
    return Table(
        numbers.table.name,
        numbers.table.title,
        columns,
        rows,
        " ".join(filter(None, [NUMBERS_CAPTION, numbers.table.note])),
        command(numbers.table.studies),
        len(axis) + 2,
    )


def compared_table(numbers: Numbers) -> Table:
    """Return the table of comparisons with SGD and with Adam, one row for each.

    Args:
        numbers: What was measured.

    Returns:
        Differences at equal steps and at equal cost, with tests.
    """
    axis = (numbers.table.axis,) if numbers.table.axis else ()
    columns = (
        *(*axis, "method", "evaluation", "baseline"),
        *("difference at equal steps", "p (Holm)", "P(better)", "difference at equal cost"),
        *("pairs", "best training loss", "to target", "cost to target"),
    )
    cells = {(cell.setting, cell.method, cell.mode): cell for cell in numbers.cells}
    rows = tuple(
        _compared_row(one, cells[one.setting, one.method, one.mode], bool(axis))
        for one in numbers.compared
    )
    return Table(
        f"{numbers.table.name}_compared",
        f"{numbers.table.title}: compared",
        columns,
        rows,
        COMPARED_CAPTION,
        command(numbers.table.studies),
        len(axis) + 3,
    )


def in_order(numbers: Numbers) -> list[Measured]:
    """Return cells in the order of settings, modes and methods."""
    settings = [setting.label for setting in numbers.table.settings]
    methods = [method.label for method in numbers.table.methods]
    return sorted(
        numbers.cells,
        key=lambda cell: (
            settings.index(cell.setting),
            MODES.index(cell.mode),
            methods.index(cell.method),
        ),
    )


def _number_row(cell: Measured, axis: bool) -> tuple[Cell, ...]:
    values, paper = cell.values, cell.paper
    note = _runs(cell)
    reported = (math.nan, math.nan, math.nan) if paper is None else paper.numbers
    return (
        *([Cell(cell.setting)] if axis else []),
        Cell(cell.method),
        Cell(NAMES[cell.mode]),
        interval_cell(values["last_train_loss"], 3, note),
        paper_cell(reported[1]),
        interval_cell(values["last_test_accuracy"].times(100.0), 1),
        paper_cell(reported[0]),
        interval_cell(values["gradient_norm"], 2),
        paper_cell(reported[2]),
        interval_cell(values["gradient_norm_without_shots"], 2),
        interval_cell(values["last_test_loss"], 3),
        interval_cell(values["flips"], 0),
        _shots(values["shots"].mean),
        _endings(cell),
    )


def _compared_row(one: Compared, cell: Measured, axis: bool) -> tuple[Cell, ...]:
    reached, median = cell.to_target
    return (
        *([Cell(one.setting)] if axis else []),
        Cell(one.method),
        Cell(NAMES[one.mode]),
        Cell(one.at_end.baseline),
        _difference(one.at_end),
        _p_value(one),
        interval_cell(one.at_end.improvement, 2),
        _difference(one.at_cost),
        plain_cell(one.at_end.pairs, 0),
        interval_cell(cell.values["best_train_loss"], 3),
        Cell(f"{reached} of {cell.endings['total']}", reached),
        Cell(_cost(median, one.mode), median if math.isfinite(median) else None),
    )


def _cost(median: float, mode: str) -> str:
    if not math.isfinite(median):
        return "not reached"
    return f"{shots_text(median)} {'circuits' if mode == 'exact' else 'shots'}"


def _difference(comparison: Comparison) -> Cell:
    interval = comparison.difference
    if math.isnan(interval.mean):
        return Cell("–", kind="muted")
    clear = interval.high < 0 or interval.low > 0
    kind = ("good" if interval.mean < 0 else "bad") if clear else ""
    return Cell(interval.text(3), interval.mean, kind=kind)


def _p_value(one: Compared) -> Cell:
    if math.isnan(one.p_adjusted):
        return Cell("–", kind="muted")
    note = f"not adjusted: {one.at_end.p_value:.3g}"
    return Cell(
        f"{one.p_adjusted:.3f}", one.p_adjusted, note, "" if one.p_adjusted < ALPHA else "muted"
    )


def interval_cell(interval: Interval, digits: int, note: str = "") -> Cell:
    """Return a cell with a mean and its interval."""
    if math.isnan(interval.mean):
        return Cell("–", kind="muted")
    return Cell(interval.text(digits), interval.mean, note)


def paper_cell(value: float) -> Cell:
    """Return a cell with what the paper gives; empty where it gives nothing."""
    return Cell("") if math.isnan(value) else Cell(f"{value:.6g}", value, kind="paper")


def plain_cell(value: float, digits: int) -> Cell:
    """Return a cell with a number of so many digits."""
    return Cell("–") if math.isnan(value) else Cell(f"{value:.{digits}f}", float(value))


def _shots(spent: float) -> Cell:
    return Cell(shots_text(spent), spent) if spent > 0 else Cell("–", kind="muted")


def _endings(cell: Measured) -> Cell:
    counts = cell.endings
    text = f"{counts['ended']} of {counts['total']}"
    for name in ("failed", "diverged"):
        text += f", {counts[name]} {name}" if counts[name] else ""
    bad = counts["ended"] < counts["total"]
    return Cell(text, counts["ended"], kind="bad" if bad else "")


def _runs(cell: Measured) -> str:
    """Return the identities of a cell's runs behind the name of their study."""
    studies: dict[str, list[str]] = {}
    for run in cell.runs:
        study, _, identity = run.partition("/")
        studies.setdefault(study, []).append(identity)
    return "; ".join(f"{study}: {' '.join(runs)}" for study, runs in studies.items())


def command(studies: Sequence[str]) -> str:
    """Return the commands that repeat studies."""
    return "; ".join(f"qnlr run configs/{name}.toml" for name in studies)

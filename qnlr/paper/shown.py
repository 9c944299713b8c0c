"""Numbers as tables for people: the paper's beside what was measured, and comparisons."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from qnlr.paper.checks import ALPHA
from qnlr.paper.consistency import excess, parameters
from qnlr.paper.evidence import MODES
from qnlr.paper.numbers import TARGET, Compared, Numbers
from qnlr.paper.numbers import Cell as Measured
from qnlr.paper.reference import reference
from qnlr.paper.reference import rows as reported_rows
from qnlr.paper.verdicts import NAMES
from qnlr.problems.bounds import cross_entropy_bound, needed_scale, squared_error_bound
from qnlr.report.tables import Cell, Table
from qnlr.study.stats import Comparison, Interval, mean_ranks
from qnlr.study.summary import shots_text

NUMERALS = ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X")
READING = (
    "Numbers are means over seeds with bootstrap 95 % intervals. Losses and accuracies are "
    "measured on all samples at the last evaluation, the gradient norm on the last mini-batch; "
    "the corrected one is without what shot noise adds, √max(0, ‖g‖² − Σ std²). Runs: how many "
    "ended in order, of all that were begun; nothing is left out, and failed or diverged ones are "
    "named. Point at a number, or open the CSV file, for the runs it comes from; each can be "
    "repeated alone.",
    "Comparisons are training loss of a method minus that of the baseline on the same seeds: mean "
    "with Student's 95 % interval, at equal steps (last evaluation) and at equal cost (shots; "
    "circuits where values are exact). p is Wilcoxon's, two-sided, adjusted by Holm for all "
    "comparisons with that baseline in that mode of the table; with five seeds it cannot be below "
    "0.0625, so claims rest on the intervals. P(better) is the share of seeds on which the method "
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
    rows = tuple(_number_row(cell, bool(axis)) for cell in _in_order(numbers))
    return Table(
        numbers.table.name,
        numbers.table.title,
        columns,
        rows,
        " ".join(filter(None, [NUMBERS_CAPTION, numbers.table.note])),
        _command(numbers.table.studies),
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
        _command(numbers.table.studies),
        len(axis) + 3,
    )


def last_and_best_table(numbers: Numbers) -> Table:
    """Return the table of losses and accuracies on training and test samples, last and best.

    Args:
        numbers: What was measured.
    """
    axis = (numbers.table.axis,) if numbers.table.axis else ()
    names = [
        f"{which}_{part}_{what}"
        for what in ("loss", "accuracy")
        for part in ("train", "test")
        for which in ("last", "best")
    ]
    rows = tuple(
        (
            *([Cell(cell.setting)] if axis else []),
            Cell(cell.method),
            Cell(NAMES[cell.mode]),
            *(
                _interval(cell.values[name].times(100.0), 1)
                if name.endswith("accuracy")
                else _interval(cell.values[name], 3)
                for name in names
            ),
        )
        for cell in _in_order(numbers)
    )
    heads = (name.replace("_", " ").replace("accuracy", "accuracy %") for name in names)
    return Table(
        f"{numbers.table.name}_last_and_best",
        f"{numbers.table.title}: last and best",
        (*axis, "method", "evaluation", *heads),
        rows,
        "At the last evaluation, and the best of all evaluations of a run, chosen by looking at "
        "it.",
        _command(numbers.table.studies),
        len(axis) + 2,
    )


def ranks_table(numbers: Numbers) -> Table:
    """Return the mean rank of each method over the settings, by mode.

    Args:
        numbers: What was measured, with a setting for each dataset.

    Returns:
        Mean ranks by training loss and test accuracy, with Friedman's test in the caption.
    """
    parts, tests = {}, []
    for mode in MODES:
        cells = [cell for cell in numbers.cells if cell.mode == mode]
        if not cells:
            continue
        for column, lower in (("last_train_loss", True), ("last_test_accuracy", False)):
            frame = pd.DataFrame(
                [(cell.setting, cell.method, cell.values[column].mean) for cell in cells],
                columns=["setting", "method", "value"],
            )
            ranks = mean_ranks(
                frame.pivot(index="setting", columns="method", values="value").dropna(
                    axis="columns"
                ),
                lower_is_better=lower,
            )
            name = f"{NAMES[mode]}: {'training loss' if lower else 'test accuracy'}"
            parts[name] = ranks.mean
            tests.append(f"{name}, p = {ranks.p_value:.2g} over {ranks.blocks} datasets")
    frame = pd.DataFrame(parts)
    rows = tuple(
        (Cell(str(method)), *(_plain(value, 1) for value in row))
        for method, row in zip(frame.index, frame.to_numpy(), strict=True)
    )
    caption = (
        "Rank of a method by its mean over seeds, 1 for the best, averaged over datasets. "
        f"Friedman's test that all rank alike: {'; '.join(tests)}."
    )
    name = f"{numbers.table.name}_ranks"
    title = f"{numbers.table.title}: mean rank"
    return Table(name, title, ("method", *frame.columns), rows, caption)


def bounds_table() -> Table:
    """Return the paper's losses and gradient norms beside what a circuit can have.

    Returns:
        A row for each row of the paper's tables, the bounds of both losses, and the scale on ⟨Z⟩
        that would be needed.
    """
    columns = (
        *("table", "row", "loss", "‖g‖", "weights P"),
        *("bound, squared error", "bound, cross-entropy", "‖g‖ / larger bound", "needed scale"),
    )
    rows = []
    for name in sorted(name for name in reference() if name.startswith("table_")):
        for row in reported_rows(name):
            count, ratio = parameters(row), excess(row)
            scale = float(needed_scale(row.loss, row.gradient_norm, count))
            squared = float(squared_error_bound(row.loss, count))
            entropy = float(cross_entropy_bound(row.loss, count))
            rows.append(
                (
                    Cell(f"Table {NUMERALS[int(name[-2:])]}"),
                    Cell(", ".join(f"{key} {value}" for key, value in row.axis.items())),
                    _paper(row.loss),
                    _paper(row.gradient_norm),
                    _plain(count, 0),
                    Cell(f"{squared:.3g}", squared),
                    Cell(f"{entropy:.3g}", entropy),
                    Cell(f"{ratio:.3g}", ratio, kind="bad" if ratio > 1 else ""),
                    Cell(f"{scale:.3g}", scale),
                )
            )
    caption = (
        "For P weights and a loss ℓ the gradient norm is at most 2√(2P)·ℓ^¾ for a squared error, "
        "√(P(e^ℓ − 1)) for the cross-entropy of ⟨Z⟩. A head s·⟨Z⟩ + b could have more: then |s| "
        "must be at least the needed scale."
    )
    return Table(
        "bounds",
        "Reported losses and gradient norms against bounds",
        columns,
        tuple(rows),
        caption,
        text_columns=2,
    )


def _in_order(numbers: Numbers) -> list[Measured]:
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
    note = "; ".join(cell.runs)
    reported = (math.nan, math.nan, math.nan) if paper is None else paper.numbers
    return (
        *([Cell(cell.setting)] if axis else []),
        Cell(cell.method),
        Cell(NAMES[cell.mode]),
        _interval(values["last_train_loss"], 3, note),
        _paper(reported[1]),
        _interval(values["last_test_accuracy"].times(100.0), 1, note),
        _paper(reported[0]),
        _interval(values["gradient_norm"], 2, note),
        _paper(reported[2]),
        _interval(values["gradient_norm_without_shots"], 2, note),
        _interval(values["last_test_loss"], 3, note),
        _interval(values["flips"], 0, note),
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
        _interval(one.at_end.improvement, 2),
        _difference(one.at_cost),
        _plain(one.at_end.pairs, 0),
        _interval(cell.values["best_train_loss"], 3),
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


def _interval(interval: Interval, digits: int, note: str = "") -> Cell:
    if math.isnan(interval.mean):
        return Cell("–", kind="muted")
    return Cell(interval.text(digits), interval.mean, note)


def _paper(value: float) -> Cell:
    return Cell("") if math.isnan(value) else Cell(f"{value:.6g}", value, kind="paper")


def _plain(value: float, digits: int) -> Cell:
    return Cell("–") if math.isnan(value) else Cell(f"{value:.{digits}f}", float(value))


def _shots(spent: float) -> Cell:
    return Cell(shots_text(spent), spent) if spent > 0 else Cell("–", kind="muted")


def _endings(cell: Measured) -> Cell:
    counts = cell.endings
    text = f"{counts['ended']} of {counts['total']}"
    for name in ("failed", "diverged"):
        text += f", {counts[name]} {name}" if counts[name] else ""
    bad = counts["ended"] < counts["total"]
    return Cell(text, counts["ended"], "; ".join(cell.runs), "bad" if bad else "")


def _command(studies: Sequence[str]) -> str:
    return "; ".join(f"qnlr run configs/{name}.toml" for name in studies)

"""Tables that stand beside those of numbers: last and best, ranks, and bounds."""

from __future__ import annotations

import pandas as pd

from qnlr.paper.consistency import excess, parameters
from qnlr.paper.evidence import MODES
from qnlr.paper.numbers import Numbers
from qnlr.paper.reference import reference
from qnlr.paper.reference import rows as reported_rows
from qnlr.paper.shown import command, in_order, interval_cell, paper_cell, plain_cell
from qnlr.paper.verdicts import NAMES
from qnlr.problems.bounds import cross_entropy_bound, needed_scale, squared_error_bound
from qnlr.report.tables import Cell, Table
from qnlr.study.stats import mean_ranks

NUMERALS = ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI")


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
                interval_cell(cell.values[name].times(100.0), 1)
                if name.endswith("accuracy")
                else interval_cell(cell.values[name], 3)
                for name in names
            ),
        )
        for cell in in_order(numbers)
    )
    heads = (name.replace("_", " ").replace("accuracy", "accuracy %") for name in names)
    return Table(
        f"{numbers.table.name}_last_and_best",
        f"{numbers.table.title}: last and best",
        (*axis, "method", "evaluation", *heads),
        rows,
        "At the last evaluation, and the best of all evaluations of a run, chosen by looking at "
        "it.",
        command(numbers.table.studies),
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
        (Cell(str(method)), *(plain_cell(value, 1) for value in row))
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
                    paper_cell(row.loss),
                    paper_cell(row.gradient_norm),
                    plain_cell(count, 0),
                    Cell(f"{squared:.3g}", squared),
                    Cell(f"{entropy:.3g}", entropy),
                    Cell(f"{ratio:.3g}", ratio, kind="bad" if ratio > 1 else ""),
                    Cell(f"{scale:.3g}", scale),
                )
            )
    caption = (
        "For P weights and a loss ℓ of ⟨Z⟩ on the same samples the gradient norm is at most "
        "2√(2P)·ℓ^¾ for a squared error, and √(P(e^ℓ − 1)) for a cross-entropy of which no sample "
        "has more than ln 2. A head s·⟨Z⟩ + b could have more: then |s| must be at least the "
        "needed scale."
    )
    return Table(
        "bounds",
        "Reported losses and gradient norms against bounds",
        columns,
        tuple(rows),
        caption,
        text_columns=2,
    )

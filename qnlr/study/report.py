"""The report of a study: findings, figures, tables, how and where it ran, how to repeat it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from qnlr.report import (
    Block,
    Cell,
    Code,
    Details,
    Document,
    Figure,
    Section,
    Table,
    Text,
    write_document,
)
from qnlr.study.figures import drawn_per_step, per_step, svg_text
from qnlr.study.report_devices import device_sections
from qnlr.study.report_evaluation import evaluation_sections
from qnlr.study.results import ABOVE, flatten
from qnlr.study.stats import compare, holm
from qnlr.study.store import RunFolder, listed_runs, read_json
from qnlr.study.summary import baselines, findings, is_energy, summary

MEASURED = (
    "Training loss and test accuracy are measured after the last step on all samples, on the same "
    "backend and with the same shots as training; those shots are not part of the count. The "
    "gradient norm is that of the last mini-batch. "
)
MEASURED_ENERGY = (
    "The energy is measured after the last step, on the same backend and with the same shots as "
    "training, so that with shots it may lie below the exact one; those shots are not part of the "
    "count. The gradient norm is that of the last step. "
)
READING = (
    "Mean ± 95 % interval over seeds. A method is "
    "compared with the SGD of its own setting and learning rate, or the only SGD of its setting. "
    "p is Wilcoxon's, two-sided; beside it adjusted by Holm for all comparisons of this table."
)


def write_report(
    folder: Path, results: pd.DataFrame, history: pd.DataFrame, pictures: Sequence[Path] = ()
) -> Path:
    """Write the report of a study: page, Markdown, tables and figures.

    Args:
        folder: Results folder of the study; the report is written to ``report`` in it.
        results: What :func:`qnlr.load_results` returned.
        history: What :func:`qnlr.load_history` returned.
        pictures: Files of the figures in other formats, named after them.

    Returns:
        The page.
    """
    return write_document(study_document(folder, results, history, pictures), folder / "report")


def study_document(
    folder: Path, results: pd.DataFrame, history: pd.DataFrame, pictures: Sequence[Path] = ()
) -> Document:
    """Return the report of a study as a document.

    Args:
        folder: Results folder of the study.
        results: What :func:`qnlr.load_results` returned.
        history: What :func:`qnlr.load_history` returned.
        pictures: Files of the figures in other formats, named after them.

    Returns:
        The document.
    """
    figures = [] if history.empty else _figures(history, pictures)
    sections = [
        Section("findings", "What was found", (Text(bullets=tuple(findings(results))),)),
        Section("figures", "Figures", tuple(figures)),
        Section("numbers", "Numbers", (_table(folder, results),)),
        *_endings(results),
        *evaluation_sections(results),
        *device_sections(folder, results),
        Section("repeat", "To repeat it", repeat_blocks([folder])),
    ]
    return Document(folder.name, "", tuple(section for section in sections if section.blocks))


def repeat_blocks(folders: Sequence[Path]) -> tuple[Block, ...]:
    """Return how to repeat studies, what all of their runs share, and with what they ran.

    Args:
        folders: Results folders of the studies.

    Returns:
        Commands, settings and versions.
    """
    configs = [read_json(folder / "study.json").get("config") for folder in folders]
    commands = "\n".join(f"qnlr run {config}" for config in configs if config)
    runs = {run: spec for folder in folders for run, spec in (listed_runs(folder) or {}).items()}
    known: dict[str, Any] = {}
    for folder in folders:
        for run in listed_runs(folder) or {}:
            for session in RunFolder(folder / run).provenance():
                versions = {key: value for key, value in session.items() if key != "data"}
                known.setdefault(json.dumps(versions, sort_keys=True), versions)
    sources = sorted(
        {
            session["data"]
            for folder in folders
            for run in listed_runs(folder) or {}
            for session in RunFolder(folder / run).provenance()
            if "data" in session
        }
    )
    specs = [flatten(spec, ".") for spec in runs.values()]
    common = [
        f"{key} = {json.dumps(value, ensure_ascii=False)}"
        for key, value in specs[0].items()
        if value is not None and all(spec.get(key) == value for spec in specs)
    ]
    example = next(iter(runs))
    return (
        *([Code(commands)] if commands else []),
        Text(("One run alone, compared with what is kept of it:",)),
        Code(f"qnlr repeat {example}"),
        Details("Where the data came from", (Text(bullets=tuple(sources)),)),
        Details("What all runs have in common", (Code("\n".join(common)),)),
        Details(
            "With what they ran",
            (Code(json.dumps(list(known.values()), indent=1, ensure_ascii=False)),),
        ),
    )


def _figures(history: pd.DataFrame, pictures: Sequence[Path]) -> list[Figure]:
    caption = (
        "Mean over seeds per step, and below it paired differences to the baseline with their 95 % "
        "interval."
    )
    if ABOVE not in history:
        caption += (
            " Mini-batches differ from step to step, but are the same for all methods on a seed."
        )
    return [
        Figure(
            name,
            f"{label} per step".capitalize(),
            caption,
            svg_text(per_step(history, column, label)),
            tuple(file for file in pictures if file.stem == name),
        )
        for name, (column, label) in drawn_per_step(history).items()
    ]


def _table(folder: Path, results: pd.DataFrame) -> Table:
    shown = summary(results)
    tests = _tests(results)
    columns = ("method", *shown.columns, "p", "p (Holm)", "P(better)")
    ids = {str(name): "; ".join(runs) for name, runs in results.groupby("label")["run_id"]}
    rows = tuple(
        (
            Cell(str(method), note=ids[str(method)]),
            *(_cell(str(value), column) for column, value in row.items()),
            *tests.get(str(method), (Cell(""), Cell(""), Cell(""))),
        )
        for method, row in shown.iterrows()
    )
    config = read_json(folder / "study.json").get("config")
    source = f"qnlr run {config}" if config else ""
    reading = (MEASURED_ENERGY if is_energy(results) else MEASURED) + READING
    return Table("numbers", "Results by method", columns, rows, reading, source)


def _tests(results: pd.DataFrame) -> dict[str, tuple[Cell, Cell, Cell]]:
    pairs = {name: base for name, base in baselines(results).items() if base not in ("", name)}
    found = {
        name: compare(results, name, base, "metric_train_loss") for name, base in pairs.items()
    }
    adjusted = holm([one.p_value for one in found.values()])
    return {
        name: (
            _number(one.p_value, 3),
            _number(p, 3),
            Cell(one.improvement.text(2), one.improvement.mean),
        )
        for (name, one), p in zip(found.items(), adjusted, strict=True)
    }


def _number(value: float, digits: int) -> Cell:
    known = value == value  # not NaN
    return Cell(f"{value:.{digits}f}", float(value)) if known else Cell("–")


def _cell(text: str, column: object) -> Cell:
    """Return a cell that is sorted by the number that its text begins with."""
    try:
        value = float(text.split()[0])
    except (IndexError, ValueError):
        value = None
    units = {"k": 1e3, "M": 1e6, "G": 1e9}
    if value is not None and column == "shots":
        value *= units.get(text.split()[-1], 1.0)
    return Cell(text, value)


def _endings(results: pd.DataFrame) -> list[Section]:
    lines = tuple(
        f"{row['label']}, seed {row['spec_seed']}: {row['status']} ({row['sentence']})"
        for _, row in results[results["status"] != "finished"].iterrows()
    )
    return (
        [Section("endings", "Runs that ended otherwise", (Text(bullets=lines),))] if lines else []
    )

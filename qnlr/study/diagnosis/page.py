"""The page on a diagnosis: what it says, checks, figures, tables, numbers, how to repeat it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any

import pandas as pd

from qnlr.diagnostics.docstrings import Described
from qnlr.diagnostics.findings import Check, Drawing, Findings
from qnlr.report import Block, Cell, Code, Details, Document, Figure, Section, Table, Text
from qnlr.study.diagnosis.explained import explained

MOST_ROWS = 500
KINDS = {True: "good", False: "bad", None: "muted"}


@dataclass(frozen=True)
class Picture:
    """A drawing, drawn.

    Args:
        drawing: What is drawn.
        svg: The text of its SVG file.
        files: The same in other formats.
    """

    drawing: Drawing
    svg: str
    files: tuple[Path, ...] = ()


def diagnosis_document(
    findings: Findings,
    name: str,
    pictures: Sequence[Picture],
    settings: Mapping[str, Any],
    about: Described,
    caveats: Sequence[str] = (),
) -> Document:
    """Return the page on a diagnosis as a document.

    Args:
        findings: What was found.
        name: Name of the diagnosis, and of its CSV file.
        pictures: Its figures.
        settings: What is in ``settings.json``.
        about: The docstring of the diagnostic: its first sentence stands below the title, and what
            follows says what is measured.
        caveats: What has to be said besides the caveats of the findings.

    Returns:
        The document.
    """
    source = str(settings["command"])
    sections = (
        explained(about, settings["settings"]),
        Section("says", "What it says", _text(findings.says)),
        Section("checks", "What theory says, and whether it holds", _checks(findings.checks)),
        Section("figures", "Figures", tuple(map(_figure, pictures))),
        Section(
            "tables",
            "Tables",
            tuple(_table(key, frame, source) for key, frame in findings.tables.items()),
        ),
        Section("numbers", "Numbers", (_numbers(name, findings.frame, source),)),
        Section("caveats", "What the numbers do not say", _text((*caveats, *findings.caveats))),
        Section("repeat", "To repeat it", _repeat(settings)),
    )
    shown = tuple(section for section in sections if section.blocks)
    return Document(findings.title, about.summary, shown)


def frame_table(name: str, title: str, frame: pd.DataFrame, source: str = "") -> Table:
    """Return a frame as a table, with four digits of each number and all of them to sort by.

    Args:
        name: Stem of its files.
        title: What it shows.
        frame: The frame.
        source: The command that repeats it.

    Returns:
        The table.

    Example:
        >>> table = frame_table("rates", "Rates", pd.DataFrame({"qubits": [4], "rate": [0.12345]}))
        >>> [cell.text for cell in table.rows[0]]
        ['4', '0.1235']
    """
    words = 0
    for column in frame:
        if pd.api.types.is_numeric_dtype(frame[column]):
            break
        words += 1
    rows = tuple(
        tuple(_cell(value) for value in row) for row in frame.itertuples(index=False, name=None)
    )
    heads = tuple(str(column).replace("_", " ") for column in frame)
    return Table(name, title, heads, rows, source=source, text_columns=words)


def _checks(checks: Sequence[Check]) -> tuple[Block, ...]:
    if not checks:
        return ()
    remarks = any(check.remark for check in checks)
    heads = ("statement", "predicted", "measured", "verdict", *(["remark"] if remarks else []))
    rows = tuple(
        (
            Cell(check.statement),
            Cell(check.predicted),
            Cell(check.measured),
            Cell(check.word, kind=KINDS[check.holds]),
            *([Cell(check.remark)] if remarks else []),
        )
        for check in checks
    )
    return (Table("checks", "Checks", heads, rows, text_columns=len(heads)),)


def _figure(picture: Picture) -> Figure:
    drawing = picture.drawing
    title = drawing.title or drawing.name.replace("_", " ")
    return Figure(drawing.name, title, drawing.caption, picture.svg, picture.files)


def _table(key: str, frame: pd.DataFrame, source: str) -> Table:
    return frame_table(_stem(key), key.replace("_", " ").capitalize(), frame, source)


def _numbers(name: str, frame: pd.DataFrame, source: str) -> Block:
    if len(frame) > MOST_ROWS:
        return Text((f"The {len(frame):,} rows of what was measured are in {name}.csv.",))
    return frame_table("measured", "What was measured", frame, source)


def _repeat(settings: Mapping[str, Any]) -> tuple[Block, ...]:
    run = [f"run = {json.dumps(settings['run'])}"] if "run" in settings else []
    values = [
        f"{key} = {json.dumps(value, ensure_ascii=False)}"
        for key, value in settings["settings"].items()
        if value is not None
    ]
    made = json.dumps(settings["provenance"], indent=1, ensure_ascii=False)
    return (
        Code(str(settings["command"])),
        Details("Settings", (Code("\n".join([*run, *values]) or "none"),)),
        Details("With what it ran", (Code(made),)),
    )


def _text(lines: Sequence[str]) -> tuple[Block, ...]:
    return (Text(bullets=tuple(lines)),) if lines else ()


def _stem(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_-") or "table"


def _cell(value: Any) -> Cell:
    if value is None or value is pd.NA or value is pd.NaT:
        return Cell("–")
    if isinstance(value, Real) and not _is_bool(value):
        number = float(value)
        return Cell("–") if math.isnan(number) else Cell(_number(value), number)
    return Cell({True: "yes", False: "no"}[bool(value)] if _is_bool(value) else str(value))


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool) or type(value).__name__ in ("bool", "bool_")


def _number(value: Any) -> str:
    whole = float(value).is_integer() and abs(value) < 1e9
    return f"{int(value)}" if whole else f"{float(value):.4g}"

"""Doing what was asked for, and writing its results folder in one move."""

from __future__ import annotations

import contextlib
import inspect
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qnlr.diagnostics.docstrings import described_function
from qnlr.diagnostics.findings import Findings, Told, untold
from qnlr.diagnostics.recorded import Recorded
from qnlr.diagnostics.verbs import diagnostic
from qnlr.errors import InputError
from qnlr.report import write_document
from qnlr.study.diagnosis.orders import Order, load_order, needs_run
from qnlr.study.diagnosis.page import Picture, diagnosis_document
from qnlr.study.figures import draw, save
from qnlr.study.listing import named
from qnlr.study.lock import held
from qnlr.study.provenance import provenance
from qnlr.study.replay import beginning, replay, strays
from qnlr.study.store import read_json, writable_folder, write_json

SETTINGS = "settings.json"


@dataclass(frozen=True)
class Performed:
    """What a diagnostic gave.

    Args:
        findings: What it found.
        page: The page on it.
        caveats: What the runner has to say besides.
    """

    findings: Findings
    page: Path
    caveats: tuple[str, ...] = ()


def diagnose_config(config: Path, results: Path, told: Told = untold) -> Path:
    """Do what a config asks for, and write its results.

    Args:
        config: A TOML file, see :func:`qnlr.study.diagnosis.load_order`.
        results: Folder of all results.
        told: Told of progress.

    Returns:
        The page, ``<name>/report/report.html`` in the results.

    Raises:
        InputError: If a key or value is not valid, or the folder holds other results.
    """
    return perform(load_order(config), results, told).page


def perform(
    order: Order,
    results: Path,
    told: Told = untold,
    stage: Callable[[str], object] = lambda text: None,
) -> Performed:
    """Do what was asked for, and write ``<name>/`` in the results, whole or not at all.

    Written are ``<name>.csv`` with everything measured, ``<name>_<table>.csv`` for each table,
    figures as PNG, PDF and SVG, ``settings.json`` and the page in ``report``.

    Args:
        order: What was asked for.
        results: Folder of all results.
        told: Told of progress.
        stage: Told what it is at.

    Returns:
        What was found, and the page.

    Raises:
        InputError: If a value is not valid, or the folder holds other results.
    """
    folder = results / order.name
    writable_folder(folder)
    with held(folder):
        require_own(folder)
        recorded: Recorded | None = None
        caveats: tuple[str, ...] = ()
        if needs_run(diagnostic(order.verb)):
            stage("the run")
            recorded, caveats = _recorded(order, results, told)
        stage("measuring")
        findings = _found(order, recorded, told)
        stage("writing")
        with _replacing(folder) as beside:
            _write(order, findings, caveats, beside)
    return Performed(findings, folder / "report" / "report.html", caveats)


def require_own(folder: Path) -> None:
    """Make sure that a folder is not there, is empty, or holds results of a diagnosis.

    Args:
        folder: The folder.

    Raises:
        InputError: If it holds anything else.
    """
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    if (folder / "study.json").exists() or not isinstance(_settings(folder), dict):
        raise InputError(
            f"{folder} holds results that are not a diagnosis'; choose another name, or another "
            "folder with --results"
        )


def _recorded(order: Order, results: Path, told: Told) -> tuple[Recorded, tuple[str, ...]]:
    run = order.run
    if run is None:
        raise InputError(f"{order.verb} looks at a run; give its identity, or a config")
    try:
        if run.endswith(".toml"):
            return beginning(order.folder / run), ()
        recorded = replay(run, results, told=told)
        stray = strays(recorded, run, results)
    except InputError as error:
        if order.place.path is None or run.endswith(".toml"):  # which names its own place
            raise
        raise InputError(f"{order.place.at('diagnostic', 'run')}{error}") from error
    return recorded, (stray,) if stray else ()


def _found(order: Order, recorded: Recorded | None, told: Told) -> Findings:
    function = diagnostic(order.verb)
    arguments = {
        key: order.folder / value if isinstance(value, Path) else value
        for key, value in order.settings.items()
    }
    if "told" in inspect.signature(function).parameters:
        arguments["told"] = told
    if recorded is not None:
        arguments["recorded"] = recorded
    try:
        return function(**arguments)
    except InputError as error:
        raise order.misplaced(error) from error


def _write(order: Order, findings: Findings, caveats: tuple[str, ...], folder: Path) -> None:
    findings.frame.to_csv(folder / f"{order.name}.csv", index=False)
    for name, table in findings.tables.items():
        table.to_csv(folder / f"{order.name}_{name}.csv", index=False)
    pictures = []
    for drawing in findings.drawings:
        png, pdf, svg = save(draw(drawing), folder, drawing.name)
        pictures.append(Picture(drawing, svg.read_text(encoding="utf-8"), (png, pdf)))
    settings = _plain(order)
    about = described_function(diagnostic(order.verb))
    document = diagnosis_document(findings, order.name, pictures, settings, about, caveats)
    write_document(document, folder / "report")
    files = sorted(
        file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()
    )
    write_json(folder / SETTINGS, {**settings, "files": [*files, SETTINGS]})


def _plain(order: Order) -> dict[str, Any]:
    """Return what was asked for, and with what it was done, as plain data."""
    made = provenance("")
    del made["data"]
    settings: dict[str, Any] = json.loads(json.dumps(dict(order.settings), default=named))
    run = {} if order.run is None else {"run": named(Path(order.run))}
    return {
        "diagnostic": order.verb,
        **run,
        "settings": settings,
        "command": order.command,
        "provenance": made,
    }


def _settings(folder: Path) -> Any:
    try:
        return read_json(folder / SETTINGS)
    except InputError:
        return None


@contextlib.contextmanager
def _replacing(folder: Path) -> Iterator[Path]:
    """Give a folder to write to, and move it into the place of another one.

    Files that others have put there are kept.
    """
    beside = folder.with_name(f".{folder.name}-{os.getpid()}.tmp")
    aside = folder.with_name(f".{folder.name}-{os.getpid()}.old")
    try:
        beside.mkdir(parents=True)
        yield beside
        if folder.exists():
            folder.rename(aside)
        beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    if aside.exists():
        _keep_others(aside, folder)
        shutil.rmtree(aside)


def _keep_others(before: Path, folder: Path) -> None:
    written = set((_settings(before) or {}).get("files", []))
    for file in before.rglob("*"):
        name = file.relative_to(before)
        if file.is_file() and name.as_posix() not in written and not (folder / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            file.rename(folder / name)

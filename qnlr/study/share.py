"""Runs that several studies have in common: computed once, kept by each."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from qnlr.study.store import RunFolder, read_json

MOVED_ASIDE = re.compile(r"\.old-\d+$")
KEPT = ("spec.json", "provenance.json", "history.parquet", "status.json", "device.json")


def adopt(runs: Iterable[RunFolder], studies: Sequence[Path]) -> list[RunFolder]:
    """Take over runs that another study has done already.

    As a run's identity is its content, it is the same run there. Its files are linked, or copied
    where that cannot be done.

    Args:
        runs: Folders of runs; those that are done stay as they are.
        studies: Results folders of the studies to take them from, the first that has one first.

    Returns:
        The runs that were taken over.
    """
    adopted = []
    for run in [run for run in runs if not run.is_done and not _has_jobs(run)]:
        others = (study / run.run_id for study in studies if study != run.path.parent)
        twin = next((other for other in others if _equal(RunFolder(other), run)), None)
        if twin is not None:
            _take(twin, run.path)
            adopted.append(run)
    return adopted


def studies_in(results: Path) -> list[Path]:
    """Return the folders of all studies, but what ``--fresh`` has moved aside.

    Args:
        results: Folder of all results.
    """
    if not results.is_dir():
        return []
    return sorted(
        folder
        for folder in results.iterdir()
        if (folder / "study.json").is_file() and not MOVED_ASIDE.search(folder.name)
    )


def _has_jobs(run: RunFolder) -> bool:
    """Return whether a run has a journal, which says what was paid for."""
    return (run.path / "journal.jsonl").exists()


def _equal(other: RunFolder, run: RunFolder) -> bool:
    """Return whether another study has done this run, and nobody has tampered with what it was."""
    status = other.status() if (other.path / "status.json").is_file() else None
    if status is None or not other.is_done or status["caps"]:  # with a budget of its own it goes on
        return False
    spec, own = read_json(other.path / "spec.json"), read_json(run.path / "spec.json")
    return isinstance(spec, Mapping) and (own is None or own == spec)


def _take(source: Path, target: Path) -> None:
    beside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    for name in KEPT:
        if (source / name).exists():
            try:
                os.link(source / name, beside / name)
            except OSError:
                shutil.copy2(source / name, beside / name)
    shutil.rmtree(target, ignore_errors=True)
    beside.rename(target)

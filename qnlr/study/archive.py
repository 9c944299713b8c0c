"""Results of many studies in three small files, to be kept with the sources and read again.

<archive>/studies.json      by study: its config, its runs, and a leaderboard's final losses
          runs.parquet      one row a run: what it was, how it ended, and with what it ran
          history.parquet   one row a step of a run

Losses and gradient norms of mini-batches are cut to four digits, except in the rows of
evaluations, which are whole. Left out are the loss of the probe, the standard errors of both
losses, and the number of jobs, of every step; checkpoints; and tracebacks. All else is whole.

A brief archive keeps of a history the first row, the last, and those with an evaluation, and of
them what steps cost and the losses: what a leaderboard of thousands of runs is made from.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, TypeAdapter, ValidationError

from qnlr.errors import InputError
from qnlr.files import replacing
from qnlr.study.listing import listed_before, write_list
from qnlr.study.lock import held
from qnlr.study.spec import is_name
from qnlr.study.store import (
    EXACT_LOSSES,
    RunFolder,
    listed_runs,
    read_json,
    writable_folder,
    write_json,
)
from qnlr.training import COLUMNS

CUT = ("metric_loss", "metric_gradient_norm")
EVALUATED_ONLY = ("metric_gradient_std",)
LEFT_OUT = ("metric_loss_std", "metric_probe_loss", "metric_probe_loss_std", "cost_jobs")
BRIEF = ("step", "cost_circuits", "cost_shots", "metric_loss", "metric_train_loss")
BITS = 12
STUDIES, RUNS, HISTORY = "studies.json", "runs.parquet", "history.parquet"
ABOUT = ("spec", "provenance", "status")
ENCODINGS = {
    "step": "DELTA_BINARY_PACKED",
    "cost_circuits": "DELTA_BINARY_PACKED",
    "cost_shots": "DELTA_BINARY_PACKED",
}


class _Study(BaseModel):
    """What ``studies.json`` holds of a study."""

    config: str | None = None
    runs: list[str]
    exact_losses: dict[str, dict[str, float]] = {}


def pack(studies: Sequence[Path], archive: Path, *, brief: bool = False) -> int:
    """Pack studies into an archive.

    Args:
        studies: Their results folders.
        archive: Folder to write to. An archive that is there is replaced as a whole, if all of its
            studies are among these.
        brief: Whether steps without an evaluation are left out.

    Returns:
        Size of the archive, in bytes.

    Raises:
        InputError: If there is no study, a folder holds none, a run of one has not ended, or the
            archive there holds another. Nothing is written then.
    """
    if not studies:
        raise InputError("there is no study to pack; give at least one")
    known = read_json(archive / STUDIES)
    lost = set(known if isinstance(known, dict) else ()) - {folder.name for folder in studies}
    if lost:
        raise InputError(
            f"the archive in {archive} holds studies that would be lost: "
            f"{', '.join(sorted(lost))}; pack them, too, or give another folder"
        )
    listed, runs = {}, {}
    for folder in studies:
        specs = listed_runs(folder)
        if specs is None:
            raise InputError(f"there is no study in {folder}; run it first")
        config = read_json(folder / "study.json").get("config")
        exact = {
            run: losses
            for run, losses in (read_json(folder / EXACT_LOSSES) or {}).items()
            if run in specs
        }
        beside = {"exact_losses": exact} if exact else {}
        listed[folder.name] = {"config": config, "runs": list(specs), **beside}
        for run, spec in specs.items():
            if run not in runs:
                runs[run] = (spec, RunFolder(folder / run))
    rows = pd.DataFrame([_row(spec, folder) for spec, folder in runs.values()])
    found = _histories((folder for _, folder in runs.values()), brief)
    histories = pd.concat(found, ignore_index=True)
    histories["run_id"] = histories["run_id"].astype("category")
    cut_ones = {name: "BYTE_STREAM_SPLIT" for name in histories if name in CUT}
    archive.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as files:  # all are moved into place once all are written
        names = (STUDIES, RUNS, HISTORY)
        new = {name: files.enter_context(replacing(archive / name)) for name in names}
        _write(histories, new[HISTORY], {**ENCODINGS, **cut_ones})
        _write(rows, new[RUNS], {})
        write_json(new[STUDIES], listed)
    return sum((archive / name).stat().st_size for name in names)


def unpack(archive: Path, results: Path) -> list[Path]:
    """Unpack an archive into a folder of results.

    Runs that are done there already are left alone, and runs that a study lists there stay listed.

    Args:
        archive: The archive.
        results: Folder of all results.

    Returns:
        Folders of the studies.

    Raises:
        InputError: If there is no archive, it is damaged, or a folder cannot be written; nothing is
            written then. If another process is executing one of the studies.
    """
    listed, runs, histories = _read(archive)
    folders = [results / name for name in listed]
    for folder in folders:
        writable_folder(folder)
    for folder, study in zip(folders, listed.values(), strict=True):
        with held(folder):
            for run in study.runs:
                _unpack(runs[run], histories.get(run), RunFolder(folder / run))
            if study.exact_losses:
                known = read_json(folder / EXACT_LOSSES) or {}
                write_json(folder / EXACT_LOSSES, {**study.exact_losses, **known})
            specs = {run: runs[run]["spec"] for run in study.runs}
            write_list(folder, folder.name, study.config, {**listed_before(folder), **specs})
    return folders


def cut(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return numbers with a mantissa of 12 bits, which is four digits, as they pack well.

    Args:
        values: Numbers, any shape.

    Example:
        >>> cut(np.array([0.123456789, np.nan])).round(9)
        array([0.1234436,       nan])
    """
    mantissa, exponent = np.frexp(values)
    return np.asarray(np.ldexp(np.round(np.ldexp(mantissa, BITS)), exponent - BITS))


def _row(spec: dict[str, Any], folder: RunFolder) -> dict[str, str]:
    status = folder.status()
    if status is None or not folder.is_done:
        raise InputError(
            f"run {folder.run_id} of {folder.path.parent} has not ended; finish it first"
        )
    return {
        "run_id": folder.run_id,
        "spec": json.dumps(spec, ensure_ascii=False),
        "status": json.dumps(status, ensure_ascii=False),
        "provenance": json.dumps(folder.provenance(), ensure_ascii=False),
    }


def _histories(runs: Iterable[RunFolder], brief: bool) -> list[pd.DataFrame]:
    frames = []
    for run in runs:
        file = run.path / HISTORY
        if file.exists():
            history = pd.read_parquet(file).drop(columns=list(LEFT_OUT), errors="ignore")
            evaluated = history["metric_train_loss"].notna().to_numpy()
            if brief:
                ends = np.isin(np.arange(len(history)), (0, len(history) - 1))
                history = history.loc[evaluated | ends, list(BRIEF)]
                evaluated = history["metric_train_loss"].notna().to_numpy()
            for name in EVALUATED_ONLY:
                if name in history:
                    history[name] = history[name].where(evaluated)
            for name in CUT:
                if name in history:
                    values = history[name].to_numpy(dtype=float)
                    history[name] = np.where(evaluated, values, cut(values))
            history.insert(0, "run_id", run.run_id)
            frames.append(history)
    return frames


def _write(frame: pd.DataFrame, file: Path, encodings: dict[str, str]) -> None:
    frame.to_parquet(
        file,
        index=False,
        compression="zstd",
        compression_level=19,
        column_encoding=encodings or None,
        use_dictionary=[name for name in frame if name not in encodings] if encodings else True,
    )


def _read(
    archive: Path,
) -> tuple[dict[str, _Study], dict[str, dict[str, Any]], dict[Any, pd.DataFrame]]:
    """Read an archive, and make sure that it is whole."""
    content = read_json(archive / STUDIES)
    if content is None:
        raise InputError(f"there is no archive in {archive}; it would hold a {STUDIES}")
    try:
        listed = TypeAdapter(dict[str, _Study]).validate_python(content)
    except ValidationError as error:
        raise InputError(
            f"{archive / STUDIES} is damaged: it does not list studies and their runs"
        ) from error
    try:
        rows = pd.read_parquet(archive / RUNS).to_dict("records")
        runs = {row["run_id"]: {name: json.loads(row[name]) for name in ABOUT} for row in rows}
        histories = dict(list(pd.read_parquet(archive / HISTORY).groupby("run_id", observed=True)))
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"the archive in {archive} is damaged: {error}") from error
    wanted = {run for study in listed.values() for run in study.runs}
    if lacking := wanted - runs.keys():
        raise InputError(
            f"the archive in {archive} is damaged: {RUNS} lacks {len(lacking)} runs that {STUDIES} "
            f"lists, such as {min(lacking)}"
        )
    names = [name for name in listed if not is_name(name)]
    names += [run for run in wanted if not re.fullmatch("[0-9a-f]+", run)]
    if names:
        raise InputError(f"the archive in {archive} is damaged: {names[0]!r} names no results")
    return listed, runs, histories


def _unpack(about: dict[str, Any], history: pd.DataFrame | None, run: RunFolder) -> None:
    if run.is_done:
        return
    run.path.mkdir(parents=True, exist_ok=True)
    if history is not None:
        whole = history.drop(columns="run_id").reset_index(drop=True)
        for name in COLUMNS.keys() - set(whole):
            whole[name] = np.nan
        with replacing(run.path / HISTORY) as beside:
            whole.to_parquet(beside, index=False)
    for name in ABOUT:
        write_json(run.path / f"{name}.json", about[name])

"""Results of many studies in three small files, to be kept with the sources and read again.

<archive>/studies.json      by study: its config and its runs
          runs.parquet      one row a run: what it was, how it ended, and with what it ran
          history.parquet   one row a step of a run

Losses and gradient norms of mini-batches are cut to four digits, except in the rows of
evaluations, which are whole; nothing else is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from qnlr.errors import InputError
from qnlr.files import replacing
from qnlr.study.store import RunFolder, listed_runs, read_json, write_json

CUT = (
    "metric_loss",
    "metric_loss_std",
    "metric_probe_loss",
    "metric_probe_loss_std",
    "metric_gradient_norm",
    "metric_gradient_std",
)
LEFT_OUT = ("metric_loss_std", "metric_probe_loss", "metric_probe_loss_std", "cost_jobs")
BITS = 12


def pack(studies: Sequence[Path], archive: Path) -> int:
    """Pack studies into an archive.

    Args:
        studies: Their results folders.
        archive: Folder to write to; what it held is replaced.

    Returns:
        Size of the archive, in bytes.

    Raises:
        InputError: If a folder holds no study, or a run of one has not ended.
    """
    listed, runs = {}, {}
    for folder in studies:
        specs = listed_runs(folder)
        if specs is None:
            raise InputError(f"there is no study in {folder}; run it first")
        config = read_json(folder / "study.json").get("config")
        listed[folder.name] = {"config": config, "runs": list(specs)}
        for run, spec in specs.items():
            if run not in runs:
                runs[run] = (spec, RunFolder(folder / run))
    archive.mkdir(parents=True, exist_ok=True)
    rows = [_row(spec, folder) for spec, folder in runs.values()]
    _write(pd.DataFrame(rows), archive / "runs.parquet", {})
    histories = pd.concat(_histories(folder for _, folder in runs.values()), ignore_index=True)
    histories["run_id"] = histories["run_id"].astype("category")
    encodings = {
        "step": "DELTA_BINARY_PACKED",
        "cost_circuits": "DELTA_BINARY_PACKED",
        "cost_shots": "DELTA_BINARY_PACKED",
        **{name: "BYTE_STREAM_SPLIT" for name in histories if name in CUT},
    }
    _write(histories, archive / "history.parquet", encodings)
    write_json(archive / "studies.json", listed)
    return sum(file.stat().st_size for file in archive.iterdir() if file.is_file())


def unpack(archive: Path, results: Path) -> list[Path]:
    """Unpack an archive into a folder of results; runs that are there already are left alone.

    Args:
        archive: The archive.
        results: Folder of all results.

    Returns:
        Folders of the studies.

    Raises:
        InputError: If there is no archive.
    """
    listed = read_json(archive / "studies.json")
    if listed is None:
        raise InputError(f"there is no archive in {archive}; it would hold a studies.json")
    runs = {
        row["run_id"]: row for row in pd.read_parquet(archive / "runs.parquet").to_dict("records")
    }
    histories = dict(
        list(pd.read_parquet(archive / "history.parquet").groupby("run_id", observed=True))
    )
    folders = []
    for name, study in listed.items():
        folder = results / name
        for run in study["runs"]:
            _unpack(runs[run], histories.get(run), RunFolder(folder / run))
        specs = {run: json.loads(runs[run]["spec"]) for run in study["runs"]}
        content = {"name": name, "config": study["config"], "runs": specs}
        write_json(folder / "study.json", content)
        folders.append(folder)
    return folders


def cut(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return numbers with a mantissa of 12 bits, which is four digits, as they pack well.

    Args:
        values: Numbers, any shape.

    Example:
        >>> cut(np.array([0.123456789, np.nan])).round(9)
        array([0.12347412,        nan])
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


def _histories(runs: Iterable[RunFolder]) -> list[pd.DataFrame]:
    frames = []
    for run in runs:
        file = run.path / "history.parquet"
        if file.exists():
            history = pd.read_parquet(file).drop(columns=list(LEFT_OUT), errors="ignore")
            evaluated = history["metric_train_loss"].notna().to_numpy()
            for name in CUT:
                if name in history:
                    values = history[name].to_numpy(dtype=float)
                    history[name] = np.where(evaluated, values, cut(values))
            history.insert(0, "run_id", run.run_id)
            frames.append(history)
    return frames


def _write(frame: pd.DataFrame, file: Path, encodings: dict[str, str]) -> None:
    with replacing(file) as beside:
        frame.to_parquet(
            beside,
            index=False,
            compression="zstd",
            compression_level=19,
            column_encoding=encodings or None,
            use_dictionary=[name for name in frame if name not in encodings] if encodings else True,
        )


def _unpack(row: dict[Any, Any], history: pd.DataFrame | None, run: RunFolder) -> None:
    if run.is_done:
        return
    run.path.mkdir(parents=True, exist_ok=True)
    if history is not None:
        whole = history.drop(columns="run_id").reset_index(drop=True)
        for name in LEFT_OUT:
            whole[name] = np.nan
        with replacing(run.path / "history.parquet") as beside:
            whole.to_parquet(beside, index=False)
    for name in ("spec", "provenance", "status"):
        write_json(run.path / f"{name}.json", json.loads(row[name]))

"""Results as pandas frames: one row a run, or one row a step."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from qnlr.errors import InputError
from qnlr.study.store import RunFolder
from qnlr.training import COLUMNS


def load_results(path: str | Path, *, every_run: bool = False) -> pd.DataFrame:
    """Load the results of a study, one row for each of its runs.

    Args:
        path: The folder of a study, such as ``"results/quickstart"``.
        every_run: Whether to load runs, too, that the study's config no longer has.

    Returns:
        A frame with ``run_id``, ``label``, ``status``, ``sentence``, and columns prefixed
        ``spec_`` (what was run), ``metric_`` (the last step's, and the final evaluations') and
        ``cost_``. Runs that have not begun are rows, too, with status ``pending``.

    Raises:
        InputError: If there is no study in the folder.
    """
    folder = Path(path)
    listed = _listed(folder)
    found = sorted(file.parent.name for file in folder.glob("*/spec.json"))
    ids = [*listed, *(run for run in found if run not in listed)] if every_run else listed
    specs = {run: listed[run] if run in listed else _spec(folder / run) for run in ids}
    frame = pd.DataFrame([_row(RunFolder(folder / run), spec) for run, spec in specs.items()])
    frame.insert(1, "label", labels(list(specs.values())))
    return frame


def load_history(path: str | Path) -> pd.DataFrame:
    """Load the histories of a study's runs, one row for each step of each run.

    Args:
        path: The folder of a study.

    Returns:
        A frame with ``run_id``, ``label``, ``spec_seed`` and the columns of the history.

    Raises:
        InputError: If there is no study in the folder.
    """
    folder = Path(path)
    runs = load_results(folder)
    frames = []
    for run, label, seed in zip(runs["run_id"], runs["label"], runs["spec_seed"], strict=True):
        file = folder / run / "history.parquet"
        if file.exists():
            about = {"run_id": run, "label": label, "spec_seed": seed}
            frames.append(pd.read_parquet(file).assign(**about))
    if not frames:
        return pd.DataFrame()
    history = pd.concat(frames, ignore_index=True)
    return history[["run_id", "label", "spec_seed", *COLUMNS]]


def flatten(content: Mapping[str, Any], separator: str = "_", prefix: str = "") -> dict[str, Any]:
    """Flatten nested tables, their keys joined by a separator.

    Args:
        content: Tables of tables.
        separator: What joins the keys.
        prefix: What every key begins with.

    Returns:
        One flat table.

    Example:
        >>> flatten({"optimizer": {"name": "nlr", "trigger": {"name": "tolerance"}}}, "_", "spec_")
        {'spec_optimizer_name': 'nlr', 'spec_optimizer_trigger_name': 'tolerance'}
    """
    flat: dict[str, Any] = {}
    for key, value in content.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, separator, f"{prefix}{key}{separator}")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def labels(specs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Name every run by what sets it apart: its optimizer, and the settings that vary.

    Settings of an optimizer count as varying where runs of that optimizer differ in them, all
    others where any runs differ. Seeds do not count.

    Args:
        specs: The runs, as plain tables.

    Returns:
        A label for every run.

    Example:
        >>> labels([
        ...     {"optimizer": {"name": "sgd"}, "seed": 0},
        ...     {"optimizer": {"name": "nlr", "trigger": {"name": "any_increase"}}, "seed": 0},
        ...     {"optimizer": {"name": "nlr", "trigger": {"name": "tolerance", "tau": 0.1}}},
        ... ])
        ['sgd', 'nlr any_increase', 'nlr tolerance tau=0.1']
    """
    tables = [flatten({**spec, "seed": None}, separator=".") for spec in specs]
    names: list[str] = []
    for table in tables:
        optimizer = table["optimizer.name"]
        alike = [other for other in tables if other["optimizer.name"] == optimizer]
        parts = [optimizer]
        for key, value in table.items():
            group = alike if key.startswith("optimizer.") else tables
            varies = len({_text(other.get(key)) for other in group}) > 1
            if varies and value is not None and key != "optimizer.name":
                last = key.rsplit(".", 1)[-1]
                parts.append(_text(value) if last == "name" else f"{last}={_text(value)}")
        names.append(" ".join(parts))
    return names


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _listed(folder: Path) -> dict[str, Any]:
    file = folder / "study.json"
    if not file.exists():
        raise InputError(
            f"there is no study in {folder}; expected the folder of a study that was run, such as "
            "results/quickstart"
        )
    listed: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))["runs"]
    return listed


def _spec(folder: Path) -> dict[str, Any]:
    spec: dict[str, Any] = json.loads((folder / "spec.json").read_text(encoding="utf-8"))
    return spec


def _row(folder: RunFolder, spec: Mapping[str, Any]) -> dict[str, Any]:
    status = folder.status()
    if status is None:
        begun = (folder.path / "spec.json").exists()
        status = {
            "status": "unfinished" if begun else "pending",
            "sentence": "begun, but neither ended nor stopped in order" if begun else "not begun",
        }
    return {
        "run_id": folder.run_id,
        "status": status["status"],
        "sentence": status["sentence"],
        **flatten(spec, prefix="spec_"),
        **status.get("metrics", {}),
        **status.get("cost", {}),
    }

"""Results as pandas frames: one row a run, or one row a step."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from qnlr.errors import InputError
from qnlr.study.schema import NO_STRATEGY, with_defaults
from qnlr.study.store import RunFolder, listed_runs, read_json
from qnlr.training import COLUMNS, STAGE

ABOVE = "metric_loss_above_exact"
NO_STRATEGY_NAME = ("strategy.name", NO_STRATEGY["name"])


def load_results(path: str | Path, *, every_run: bool = False) -> pd.DataFrame:
    """Load the results of a study, one row for each of its runs.

    Args:
        path: The folder of a study, such as ``"results/quickstart"``.
        every_run: Whether to load runs, too, that the study's config no longer has.

    Returns:
        A frame with ``run_id``, ``label``, ``setting``, ``baseline``, ``status``, ``sentence``, and
        columns prefixed ``spec_`` (what was run), ``metric_`` (the last step's, and the final
        evaluations') and ``cost_``. The label names the optimizer and all that sets it apart,
        ``setting`` what sets the run apart besides its optimizer, ``baseline`` the label of the SGD
        that it can be compared with. Runs that have not begun are rows, too, with status
        ``pending``.

    Raises:
        InputError: If there is no study in the folder, or a file of it is damaged.
    """
    folder = Path(path)
    listed = _listed(folder)
    found = sorted(file.parent.name for file in folder.glob("*/spec.json"))
    ids = [*listed, *(run for run in found if run not in listed)] if every_run else listed
    specs = {run: listed[run] if run in listed else _spec(folder / run) for run in ids}
    frame = pd.DataFrame([_row(RunFolder(folder / run), spec) for run, spec in specs.items()])
    frame.insert(1, "label", labels(list(specs.values())))
    frame.insert(2, "setting", settings(list(specs.values())))
    alike = frame.duplicated(["label", "spec_seed"], keep=False)
    frame["label"] = frame["label"].where(~alike, frame["label"] + " " + frame["run_id"])
    frame.insert(3, "baseline", _baselines(frame))
    return frame


def load_history(path: str | Path) -> pd.DataFrame:
    """Load the histories of a study's runs, one row for each step of each run.

    Args:
        path: The folder of a study.

    Returns:
        A frame with ``run_id``, ``label``, ``setting``, ``baseline``, ``spec_seed`` and the columns
        of the history; of energies ``metric_loss_above_exact``, too, which is NaN where the exact
        energy is not known, or a stage of a strategy minimises something else.

    Raises:
        InputError: If there is no study in the folder.
    """
    folder = Path(path)
    runs = load_results(folder)
    frames = []
    exact = _exact_energies(runs)
    known = None if exact is None else dict(zip(runs["run_id"], exact, strict=True))
    about = ["run_id", "label", "setting", "baseline", "spec_seed"]
    for _, run in runs[about].iterrows():
        file = folder / run["run_id"] / "history.parquet"
        if file.exists():
            history = _read_history(file)
            if known is not None:
                own = math.nan if STAGE in history else known[run["run_id"]]
                history[ABOVE] = history["metric_loss"] - own
            frames.append(history.assign(**run))
    if not frames:
        return pd.DataFrame()
    whole = pd.concat(frames, ignore_index=True)
    return whole[[*about, *COLUMNS, *(key for key in (ABOVE, STAGE) if key in whole)]]


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
    tables = [_telling(spec) for spec in specs]
    alike: dict[str, list[dict[str, Any]]] = {}
    for table in tables:
        alike.setdefault(table["optimizer.name"], []).append(table)
    varying = {name: _varying(group) for name, group in alike.items()}
    names = []
    for table, setting in zip(tables, settings(specs), strict=True):
        optimizer = table["optimizer.name"]
        own = {key: value for key, value in table.items() if key.startswith("optimizer.")}
        own.pop("optimizer.name")
        names.append(" ".join(filter(None, [optimizer, _text(own, varying[optimizer]), setting])))
    return names


def settings(specs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Name for every run what sets it apart besides its optimizer and its seed.

    Args:
        specs: The runs, as plain tables.

    Returns:
        A text for every run, the same for runs that differ in optimizer and seed alone.

    Example:
        >>> sgd = {"name": "sgd"}
        >>> settings([
        ...     {"circuit": {"qubits": 2, "layers": 1}, "optimizer": sgd},
        ...     {"circuit": {"qubits": 2, "layers": 5}, "optimizer": sgd},
        ... ])
        ['layers=1', 'layers=5']
    """
    tables = [_telling({**spec, "optimizer": None}) for spec in specs]
    alike: dict[str, list[dict[str, Any]]] = {}
    for table in tables:
        own = {key: value for key, value in table.items() if key.startswith("strategy.")}
        alike.setdefault(table["strategy.name"], []).append(own)
    others = [
        {key: value for key, value in table.items() if key not in alike[table["strategy.name"]][0]}
        for table in tables
    ]
    varying = _varying(others) | ({"strategy.name"} if len(alike) > 1 else set())
    of_strategy = {name: _varying(group) for name, group in alike.items()}
    return [_text(table, varying | of_strategy[table["strategy.name"]]) for table in tables]


def _telling(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return what tells a run from others, flat: all but its seed and what changes no result."""
    table = flatten(with_defaults({**spec, "seed": None}), separator=".")
    return {key: value for key, value in table.items() if key != "training.checkpoint_every"}


def _varying(tables: Sequence[Mapping[str, Any]]) -> set[str]:
    """Return the keys in which tables differ."""
    seen: dict[str, set[str]] = {}
    for table in tables:
        for key, value in table.items():
            seen.setdefault(key, set()).add(repr(value))
    lacking = {key for key in seen if any(key not in table for table in tables)}
    return lacking | {key for key, values in seen.items() if len(values) > 1}


def _text(table: Mapping[str, Any], varying: set[str]) -> str:
    parts = []
    for key, value in table.items():
        if value is not None and key in varying and (key, value) != NO_STRATEGY_NAME:
            last = key.rsplit(".", 1)[-1]
            parts.append(str(value) if last == "name" else f"{last}={value}")
    return " ".join(parts)


def _baselines(frame: pd.DataFrame) -> list[str]:
    """Name for every run the SGD of its setting: that of its learning rate, or else the only one.

    Without such an SGD there is nothing that a difference could be put down to.
    """
    rate = "spec_optimizer_learning_rate"
    rates = frame[rate] if rate in frame else pd.Series(0.0, index=frame.index)
    runs = list(
        zip(frame["spec_optimizer_name"], frame["setting"], rates, frame["label"], strict=True)
    )
    same: dict[tuple[str, float], set[str]] = {}
    only: dict[str, set[str]] = {}
    for optimizer, setting, learning_rate, label in runs:
        if optimizer == "sgd":
            same.setdefault((setting, learning_rate), set()).add(label)
            only.setdefault(setting, set()).add(label)
    names = []
    for optimizer, setting, learning_rate, label in runs:
        found = same.get((setting, learning_rate)) or only.get(setting, set())
        alone = next(iter(found)) if len(found) == 1 else ""
        names.append(label if optimizer == "sgd" else alone)
    return names


def _exact_energies(runs: pd.DataFrame) -> pd.Series[float] | None:
    """Return the exact energy of every run that has ended, or None if there are no energies."""
    if "metric_energy_error" in runs:
        return runs["metric_energy"] - runs["metric_energy_error"]
    if "metric_cut_ratio" in runs:
        return -runs["metric_cut"] / runs["metric_cut_ratio"]
    return None


def _read_history(file: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(file)
    except (OSError, ValueError) as error:
        raise InputError(f"{file} is damaged ({error}); restore it, or move it away") from error


def _listed(folder: Path) -> dict[str, Any]:
    listed = listed_runs(folder)
    if listed is None:
        raise InputError(
            f"there is no study in {folder}; expected the folder of a study that was run, such as "
            "results/quickstart"
        )
    return listed


def _spec(folder: Path) -> dict[str, Any]:
    spec: dict[str, Any] = read_json(folder / "spec.json")
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
        **flatten(with_defaults(spec), prefix="spec_"),
        **{name: _number(value) for name, value in status.get("metrics", {}).items()},
        **status.get("cost", {}),
    }


def _number(value: float | None) -> float:
    return math.nan if value is None else value

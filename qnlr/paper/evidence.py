"""What was measured for the cells of a table: one row for each run of each cell."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from qnlr.paper.tables import Method, PaperTable, Setting
from qnlr.study.costs import last_and_best
from qnlr.study.results import load_history, load_results

MODES = ("exact", "shots", "noise")
EVALUATED = ("train_loss", "test_loss", "train_accuracy", "test_accuracy")
KEY = ["setting", "method", "mode"]


@dataclass(frozen=True)
class Evidence:
    """The runs of a study, with their histories.

    Args:
        runs: One row a run: what :func:`qnlr.load_results` gives, and ``study`` and ``mode``.
        history: One row a step of a run: what :func:`qnlr.load_history` gives.
    """

    runs: pd.DataFrame
    history: pd.DataFrame

    @classmethod
    def load(cls, folder: Path) -> Evidence:
        """Load the evidence of a study.

        Args:
            folder: Its results folder.

        Returns:
            The evidence.

        Raises:
            InputError: If there is no study in the folder.
        """
        runs = load_results(folder).assign(study=folder.name)
        runs["mode"] = [mode(row) for row in runs.to_dict("records")]
        history = load_history(folder)
        if not history.empty:
            history = history.drop(columns=["label", "setting", "baseline"])
        return cls(runs, history)

    @classmethod
    def joined(cls, parts: list[Evidence]) -> Evidence:
        """Return the evidence of several studies as one."""
        return cls(
            pd.concat([part.runs for part in parts], ignore_index=True),
            pd.concat([part.history for part in parts], ignore_index=True),
        )


def mode(run: Mapping[Any, Any]) -> str:
    """Return how a run was evaluated: ``"exact"``, ``"shots"`` or ``"noise"``.

    Args:
        run: A row of results.

    Example:
        >>> mode({"spec_backend_shots": 1000, "spec_backend_noise_name": math.nan})
        'shots'
    """
    noisy = _given(run.get("spec_backend_noise_name"))
    if not _given(run.get("spec_backend_shots")):
        return "noise without shots" if noisy else "exact"
    return "noise" if noisy else "shots"


def measured(table: PaperTable, evidence: Evidence) -> pd.DataFrame:
    """Return what the runs of a table gave, one row for each run of each cell.

    Args:
        table: The table.
        evidence: The runs of its studies.

    Returns:
        Columns ``setting``, ``method``, ``mode``, ``study``, ``run_id``, ``spec_seed``, ``status``
        and ``sentence``; losses and accuracies at the last evaluation and at the best one
        (``last_train_loss``, …); ``gradient_norm`` of the last step's mini-batch as measured, and
        ``gradient_norm_without_shots``, √max(0, ‖g‖² − Σ std²); ``flips``, ``steps``, ``shots`` and
        ``circuits`` until then.
    """
    histories = dict(list(evidence.history.groupby("run_id"))) if len(evidence.history) else {}
    records = evidence.runs.to_dict("records")
    found = []
    for setting in table.settings:
        for method in table.methods:
            for run in _runs(records, setting, method):
                cell = {"setting": setting.label, "method": method.label, "mode": run["mode"]}
                keys = ("study", "run_id", "spec_seed", "status", "sentence")
                about = {key: run[key] for key in keys}
                found.append(
                    cell | about | _outcome(histories.get(str(run["run_id"])), setting.step)
                )
    frame = pd.DataFrame(found)
    if frame.empty:
        return frame
    order = frame["mode"].map({name: place for place, name in enumerate(MODES)})
    return frame.assign(order=order).sort_values("order", kind="stable").drop(columns="order")


def until(history: pd.DataFrame, step: int | None) -> pd.DataFrame:
    """Return the history of a run's first steps, which are numbered from 0; None for all."""
    return history if step is None else history[history["step"] < step]


def _runs(records: list[dict[Any, Any]], setting: Setting, method: Method) -> list[dict[Any, Any]]:
    where = {**setting.where, **method.where}
    columns = {f"spec_{key.replace('.', '_')}": value for key, value in where.items()}
    return [
        run
        for run in records
        if all(_is(run.get(column), value) for column, value in columns.items())
    ]


def _outcome(history: pd.DataFrame | None, step: int | None) -> dict[str, float]:
    if history is not None:
        history = until(history, step)
    if history is None or history.empty or (step is not None and history["step"].max() + 1 < step):
        nothing = {f"{which}_{name}": math.nan for name in EVALUATED for which in ("last", "best")}
        return {**nothing, "steps": 0.0 if history is None else float(len(history))}
    last = history.iloc[-1]
    noise = np.nan_to_num(last["metric_gradient_std"])
    return {
        **last_and_best(history),
        "gradient_norm": float(last["metric_gradient_norm"]),
        "gradient_norm_without_shots": math.sqrt(
            max(0.0, last["metric_gradient_norm"] ** 2 - noise**2)
        ),
        "flips": float(history["metric_flipped"].sum()),
        "steps": float(len(history)),
        "shots": float(last["cost_shots"]),
        "circuits": float(last["cost_circuits"]),
    }


def _given(value: Any) -> bool:
    return value is not None and value == value  # NaN is not given


def _is(found: Any, wanted: Any) -> bool:
    if wanted is None:
        return not _given(found)
    if isinstance(wanted, list):
        return isinstance(found, list) and found == wanted
    return bool(np.isscalar(found) and found == wanted)

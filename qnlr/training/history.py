"""The history of a run: one row for every step."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from qnlr.optimizers import StepRecord
from qnlr.problems import Evaluation
from qnlr.types import Cost, Estimate

COLUMNS: dict[str, type] = {
    "step": int,
    "metric_loss": float,
    "metric_loss_std": float,
    "metric_probe_loss": float,
    "metric_probe_loss_std": float,
    "metric_gradient_norm": float,
    "metric_gradient_std": float,
    "metric_rate": float,
    "metric_flipped": bool,
    "metric_train_loss": float,
    "metric_train_loss_std": float,
    "metric_train_accuracy": float,
    "metric_test_loss": float,
    "metric_test_loss_std": float,
    "metric_test_accuracy": float,
    "cost_circuits": int,
    "cost_shots": int,
    "cost_jobs": int,
}


STAGE = "stage"


class History:
    """Columns that grow by a row a step.

    ``metric_loss``, ``metric_gradient_norm`` and their like are those of the mini-batch before the
    step; ``metric_train_*`` and ``metric_test_*`` those of all samples after it, NaN where there
    was no evaluation; ``cost_*`` is what training has spent up to and with the step. That of a
    training in stages has the column ``stage``, numbered from 0.

    Args:
        staged: Whether the training has a plan of stages.

    Example:
        >>> history = History()
        >>> len(history), list(history.columns)[:2]
        (0, ['step', 'metric_loss'])
    """

    def __init__(self, staged: bool = False) -> None:
        self.kinds = {**COLUMNS, **({STAGE: int} if staged else {})}
        self.columns: dict[str, list[Any]] = {name: [] for name in self.kinds}

    def __len__(self) -> int:
        return len(self.columns["step"])

    def append(
        self,
        record: StepRecord,
        gradient_std: float,
        cost: Cost,
        evaluations: Mapping[str, Evaluation] | None = None,
        stage: int = 0,
    ) -> None:
        """Add the row of a step.

        Args:
            record: What the optimizer did.
            gradient_std: Root of the summed variances of the gradient: the norm that noise alone
                would give it; NaN if there was no gradient.
            cost: What training has spent so far.
            evaluations: Evaluations after the step, ``"train"`` and ``"test"``.
            stage: Number of the stage that the step was made in.
        """
        row: dict[str, Any] = dict.fromkeys(COLUMNS, math.nan)
        row.update(
            step=len(self),
            stage=stage,
            metric_gradient_norm=record.gradient_norm,
            metric_gradient_std=gradient_std,
            metric_rate=record.rate,
            metric_flipped=record.flipped,
            cost_circuits=cost.circuits,
            cost_shots=cost.shots,
            cost_jobs=cost.jobs,
        )
        row.update(_with_std("metric_loss", record.loss))
        if record.probe_loss is not None:
            row.update(_with_std("metric_probe_loss", record.probe_loss))
        for which, evaluation in (evaluations or {}).items():
            row.update(evaluation_columns(which, evaluation))
        for name, kind in self.kinds.items():
            self.columns[name].append(kind(row[name]))

    def state_dict(self) -> dict[str, Any]:
        """Return the columns as arrays."""
        return {name: np.array(self.columns[name], dtype=kind) for name, kind in self.kinds.items()}

    @classmethod
    def from_state(cls, plain: Mapping[str, Any]) -> History:
        """Rebuild a history from :meth:`state_dict`."""
        history = cls(staged=STAGE in plain)
        history.columns = {name: np.asarray(plain[name]).tolist() for name in history.kinds}
        return history


def evaluation_columns(which: str, evaluation: Evaluation) -> dict[str, float]:
    """Return an evaluation as columns.

    Args:
        which: ``"train"`` or ``"test"``.
        evaluation: The evaluation.

    Returns:
        Loss, its standard error and accuracy, by column.
    """
    return {
        **_with_std(f"metric_{which}_loss", evaluation.loss),
        f"metric_{which}_accuracy": evaluation.accuracy,
    }


def pack_evaluations(step: int, found: Mapping[str, Evaluation]) -> dict[str, Any]:
    """Return evaluations as plain data, kept so that resuming does not pay for them again.

    Args:
        step: Steps made before them.
        found: The evaluations, ``"train"`` and ``"test"``.

    Returns:
        What :func:`unpack_evaluations` takes.
    """
    return {
        "step": step,
        "found": {
            which: [float(known.loss), known.loss.std, known.accuracy]
            for which, known in found.items()
        },
    }


def unpack_evaluations(plain: Mapping[str, Any]) -> tuple[int, dict[str, Evaluation]]:
    """Return step and evaluations from :func:`pack_evaluations`.

    Args:
        plain: What it returned.

    Returns:
        Step and evaluations.
    """
    return plain["step"], {
        which: Evaluation(Estimate(loss, std), accuracy)
        for which, (loss, std, accuracy) in plain["found"].items()
    }


def _with_std(column: str, loss: float) -> dict[str, float]:
    std = loss.std if isinstance(loss, Estimate) else math.nan
    return {column: float(loss), f"{column}_std": std}

"""One run, from its spec to its folder."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from qnlr.backends import IBMBackend
from qnlr.backends.ibm import Paying
from qnlr.backends.ibm.secrets import redacted, redacted_error, redacted_traceback
from qnlr.errors import CheckpointError, Suspended
from qnlr.problems import Evaluation
from qnlr.study.devices import device_settings
from qnlr.study.evaluation import evaluated
from qnlr.study.observer import RunProgress
from qnlr.study.provenance import provenance
from qnlr.study.schema import EvaluationTable, RunSpec
from qnlr.study.store import RunFolder
from qnlr.training import Outcome, Status, Training, evaluation_columns
from qnlr.types import Estimate

Tell = Callable[[RunProgress], object]


@dataclass(frozen=True)
class Task:
    """A run to be executed.

    Args:
        spec: What is run.
        folder: Where its results go.
        label: What sets it apart.
    """

    spec: RunSpec
    folder: RunFolder
    label: str

    @property
    def is_done(self) -> bool:
        """Whether it has ended for good: not if it spent a budget that is another one now."""
        status = self.folder.status()
        if status is None or not self.folder.is_done:
            return False
        return status["status"] != Status.BUDGET_SPENT or bool(status["caps"] == caps(self.spec))

    def progress(self, training: Training) -> RunProgress:
        """Return where the run stands."""
        return RunProgress.of(self.folder.run_id, self.label, self.spec.seed, training)


class Builds(Protocol):
    """Anything that builds runs as a :class:`~qnlr.study.build.Builder` does."""

    def run(self, spec: RunSpec, kept: Path | None = None) -> Training:
        """Build a run."""

    def device(
        self, spec: RunSpec, training: Training, kept: Path | None = None
    ) -> IBMBackend | None:
        """Return the device of a run, if it has one."""


def execute_run(
    task: Task,
    builder: Builds,
    begin: Tell = lambda progress: None,
    step: Tell = lambda progress: None,
    interrupted: Callable[[], bool] = lambda: False,
    paying: Callable[[Task, Training], Paying | None] = lambda task, training: None,
) -> tuple[RunProgress, Outcome]:
    """Execute a run, from its checkpoint if it has one, and write how it ended.

    Args:
        task: The run.
        builder: Builds it.
        begin: Told where it begins.
        step: Told of every step.
        interrupted: Asked after every step whether to stop there.
        paying: Says how jobs on a device are submitted and paid for.

    Returns:
        Where it ended, and how. An exception of the run itself is such an ending: ``failed``.

    Raises:
        CheckpointError: If its checkpoint cannot be used; it is set aside.
    """
    run, training = task.folder, builder.run(task.spec, task.folder.path)
    resume(task, training)
    run.begin(task.spec.model_dump(mode="json"), provenance(training.problem.source))
    device = builder.device(task.spec, training, task.folder.path)
    if device is not None:
        device = device.opened(run.path, run.run_id, paying(task, training))
        if task.spec.evaluation is None:
            training.backend = device
    begin(task.progress(training))
    metrics: dict[str, float] = {}
    try:
        outcome = training.run(
            on_step=lambda training: step(task.progress(training)),
            on_checkpoint=lambda training: run.save_checkpoint(training.state_dict()),
            interrupted=interrupted,
        )
        outcome, metrics = _measured(training, outcome)
        if task.spec.evaluation is not None and device is not None:
            outcome, more = _measured_on(device, training, outcome, task.spec.evaluation)
            metrics |= more
    except Exception as error:
        outcome = Outcome(Status.FAILED, redacted_error(error))
        (run.path / "error.txt").write_text(redacted_traceback(error), encoding="utf-8")
    finally:
        training.optimizer.close()
    if device is not None:
        device.settle()
    run.end(
        {
            "status": outcome.status,
            "sentence": redacted(outcome.sentence),
            "steps": training.steps_done,
            "metrics": {
                name: value if math.isfinite(value) else None for name, value in metrics.items()
            },
            "cost": _costs(training, device),
            **({"caps": caps(task.spec)} if outcome.status is Status.BUDGET_SPENT else {}),
        }
    )
    return task.progress(training), outcome


def _measured(training: Training, outcome: Outcome) -> tuple[Outcome, dict[str, float]]:
    """Return how a run ended, with its metrics: without evaluations if they cannot be made now."""
    spent = outcome.status is Status.BUDGET_SPENT
    if spent and training.suspendable and training.settings.max_shots is None:
        return outcome, _unmeasured(training)  # it is the device's budget that is spent
    try:
        return outcome, training.metrics(outcome)
    except Suspended as suspended:
        later = Outcome(Status(suspended.status), str(suspended))
        kept = spent and later.status is Status.BUDGET_SPENT
        return outcome if kept else later, _unmeasured(training)


def _unmeasured(training: Training) -> dict[str, float]:
    """Return the metrics of a run whose last weights nobody evaluated."""
    unknown = Evaluation(Estimate(math.nan, math.nan), math.nan)
    metrics = training.metrics(Outcome(Status.INTERRUPTED, ""))
    return metrics | evaluation_columns("train", unknown) | evaluation_columns("test", unknown)


def _measured_on(
    device: IBMBackend, training: Training, outcome: Outcome, table: EvaluationTable
) -> tuple[Outcome, dict[str, float]]:
    """Return how a run ended, with what its weights are measured to do on a device."""
    if outcome.status in (Status.INTERRUPTED, Status.DIVERGED):
        return outcome, {}
    try:
        return outcome, evaluated(training, device, table.gradient_samples)
    except Suspended as suspended:
        return Outcome(Status(suspended.status), str(suspended)), {}


def _costs(training: Training, device: IBMBackend | None) -> dict[str, float]:
    if device is None:
        return training.costs()
    return {**training.costs(), "cost_qpu_seconds": device.journal.spent}


def caps(spec: RunSpec) -> dict[str, float | None]:
    """Return what a run may cost on a device; with another one, it goes on where it ended.

    Args:
        spec: The run.

    Returns:
        The caps by name; none on any other backend.
    """
    settings = device_settings(spec)
    if settings is None:
        return {}
    names = ("budget_seconds", "max_jobs", "max_execution_time")
    return {name: getattr(settings, name) for name in names}


def resume(task: Task, training: Training) -> None:
    """Load the checkpoint of a run, if it has one.

    Args:
        task: The run.
        training: The run at its beginning.

    Raises:
        CheckpointError: If the checkpoint cannot be used; it is set aside.
    """
    state = task.folder.load_checkpoint()
    if state is None:
        return
    try:
        training.load_state_dict(state)
    except (KeyError, TypeError, ValueError) as error:
        path = task.folder.path / "checkpoint.npz"
        raise task.folder.set_aside(
            CheckpointError(f"{path} does not fit its run ({error})")
        ) from error

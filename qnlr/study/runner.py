"""One run, from its spec to its folder."""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from qnlr.errors import CheckpointError
from qnlr.study.build import Builder
from qnlr.study.observer import RunProgress
from qnlr.study.provenance import provenance
from qnlr.study.schema import RunSpec
from qnlr.study.store import RunFolder
from qnlr.training import Outcome, Status, Training

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

    def progress(self, training: Training) -> RunProgress:
        """Return where the run stands."""
        return RunProgress.of(self.folder.run_id, self.label, self.spec.seed, training)


def execute_run(
    task: Task,
    builder: Builder,
    begin: Tell = lambda progress: None,
    step: Tell = lambda progress: None,
    interrupted: Callable[[], bool] = lambda: False,
) -> tuple[RunProgress, Outcome]:
    """Execute a run, from its checkpoint if it has one, and write how it ended.

    Args:
        task: The run.
        builder: Builds it.
        begin: Told where it begins.
        step: Told of every step.
        interrupted: Asked after every step whether to stop there.

    Returns:
        Where it ended, and how. An exception of the run itself is such an ending: ``failed``.

    Raises:
        CheckpointError: If its checkpoint cannot be used; it is set aside.
    """
    run, training = task.folder, builder.run(task.spec)
    resume(task, training)
    run.begin(task.spec.model_dump(mode="json"), provenance(training.problem.dataset.source))
    begin(task.progress(training))
    metrics: dict[str, float] = {}
    try:
        outcome = training.run(
            on_step=lambda training: step(task.progress(training)),
            on_checkpoint=lambda training: run.save_checkpoint(training.state_dict()),
            interrupted=interrupted,
        )
        metrics = training.metrics(outcome)
    except Exception as error:
        outcome = Outcome(Status.FAILED, f"{type(error).__name__}: {error}")
        (run.path / "error.txt").write_text(traceback.format_exc(), encoding="utf-8")
    finally:
        training.optimizer.close()
    run.end(
        {
            "status": outcome.status,
            "sentence": outcome.sentence,
            "steps": training.steps_done,
            "metrics": {
                name: value if math.isfinite(value) else None for name, value in metrics.items()
            },
            "cost": training.costs(),
        }
    )
    return task.progress(training), outcome


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

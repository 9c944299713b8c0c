"""Executing a study: one run after another, resumed where unfinished, stopped in order."""

from __future__ import annotations

import contextlib
import math
import signal
import threading
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from qnlr.errors import CheckpointError, InputError
from qnlr.study.build import Builder, validate
from qnlr.study.provenance import provenance
from qnlr.study.results import labels
from qnlr.study.schema import RunSpec
from qnlr.study.spec import Study, run_id
from qnlr.study.store import RunFolder, listed_runs, unused, writable_folder, write_json
from qnlr.training import Outcome, Status, Training


class Observer:
    """Told how a study goes on; does nothing. Subclass it to show progress."""

    def begin_study(self, runs: int, done: int, dropped: int) -> None:
        """Told how many runs there are, how many are done, and how many are listed no more.

        The last are those of an earlier config of that name; their results are kept.
        """

    def begin_run(self, label: str, seed: int, training: Training) -> None:
        """Told that a run begins, or goes on from where ``training`` stands."""

    def step(self, training: Training) -> None:
        """Told that a run has made a step."""

    def end_run(self, outcome: Outcome) -> None:
        """Told how a run ended."""


@dataclass(frozen=True)
class Report:
    """How a study went.

    Args:
        folder: Its results folder.
        interrupted: The signal that stopped it, or None.
        failed: How many runs failed.
    """

    folder: Path
    interrupted: int | None
    failed: int


def execute(
    study: Study,
    results: str | Path = "results",
    *,
    fresh: bool = False,
    observer: Observer | None = None,
) -> Report:
    """Execute a study: skip the runs that are done, resume the unfinished, begin the others.

    SIGINT and SIGTERM let the step in hand finish, write its checkpoint and end the run as
    ``interrupted``. A second signal stops at once.

    Args:
        study: The study.
        results: Folder of all results; the study's is in it, under its name.
        fresh: Whether to start over; what was there is moved aside, not deleted.
        observer: Told how it goes on.

    Returns:
        How it went.

    Raises:
        InputError: If a value of the study is not valid, the folder cannot be written, or another
            process is executing the study. Nothing is written then.
        CheckpointError: If a checkpoint cannot be used; it is set aside, and nothing is run.
    """
    folder = Path(results) / study.name
    writable_folder(folder)
    builder = Builder(study.folder)
    validate(study, builder)
    with _lock(folder):
        if fresh and folder.is_dir() and any(folder.iterdir()):
            folder.rename(unused(folder.with_name(f"{folder.name}.old")))
        folder.mkdir(exist_ok=True)
        folders = [RunFolder(folder / run_id(spec)) for spec in study.runs]
        states = [
            None if run.is_done else _checkpoint(run, spec, builder)
            for run, spec in zip(folders, study.runs, strict=True)
        ]
        plain = {run_id(spec): spec.model_dump(mode="json") for spec in study.runs}
        config = None if study.source is None else str(study.source)
        dropped = _listed_before(folder) - set(plain)
        write_json(folder / "study.json", {"name": study.name, "config": config, "runs": plain})
        watch = observer or Observer()
        watch.begin_study(len(folders), sum(run.is_done for run in folders), len(dropped))
        names, failed = labels(list(plain.values())), 0
        with _signals() as caught:
            for spec, run, state, name in zip(study.runs, folders, states, names, strict=True):
                if run.is_done:
                    continue
                outcome = _execute_run(spec, run, state, name, builder, watch, caught)
                failed += outcome.status is Status.FAILED
                if caught:
                    break
    return Report(folder, caught[0] if caught else None, failed)


def _execute_run(
    spec: RunSpec,
    run: RunFolder,
    state: dict[str, Any] | None,
    label: str,
    builder: Builder,
    watch: Observer,
    caught: list[int],
) -> Outcome:
    training = builder.run(spec)
    run.begin(spec.model_dump(mode="json"), provenance(training.problem.dataset.source))
    if state is not None:
        training.load_state_dict(state)
    watch.begin_run(label, spec.seed, training)
    metrics: dict[str, float] = {}
    try:
        outcome = training.run(
            on_step=watch.step,
            on_checkpoint=lambda training: run.save_checkpoint(training.state_dict()),
            interrupted=lambda: bool(caught),
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
    watch.end_run(outcome)
    return outcome


def _checkpoint(run: RunFolder, spec: RunSpec, builder: Builder) -> dict[str, Any] | None:
    """Read a checkpoint and try it on, before anything is run."""
    state = run.load_checkpoint()
    if state is not None:
        training = builder.run(spec)
        try:
            training.load_state_dict(state)
            training.optimizer.close()
        except (KeyError, TypeError, ValueError) as error:
            path = run.path / "checkpoint.npz"
            raise run.set_aside(
                CheckpointError(f"{path} does not fit its run ({error})")
            ) from error
    return state


def _listed_before(folder: Path) -> set[str]:
    try:
        return set(listed_runs(folder) or {})
    except InputError:  # the list is written anew
        return set()


@contextlib.contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Hold the study, by a file beside its folder, so that the folder can be moved meanwhile."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder.with_name(f".{folder.name}.lock"), timeout=0):
            yield
    except Timeout as error:
        raise InputError(
            f"another process is executing the study in {folder}; wait for it or stop it first"
        ) from error
    except (IsADirectoryError, PermissionError) as error:
        raise InputError(f"{error.filename} cannot be written: {error.strerror}") from error


@contextlib.contextmanager
def _signals() -> Iterator[list[int]]:
    """Note the first SIGINT or SIGTERM; at a second one stop at once."""
    caught: list[int] = []

    def note(number: int, frame: object) -> None:
        if caught:
            raise KeyboardInterrupt
        caught.append(number)

    if threading.current_thread() is not threading.main_thread():
        yield caught
        return
    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

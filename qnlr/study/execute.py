"""Executing a study: unfinished runs resumed, here or in other processes, stopped in order."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import joblib
from filelock import FileLock, Timeout

from qnlr.errors import InputError, require_count
from qnlr.study.build import Builder, validate
from qnlr.study.observer import Observer
from qnlr.study.results import labels
from qnlr.study.runner import Task, execute_run, resume
from qnlr.study.spec import Study, run_id
from qnlr.study.store import RunFolder, listed_runs, unused, writable_folder, write_json
from qnlr.training import Outcome, Status

RUNS_WORTH_A_PROCESS = 4


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
    jobs: int = 0,
    scheduler: str | None = None,
) -> Report:
    """Execute a study: skip the runs that are done, resume the unfinished, begin the others.

    SIGINT and SIGTERM let the steps in hand finish, write their checkpoints and end the runs as
    ``interrupted``. A second signal stops at once. How the runs are shared among processes changes
    no result.

    Args:
        study: The study.
        results: Folder of all results; the study's is in it, under its name.
        fresh: Whether to start over; what was there is moved aside, not deleted.
        observer: Told how it goes on.
        jobs: Processes of one thread each, on this machine; 0 to run everything in this process.
        scheduler: Address of a Dask scheduler, whose workers see the same files; None for none.

    Returns:
        How it went.

    Raises:
        InputError: If a value of the study is not valid, the folder cannot be written, or another
            process is executing the study. Nothing is written then.
        CheckpointError: If a checkpoint cannot be used; it is set aside, and nothing is run.
    """
    require_count("jobs", jobs, low=0)
    folder = Path(results) / study.name
    writable_folder(folder)
    builder = Builder(study.folder)
    validate(study, builder)
    with _lock(folder):
        if fresh and folder.is_dir() and any(folder.iterdir()):
            folder.rename(unused(folder.with_name(f"{folder.name}.old")))
        folder.mkdir(exist_ok=True)
        plain = {run_id(spec): spec.model_dump(mode="json") for spec in study.runs}
        tasks = [
            Task(spec, RunFolder(folder / run), label)
            for spec, run, label in zip(
                study.runs, plain, labels(list(plain.values())), strict=True
            )
        ]
        unfinished = [task for task in tasks if not task.folder.is_done]
        for task in unfinished:
            _try_on(task, builder)
        config = None if study.source is None else str(study.source)
        dropped = _listed_before(folder) - set(plain)
        write_json(folder / "study.json", {"name": study.name, "config": config, "runs": plain})
        watch = observer or Observer()
        watch.begin_study(len(tasks), len(tasks) - len(unfinished), len(dropped))
        with _signals() as caught:
            if jobs == 0 and scheduler is None:
                outcomes = _execute_here(unfinished, builder, watch, caught)
            else:
                from qnlr.study.cluster import execute_on_cluster

                outcomes = execute_on_cluster(
                    unfinished,
                    study.folder,
                    folder.with_name(f".{folder.name}.stop"),
                    watch,
                    caught,
                    jobs=min(jobs, len(unfinished)) or 1,
                    scheduler=scheduler,
                )
    failed = sum(outcome.status is Status.FAILED for outcome in outcomes)
    return Report(folder, caught[0] if caught else None, failed)


def worthwhile_jobs(runs: int) -> int:
    """Return how many processes are worth their start: one a core, but none for a few runs.

    Args:
        runs: Number of runs.

    Returns:
        Processes, 0 for this one alone.

    Example:
        >>> worthwhile_jobs(3)
        0
    """
    jobs = min(joblib.cpu_count(), runs // RUNS_WORTH_A_PROCESS)
    return jobs if jobs > 1 else 0


def _execute_here(
    tasks: Sequence[Task], builder: Builder, watch: Observer, caught: list[int]
) -> list[Outcome]:
    outcomes = []
    for task in tasks:
        progress, outcome = execute_run(
            task, builder, watch.begin_run, watch.step, interrupted=lambda: bool(caught)
        )
        watch.end_run(progress, outcome)
        outcomes.append(outcome)
        if caught:
            break
    return outcomes


def _try_on(task: Task, builder: Builder) -> None:
    """Try a checkpoint on before anything is run."""
    if (task.folder.path / "checkpoint.npz").exists():
        training = builder.run(task.spec)
        resume(task, training)
        training.optimizer.close()


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

"""Executing a study: unfinished runs resumed, here or in other processes, stopped in order."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import joblib

from qnlr.backends.ibm.orders import Orders
from qnlr.errors import InputError, require_count
from qnlr.study.build import Builder, validate
from qnlr.study.hardware import execute_on_devices, split_paid
from qnlr.study.listing import list_runs
from qnlr.study.lock import held
from qnlr.study.observer import Observer
from qnlr.study.purse import require_none_pending
from qnlr.study.results import labels
from qnlr.study.runner import Task, execute_run, resume
from qnlr.study.share import adopt, studies_in
from qnlr.study.spec import Study, run_id
from qnlr.study.store import RunFolder, unused, writable_folder
from qnlr.training import Outcome, Status

RUNS_WORTH_A_PROCESS = 4


@dataclass(frozen=True)
class Report:
    """How one or several studies went.

    Args:
        folders: Their results folders.
        interrupted: The signal that stopped them, or None.
        failed: How many runs failed.
    """

    folders: tuple[Path, ...]
    interrupted: int | None
    failed: int

    @property
    def folder(self) -> Path:
        """Results folder of the first study."""
        return self.folders[0]


def execute(
    study: Study | Sequence[Study],
    results: str | Path = "results",
    *,
    fresh: bool = False,
    observer: Observer | None = None,
    jobs: int = 0,
    scheduler: str | None = None,
    orders: Orders | None = None,
    builder: Builder | None = None,
) -> Report:
    """Execute a study: skip the runs that are done, resume the unfinished, begin the others.

    SIGINT and SIGTERM let the steps in hand finish, write their checkpoints and end the runs as
    ``interrupted``. A second signal stops at once. How the runs are shared among processes changes
    no result. A run that several studies have is computed once, also if another study in the same
    results folder did it earlier, unless all is to start over. It goes on from a checkpoint that
    any of the studies given has of it; one that another study has is not looked for.

    Args:
        study: The study, or several that are executed as one.
        results: Folder of all results; a study's is in it, under its name.
        fresh: Whether to start over; what was there is moved aside, not deleted.
        observer: Told how it goes on.
        jobs: Processes of one thread each, on this machine; 0 to run everything in this process.
        scheduler: Address of a Dask scheduler, whose workers see the same files; None for none.
        orders: What may be done on devices that are paid for; by default, jobs are submitted and
            waited for. Such runs go on side by side in this process.
        builder: Builds the runs, if there is one already that has what they share.

    Returns:
        How it went.

    Raises:
        InputError: If a value of a study is not valid, a folder cannot be written, or another
            process is executing one of them. Nothing is written then.
        CheckpointError: If a checkpoint cannot be used; it is set aside, and nothing is run.
    """
    require_count("jobs", jobs, low=0)
    studies = [study] if isinstance(study, Study) else list(study)
    base = _common_folder(studies)
    results = Path(results)
    folders = tuple(results / one.name for one in studies)
    for folder in folders:
        writable_folder(folder)
    orders = orders or Orders()
    builder = builder or Builder(base, submitting=orders.submit)
    for one in studies:
        validate(one, builder, None if fresh else results / one.name)
    watch = observer or Observer()
    with contextlib.ExitStack() as locks:
        for folder in folders:
            locks.enter_context(held(folder))
        if fresh:
            for folder in folders:
                require_none_pending(folder)
            _move_aside(folders)
        tasks = [tasks_of(one, folder) for one, folder in zip(studies, folders, strict=True)]
        everything = [task for own in tasks for task in own]
        if not fresh:
            adopt([task.folder for task in everything], studies_in(results))
        unfinished = _unfinished(everything)
        for task in unfinished:
            _try_on(task, builder)
        listed = [list_runs(one, folder) for one, folder in zip(studies, folders, strict=True)]
        different = len({task.folder.run_id for task in everything})
        dropped = sum(one.dropped for one in listed)
        watch.begin_study(different, different - len(unfinished), dropped)
        if kept := sum(one.kept for one in listed):
            watch.other_seeds(kept)
        paid, free = split_paid(unfinished)
        free = free if orders.submit else []
        with _signals() as caught:
            outcomes = []
            if paid:
                outcomes += execute_on_devices(paid, builder, watch, caught, orders)
            if not free or (jobs == 0 and scheduler is None):
                outcomes += [] if caught else _execute_here(free, builder, watch, caught)
            else:
                from qnlr.study.cluster import execute_on_cluster

                outcomes += execute_on_cluster(
                    free,
                    base,
                    folders[0].with_name(f".{folders[0].name}.stop"),
                    watch,
                    caught,
                    jobs=min(jobs, len(free)) or 1,
                    scheduler=scheduler,
                )
        adopt([task.folder for task in everything], folders)
    failed = sum(outcome.status is Status.FAILED for outcome in outcomes)
    return Report(folders, caught[0] if caught else None, failed)


def _common_folder(studies: Sequence[Study]) -> Path:
    if not studies:
        raise InputError("there is no study to execute; give at least one")
    names = [one.name for one in studies]
    if len(set(names)) < len(names):
        raise InputError(f"studies {', '.join(names)}: every study needs a name of its own")
    if len({one.folder.resolve() for one in studies}) > 1:
        raise InputError("studies that are executed as one need their configs in one folder")
    return studies[0].folder


def _move_aside(folders: Sequence[Path]) -> None:
    for folder in folders:
        if folder.is_dir() and any(folder.iterdir()):
            folder.rename(unused(folder.with_name(f"{folder.name}.old")))


def tasks_of(study: Study, folder: Path) -> list[Task]:
    """Return the runs of a study, each with its folder.

    Args:
        study: The study.
        folder: Its results folder.
    """
    names = study.labels or labels([spec.model_dump(mode="json") for spec in study.runs])
    return [
        Task(spec, RunFolder(folder / run_id(spec)), label)
        for spec, label in zip(study.runs, names, strict=True)
    ]


def _unfinished(tasks: Sequence[Task]) -> list[Task]:
    """Return a task for every run that is not done: the one with the last checkpoint, if any."""
    twins: dict[str, list[Task]] = {}
    for task in tasks:
        if not task.is_done:
            twins.setdefault(task.folder.run_id, []).append(task)
    return [max(alike, key=_progress) for alike in twins.values()]


def _progress(task: Task) -> tuple[bool, float]:
    """Return what tells which of several folders of a run to go on in: where jobs were paid for."""
    return (task.folder.path / "journal.jsonl").exists(), task.folder.checkpointed


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
        training = builder.run(task.spec, task.folder.path)
        resume(task, training)
        training.optimizer.close()


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

"""Runs on devices that somebody pays for: side by side, under one budget."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from qnlr.backends import IBMBackend
from qnlr.backends.ibm import Paying
from qnlr.backends.ibm.journal import Journal
from qnlr.backends.ibm.orders import Orders, Waiting
from qnlr.study.build import Builder
from qnlr.study.devices import is_paid
from qnlr.study.observer import Observer
from qnlr.study.purse import Purse, purses_for
from qnlr.study.runner import Task, execute_run
from qnlr.study.schema import RunSpec
from qnlr.training import Outcome, Training

SIDE_BY_SIDE = 5
CLOSED_LOOPS = ("spsa", "cobyla")


def execute_on_devices(
    tasks: Sequence[Task],
    builder: Builder,
    watch: Observer,
    caught: list[int],
    orders: Orders,
) -> list[Outcome]:
    """Execute runs on devices that are paid for, several at a time: they mostly wait.

    Args:
        tasks: The runs.
        builder: Builds them.
        watch: Told how it goes on.
        caught: Signals that were caught; the first one leaves all jobs where they are.
        orders: Whether jobs may be submitted, and whether to leave them then. If not, runs that
            have none are left alone.

    Returns:
        How the runs ended.

    Raises:
        InputError: If the runs of a study cost more than there is; nothing is submitted then.
    """
    wanted = [task for task in tasks if orders.submit or _has_jobs(task)]
    purses = purses_for(wanted, builder, orders)
    payer = {one.task.folder.path: purse for purse in purses.values() for one in purse.bills}
    building, raised = _OneAtATime(builder), list[int]()

    def stop() -> bool:
        return bool(caught or raised)

    def execute(task: Task) -> Outcome | None:
        if stop():
            return None
        purse = payer[task.folder.path]

        def paying(task: Task, training: Training) -> Paying:
            def tell(waiting: Waiting) -> None:
                watch.wait(task.progress(training), waiting)

            return Paying(purse.modes, purse.budget, replace(purse.orders, stop=stop, watch=tell))

        try:
            progress, outcome = execute_run(
                task,
                building,
                watch.begin_run,
                watch.step,
                interrupted=stop,
                paying=paying,
            )
        except BaseException:
            raised.append(1)  # the others are not to go on and pay behind it
            raise
        watch.end_run(progress, outcome)
        return outcome

    one_by_one = any(task.spec.optimizer.name in CLOSED_LOOPS for task in wanted)
    pool = ThreadPoolExecutor(1 if one_by_one else SIDE_BY_SIDE)
    try:
        outcomes = [future.result() for future in [pool.submit(execute, t) for t in wanted]]
    except KeyboardInterrupt:  # the second signal: no thread is waited for
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    except BaseException:
        pool.shutdown()
        _close(purses.values())
        raise
    pool.shutdown()
    _close(purses.values())
    return [outcome for outcome in outcomes if outcome is not None]


def _close(purses: Iterable[Purse]) -> None:
    for purse in purses:
        purse.close()


def _has_jobs(task: Task) -> bool:
    return bool(Journal(task.folder.path, task.folder.run_id).jobs)


def split_paid(tasks: Sequence[Task]) -> tuple[list[Task], list[Task]]:
    """Return the runs that are paid for, and the others."""
    paid = [task for task in tasks if is_paid(task.spec)]
    return paid, [task for task in tasks if not is_paid(task.spec)]


class _OneAtATime:
    """Builds runs one at a time, as they share what they are built of."""

    def __init__(self, builder: Builder) -> None:
        self._builder = builder
        self._lock = threading.Lock()

    def run(self, spec: RunSpec, kept: Path | None = None) -> Training:
        """Build a run."""
        with self._lock:
            return self._builder.run(spec, kept)

    def device(
        self, spec: RunSpec, training: Training, kept: Path | None = None
    ) -> IBMBackend | None:
        """Return the device of a run."""
        with self._lock:
            return self._builder.device(spec, training, kept)

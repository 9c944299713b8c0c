"""Runs on devices that somebody pays for: side by side, under one budget, in one mode."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from qnlr.backends import IBMBackend
from qnlr.backends.ibm import Paying
from qnlr.backends.ibm.caps import Budget, Caps
from qnlr.backends.ibm.journal import JobRecord, Journal
from qnlr.backends.ibm.ledger import Ledger, read_ledger
from qnlr.backends.ibm.modes import Modes, choose_mode
from qnlr.backends.ibm.orders import Orders, Waiting
from qnlr.backends.ibm.price import Price
from qnlr.backends.ibm.target import DEVICE
from qnlr.errors import InputError
from qnlr.study.build import Builder
from qnlr.study.devices import device_settings, is_paid
from qnlr.study.evaluation import evaluation_phases
from qnlr.study.observer import Observer
from qnlr.study.runner import Builds, Task, execute_run
from qnlr.study.schema import RunSpec
from qnlr.training import Outcome, Planned, Training, planned

SIDE_BY_SIDE = 5
CLOSED_LOOPS = ("spsa", "cobyla")


@dataclass(frozen=True)
class Bill:
    """What a run costs from its first step to its last.

    Args:
        training: The run at its beginning.
        backend: Its device.
        price: Of all its phases.
        phases: How many there are.
        spent: QPU seconds that its journal says are spent.
    """

    training: Training
    backend: IBMBackend
    price: Price
    phases: int
    spent: float


def bill(task: Task, builder: Builds) -> Bill:
    """Return what a run on a device costs, and what of it is paid.

    Args:
        task: The run.
        builder: Builds it.

    Raises:
        InputError: If its folder is that of a run on another device or circuit.
        CheckpointError: If its journal is damaged.
    """
    training = builder.run(task.spec, task.folder.path)
    try:
        backend = builder.device(task.spec, training, task.folder.path)
        assert backend is not None
        journal = Journal(task.folder.path, task.folder.run_id)
        if (task.folder.path / DEVICE).is_file():  # of another device? told before any run pays
            backend.opened(task.folder.path, task.folder.run_id)
        backend = backend.knowing(journal)
        work = device_work(task.spec, training, backend)
        prices = [backend.price(phase.circuits).times(n) for phase, n in work.by_phase if n]
        total = sum(prices, backend.learning_price())
        return Bill(training, backend, total, work.phases, journal.spent)
    finally:
        training.optimizer.close()


def device_work(spec: RunSpec, training: Training, backend: IBMBackend) -> Planned:
    """Return what a run has still to measure on its device.

    Args:
        spec: The run.
        training: The run, where it stands.
        backend: Its device.
    """
    if spec.evaluation is not None:
        return Planned((), 0, evaluation_phases(training, spec.evaluation.gradient_samples), 1)
    return planned(training, lambda circuits: backend.price(circuits).executions)


class Purse:
    """Pays for the runs of one study on one device.

    Args:
        tasks: Its unfinished runs that are paid for.
        builder: Builds them.
        orders: What may be done.

    Raises:
        InputError: If the runs would cost more than their budget, or than the account has left.
    """

    def __init__(self, tasks: Sequence[Task], builder: Builder, orders: Orders) -> None:
        from qnlr.backends.ibm.service import plan, remaining_seconds

        settings = [device_settings(task.spec) for task in tasks]
        first = settings[0]
        assert first is not None
        bills = [bill(task, builder) for task in tasks]
        folder = tasks[0].folder.path.parent
        ledger = read_ledger(folder)
        caps = Caps(first.budget_seconds, first.max_jobs)
        self.budget = Budget(caps, ledger.jobs, ledger.sessions)
        device, service = bills[0].backend.target.device, bills[0].backend.target.service
        self.plan, self.remaining = plan(service), remaining_seconds(service)
        slowest = max(bills, key=lambda one: one.phases)
        measured = slowest.price.seconds - slowest.backend.learning_price().seconds
        self.modes = Modes(
            device,
            choose_mode(
                first.mode,
                self.plan,
                len(tasks),
                slowest.phases,
                measured / max(1, slowest.phases),
            ),
            fallback=first.mode == "auto",
            last=_last_mode(ledger.jobs),
        )
        if orders.submit:  # what was submitted is collected, whatever is left
            waits = self.modes.waits * slowest.phases
            require_affordable(bills, ledger, self.budget, self.remaining, waits)
        self.orders = replace(orders, remaining=lambda: remaining_seconds(service))


def require_affordable(
    bills: Sequence[Bill],
    ledger: Ledger,
    budget: Budget,
    remaining: float | None,
    waits: float = 0.0,
) -> None:
    """Refuse runs that cost more than there is.

    Args:
        bills: What the unfinished runs cost, and what of it is paid.
        ledger: What the study has spent so far.
        budget: Its budget.
        remaining: QPU seconds that the account has left, or None if that is not limited.
        waits: Seconds that a session is billed besides its jobs.

    Raises:
        InputError: If they cost more.
    """
    unpaid = [max(0.0, one.price.seconds * budget.correction - one.spent) for one in bills]
    more = sum(unpaid) + (waits if any(unpaid) else 0.0)
    total, limit = ledger.spent + more, budget.caps.budget_seconds
    cheaper = "qnlr estimate shows cheaper variants"
    if total > limit:
        raise InputError(
            f"the study would take about {total:,.0f} QPU seconds, and budget_seconds = {limit:g}; "
            f"nothing was submitted: raise the budget, or make the study smaller ({cheaper})"
        )
    if remaining is not None and more > remaining:
        raise InputError(
            f"the study would take about {more:,.0f} QPU seconds more, and the account has "
            f"{remaining:,.0f} left; nothing was submitted: wait until there is more, or make the "
            f"study smaller ({cheaper})"
        )


def _last_mode(jobs: Sequence[JobRecord]) -> str | None:
    """Return the session or batch that the last job was submitted to, if it was to one."""
    submitted = [job for job in jobs if "submitted_at" in job.about]
    last = max(submitted, key=lambda job: str(job.about["submitted_at"]), default=None)
    return None if last is None else last.about.get("mode_id")


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
        orders: Whether jobs may be submitted, and whether to leave them then.

    Returns:
        How the runs ended.

    Raises:
        InputError: If the runs of a study cost more than there is; nothing is submitted then.
    """
    purses = purses_for(tasks, builder, orders)
    one_by_one = any(task.spec.optimizer.name in CLOSED_LOOPS for task in tasks)
    building = _OneAtATime(builder)

    def execute(task: Task) -> Outcome | None:
        if caught:
            return None
        purse = purses[task.folder.path.parent, _device_name(task, building)]
        progress, outcome = execute_run(
            task,
            building,
            watch.begin_run,
            watch.step,
            interrupted=lambda: bool(caught),
            paying=lambda task, training: _paying(task, training, purse, watch, caught),
        )
        watch.end_run(progress, outcome)
        return outcome

    try:
        with ThreadPoolExecutor(1 if one_by_one else min(SIDE_BY_SIDE, len(tasks))) as pool:
            outcomes = [future.result() for future in [pool.submit(execute, t) for t in tasks]]
    finally:
        for purse in purses.values():
            purse.modes.close()
    return [outcome for outcome in outcomes if outcome is not None]


def purses_for(
    tasks: Sequence[Task], builder: Builder, orders: Orders
) -> dict[tuple[Path, str], Purse]:
    """Return what pays for runs, by study and device; nothing is submitted.

    Args:
        tasks: Runs that are paid for.
        builder: Builds them.
        orders: What may be done.

    Raises:
        InputError: If the runs of a study cost more than there is.
    """
    groups: dict[tuple[Path, str], list[Task]] = {}
    for task in tasks:
        name = _device_name(task, builder)
        groups.setdefault((task.folder.path.parent, name), []).append(task)
    return {key: Purse(group, builder, orders) for key, group in groups.items()}


def _device_name(task: Task, builder: Builds) -> str:
    training = builder.run(task.spec, task.folder.path)
    training.optimizer.close()
    device = builder.device(task.spec, training, task.folder.path)
    assert device is not None
    return device.device_name


def _paying(
    task: Task, training: Training, purse: Purse, watch: Observer, caught: list[int]
) -> Paying:
    def tell(waiting: Waiting) -> None:
        watch.wait(task.progress(training), waiting)

    orders = replace(purse.orders, stop=lambda: bool(caught), watch=tell)
    return Paying(purse.modes, purse.budget, orders)


def split_paid(tasks: Sequence[Task]) -> tuple[list[Task], list[Task]]:
    """Return the runs that are paid for, and the others."""
    paid = [task for task in tasks if is_paid(task.spec)]
    return paid, [task for task in tasks if not is_paid(task.spec)]

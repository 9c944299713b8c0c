"""What runs on devices cost, what of it is paid, and what pays for the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from qnlr.backends import DeviceSettings, IBMBackend
from qnlr.backends.ibm.caps import Budget, Caps
from qnlr.backends.ibm.journal import JobRecord, Journal
from qnlr.backends.ibm.ledger import Ledger, read_ledger
from qnlr.backends.ibm.modes import Modes, choose_mode
from qnlr.backends.ibm.orders import Orders
from qnlr.backends.ibm.price import Price
from qnlr.backends.ibm.target import DEVICE
from qnlr.errors import InputError
from qnlr.study.evaluation import evaluation_phases
from qnlr.study.runner import Builds, Task
from qnlr.study.schema import RunSpec
from qnlr.training import Planned, Training, planned

Purses = dict[tuple[Path, str], "Purse"]


@dataclass(frozen=True)
class Bill:
    """What a run costs from its first step to its last.

    Args:
        task: The run.
        settings: How it is run on its device.
        backend: The device.
        price: Of all its phases.
        phases: How many there are.
        begun: How many of them its journal knows.
        spent: QPU seconds that its journal says are spent.
    """

    task: Task
    settings: DeviceSettings
    backend: IBMBackend
    price: Price
    phases: int
    begun: int
    spent: float

    @property
    def folder(self) -> Path:
        """Results folder of its study."""
        return self.task.folder.path.parent


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
        return Bill(
            task,
            backend.settings,
            backend,
            sum(prices, backend.learning_price()),
            work.phases,
            len(journal.phases),
            journal.spent,
        )
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


@dataclass(frozen=True)
class Purse:
    """Pays for the runs of one study on one device.

    Args:
        bills: What its unfinished runs cost.
        plan: Plan of the instance, or None if it is not known.
        remaining: QPU seconds that the account has left, or None if that is not limited.
        budget: What the study may spend, on all of its devices.
        modes: The device, and the session or batch.
        orders: What may be done.
    """

    bills: tuple[Bill, ...]
    plan: str | None
    remaining: float | None
    budget: Budget
    modes: Modes
    orders: Orders

    @property
    def waits(self) -> float:
        """Seconds that a session will be billed besides its jobs, for the slowest run."""
        return self.modes.waits * max(max(0, one.phases - one.begun) for one in self.bills)

    def close(self) -> None:
        """Count what the session was billed, write it down, and close it."""
        try:
            if (active := self.modes.active_seconds()) is not None:
                folder = self.bills[0].task.folder
                beyond = self.budget.count_session(*active)
                Journal(folder.path, folder.run_id).note_session(active[0], beyond)
        finally:
            self.modes.close()


def purses_for(tasks: Sequence[Task], builder: Builds, orders: Orders) -> Purses:
    """Return what pays for runs, by study and device; nothing is submitted.

    Args:
        tasks: Runs that are paid for.
        builder: Builds them.
        orders: What may be done.

    Raises:
        InputError: If the runs of a study cost more than there is.
    """
    bills = [bill(task, builder) for task in tasks]
    purses: Purses = {}
    for folder in dict.fromkeys(one.folder for one in bills):
        own = [one for one in bills if one.folder == folder]
        ledger = read_ledger(folder)
        budget = Budget(_strictest(own), ledger.jobs, ledger.sessions)
        found: Purses = {}
        for device in dict.fromkeys(one.backend.device_name for one in own):
            there = [one for one in own if one.backend.device_name == device]
            found[folder, device] = _purse(there, ledger, budget, orders)
        if orders.submit:  # what was submitted is collected, whatever is left
            require_affordable(list(found.values()), ledger, budget)
        purses |= found
    return purses


def _strictest(bills: Sequence[Bill]) -> Caps:
    jobs = [one.settings.max_jobs for one in bills if one.settings.max_jobs is not None]
    seconds = min(one.settings.budget_seconds for one in bills)
    return Caps(seconds, min(jobs, default=None))


def _purse(bills: Sequence[Bill], ledger: Ledger, budget: Budget, orders: Orders) -> Purse:
    from qnlr.backends.ibm.service import plan, remaining_seconds

    target, settings = bills[0].backend.target, bills[0].settings
    service, on_plan = target.service, plan(target.service)
    slowest = max(bills, key=lambda one: one.phases)
    seconds = slowest.price.seconds / max(1, slowest.phases)
    kind = choose_mode(settings.mode, on_plan, len(bills), slowest.phases, seconds)
    modes = Modes(
        target.device,
        kind,
        fallback=settings.mode == "auto",
        last=_last_mode(ledger.jobs, target.name, kind),
    )
    return Purse(
        tuple(bills),
        on_plan,
        remaining_seconds(service),
        budget,
        modes,
        replace(orders, remaining=lambda: remaining_seconds(service)),
    )


def require_affordable(purses: Sequence[Purse], ledger: Ledger, budget: Budget) -> None:
    """Refuse runs of a study that cost more than there is.

    Args:
        purses: What pays for them.
        ledger: What the study has spent so far.
        budget: Its budget.

    Raises:
        InputError: If they cost more.
    """
    more = 0.0
    for purse in purses:
        seconds = [one.price.seconds * budget.correction - one.spent for one in purse.bills]
        unpaid = sum(max(0.0, left) for left in seconds)
        more += unpaid + (purse.waits if unpaid else 0.0)
    total, limit = ledger.spent + more, budget.caps.budget_seconds
    cheaper = "qnlr estimate shows cheaper variants"
    if total > limit:
        raise InputError(
            f"the study would take about {total:,.0f} QPU seconds, and budget_seconds = {limit:g}; "
            f"nothing was submitted: raise the budget, or make the study smaller ({cheaper})"
        )
    limited = [purse.remaining for purse in purses if purse.remaining is not None]
    remaining = min(limited, default=None)
    if remaining is not None and more > remaining:
        raise InputError(
            f"the study would take about {more:,.0f} QPU seconds more, and the account has "
            f"{remaining:,.0f} left; nothing was submitted: wait until there is more, or make the "
            f"study smaller ({cheaper})"
        )


def require_none_pending(folder: Path) -> None:
    """Refuse to start a study over while jobs of it are still under way.

    Args:
        folder: Results folder of the study.

    Raises:
        InputError: If some are.
    """
    pending = [
        job
        for job in read_ledger(folder).jobs
        if job.pending and job.job_id is not None and job.estimate > 0.0
    ]
    if pending:
        raise InputError(
            f"{len(pending)} jobs of {folder.name} may still run, and would be paid for to no end; "
            f"qnlr attach {folder.name} collects them, and qnlr cancel {folder.name} gives them "
            "up; if the service knows none of them any more, move the folder away"
        )


def _last_mode(jobs: Sequence[JobRecord], device: str, kind: str) -> str | None:
    """Return the session or batch that the last job on a device was submitted to, if any."""
    found = [
        job
        for job in jobs
        if job.about.get("device") == device and job.about.get("mode") == kind and job.job_id
    ]
    last = max(found, key=lambda job: str(job.about.get("sent_at")), default=None)
    return None if last is None else last.about.get("mode_id")

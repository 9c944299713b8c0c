"""What the runs of a study will cost on a device, before anything is submitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import add
from pathlib import Path

from qnlr.backends import DeviceSettings, IBMBackend
from qnlr.backends.ibm.journal import Journal
from qnlr.backends.ibm.ledger import read_ledger
from qnlr.backends.ibm.limits import OPEN_PLAN_SECONDS, exceeded
from qnlr.backends.ibm.price import Price, Timing
from qnlr.errors import InputError
from qnlr.study.build import Builder
from qnlr.study.devices import device_settings
from qnlr.study.grid import merged
from qnlr.study.parts import BuildError
from qnlr.study.purse import device_work
from qnlr.study.results import labels
from qnlr.study.runner import Task
from qnlr.study.schema import RunSpec
from qnlr.study.spec import Study, run_id
from qnlr.study.store import RunFolder
from qnlr.training import Phase, Planned, Training, read_checkpoint

KEPT_OF_BACKEND = ("shots",)


@dataclass(frozen=True)
class RunEstimate:
    """What a run has still to pay.

    Args:
        run_id: Its identity.
        label: What sets it apart.
        seed: Its seed.
        device: Name of the device.
        settings: How circuits are run there, and what that may cost.
        timing: How long one execution takes.
        rows_per_job: The most circuits that one job takes.
        work: Its phases.
        prices: The price of each of them, in the order of ``work.by_phase``.
        optimizer: Name of its optimizer.
        exceeded: Limits on one circuit that its circuit passes, a sentence each.
        learning: Price of learning the noise of its layers, if that is left to do.
        ahead: Price of phases that are submitted already, behind its checkpoint.
    """

    run_id: str
    label: str
    seed: int
    device: str
    settings: DeviceSettings
    timing: Timing
    rows_per_job: int
    work: Planned
    prices: tuple[Price, ...]
    optimizer: str = ""
    exceeded: tuple[str, ...] = ()
    learning: Price = field(default_factory=Price)
    ahead: Price = field(default_factory=Price)

    @property
    def phases(self) -> tuple[tuple[Phase, Price], ...]:
        """Each phase of a step and of an evaluation, with its price."""
        both = zip(self.work.by_phase, self.prices, strict=True)
        return tuple((phase, price) for (phase, _), price in both)

    @property
    def step(self) -> Price:
        """Price of one step."""
        return total(self.prices[: len(self.work.step)])

    @property
    def evaluation(self) -> Price:
        """Price of one evaluation on all training and all test samples."""
        return total(self.prices[len(self.work.step) :])

    @property
    def price(self) -> Price:
        """Price of all that is left."""
        measured = self.step.times(self.work.steps) + self.evaluation.times(self.work.evaluations)
        left = self.learning + measured
        return Price(
            max(0, left.executions - self.ahead.executions),
            max(0, left.jobs - self.ahead.jobs),
            max(0.0, left.seconds - self.ahead.seconds),
        )


@dataclass(frozen=True)
class StudyEstimate:
    """What a study has still to pay.

    Args:
        name: Name of the study.
        runs: Its runs on devices that are not done.
        done: How many are done.
        others: How many of its runs are on no device.
        spent: QPU seconds that its journals say are spent.
    """

    name: str
    runs: tuple[RunEstimate, ...]
    done: int = 0
    others: int = 0
    spent: float = 0.0

    @property
    def price(self) -> Price:
        """Price of all that is left."""
        return total([run.price for run in self.runs])

    @property
    def phases(self) -> int:
        """Phases of all runs."""
        return sum(run.work.phases for run in self.runs)

    @property
    def devices(self) -> tuple[str, ...]:
        """Names of the devices, in the order of the runs."""
        return tuple(dict.fromkeys(run.device for run in self.runs))

    @property
    def open_plan_share(self) -> float:
        """QPU seconds over the 600 that the open plan has in 28 days."""
        return self.price.seconds / OPEN_PLAN_SECONDS

    @property
    def budget_seconds(self) -> float | None:
        """QPU seconds that the runs may be charged together, or None if none is left."""
        return min((run.settings.budget_seconds for run in self.runs), default=None)

    @property
    def budget_share(self) -> float | None:
        """QPU seconds spent and to be spent, over those of the budget."""
        budget = self.budget_seconds
        return None if budget is None else (self.spent + self.price.seconds) / budget


def estimate(
    study: Study,
    *,
    device: str | None = None,
    results: Path | None = None,
    builder: Builder | None = None,
) -> StudyEstimate:
    """Estimate what a study costs on devices, from the circuits that it would run there.

    Args:
        study: The study.
        device: Device to estimate all runs on, whatever their backend; None for those on backend
            ``"ibm"``, each on its own.
        results: Folder of all results, where runs may be done or begun; None for none.
        builder: Builds the runs; by default without a network, so that the fake counterpart of a
            device tells how long its gates take.

    Returns:
        The estimate.

    Raises:
        InputError: If no run is on a device, or a value is not valid.

    Example:
        >>> from qnlr.study.spec import load_study
        >>> study = load_study({
        ...     "name": "small",
        ...     "data": {"name": "digits", "features": 4},
        ...     "circuit": {"qubits": 2, "layers": 1},
        ...     "backend": {"name": "simulator", "shots": 100},
        ...     "training": {"steps": 10, "batch_size": 8},
        ...     "optimizer": {"name": "sgd"},
        ... })
        >>> found = estimate(study, device="fake_manila")
        >>> found.runs[0].step.executions, found.price.jobs, round(found.price.seconds)
        (10400, 12, 61)
    """
    builder = builder or Builder(study.folder, offline=True)
    own = study if device is None else on_device(study, device)
    folder = None if results is None else results / study.name
    plain = [spec.model_dump(mode="json") for spec in own.runs]
    runs, done, others = [], 0, 0
    for number, (spec, label) in enumerate(zip(own.runs, labels(plain), strict=True)):
        if device_settings(spec) is None:
            others += 1
            continue
        task = Task(spec, RunFolder((folder or Path()) / run_id(spec)), label)
        if folder is not None and task.is_done:
            done += 1
            continue
        try:
            runs.append(estimate_run(task, builder, begun=folder is not None))
        except BuildError as error:
            raise own.misplaced(number, error) from error
    if not runs and not done:
        raise InputError(
            f"no run of study {study.name} is on a device; give one to estimate it on, such as "
            "--device ibm_fez"
        )
    spent = 0.0 if folder is None else read_ledger(folder).spent
    return StudyEstimate(study.name, tuple(runs), done, others, spent)


def estimate_run(task: Task, builder: Builder, *, begun: bool = False) -> RunEstimate:
    """Estimate what a run on a device has still to pay.

    Args:
        task: The run.
        builder: Builds it.
        begun: Whether to look in its folder for where it stands.

    Returns:
        The estimate.

    Raises:
        BuildError: If a value is not valid.
    """
    training = builder.run(task.spec, task.folder.path if begun else None)
    try:
        kept = task.folder.path if begun else None
        first = builder.device(task.spec, training, kept)
        assert first is not None
        whole = device_work(task.spec, training, first).phases
        checkpoint = task.folder.path / "checkpoint.npz"
        if begun and checkpoint.exists():
            training.load_state_dict(read_checkpoint(checkpoint, task.folder.run_id))
        backend = builder.device(task.spec, training, task.folder.path if begun else None)
        assert backend is not None
        learning = backend.learning_price()
        if not begun:
            return _priced(task, training, backend, learning)
        journal = Journal(task.folder.path, task.folder.run_id)
        known = backend.knowing(journal)
        left = _priced(task, training, known, learning if known is backend else Price())
        return replace(left, ahead=_ahead(journal, whole, left))
    finally:
        training.optimizer.close()


def on_device(study: Study, device: str) -> Study:
    """Return a study with all of its runs on one device.

    Args:
        study: The study.
        device: Name of the device. Of a backend that is no device, the shots are kept. A run that
            is only evaluated on a device stays so.

    Returns:
        The study; runs that were the same but for their backend are one.
    """

    def moved(spec: RunSpec) -> RunSpec:
        if spec.evaluation is not None:
            return changed(spec, {"evaluation": {"backend": {"device": device}}})
        plain = spec.backend.model_dump(mode="json")
        if spec.backend.name != "ibm":
            kept = {key: plain[key] for key in KEPT_OF_BACKEND if plain.get(key) is not None}
            plain = {"name": "ibm", **kept}
        return changed(spec, {"backend": {**plain, "device": device}})

    runs: dict[str, tuple[RunSpec, int]] = {}
    for number, spec in enumerate(study.runs):
        runs.setdefault(run_id(new := moved(spec)), (new, number))
    specs = tuple(spec for spec, _ in runs.values())
    origins = tuple(study.origins[number] for _, number in runs.values())
    return replace(study, runs=specs, origins=origins)


def changed(spec: RunSpec, tables: dict[str, object]) -> RunSpec:
    """Return a run with some keys changed; a table with another ``name`` is replaced.

    Args:
        spec: The run.
        tables: What is laid over it.
    """
    return RunSpec.model_validate(merged(spec.model_dump(mode="json"), tables))


def total(prices: Sequence[Price]) -> Price:
    """Return the sum of prices."""
    return reduce(add, prices, Price())


def _ahead(journal: Journal, whole: int, left: RunEstimate) -> Price:
    """Return the price of phases that a journal has beyond the checkpoint: they are not made again.

    Args:
        journal: Journal of the run.
        whole: Phases of the run from its beginning.
        left: What it has to make from its checkpoint.
    """
    jobs = journal.jobs.values()
    live = {(job.phase, job.part) for job in jobs if job.job_id is not None and not job.dead}
    begun = {phase for phase, _ in live}
    own = [phase for phase in journal.phases.values() if "random_state" in phase]
    known = [phase for phase in own if phase["key"] in begun]
    number = max(0, len(known) - (whole - left.work.phases))
    last = sorted(known, key=lambda phase: int(phase["number"]))[len(known) - number :]
    each = [
        executions
        for phase in last
        for part, executions in enumerate(phase["executions"])
        if (phase["key"], part) in live
    ]
    return Price.of(sum(each), len(each), left.timing)


def _priced(task: Task, training: Training, backend: IBMBackend, learning: Price) -> RunEstimate:
    work = device_work(task.spec, training, backend)
    return RunEstimate(
        run_id=task.folder.run_id,
        label=task.label,
        seed=task.spec.seed,
        device=backend.device_name,
        settings=backend.settings,
        timing=backend.timing,
        rows_per_job=backend.rows_per_job,
        work=work,
        prices=tuple(backend.price(phase.circuits) for phase, _ in work.by_phase),
        optimizer=task.spec.optimizer.name,
        exceeded=tuple(exceeded(backend.isa.circuit)),
        learning=learning,
    )

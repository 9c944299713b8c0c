"""Jobs of a study on a service: how they stand, and how they are given up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qnlr.backends.ibm.errors import JobUnknown, Refused, Unreachable
from qnlr.backends.ibm.journal import FILE, JobRecord, Journal
from qnlr.backends.ibm.ledger import read_ledger
from qnlr.backends.ibm.network import asked
from qnlr.backends.ibm.submission import instance_digest
from qnlr.errors import InputError
from qnlr.study.devices import Devices, device_settings
from qnlr.study.kept import kept_study
from qnlr.study.lock import held
from qnlr.study.results import labels
from qnlr.study.schema import RunSpec
from qnlr.study.spec import run_id
from qnlr.study.store import RunFolder


@dataclass(frozen=True)
class PendingJob:
    """A job that may still run.

    Args:
        record: What the journal knows of it.
        state: What the service says: ``queued``, ``running``, ``done``, ``cancelled``, ``failed``;
            ``unknown`` if it knows no such job, ``unreachable`` if it does not answer, and ``not
            asked``.
        position: Its place in the queue, if the service tells.
    """

    record: JobRecord
    state: str
    position: int | None = None


@dataclass(frozen=True)
class RunStanding:
    """How a run on a device stands.

    Args:
        run_id: Its identity.
        label: What sets it apart.
        seed: Its seed.
        device: The device, or None if it has not begun.
        ending: How it ended, ``running`` if it did not, or ``not begun``.
        sentence: Why.
        phases: Phases begun.
        jobs: Jobs submitted.
        spent: QPU seconds spent.
        pending: Its jobs that may still run.
    """

    run_id: str
    label: str
    seed: int
    device: str | None
    ending: str
    sentence: str
    phases: int
    jobs: int
    spent: float
    pending: tuple[PendingJob, ...]


@dataclass(frozen=True)
class Standing:
    """How a study on a device stands.

    Args:
        runs: Its runs.
        budget_seconds: What they may spend together.
        queues: For each device with pending jobs, how many jobs wait there, if it tells.
        spent: QPU seconds spent by all runs, and what sessions are billed beyond their jobs.
    """

    runs: tuple[RunStanding, ...]
    budget_seconds: float
    queues: dict[str, int]
    spent: float


def standing(folder: Path, *, ask: bool = True) -> Standing:
    """Return how a study stands, without changing anything.

    Args:
        folder: Results folder of the study.
        ask: Whether to ask the service for the jobs that may still run.

    Returns:
        How every run on a device stands.

    Raises:
        InputError: If there is no study, or no run of it is on a device.
    """
    specs = _device_specs(folder)
    devices, queues = Devices(), dict[str, int]()
    runs = []
    for spec, label in zip(specs, labels([s.model_dump(mode="json") for s in specs]), strict=True):
        run = RunFolder(folder / run_id(spec))
        journal = Journal(run.path, run.run_id)
        service = _service(spec, devices, journal.pending) if ask else None
        pending = tuple(_asked(record, service, ask=ask) for record in journal.pending)
        status = run.status() or {}
        device = next(iter(_names(journal)), None)
        if pending and service is not None and device is not None and device not in queues:
            queues |= _queue(service, device)
        runs.append(
            RunStanding(
                run.run_id,
                label,
                spec.seed,
                device,
                str(status.get("status", "running" if journal.phases else "not begun")),
                str(status.get("sentence", "")),
                len(journal.phases),
                journal.submitted,
                journal.spent,
                pending,
            )
        )
    settings = device_settings(specs[0])
    assert settings is not None
    spent = read_ledger(folder).spent
    return Standing(tuple(runs), settings.budget_seconds, queues, spent)


def cancel(folder: Path) -> list[PendingJob]:
    """Cancel all jobs of a study that may still run, and write that down.

    Args:
        folder: Results folder of the study.

    Returns:
        The jobs, with the state that they ended in.

    Raises:
        InputError: If there is no study, or another process is executing it.
        Unreachable: If the service does not answer.
    """
    specs = _device_specs(folder)
    devices, ended = Devices(), []
    with held(folder):
        listed = {run_id(spec): spec for spec in specs}
        for file in sorted(folder.glob(f"*/{FILE}")):  # also of runs that are listed no more
            spec, run = listed.get(file.parent.name, specs[0]), RunFolder(file.parent)
            journal = Journal(run.path, run.run_id)
            planned = [job for job in journal.jobs.values() if job.pending]
            service = _service(spec, devices, planned)
            for record in planned if service is not None else ():
                try:
                    ended += _cancelled(journal, record, service)
                except (JobUnknown, Refused):  # the others are cancelled all the same
                    ended.append(PendingJob(record, "unknown"))
    return ended


def _cancelled(journal: Journal, record: JobRecord, service: Any) -> list[PendingJob]:
    from qnlr.backends.ibm.runtime import find, retrieve

    if record.job_id is None:  # planned; it exists if the answer to its submission was lost
        sent = record.about.get("instance")
        crns = [str(one["crn"]) for one in asked(service.instances)]
        instance = next((crn for crn in crns if instance_digest(crn) == sent), None)
        found = find(service, record.tag, instance)
        if not found:
            return []
        journal.note(record.tag, "submitted", job_id=found[0].job_id, found=True)
        job = found[0]
    else:
        job = retrieve(service, record.job_id)
    was_running = job.cancel()
    report = job.report()
    if report.ended:  # of one that is done, the result is still to be collected
        about: dict[str, Any] = {"times": dict(report.times)}
        if report.charge is not None:
            about["charge"] = report.charge
        if was_running and report.state == "cancelled":
            about["reason"] = "cancelled by qnlr cancel"
        journal.note(record.tag, report.state, **about)
    return [PendingJob(journal.jobs[record.tag], report.state)]


def _device_specs(folder: Path) -> list[RunSpec]:
    specs = [spec for spec in kept_study(folder).runs if device_settings(spec) is not None]
    if not specs:
        raise InputError(
            f'no run of {folder.name} is on a device: its backend is not "ibm", so that it has no '
            "jobs to ask for"
        )
    return specs


def _service(spec: RunSpec, devices: Devices, wanted: Sequence[JobRecord]) -> Any:
    """Return the connection to the service if there is something to ask it."""
    settings = device_settings(spec)
    if settings is None or settings.is_local or not wanted:
        return None
    return devices.service(settings)


def _asked(record: JobRecord, service: Any, *, ask: bool) -> PendingJob:
    from qnlr.backends.ibm.runtime import retrieve

    if not ask or service is None:
        return PendingJob(record, "not asked")
    try:
        report = retrieve(service, str(record.job_id)).report()
    except JobUnknown:
        return PendingJob(record, "unknown")
    except (Unreachable, Refused):
        return PendingJob(record, "unreachable")
    return PendingJob(record, report.state, report.position)


def _names(journal: Journal) -> list[str]:
    return [str(job.about["device"]) for job in journal.jobs.values() if "device" in job.about]


def _queue(service: Any, device: str) -> dict[str, int]:
    from qnlr.backends.ibm.service import pending_jobs

    try:
        return {device: pending_jobs(service.backend(device))}
    except Exception:  # a queue that cannot be seen is no reason to show nothing
        return {}

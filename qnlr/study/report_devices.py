"""What a report says of devices: what ran where and when, and at what price."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from qnlr.backends.ibm.journal import JobRecord, Journal
from qnlr.backends.ibm.ledger import read_ledger
from qnlr.backends.ibm.settings import DeviceSettings
from qnlr.backends.ibm.target import CALIBRATIONS, DEVICE, Kept, kept_target
from qnlr.report import Block, Cell, Details, Section, Table, Text
from qnlr.study.results import flatten
from qnlr.study.store import read_json

BEST_CASE = (
    "Noise of {names} is that of a published snapshot of the device, simulated on this machine. It "
    "is a best case: it has the errors of gates and read-out and the decay of single qubits, but "
    "no crosstalk, no drift between calibrations and no leakage."
)
NOISELESS = "aer_simulator was simulated on this machine, without noise."
UNSETTLED = "some charges are not settled; the estimate stands in for them"
RAN = (
    "First and last: when the first job began and the last one ended, UTC. QPU s: what the service "
    "charged for the jobs. Estimated: what IBM's formula gave before."
)
CIRCUITS = (
    "A run has one circuit. Expected error: 1 − Π(1 − ε) over its gates and read-outs, at the "
    "first calibration. Calibrated: when, UTC, as the device said while jobs were submitted. ν: "
    "average error rate of the whole device, which scales the negative rate."
)


@dataclass(frozen=True)
class DeviceRun:
    """A run that was on a device, as its folder tells.

    Args:
        name: Its label and seed.
        run_id: Its identity.
        status: How it ended.
        kept: Its device, ISA circuit and calibration.
        said: All that ``device.json`` says.
        jobs: The jobs that it submitted.
        calibrations: What the device reported when they were submitted.
    """

    name: str
    run_id: str
    status: str
    kept: Kept
    said: Mapping[str, Any]
    jobs: tuple[JobRecord, ...]
    calibrations: tuple[Mapping[str, Any], ...]

    @property
    def is_local(self) -> bool:
        """Whether the device was simulated."""
        return DeviceSettings(self.kept.name).is_local


def device_sections(folder: Path, results: pd.DataFrame) -> list[Section]:
    """Return what a report on a study says of devices.

    Args:
        folder: Results folder of the study.
        results: What :func:`qnlr.load_results` returned.

    Returns:
        What ran where; nothing if there was no device, nor a noise model of one.

    Raises:
        InputError: If ``device.json`` or the circuit of a run is damaged.
        CheckpointError: If a journal is damaged.
    """
    runs = device_runs(folder, results)
    paid = any(not run.is_local and run.jobs for run in runs)
    paragraphs = (*_caveats(results, runs), *([_bill(folder)] if paid else []))
    blocks: list[Block] = [Text(paragraphs)] if paragraphs else []
    if runs:
        blocks += [_ran(runs), _circuits(runs)]
    if paid:
        blocks.append(Details("All jobs", (_jobs(runs),)))
    return [Section("devices", "What ran where", tuple(blocks))] if blocks else []


def device_runs(folder: Path, results: pd.DataFrame) -> list[DeviceRun]:
    """Return the runs of a study that were on a device.

    Args:
        folder: Results folder of the study.
        results: What :func:`qnlr.load_results` returned.
    """
    found = []
    for _, row in results.iterrows():
        path = folder / row["run_id"]
        kept = kept_target(path)
        if kept is None:
            continue
        journal = Journal(path, path.name)
        jobs = tuple(job for job in journal.jobs.values() if job.job_id is not None)
        names = dict.fromkeys(str(job.about.get("calibration")) for job in jobs)
        files = [path / CALIBRATIONS / f"{name}.json" for name in names]
        found.append(
            DeviceRun(
                f"{row['label']}, seed {row['spec_seed']}",
                row["run_id"],
                row["status"],
                kept,
                read_json(path / DEVICE),
                jobs,
                tuple(read_json(file) for file in files if file.is_file()) or (kept.calibration,),
            )
        )
    return found


def _caveats(results: pd.DataFrame, runs: Sequence[DeviceRun]) -> tuple[str, ...]:
    named = [run.kept.name for run in runs]
    for column in ("spec_backend_noise_device", "spec_backend_device"):
        named += list(results[column].dropna()) if column in results else []
    fakes = sorted({name for name in named if name.startswith("fake_")})
    best_case = [BEST_CASE.format(names=" and ".join(fakes))] if fakes else []
    return (*best_case, *([NOISELESS] if "aer_simulator" in named else []))


def _bill(folder: Path) -> str:
    ledger = read_ledger(folder)
    idle = sum(ledger.sessions.values())
    number = sum(job.job_id is not None for job in ledger.jobs)
    waited = f", of which {idle:.1f} for sessions that waited" if idle else ""
    return f"{ledger.spent:.1f} QPU seconds were charged in all, for {number} jobs{waited}."


def _ran(runs: Sequence[DeviceRun]) -> Table:
    rows = []
    for run in runs:
        begun, ended = _times(run.jobs)
        modes = dict.fromkeys(str(job.about.get("mode", "job")) for job in run.jobs)
        settled = all(job.charge is not None or job.dead for job in run.jobs)
        charged, estimated = sum(j.spent for j in run.jobs), sum(j.estimate for j in run.jobs)
        rows.append(
            (
                Cell(run.name, note=run.run_id),
                Cell(run.kept.name),
                Cell("simulated here" if run.is_local else ", ".join(modes)),
                Cell(run.status),
                Cell(begun),
                Cell(ended),
                Cell(str(len(run.jobs)), len(run.jobs)),
                Cell(f"{charged:.1f}", charged, note="" if settled else UNSETTLED),
                Cell(f"{estimated:.1f}", estimated),
            )
        )
    columns = ("run", "device", "mode", "status", "first", "last", "jobs", "QPU s", "estimated")
    return Table("devices", "Runs on devices", columns, tuple(rows), RAN, text_columns=6)


def _circuits(runs: Sequence[DeviceRun]) -> Table:
    alike: dict[str, list[DeviceRun]] = {}
    for run in runs:
        content = [run.kept.name, run.kept.isa.digest, settings_set(run.said), run.calibrations]
        alike.setdefault(json.dumps(content), []).append(run)
    rows = tuple(_circuit(group) for group in alike.values())
    columns = (
        *("device", "circuit", "physical qubits", "settings", "calibrated"),
        *("two-qubit gates", "expected error", "ν", "runs"),
    )
    title = "Circuits, calibrations, and settings that are not the defaults"
    return Table("circuits", title, columns, rows, CIRCUITS, text_columns=5)


def _circuit(runs: Sequence[DeviceRun]) -> tuple[Cell, ...]:
    """Return the row of runs that have circuit, settings and calibrations in common."""
    first = runs[0]
    isa = first.kept.isa
    used = {isa.circuit.find_bit(bit).index for step in isa.circuit for bit in step.qubits}
    gates = isa.circuit.num_nonlocal_gates()
    rates = [float(one["noise_rate"]) for one in first.calibrations]
    return (
        Cell(first.kept.name),
        Cell(isa.digest[:16], note=isa.digest),
        Cell(", ".join(map(str, sorted(used.union(isa.qubits))))),
        Cell("; ".join(settings_set(first.said))),
        Cell(", ".join(_minute(one["calibrated"]) for one in first.calibrations)),
        Cell(str(gates), gates),
        Cell(f"{isa.expected_error:.4f}", isa.expected_error),
        Cell(", ".join(f"{rate:.4f}" for rate in rates), rates[-1]),
        Cell(str(len(runs)), len(runs), note="; ".join(run.name for run in runs)),
    )


def _jobs(runs: Sequence[DeviceRun]) -> Table:
    rows = tuple(
        (
            Cell(run.name, note=run.run_id),
            Cell(str(job.job_id), note=job.tag),
            Cell(str(job.about.get("mode_id") or "")),
            Cell(job.state),
            Cell(_minute(_began(job))),
            Cell("–") if job.charge is None else Cell(f"{job.charge:.1f}", job.charge),
            Cell(f"{job.estimate:.1f}", job.estimate),
        )
        for run in runs
        if not run.is_local
        for job in run.jobs
    )
    columns = ("run", "job", "session or batch", "state", "began", "QPU s", "estimated")
    return Table("jobs", "Jobs", columns, rows, "Times are UTC.", text_columns=5)


def settings_set(said: Mapping[str, Any]) -> list[str]:
    """Return the shots of a run, and what its config set that is not the default.

    Args:
        said: What its ``device.json`` says.

    Example:
        >>> settings_set({"settings": {"device": "ibm_fez", "shots": 200, "transpiler_seeds": 10,
        ...     "readout_correction": True, "options": {"twirling": {"enable_measure": True}}}})
        ['shots = 200', 'readout_correction = true', 'twirling.enable_measure = true']
    """
    chosen = dict(said["settings"])
    default = asdict(DeviceSettings(chosen.pop("device")))
    options = flatten(chosen.pop("options", None) or {}, ".")
    shots = {"shots": chosen.pop("shots")}
    own = {key: value for key, value in chosen.items() if value != default.get(key)}
    return [f"{key} = {json.dumps(value)}" for key, value in {**shots, **own, **options}.items()]


def _began(job: JobRecord) -> str | None:
    times = job.about.get("times") or {}
    return times.get("running") or job.about.get("submitted_at")


def _times(jobs: Sequence[JobRecord]) -> tuple[str, str]:
    began = [time for job in jobs if (time := _began(job))]
    ends = [(job.about.get("times") or {}).get("finished") for job in jobs]
    ended = [time for job, end in zip(jobs, ends, strict=True) if (time := end or _began(job))]
    moments = [min(began, key=_moment, default=None), max(ended, key=_moment, default=None)]
    return _minute(moments[0]), _minute(moments[1])


def _moment(time: str) -> datetime:
    known = datetime.fromisoformat(time)
    return known.astimezone(UTC) if known.tzinfo else known.replace(tzinfo=UTC)


def _minute(time: str | None) -> str:
    return "–" if time is None else f"{_moment(time):%Y-%m-%d %H:%M}"

"""The journal of a run on a device: what is about to be done is written before it is done.

A line of JSON is added for every event and flushed to disk before anything follows from it, so that
whoever has the run folder knows after a crash which jobs may exist, and finds them by their tags.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from qnlr.backends.ibm.secrets import redacted
from qnlr.errors import CheckpointError
from qnlr.files import flush_folder, replacing
from qnlr.rng import content_hash

VERSION = 1
FILE = "journal.jsonl"
FOLDER = "phases"


@dataclass(frozen=True)
class JobRecord:
    """What the journal knows of one job.

    Args:
        tag: The tag that no other job carries.
        phase: Key of its phase.
        part: Which part of the phase, from 0.
        attempt: Which attempt at it, from 0.
        estimate: QPU seconds it was expected to take.
        job_id: Its identity, once it was submitted.
        state: ``planned``, ``submitted``, ``done``, ``cancelled`` or ``failed``.
        charge: QPU seconds charged, once that is settled.
        collected: Whether its result is kept in the run folder.
        about: Mode, options, calibration and times, as they were written down.
    """

    tag: str
    phase: str
    part: int
    attempt: int
    estimate: float
    job_id: str | None = None
    state: str = "planned"
    charge: float | None = None
    collected: bool = False
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def dead(self) -> bool:
        """Whether it ended without a result."""
        return self.state in ("cancelled", "failed")

    @property
    def pending(self) -> bool:
        """Whether it may still be queued or running."""
        return self.state in ("planned", "submitted")

    @property
    def spent(self) -> float:
        """QPU seconds charged; the estimate as long as they are not settled, 0 if never begun."""
        if self.charge is not None:
            return self.charge
        begun = not self.dead or "running" in self.about.get("times", {})
        return self.estimate if begun and self.state != "planned" else 0.0


class Journal:
    """The journal of one run, and the results that it keeps.

    Args:
        folder: Folder of the run; None to keep everything in memory.
        run_id: Identity of the run.

    Raises:
        CheckpointError: If there is a journal that is damaged, or belongs to another run.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     journal = Journal(Path(folder), "abc")
        ...     record = journal.plan(phase="1f", part=0, attempt=0, estimate=2.5)
        ...     journal.note(record.tag, "submitted", job_id="j1")
        ...     Journal(Path(folder), "abc").jobs[record.tag].job_id
        'j1'
    """

    def __init__(self, folder: Path | None, run_id: str) -> None:
        self.folder = folder
        self.run_id = run_id
        self.header: dict[str, Any] = {}
        self.phases: dict[str, dict[str, Any]] = {}
        self.jobs: dict[str, JobRecord] = {}
        self.sessions: dict[str, float] = {}
        self._memory: dict[str, dict[str, np.ndarray]] = {}
        self._whole, events = (0, []) if folder is None else _events(folder / FILE)
        for number, event in enumerate(events, 1):
            try:
                self._apply(event)
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                raise _damaged(self._path(FILE), number, error) from error
        version, owner = (self.header.get(name) for name in ("version", "run_id"))
        if events and (version != VERSION or owner != run_id):
            raise CheckpointError(
                f"{self._path(FILE)} is the journal of run {owner!r} (version {version!r}), and "
                f"not of {run_id!r}"
            )

    @property
    def spent(self) -> float:
        """QPU seconds charged so far, estimates where a charge is not settled."""
        return sum(job.spent for job in self.jobs.values())

    @property
    def submitted(self) -> int:
        """Jobs submitted so far."""
        return sum(job.job_id is not None for job in self.jobs.values())

    @property
    def pending(self) -> list[JobRecord]:
        """Jobs that were submitted and may still run."""
        return [job for job in self.jobs.values() if job.pending and job.job_id is not None]

    def attempts(self, phase: str, part: int) -> list[JobRecord]:
        """Return the jobs of a part of a phase, in the order of their attempts."""
        found = [job for job in self.jobs.values() if (job.phase, job.part) == (phase, part)]
        return sorted(found, key=lambda job: job.attempt)

    def begin_phase(
        self, key: str, inputs: Mapping[str, np.ndarray], about: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Write down a phase, its parameters and batch first, unless that was done before.

        Args:
            key: What tells the phase from every other of the run.
            inputs: Arrays that it is measured at.
            about: Plain data on it.

        Returns:
            What is written down of it.
        """
        if key not in self.phases:
            self._save(key, inputs)
            number = len(self.phases)
            self._write({"event": "phase", "key": key, "number": number, **about})
        return self.phases[key]

    def tag(self, phase: str, part: int, attempt: int) -> str:
        """Return the tag of an attempt at a part of a phase, which no other job carries."""
        self._open()
        content = [self.run_id, self.header["execution"], phase, part, attempt]
        return f"qnlr-{content_hash(content)}"

    def plan(self, *, phase: str, part: int, attempt: int, estimate: float) -> JobRecord:
        """Write down a job before it is submitted.

        Returns:
            Its record, with the tag to submit it under; the same one if it was planned before.
        """
        tag = self.tag(phase, part, attempt)
        if tag not in self.jobs:
            self._write(
                {
                    "event": "planned",
                    "tag": tag,
                    "phase": phase,
                    "part": part,
                    "attempt": attempt,
                    "estimate": estimate,
                }
            )
        return self.jobs[tag]

    def note(self, tag: str, state: str, **about: Any) -> None:
        """Write down what became of a job: its state, with ``job_id``, ``charge`` and the like."""
        # What the service says of a job may name the account.
        shown = {key: redacted(one) if isinstance(one, str) else one for key, one in about.items()}
        self._write({"event": "job", "tag": tag, "state": state, **shown})

    def note_session(self, mode_id: str, seconds: float) -> None:
        """Write down how many seconds a session was billed beyond its jobs by now."""
        if seconds > self.sessions.get(mode_id, 0.0):
            self._write({"event": "session", "id": mode_id, "seconds": seconds})

    def keep(self, tag: str, result: Mapping[str, np.ndarray]) -> None:
        """Keep the result of a job, and then write down that it is kept."""
        self._save(tag, result)
        self._write({"event": "collected", "tag": tag})

    def kept(self, name: str) -> dict[str, np.ndarray]:
        """Return what is kept of a job, by its tag, or the inputs of a phase, by its key.

        Raises:
            CheckpointError: If the file is missing or damaged.
        """
        if self.folder is None:
            return self._memory[name]
        path = self._path(FOLDER) / f"{name}.npz"
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
                return {key: found[key] for key in found.files}
        except Exception as error:
            raise CheckpointError(f"{path} is missing or damaged ({error})") from error

    def _path(self, name: str) -> Path:
        return (self.folder or Path()) / name

    def _save(self, name: str, arrays: Mapping[str, np.ndarray]) -> None:
        if self.folder is None:
            self._memory[name] = dict(arrays)
            return
        path = self._path(FOLDER) / f"{name}.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as beside:
            np.savez_compressed(beside, **arrays)  # type: ignore[arg-type]

    def _open(self) -> None:
        """Begin a journal: what tells this execution of the run from any other is drawn once."""
        if not self.header:
            execution = secrets.token_hex(4)
            about = {"version": VERSION, "run_id": self.run_id, "execution": execution}
            self._append({"event": "opened", **about})

    def _write(self, event: dict[str, Any]) -> None:
        self._open()
        self._append(event)

    def _append(self, event: dict[str, Any]) -> None:
        event = {**event, "at": datetime.now(UTC).isoformat(timespec="milliseconds")}
        if self.folder is not None:
            path = self._path(FILE)
            path.parent.mkdir(parents=True, exist_ok=True)
            line = (json.dumps(event, allow_nan=False) + "\n").encode()
            begun = path.exists()
            with path.open("ab") as file:
                file.truncate(self._whole)  # a line that a crash cut off had no consequences
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
            if not begun:
                flush_folder(path.parent)
            self._whole += len(line)
        self._apply(event)

    def _apply(self, event: Mapping[str, Any]) -> None:
        rest = {key: value for key, value in event.items() if key not in ("event", "at")}
        match event["event"]:
            case "opened":
                self.header = {**rest, "at": event["at"]}
            case "phase":
                self.phases[event["key"]] = {**rest, "at": event["at"]}
            case "planned":
                self.jobs[event["tag"]] = JobRecord(**rest)
            case "job":
                self._job(**rest, at=event["at"])
            case "session":
                self.sessions[event["id"]] = event["seconds"]
            case "collected":
                record = self.jobs[event["tag"]]
                self.jobs[event["tag"]] = replace(record, collected=True)
            case unknown:
                raise ValueError(f"no such event: {unknown}")

    def _job(self, tag: str, state: str, at: str, **about: Any) -> None:
        record = self.jobs[tag]
        self.jobs[tag] = replace(
            record,
            state=state,
            job_id=about.pop("job_id", record.job_id),
            charge=about.pop("charge", record.charge),
            about={f"{state}_at": at, **record.about, **about},
        )


def _events(path: Path) -> tuple[int, list[dict[str, Any]]]:
    """Return the length of the whole lines of a journal, and its events."""
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return 0, []
    whole = text[: text.rfind(b"\n") + 1]
    events = []
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            events.append(json.loads(line))
        except ValueError as error:
            raise _damaged(path, number, error) from error
    return len(whole), events


def _damaged(path: Path, number: int, error: Exception) -> CheckpointError:
    return CheckpointError(
        f"{path} is damaged in line {number} ({error!r}); restore it: without it jobs that are "
        "paid for cannot be found again"
    )

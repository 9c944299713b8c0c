"""What the loopback service keeps: jobs, sessions, and how a job goes on."""

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock
from typing import ClassVar

from loopback_devices import Device
from loopback_faults import Outcome
from loopback_jobs import execute
from loopback_learner import execute as execute_learner

FINAL = ("Completed", "Failed", "Cancelled")


def now():
    """The time, as the service writes it."""
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def name(prefix):
    """A new identifier."""
    return prefix + secrets.token_hex(10)


@dataclass
class Job:
    """A job of the service. `price` is what it will cost, `charge` what it did cost (seconds)."""

    device: Device
    params: dict
    model: object
    executions: int
    price: float
    tags: list
    session_id: str | None = None
    limit: float | None = None
    private: bool = False
    program_id: str = "executor"
    id: str = field(default_factory=lambda: name("d"))
    state: str = "Queued"
    reason: str | None = None
    reason_code: int | None = None
    outcome: Outcome | None = None
    held: bool = False
    queued_polls: int = 0
    running_polls: int = 0
    pending_metrics: int = 0
    charge: float = 0.0
    result: str = ""
    created: str = field(default_factory=now)
    running: str | None = None
    finished: str | None = None
    lock: object = field(default_factory=Lock, repr=False)

    @property
    def backend(self):
        """The name of its device."""
        return self.device.name

    @property
    def over(self):
        """Whether it has ended."""
        return self.state in FINAL

    @property
    def stuck(self):
        """Whether it cannot start: it is held, or its device is offline."""
        return self.held or not self.device.online

    def poll(self):
        """Go on by one poll: wait, start, run, end."""
        with self.lock:
            if self.over or self.stuck:
                return
            if self.state == "Queued":
                if self.queued_polls > 0:
                    self.queued_polls -= 1
                    return
                self.state, self.running = "Running", now()
            if self.running_polls > 0:
                self.running_polls -= 1
                return
            self._run()

    def cancel(self):
        """Cancel it; whether there was still something to cancel."""
        with self.lock:
            if not self.over:
                self.end("Cancelled", 0.0, "Cancelled by user.")
                return True
            return False

    def end(self, state, charge, reason=None, code=None):
        """Put it into a final state."""
        self.state, self.charge, self.reason, self.reason_code = state, charge, reason, code
        self.finished = now()

    def _run(self):
        if self.outcome:
            outcome = self.outcome
            self.result = f"Traceback: {outcome.reason}"
            self.end(outcome.state, outcome.charge, outcome.reason, outcome.code)
        elif self.limit is not None and self.price > self.limit:
            reason = "Job cancelled: it ran longer than its maximum execution time."
            self.end("Cancelled", float(self.limit), reason, 1305)
        else:
            try:
                if self.program_id == "noise-learner":
                    self.result = execute_learner(self.model)
                else:
                    self.result = execute(self.model, self.device)
            except Exception as error:
                self.end("Failed", 0.0, f"{type(error).__name__}: {error}", 1517)
            else:
                self.end("Completed", 0.0 if self.device.mock else self.price)

    def listed(self, with_params):
        """Its answer to GET /jobs/{id}."""
        state = {"status": self.state}
        if self.reason:
            state |= {"reason": self.reason, "reason_code": self.reason_code}
        return {
            "id": self.id,
            "backend": self.backend,
            "state": state,
            "status": self.state,
            "program": {"id": self.program_id},
            "created": self.created,
            "ended": self.finished,
            "session_id": self.session_id,
            "tags": self.tags,
            "private": self.private,
            "cost": self.limit,
            "estimated_running_time_seconds": self.price,
        } | ({"params": self.params} if with_params else {})

    def metrics(self):
        """Its answer to GET /jobs/{id}/metrics."""
        pending = not self.over or self.pending_metrics > 0
        if self.over and pending:
            self.pending_metrics -= 1
        return {
            "timestamps": {
                "created": self.created,
                "running": self.running,
                "finished": self.finished,
            },
            "usage": {
                "qpu_charge_time_seconds": 0.0 if pending else self.charge,
                "status": "pending" if pending else "complete",
            },
        }


@dataclass
class Session:
    """A session ("dedicated") or a batch of the service.

    It is billed for `waits` seconds after every job, besides the jobs.
    """

    waits: ClassVar[float] = 0.0
    mode: str
    backend: str
    max_ttl: int
    id: str = field(default_factory=lambda: name("s"))
    state: str = "open"
    accepting_jobs: bool = True
    jobs: list = field(default_factory=list)
    jobs_left: int | None = None
    started: str = field(default_factory=now)
    closed: str | None = None

    def admit(self, job):
        """Take a job in, if it still takes any; whether it did."""
        if not self.accepting_jobs or self.state == "closed":
            return False
        if self.jobs_left is not None:
            if self.jobs_left == 0:
                self.close()
                return False
            self.jobs_left -= 1
        self.state = "active"
        self.jobs.append(job)
        return True

    def stop_accepting(self):
        """Take no more jobs; close when the last has ended."""
        self.accepting_jobs = False
        if all(job.over for job in self.jobs):
            self.close()

    def close(self):
        """Close it at once."""
        self.accepting_jobs, self.state, self.closed = False, "closed", now()

    def details(self):
        """Its answer to GET /sessions/{id}."""
        if not self.accepting_jobs and self.state != "closed":
            self.stop_accepting()
        return {
            "id": self.id,
            "backend_name": self.backend,
            "mode": self.mode,
            "max_ttl": self.max_ttl,
            "active_ttl": self.max_ttl,
            "interactive_ttl": 60,
            "state": self.state,
            "accepting_jobs": self.accepting_jobs,
            "started_at": self.started,
            "closed_at": self.closed,
            "elapsed_time": sum(job.charge + self.waits for job in self.jobs),
        }

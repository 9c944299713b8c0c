"""What the runs of a study may cost on a device, and what they have cost so far."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from qnlr.backends.ibm.journal import JobRecord


@dataclass(frozen=True)
class Caps:
    """Limits on what the runs of a study spend together.

    Args:
        budget_seconds: QPU seconds, above 0.
        max_jobs: Jobs, or None for no limit.
    """

    budget_seconds: float
    max_jobs: int | None = None


class Budget:
    """What is spent and reserved of the caps, shared by runs that go on side by side.

    Charges that the service has settled count as they are; jobs that are under way count with
    their estimate, corrected by what the settled ones cost beside theirs.

    Args:
        caps: The limits.
        jobs: Jobs submitted so far, of all runs of the study.
        sessions: For each of their sessions, seconds billed beyond its jobs.

    Example:
        >>> budget = Budget(Caps(budget_seconds=10.0))
        >>> budget.refusal([4.0]), budget.refusal([4.0, 8.0])
        (None, '0.0 of 10 QPU seconds spent; the next phase would take about 12.0')
    """

    def __init__(
        self,
        caps: Caps,
        jobs: Iterable[JobRecord] = (),
        sessions: Mapping[str, float] | None = None,
    ) -> None:
        self.caps = caps
        self._sessions = dict(sessions or {})
        self._jobs = {job.tag: job for job in jobs if job.job_id is not None}
        self._reserved: dict[str, float] = {}
        self._lock = threading.RLock()

    @property
    def correction(self) -> float:
        """Charged over estimated QPU seconds, of the jobs that are settled; 1 if there are none."""
        with self._lock:
            settled = [
                (job.charge, job.estimate)
                for job in self._jobs.values()
                if job.charge is not None and job.state == "done" and job.estimate > 0
            ]
        charged = sum(charge for charge, _ in settled)
        return charged / sum(estimate for _, estimate in settled) if charged > 0 else 1.0

    @property
    def spent(self) -> float:
        """QPU seconds spent, those of jobs under way as they are expected."""
        correction = self.correction
        with self._lock:
            known = sum(
                job.charge if job.charge is not None else job.spent * correction
                for job in self._jobs.values()
            )
            beyond = sum(self._sessions.values())
            return known + beyond + sum(self._reserved.values()) * correction

    @property
    def in_flight(self) -> float:
        """QPU seconds that jobs under way, or about to be, are expected to take."""
        correction = self.correction
        with self._lock:
            pending = sum(job.estimate for job in self._jobs.values() if job.pending)
            return (pending + sum(self._reserved.values())) * correction

    @property
    def left(self) -> float:
        """QPU seconds left."""
        return max(0.0, self.caps.budget_seconds - self.spent)

    @property
    def jobs(self) -> int:
        """Jobs submitted or reserved."""
        with self._lock:
            return len(self._jobs) + len(self._reserved)

    def refusal(self, estimates: Iterable[float], waits: float = 0.0) -> str | None:
        """Return why jobs would pass a cap, or None if they would not.

        Args:
            estimates: QPU seconds that each is expected to take.
            waits: Seconds that are billed besides, as a session is while this machine computes.
        """
        wanted = list(estimates)
        most = self.caps.max_jobs
        if most is not None and self.jobs + len(wanted) > most:
            return f"{self.jobs} of {most} jobs submitted; the next phase needs {len(wanted)}"
        price = sum(wanted) * self.correction + waits
        if self.spent + price > self.caps.budget_seconds:
            return (
                f"{self.spent:.1f} of {self.caps.budget_seconds:g} QPU seconds spent; the next "
                f"phase would take about {price:.1f}"
            )
        return None

    def reserve(self, estimates: dict[str, float], waits: float = 0.0) -> str | None:
        """Reserve jobs by their tags, or return why they would pass a cap."""
        with self._lock:
            if (refusal := self.refusal(estimates.values(), waits)) is None:
                self._reserved |= estimates
            return refusal

    def release(self, tag: str) -> None:
        """Take a reservation back: the job was not submitted."""
        with self._lock:
            self._reserved.pop(tag, None)

    def count(self, job: JobRecord) -> None:
        """Count a job as it now stands in its journal."""
        with self._lock:
            if job.job_id is not None:
                self._reserved.pop(job.tag, None)
                self._jobs[job.tag] = job

    def count_session(self, mode_id: str, seconds: float) -> float:
        """Count how long a session has been active.

        Args:
            mode_id: The session.
            seconds: For which it has been active.

        Returns:
            Seconds that it was billed beyond its jobs by now.
        """
        with self._lock:
            own = [job for job in self._jobs.values() if job.about.get("mode_id") == mode_id]
            beyond = seconds - sum(job.spent for job in own if not job.pending)
            self._sessions[mode_id] = max(beyond, self._sessions.get(mode_id, 0.0))
            return self._sessions[mode_id]

"""What the runs of a study have spent, as their journals say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from qnlr.backends.ibm.journal import FILE, JobRecord, Journal


@dataclass(frozen=True)
class Ledger:
    """Jobs and sessions of a study.

    Args:
        jobs: All jobs that its journals know of.
        sessions: For each session, how many seconds it was last seen to have been active.
    """

    jobs: tuple[JobRecord, ...] = ()
    sessions: Mapping[str, float] = field(default_factory=dict)

    @property
    def spent(self) -> float:
        """QPU seconds spent: those of the jobs, and what sessions are billed beyond theirs."""
        return sum(job.spent for job in self.jobs) + idle_seconds(self.jobs, self.sessions)


def read_ledger(folder: Path) -> Ledger:
    """Return what the journals of a study say.

    Args:
        folder: Results folder of the study.
    """
    journals = [Journal(one.parent, one.parent.name) for one in sorted(folder.glob(f"*/{FILE}"))]
    sessions: dict[str, float] = {}
    for journal in journals:
        for name, seconds in journal.sessions.items():
            sessions[name] = max(seconds, sessions.get(name, 0.0))
    return Ledger(tuple(job for one in journals for job in one.jobs.values()), sessions)


def idle_seconds(jobs: Iterable[JobRecord], sessions: Mapping[str, float]) -> float:
    """Return the seconds of sessions that none of their jobs is charged for.

    A session is billed by the clock as long as it is active, so also while this machine computes.

    Args:
        jobs: Jobs, with the session that each was submitted to.
        sessions: For each session, how many seconds it was active.

    Example:
        >>> job = JobRecord("t", "p", 0, 0, 2.0, charge=3.0, about={"mode_id": "s"})
        >>> idle_seconds([job], {"s": 5.0})
        2.0
    """
    worked: dict[str, float] = defaultdict(float)
    for job in jobs:
        worked[str(job.about.get("mode_id"))] += job.spent
    return sum(max(0.0, seconds - worked[name]) for name, seconds in sessions.items())

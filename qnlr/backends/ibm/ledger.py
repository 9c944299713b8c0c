"""What the runs of a study have spent, as their journals say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from qnlr.backends.ibm.journal import FILE, JobRecord, Journal


@dataclass(frozen=True)
class Ledger:
    """Jobs and sessions of a study.

    Args:
        jobs: All jobs that its journals know of.
        sessions: For each session, seconds that it was billed beyond its jobs: it is billed by the
            clock, so also while this machine computes.

    Example:
        >>> job = JobRecord("t", "p", 0, 0, 2.0, charge=3.0, about={"mode_id": "s"})
        >>> Ledger((job,), {"s": 1.5}).spent
        4.5
    """

    jobs: tuple[JobRecord, ...] = ()
    sessions: Mapping[str, float] = field(default_factory=dict)

    @property
    def spent(self) -> float:
        """QPU seconds spent: those of the jobs, and what sessions are billed beyond theirs."""
        return sum(job.spent for job in self.jobs) + sum(self.sessions.values())


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

"""Submitting jobs, each once: what may exist is searched for before it is submitted again."""

from __future__ import annotations

import contextlib
import hashlib
import math
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from qnlr.backends.ibm.caps import Budget
from qnlr.backends.ibm.errors import JobDead, JobUnknown, Refused, SessionClosed, Unreachable
from qnlr.backends.ibm.journal import JobRecord, Journal
from qnlr.backends.ibm.modes import Modes
from qnlr.backends.ibm.orders import Orders, Part
from qnlr.errors import Suspended

ATTEMPTS = 3


class Dispatcher:
    """Submits the parts of phases, and finds those that were submitted before.

    Args:
        journal: Journal of the run.
        modes: The device, and the session or batch.
        service: The service that knows the jobs; None if the device is local.
        budget: What the study may spend.
        limit: Seconds after which the service ends a job, from its estimate.
        orders: What may be done.
    """

    def __init__(
        self,
        journal: Journal,
        modes: Modes,
        service: Any,
        budget: Budget,
        limit: Callable[[float], int | None],
        orders: Orders,
    ) -> None:
        self.journal = journal
        self.modes = modes
        self.service = service
        self.budget = budget
        self.limit = limit
        self.orders = orders

    def existing(self, phase: str, number: int) -> Any:
        """Return the job of a part that was submitted, or may have been, and is not collected.

        Raises:
            Suspended: If it is another account's, or the service does not answer for long.
        """
        attempts = self.journal.attempts(phase, number)
        if not attempts or attempts[-1].collected or attempts[-1].dead:
            return None
        record = attempts[-1]
        if self.service is None:  # a local job ended with the process that had it
            if record.job_id is not None:
                self.note(record.tag, "cancelled", charge=0.0, reason="its process has ended")
            return None
        from qnlr.backends.ibm.runtime import retrieve

        self._require_same_instance(record)
        if record.job_id is None:
            return self._search(record) or self._search_on(record)
        try:
            return self._patiently(lambda: retrieve(self.service, str(record.job_id)))
        except JobUnknown as error:
            raise Suspended(
                "interrupted",
                f"the service knows no job {record.job_id}, which this run submitted; it may be "
                "that of another account or instance: use that one, so that nothing is paid twice",
            ) from error

    def submit(self, phase: str, parts: Mapping[int, Part]) -> dict[int, Any]:
        """Submit parts of a phase.

        Args:
            phase: Key of the phase.
            parts: The parts, by number.

        Returns:
            Their jobs.

        Raises:
            Suspended: If a cap would be passed, new jobs are not allowed, the account has no time
                left, or the service does not answer.
            Refused: If the service does not take a job.
        """
        price = sum(part.estimate for part in parts.values()) * self.budget.correction
        if not self.orders.submit:
            raise Suspended(
                "interrupted",
                "all that was submitted is collected; the next phase would take about "
                f"{price:.1f} QPU seconds, and is submitted by qnlr resume",
            )
        attempt = {number: self._attempt(phase, number) for number in parts}
        tags = {number: self.journal.tag(phase, number, attempt[number]) for number in parts}
        self.count_session()
        remaining = self._remaining()
        estimates = {tags[number]: part.estimate for number, part in parts.items()}
        refusal = self.budget.reserve(estimates, self.modes.waits)
        if refusal is not None:
            raise Suspended("budget_spent", refusal)
        try:
            self._require_account(remaining, price)
            return {
                number: self._submit(
                    self.journal.plan(
                        phase=phase, part=number, attempt=attempt[number], estimate=part.estimate
                    ),
                    part,
                )
                for number, part in parts.items()
            }
        finally:
            for tag in tags.values():  # one that was sent, and may exist, stays reserved
                record = self.journal.jobs.get(tag)
                if record is None or "sent_at" not in record.about:
                    self.budget.release(tag)

    def note(self, tag: str, state: str, **about: Any) -> None:
        """Write down what became of a job, and count it."""
        self.journal.note(tag, state, **about)
        self.budget.count(self.journal.jobs[tag])

    def count_session(self) -> None:
        """Count what the session is billed beyond its jobs."""
        if (active := self.modes.active_seconds()) is not None:
            self.journal.note_session(active[0], self.budget.count_session(*active))

    def _attempt(self, phase: str, number: int) -> int:
        attempts = self.journal.attempts(phase, number)
        return len(attempts) - 1 if attempts and not attempts[-1].dead else len(attempts)

    def _submit(self, record: JobRecord, part: Part) -> Any:
        tags = ["qnlr", f"run-{self.journal.run_id}", record.tag]
        last = "sessions are closed as soon as they are opened"
        for _ in range(ATTEMPTS):
            if self.orders.stop():
                raise Suspended("interrupted", "stopped before all of a phase was submitted")
            # Also before the first one: a copy of the run folder may have been gone on with.
            if self.service is not None and (job := self._search(record)) is not None:
                return job
            mode = self._patiently(self.modes.current)
            about = {**part.about(), **self.modes.named(mode), **self._sent()}
            self.note(record.tag, "planned", **about)
            try:
                job = part.submit(mode, tags, self.limit(record.estimate))
            except SessionClosed:
                self.count_session()
                self.modes.closed(mode)
                continue
            except Refused:
                self.budget.release(record.tag)
                raise
            except Unreachable as error:
                if self.service is None:
                    raise
                self.note(record.tag, "planned", **self._sent())  # answers may fail to come late
                if (job := self._search_on(record)) is not None:
                    return job
                last = f"the service could not be reached ({error})"
                continue
            self.note(record.tag, "submitted", job_id=job.job_id)
            return job
        raise Suspended("interrupted", f"{last}; qnlr resume looks first whether the job exists")

    def _search(self, record: JobRecord) -> Any:
        """Return the job with the tag of a record, if there is one, and write it down."""
        from qnlr.backends.ibm.runtime import find, instance_of

        instance = instance_of(self.modes.device)
        found = self._patiently(lambda: find(self.service, record.tag, instance))
        if not found:
            return None
        others = [self._give_up(job) for job in found[1:]]
        about: dict[str, Any] = {"duplicates": others} if others else {}
        self.note(record.tag, "submitted", job_id=found[0].job_id, found=True, **about)
        return found[0]

    def _search_on(self, record: JobRecord) -> Any:
        """Go on searching for a job that may exist, as long as the service may be slow to list it.

        That is for the patience's grace behind the last submission.
        """
        graces = self.orders.patience.grace
        for grace in graces:
            if _age(self.journal.jobs[record.tag]) > sum(graces):
                break
            self._pause(grace)
            if (job := self._search(record)) is not None:
                return job
        return None

    def _give_up(self, job: Any) -> str:
        """Cancel a job that exists twice, and return its identity."""
        with contextlib.suppress(JobDead, Refused, Unreachable):
            job.cancel()
        return str(job.job_id)

    def _sent(self) -> dict[str, Any]:
        """Return when and through which instance a job is submitted; the instance as a hash."""
        from qnlr.backends.ibm.runtime import instance_of

        sent = {"sent_at": datetime.now(UTC).isoformat(timespec="milliseconds")}
        instance = instance_of(self.modes.device) if self.service is not None else None
        return sent if instance is None else {**sent, "instance": instance_digest(instance)}

    def _require_same_instance(self, record: JobRecord) -> None:
        from qnlr.backends.ibm.runtime import instance_of

        instance, before = instance_of(self.modes.device), record.about.get("instance")
        if instance is not None and before is not None and instance_digest(instance) != before:
            raise Suspended(
                "interrupted",
                "a job of this run was submitted through another instance or account; use that "
                "one, so that nothing is paid twice",
            )

    def _remaining(self) -> float | None:
        try:
            return self.orders.remaining()
        except Unreachable:  # the submission will tell
            return None

    def _require_account(self, remaining: float | None, price: float) -> None:
        """Leave the run if the account has too little time left: jobs would wait for its next."""
        if remaining is not None and remaining < self.budget.in_flight:
            raise Suspended(
                "interrupted",
                f"the account has {remaining:.0f} QPU seconds left, and the next phase would take "
                f"about {price:.1f}; qnlr resume goes on when there is more",
            )

    def _patiently(self, ask: Callable[[], Any]) -> Any:
        """Ask the service, and again if it does not answer."""
        for grace in self.orders.patience.grace:
            try:
                return ask()
            except Unreachable:
                self._pause(grace)
        try:
            return ask()
        except Unreachable as error:
            raise Suspended(
                "interrupted", f"the service could not be reached ({error}); qnlr resume goes on"
            ) from error

    def _pause(self, seconds: float) -> None:
        if rest(seconds, self.orders.stop):
            raise Suspended("interrupted", "stopped while the service could not be reached")


def rest(seconds: float, stop: Callable[[], bool]) -> bool:
    """Wait, but no longer than until one is asked to stop; return whether one is."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if stop():
            return True
        time.sleep(min(left, 0.2))
    return stop()


def _age(record: JobRecord) -> float:
    """Return the seconds since a job was last submitted; infinitely many if it never was."""
    sent = record.about.get("sent_at")
    if sent is None:
        return math.inf
    return (datetime.now(UTC) - datetime.fromisoformat(str(sent))).total_seconds()


def instance_digest(instance: str) -> str:
    """Return what an instance is known by where it is not to be shown."""
    return hashlib.sha256(instance.encode()).hexdigest()[:12]

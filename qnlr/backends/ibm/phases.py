"""Phases on a device: every job is submitted once, found again after a crash, and collected.

A phase is one call for expectation values; its parts are jobs. For every part the journal says what
will be submitted before it is, under a tag that no other job carries. Whoever goes on after a crash
looks the tag up first, and submits again only what is known not to exist, or to have died.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from qnlr.backends.ibm.caps import Budget
from qnlr.backends.ibm.errors import JobDead, JobUnknown, Refused, SessionClosed, Unreachable
from qnlr.backends.ibm.journal import JobRecord, Journal
from qnlr.backends.ibm.modes import Modes
from qnlr.backends.ibm.orders import Orders, Part, Waiting
from qnlr.errors import Suspended

ATTEMPTS = 3


class Courier:
    """Takes the phases of a run to a device and brings their results back.

    Args:
        journal: Journal of the run.
        modes: The device, and the session or batch.
        service: The service that knows the jobs; None if the device is local.
        budget: What the study may spend.
        limit: Seconds after which the service ends a job, from its estimate and what is left.
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

    def measure(self, phase: str, parts: Sequence[Part]) -> list[dict[str, np.ndarray]]:
        """Return the results of all parts of a phase, submitting what does not exist yet.

        Args:
            phase: Key of the phase, which the journal knows.
            parts: Its parts.

        Returns:
            What is kept of each.

        Raises:
            Suspended: If a cap would be passed, new jobs are not allowed, the run is to be left, or
                the service does not answer for long.
            Refused: If the service does not take a job.
            JobDead: If a job died several times.
        """
        self.settle()
        waiting = {
            number: job
            for number in range(len(parts))
            if (job := self._existing(phase, number)) is not None
        }
        deaths = 0
        while True:
            missing = {
                number: part
                for number, part in enumerate(parts)
                if number not in waiting and not self._collected(phase, number)
            }
            if missing:
                waiting |= self._submit_all(phase, missing)
            if not waiting:
                numbers = range(len(parts))
                return [self.journal.kept(self._last(phase, number).tag) for number in numbers]
            died = self._collect(phase, parts, waiting)
            if died is not None:
                self.settle()  # what it was charged counts before it is submitted once more
                deaths += 1
            if died is not None and deaths >= ATTEMPTS:
                raise died

    def settle(self) -> None:
        """Ask for the charges that the service had not settled yet."""
        if self.service is None:
            return
        from qnlr.backends.ibm.runtime import retrieve

        for record in list(self.journal.jobs.values()):
            ended = record.job_id is not None and not record.pending
            if ended and record.charge is None:
                try:
                    report = retrieve(self.service, str(record.job_id)).report()
                except (JobUnknown, Refused):
                    continue
                except Unreachable:
                    return
                if report.charge is not None:
                    self._note(record.tag, record.state, charge=report.charge)

    def _last(self, phase: str, number: int) -> JobRecord:
        return self.journal.attempts(phase, number)[-1]

    def _collected(self, phase: str, number: int) -> bool:
        attempts = self.journal.attempts(phase, number)
        return bool(attempts) and attempts[-1].collected

    def _existing(self, phase: str, number: int) -> Any:
        """Return the job of a part that was submitted, or may have been, and is not collected."""
        attempts = self.journal.attempts(phase, number)
        if not attempts or attempts[-1].collected or attempts[-1].dead:
            return None
        record = attempts[-1]
        if self.service is None:  # a local job ended with the process that had it
            if record.job_id is not None:
                self._note(record.tag, "cancelled", charge=0.0, reason="its process has ended")
            return None
        from qnlr.backends.ibm.runtime import retrieve

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

    def _search(self, record: JobRecord) -> Any:
        """Return the job with the tag of a record, if there is one, and write it down."""
        from qnlr.backends.ibm.runtime import find

        found = self._patiently(lambda: find(self.service, record.tag))
        if not found:
            return None
        self._note(record.tag, "submitted", job_id=found[0].job_id, found=True)
        return found[0]

    def _search_on(self, record: JobRecord) -> Any:
        """Go on searching for a job that may exist: a service may be slow to list it."""
        for grace in self.orders.patience.grace:
            self._pause(grace)
            if (job := self._search(record)) is not None:
                return job
        return None

    def _submit_all(self, phase: str, parts: Mapping[int, Part]) -> dict[int, Any]:
        planned = {}
        for number, part in parts.items():
            attempts = self.journal.attempts(phase, number)
            attempt = len(attempts) - 1 if attempts and not attempts[-1].dead else len(attempts)
            planned[number] = (phase, number, attempt, part.estimate)
        price = sum(part.estimate for part in parts.values()) * self.budget.correction
        if not self.orders.submit:
            raise Suspended(
                "interrupted",
                "all that was submitted is collected; the next phase would take about "
                f"{price:.1f} QPU seconds, and is submitted by qnlr resume",
            )
        tags = {number: self.journal.tag(*one[:3]) for number, one in planned.items()}
        self._count_session()
        estimates = {tags[n]: part.estimate for n, part in parts.items()}
        refusal = self.budget.reserve(estimates, self.modes.waits)
        if refusal is not None:
            raise Suspended("budget_spent", refusal)
        jobs = {}
        try:
            self._require_account(price)
            for number, (key, place, attempt, estimate) in planned.items():
                record = self.journal.plan(
                    phase=key, part=place, attempt=attempt, estimate=estimate
                )
                jobs[number] = self._submit(record, parts[number])
        finally:
            for tag in tags.values():
                self.budget.release(tag)
        return jobs

    def _require_account(self, price: float) -> None:
        """Leave the run if the account has too little time left: jobs would wait for its next."""
        try:
            left = self.orders.remaining()
        except Unreachable:  # the submission will tell
            return
        if left is not None and left < price:
            raise Suspended(
                "interrupted",
                f"the account has {left:.0f} QPU seconds left, and the next phase would take about "
                f"{price:.1f}; qnlr resume goes on when there is more",
            )

    def _submit(self, record: JobRecord, part: Part) -> Any:
        tags = ["qnlr", f"run-{self.journal.run_id}", record.tag]
        if self.service is not None and (job := self._search(record)) is not None:
            return job
        for attempt in range(ATTEMPTS):
            mode, about = self.modes.current(), part.about()
            try:
                job = part.submit(mode, tags, self.limit(record.estimate))
            except SessionClosed:
                self.modes.closed(mode)
                continue
            except Unreachable as error:
                if self.service is None:
                    raise
                job = self._search(record) or self._search_on(record)
                if job is not None:
                    return job
                if attempt == ATTEMPTS - 1:
                    raise Suspended(
                        "interrupted",
                        f"the service could not be reached ({error}); qnlr resume looks first "
                        "whether the job exists",
                    ) from error
                continue
            about |= {"mode": self.modes.kind, "mode_id": self.modes.mode_id}
            self._note(record.tag, "submitted", job_id=job.job_id, **about)
            return job
        raise Suspended("interrupted", "sessions are closed as soon as they are opened")

    def _collect(
        self, phase: str, parts: Sequence[Part], waiting: dict[int, Any]
    ) -> JobDead | None:
        """Collect jobs until none is left, or one has died; return its death."""
        began, pause = time.monotonic(), self.orders.patience.first
        answered = began
        local = self.service is None
        while waiting:
            state, position = "unreachable", None
            for number, job in list(waiting.items()):
                try:
                    report = job.report()
                    answered = time.monotonic()
                    if not report.ended:
                        if state == "unreachable" or report.state == "running":
                            state, position = report.state, report.position
                        continue
                    died = self._end(self._last(phase, number), job, report, parts[number])
                except Unreachable as error:
                    if time.monotonic() - answered > self.orders.patience.give_up:
                        raise Suspended(
                            "interrupted",
                            f"the service could not be reached ({error}); its jobs go on, and "
                            "qnlr attach collects them",
                        ) from error
                    break
                del waiting[number]
                if died is not None:
                    return died
            if not waiting:
                break
            seconds = time.monotonic() - began
            budget = self.budget
            self.orders.watch(
                Waiting(state, len(waiting), position, budget.spent, budget.left, seconds)
            )
            if self.orders.stop() or (self.orders.detach and not local):
                self._leave(len(waiting))
            time.sleep(min(pause, 0.02 if local else pause))
            pause = min(pause * 1.3, self.orders.patience.most)
        return None

    def _end(self, record: JobRecord, job: Any, report: Any, part: Part) -> JobDead | None:
        """Keep the result of a job that has ended, or return how it died."""
        about: dict[str, Any] = {"times": dict(report.times)}
        if self.service is None:
            about["executions"] = job.executions
        if report.charge is not None:
            about["charge"] = report.charge
        try:
            result = job.result()
        except JobDead as death:
            reason = report.reason or str(death)
            self._note(record.tag, report.state, reason=reason, **about)
            if death.too_long:
                raise Suspended(
                    "budget_spent",
                    f"job {record.job_id} reached its max_execution_time and was ended by the "
                    "service; raise max_execution_time or take fewer shots",
                ) from death
            return JobDead(f"job {record.job_id} {report.state}: {reason}")
        self._note(record.tag, "done", **about)
        self.journal.keep(record.tag, part.decode(result))
        return None

    def _count_session(self) -> None:
        """Count what the session is billed beyond its jobs."""
        if (active := self.modes.active_seconds()) is not None:
            self.journal.note_session(*active)
            self.budget.count_session(*active)

    def _note(self, tag: str, state: str, **about: Any) -> None:
        self.journal.note(tag, state, **about)
        self.budget.count(self.journal.jobs[tag])

    def _leave(self, number: int) -> None:
        jobs = f"{number} job{'s' if number > 1 else ''}"
        left = "given up with this process" if self.service is None else "left to run"
        raise Suspended("interrupted", f"{jobs} {left}; qnlr attach collects what there is")

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
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if self.orders.stop():
                raise Suspended("interrupted", "stopped while the service could not be reached")
            time.sleep(min(left, 0.2))

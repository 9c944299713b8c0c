"""Phases on a device: every job is submitted once, found again after a crash, and collected.

A phase is one call for expectation values; its parts are jobs. For every part the journal says what
will be submitted before it is, under a tag that no other job carries. Whoever goes on after a crash
looks the tag up first, and submits again only what is known not to exist, or to have died.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from qnlr.backends.ibm.errors import JobDead, JobUnknown, Refused, Unreachable
from qnlr.backends.ibm.journal import JobRecord
from qnlr.backends.ibm.orders import Part, Waiting
from qnlr.backends.ibm.submission import ATTEMPTS, Dispatcher, rest
from qnlr.errors import Suspended


class Courier:
    """Takes the phases of a run to a device and brings their results back.

    Args:
        dispatcher: Submits their parts.
    """

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self._journal = dispatcher.journal
        self._service = dispatcher.service
        self._orders = dispatcher.orders

    def measure(self, phase: str, parts: Sequence[Part]) -> list[dict[str, np.ndarray]]:
        """Return the results of all parts of a phase, submitting what does not exist yet.

        Args:
            phase: Key of the phase, which the journal knows.
            parts: Its parts.

        Returns:
            What is kept of each.

        Raises:
            Suspended: If a cap would be passed, new jobs are not allowed, the run is to be left, a
                job was cancelled, or the service does not answer for long.
            Refused: If the service does not take a job.
            JobDead: If a job died several times.
        """
        self.settle()
        numbers = range(len(parts))
        waiting = {
            number: job
            for number in numbers
            if (job := self._dispatcher.existing(phase, number)) is not None
        }
        deaths = 0
        while True:
            missing = {
                number: parts[number]
                for number in numbers
                if number not in waiting and not self._collected(phase, number)
            }
            if missing:
                try:
                    waiting |= self._dispatcher.submit(phase, missing)
                except Suspended:
                    self._collect_all(phase, parts, waiting)  # what is paid for is kept first
                    raise
            if not waiting:
                return [self._journal.kept(self._last(phase, number).tag) for number in numbers]
            died = self._collect(phase, parts, waiting)
            if died is not None:
                self.settle()  # what it was charged counts before it is submitted once more
                deaths += 1
            if died is not None and deaths >= ATTEMPTS:
                raise died

    def settle(self) -> None:
        """Ask for the charges that the service had not settled yet."""
        if self._service is None:
            return
        from qnlr.backends.ibm.runtime import retrieve

        for record in list(self._journal.jobs.values()):
            ended = record.job_id is not None and not record.pending
            if ended and record.charge is None:
                try:
                    report = retrieve(self._service, str(record.job_id)).report()
                except (JobUnknown, Refused):
                    continue
                except Unreachable:
                    return
                if report.charge is not None:
                    self._dispatcher.note(record.tag, record.state, charge=report.charge)

    def _last(self, phase: str, number: int) -> JobRecord:
        return self._journal.attempts(phase, number)[-1]

    def _collected(self, phase: str, number: int) -> bool:
        attempts = self._journal.attempts(phase, number)
        return bool(attempts) and attempts[-1].collected

    def _collect(
        self, phase: str, parts: Sequence[Part], waiting: dict[int, Any]
    ) -> JobDead | None:
        """Collect jobs until none is left, or one has died; return its death."""
        began, pause = time.monotonic(), self._orders.patience.first
        answered = began
        local = self._service is None
        while waiting:
            state, position = "unreachable", None
            for number, job in list(waiting.items()):
                try:
                    report = job.report()
                    if not report.ended:
                        answered = time.monotonic()
                        if state == "unreachable" or report.state == "running":
                            state, position = report.state, report.position
                        continue
                    died = self._end(self._last(phase, number), job, report, parts[number])
                    answered = time.monotonic()
                except Suspended:
                    del waiting[number]
                    self._collect_all(phase, parts, waiting)
                    raise
                except Unreachable as error:
                    if time.monotonic() - answered > self._orders.patience.give_up:
                        raise Suspended(
                            "interrupted",
                            f"the service could not be reached ({error}); its jobs go on, and "
                            "qnlr attach collects them",
                        ) from error
                    continue
                del waiting[number]
                if died is not None:
                    return died
            if not waiting:
                break
            self._tell(state, len(waiting), position, time.monotonic() - began)
            leave = self._orders.detach and not local
            if leave or rest(min(pause, 0.02) if local else pause, self._orders.stop):
                self._leave(len(waiting))
            pause = min(pause * 1.3, self._orders.patience.most)
        return None

    def _collect_all(self, phase: str, parts: Sequence[Part], waiting: dict[int, Any]) -> None:
        """Collect jobs until none is left, whichever of them dies."""
        while waiting:
            self._collect(phase, parts, waiting)

    def _tell(self, state: str, pending: int, position: int | None, seconds: float) -> None:
        budget = self._dispatcher.budget
        self._orders.watch(Waiting(state, pending, position, budget.spent, budget.left, seconds))

    def _end(self, record: JobRecord, job: Any, report: Any, part: Part) -> JobDead | None:
        """Keep the result of a job that has ended, or return how it died."""
        about: dict[str, Any] = {"times": dict(report.times)}
        if self._service is None:
            about["executions"] = job.executions
        if report.charge is not None:
            about["charge"] = report.charge
        try:
            result = job.result()
        except JobDead as death:
            reason = report.reason or str(death)
            self._dispatcher.note(record.tag, report.state, reason=reason, **about)
            if death.too_long:
                raise Suspended(
                    "budget_spent",
                    f"job {record.job_id} reached its max_execution_time and was ended by the "
                    "service; raise max_execution_time or take fewer shots",
                ) from death
            if report.state == "cancelled":
                raise Suspended(
                    "interrupted",
                    f"job {record.job_id} was cancelled ({reason}); qnlr resume submits it again",
                ) from death
            return JobDead(f"job {record.job_id} {report.state}: {reason}")
        self._dispatcher.note(record.tag, "done", **about)
        self._journal.keep(record.tag, part.decode(result))
        return None

    def _leave(self, number: int) -> None:
        jobs = f"{number} job{'s' if number > 1 else ''}"
        left = "given up with this process" if self._service is None else "left to run"
        raise Suspended("interrupted", f"{jobs} {left}; qnlr attach collects what there is")

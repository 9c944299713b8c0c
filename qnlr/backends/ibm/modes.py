"""Execution modes: single jobs, a batch, or a session, opened when needed and re-entered."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

from qnlr.backends.ibm.errors import Refused, Unreachable
from qnlr.errors import InputError

CLIENT_SECONDS = 2.0  # between the phases of a run: preparing, sending, fetching, computing
PREPARE_SECONDS = 5.0
"""On the service, before a job can run: checking and preparing it. IBM publishes no figure; users
report that small jobs take many seconds (qiskit-ibm-runtime issue 587)."""
WAIT_SECONDS = CLIENT_SECONDS + PREPARE_SECONDS
SESSION_PHASES = 3


def choose_mode(wanted: str, plan: str | None, runs: int, phases: int, phase_seconds: float) -> str:
    """Return the mode that jobs are run in.

    A session is billed by the clock, so it pays where the device works most of the time: ``auto``
    takes one from three phases on that each take the device longer than what lies between them.
    Runs that do not wait for each other share a batch. The open plan has no sessions.

    Args:
        wanted: ``"auto"``, ``"job"``, ``"batch"`` or ``"session"``.
        plan: Plan of the instance, or None if it is not known.
        runs: Runs that go on side by side.
        phases: Phases that the longest of them makes, one after the other.
        phase_seconds: QPU seconds of a phase.

    Returns:
        ``"job"``, ``"batch"`` or ``"session"``.

    Raises:
        InputError: If a session is wanted on the open plan.

    Example:
        >>> choose_mode("auto", "premium", runs=1, phases=20, phase_seconds=30.0)
        'session'
        >>> choose_mode("auto", "open", runs=4, phases=20, phase_seconds=30.0)
        'batch'
    """
    if wanted == "session" and plan == "open":
        raise InputError(
            'mode = "session" is not valid on the open plan, which has no sessions; set mode = '
            '"auto", "batch" or "job"'
        )
    if wanted != "auto":
        return wanted
    if plan not in (None, "open") and phases >= SESSION_PHASES and phase_seconds > WAIT_SECONDS:
        return "session"
    return "batch" if runs > 1 else "job"


class Modes:
    """The session or batch that the jobs of a study are run in; opened with the first job.

    Args:
        device: The device of the service.
        kind: ``"job"``, ``"batch"`` or ``"session"``.
        fallback: Whether to go on with single jobs where the service refuses a session or batch.
        last: Identity of one that an earlier process opened and may have left open, or None.
    """

    def __init__(
        self,
        device: Any,
        kind: str = "job",
        *,
        fallback: bool = True,
        last: str | None = None,
    ) -> None:
        self.device = device
        self.kind = kind
        self._fallback = fallback
        self._last = last
        self._open: Any = None
        self._lock = threading.RLock()

    def current(self) -> Any:
        """Return what jobs are submitted to: the session, the batch, or the device itself.

        Raises:
            Refused: If the service refuses it, and single jobs are no way out.
            Unreachable: If the service does not answer.
        """
        with self._lock:
            if self.kind != "job" and self._open is None:
                self._enter()
            return self._open or self.device

    def named(self, mode: Any) -> dict[str, Any]:
        """Return kind and identity of what :meth:`current` gave, as plain data."""
        if mode is self.device:
            return {"mode": "job", "mode_id": None}
        return {"mode": self.kind, "mode_id": str(mode.session_id)}

    @property
    def waits(self) -> float:
        """Seconds that a phase is billed besides its jobs: a session's, while this side works."""
        return WAIT_SECONDS if self.kind == "session" else 0.0

    def active_seconds(self) -> tuple[str, float] | None:
        """Return identity and active seconds of the open session; None without one, or unknown."""
        from qnlr.backends.ibm.runtime import active_seconds

        with self._lock:
            session = self._open if self.kind == "session" else None
        if session is None:
            return None
        try:
            seconds = active_seconds(session)
        except (Refused, Unreachable):
            return None
        return None if seconds is None else (str(session.session_id), seconds)

    def closed(self, mode: Any) -> None:
        """Take note that a session or batch takes no more jobs; the next job opens a new one."""
        with self._lock:
            if mode is self._open and mode is not None:
                self._open = None

    def close(self) -> None:
        """Close what is open: it takes no more jobs, and those in it still run."""
        from qnlr.backends.ibm.runtime import close_mode

        with self._lock:
            if self._open is None:
                return
            with contextlib.suppress(Refused, Unreachable):  # then it closes by its own time-out
                close_mode(self._open)
            self.closed(self._open)

    def _enter(self) -> None:
        from qnlr.backends.ibm.runtime import open_mode, reopened_mode

        if self._last is not None:
            with contextlib.suppress(Refused):
                self._open = reopened_mode(self.kind, self._last, self.device)
            self._last = None  # not before there is an answer
        if self._open is not None:
            return
        try:
            self._open = open_mode(self.kind, self.device)
        except Refused:
            if not self._fallback:
                raise
            self.kind = "job"
            return

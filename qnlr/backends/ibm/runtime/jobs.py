"""Jobs, here or on the service: how they stand, and what they bring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from qiskit.primitives import PrimitiveResult
from qiskit_ibm_runtime import QiskitRuntimeService

from qnlr.backends.ibm.errors import JobDead
from qnlr.backends.ibm.runtime.trouble import translated

STATES = {
    "INITIALIZING": "queued",
    "QUEUED": "queued",
    "VALIDATING": "queued",
    "RUNNING": "running",
    "DONE": "done",
    "CANCELLED": "cancelled",
    "ERROR": "failed",
}


@dataclass(frozen=True)
class JobReport:
    """What is known of a job.

    Args:
        state: ``queued``, ``running``, ``done``, ``cancelled`` or ``failed``.
        reason: What the service says of a job without a result, or None.
        charge: QPU seconds charged; None as long as that is not settled.
        times: When it was created, began to run and ended, as far as known; ISO 8601.
        position: Its place in the queue, if the service tells.
    """

    state: str
    reason: str | None = None
    charge: float | None = None
    times: Mapping[str, str] = field(default_factory=dict)
    position: int | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in ("done", "cancelled", "failed")


class Job:
    """A job, here or on the service.

    Args:
        inner: The job of qiskit-ibm-runtime.
    """

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    @property
    def job_id(self) -> str:
        """Its identity."""
        return str(self._inner.job_id())

    @property
    def executions(self) -> int | None:
        """Circuit executions that a local job was made of; None on the service."""
        program = getattr(self._inner, "inputs", None) if self.is_local else None
        return None if program is None else program_executions(program)

    @property
    def is_local(self) -> bool:
        """Whether it runs in this process, and ends with it."""
        return not hasattr(self._inner, "tags")

    def report(self) -> JobReport:
        """Ask how it stands.

        Raises:
            Unreachable: If the service does not answer.
        """
        with translated():
            status = self._inner.status()
            state = STATES[getattr(status, "name", str(status))]
            if state in ("queued", "running"):
                return JobReport(state, position=self._position())
            metrics = self._inner.metrics()
        usage = metrics.get("usage") or {}
        charge = usage.get("qpu_charge_time_seconds", usage.get("quantum_seconds"))
        settled = usage.get("status", "complete") == "complete"
        return JobReport(
            state,
            None if state == "done" else self._reason(),
            float(charge) if settled and charge is not None else None,
            {name: at for name, at in (metrics.get("timestamps") or {}).items() if at},
        )

    def usage_estimation(self) -> float | None:
        """Return the QPU seconds that the service expects, or None."""
        if self.is_local:
            return None
        with translated():
            found = self._inner.usage_estimation.get("quantum_seconds")
        return None if found is None else float(found)

    def result(self) -> PrimitiveResult[Any]:
        """Return the result of a job that has ended.

        Raises:
            JobDead: If it ended without one.
            Unreachable: If the service does not answer.
        """
        with translated():
            return self._inner.result()

    def cancel(self) -> bool:
        """Cancel it; return False if it had ended before."""
        try:
            with translated():
                self._inner.cancel()
        except JobDead:
            return False
        return True

    def _reason(self) -> str:
        with translated():
            text = str(self._inner.error_message() or "")
        return " ".join(text.split()) or "no reason given"

    def _position(self) -> int | None:
        if self.is_local:
            return None
        found = self._inner.metrics().get("position_in_queue")
        return None if found is None else int(found)


def find(service: QiskitRuntimeService, tag: str, instance: str | None = None) -> list[Job]:
    """Return the jobs of an instance that carry a tag, the oldest first.

    Raises:
        Unreachable: If the service does not answer.
    """
    with translated():
        found = service.jobs(job_tags=[tag], limit=None, descending=False, instance=instance)
    return [Job(one) for one in found]


def retrieve(service: QiskitRuntimeService, job_id: str) -> Job:
    """Return a job by its identity.

    Raises:
        JobUnknown: If the service knows none.
        Unreachable: If it does not answer.
    """
    with translated():
        return Job(service.job(job_id))


def program_executions(program: Any) -> int:
    """Return the circuit executions that a program is made of."""
    return int(program.shots * sum(item.size() for item in program.items))

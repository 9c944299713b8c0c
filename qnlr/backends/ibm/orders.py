"""What a run may do on a device, how long it waits, and who is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Patience:
    """How long to wait for a service, all in seconds.

    Args:
        first: Before a job is looked at for the first time.
        most: Between two looks at a job that takes long.
        grace: Between searches for a job after a submission that nobody knows the fate of; only
            when all have found nothing is it submitted again.
        give_up: Without any answer, until the run is left for later.
    """

    first: float = 0.5
    most: float = 20.0
    grace: tuple[float, ...] = (2.0, 6.0, 15.0, 30.0)
    give_up: float = 600.0


@dataclass(frozen=True)
class Waiting:
    """What a run waits for.

    Args:
        state: ``queued``, ``running``, or ``unreachable`` if the service does not answer.
        pending: Jobs that it waits for.
        position: Place of the first of them in the queue, if the service tells.
        spent: QPU seconds spent by the study.
        left: QPU seconds left of its budget.
        seconds: Since when it waits.
    """

    state: str
    pending: int
    position: int | None
    spent: float
    left: float
    seconds: float


@dataclass(frozen=True)
class Orders:
    """What a run may do on a device, and who is told and asked.

    Args:
        submit: Whether new jobs may be submitted, or only those that exist collected.
        detach: Whether to leave a phase once it is submitted.
        remaining: Asked before jobs are submitted for the QPU seconds that the account has left,
            None if that is not limited.
        stop: Asked while waiting whether to leave the jobs that are under way.
        watch: Told what the run waits for.
        patience: How long to wait.
    """

    submit: bool = True
    detach: bool = False
    remaining: Callable[[], float | None] = lambda: None
    stop: Callable[[], bool] = lambda: False
    watch: Callable[[Waiting], object] = lambda waiting: None
    patience: Patience = Patience()


class Part(Protocol):
    """A job to be: one part of a phase."""

    @property
    def estimate(self) -> float:
        """QPU seconds that it is expected to take."""

    def submit(self, mode: Any, tags: Sequence[str], limit: int | None) -> Any:
        """Submit it to a device, session or batch, and return the job."""

    def decode(self, result: Any) -> Arrays:
        """Return of its result what is worth keeping."""

    def about(self) -> dict[str, Any]:
        """Return what its provenance is, as plain data."""

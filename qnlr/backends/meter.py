"""The meter around a backend: cost is counted where it is spent."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qnlr.backends.gradients.allocated import reshot
from qnlr.types import Backend, Cost, Expectations, FloatArray, Jacobian


@dataclass
class Meter:
    """Running total of what was spent on a backend.

    Args:
        cost: Circuits, shots and jobs.
        seconds: Wall-clock time spent in the backend.
    """

    cost: Cost = field(default_factory=Cost)
    seconds: float = 0.0

    def add(self, cost: Cost, seconds: float) -> None:
        """Count a job."""
        self.cost = self.cost + cost
        self.seconds += seconds

    def state_dict(self) -> dict[str, Any]:
        """Return the totals as plain data."""
        return {**vars(self.cost), "seconds": self.seconds}

    @classmethod
    def from_state(cls, plain: dict[str, Any]) -> Meter:
        """Rebuild a meter from :meth:`state_dict`."""
        cost = {name: plain[name] for name in ("circuits", "shots", "jobs")}
        return cls(Cost(**cost), plain["seconds"])


class MeteredBackend:
    """A backend whose every job is counted by a meter.

    Args:
        backend: The backend.
        meter: Counts what it spends.

    Example:
        >>> from qnlr.backends import statevector
        >>> from qnlr.circuits import angle, hardware_efficient, variational_circuit, z
        >>> model = variational_circuit(angle(2, 2), hardware_efficient(2, 1), z(2))
        >>> metered = MeteredBackend(statevector(model, shots=100), Meter())
        >>> _ = metered.jacobian(np.zeros(6), np.zeros((3, 2)), np.random.default_rng(0))
        >>> metered.meter.cost
        Cost(circuits=39, shots=3900, jobs=1)
    """

    def __init__(self, backend: Backend, meter: Meter) -> None:
        self.backend = backend
        self.meter = meter

    @property
    def shots(self) -> int | None:
        """Shots per circuit, or None where expectation values are exact."""
        return self.backend.shots

    @property
    def circuits_per_value(self) -> int:
        """Circuits that one expectation value takes."""
        return self.backend.circuits_per_value

    def values(
        self, weights: FloatArray, angles: FloatArray, rng: np.random.Generator
    ) -> Expectations:
        """Return the backend's values, counted."""
        start = time.perf_counter()
        measured = self.backend.values(weights, angles, rng)
        self.meter.add(measured.cost, time.perf_counter() - start)
        return measured

    def jacobian(
        self, weights: FloatArray, angles: FloatArray, rng: np.random.Generator
    ) -> Jacobian:
        """Return the backend's Jacobian, counted."""
        start = time.perf_counter()
        measured = self.backend.jacobian(weights, angles, rng)
        self.meter.add(measured.cost, time.perf_counter() - start)
        return measured

    def with_shots(self, shots: int) -> MeteredBackend:
        """Return the backend with another number of shots, on the same meter."""
        return MeteredBackend(reshot(self.backend, shots), self.meter)

    def allocated_jacobian(
        self,
        weights: FloatArray,
        angles: FloatArray,
        rng: np.random.Generator,
        shots: NDArray[np.int64],
    ) -> Jacobian | None:
        """Return the backend's Jacobian with shots by weight, counted; None if it has no way."""
        allocated = getattr(self.backend, "allocated_jacobian", None)
        return None if allocated is None else self._counted(allocated, weights, angles, rng, shots)

    def partial_jacobian(
        self,
        weights: FloatArray,
        angles: FloatArray,
        rng: np.random.Generator,
        trained: NDArray[np.bool_],
    ) -> Jacobian | None:
        """Return the backend's Jacobian by some weights, counted; None if it has no way to it."""
        partial = getattr(self.backend, "partial_jacobian", None)
        return None if partial is None else self._counted(partial, weights, angles, rng, trained)

    def _counted(self, measure: Callable[..., Jacobian | None], *asked: Any) -> Jacobian | None:
        start = time.perf_counter()
        measured = measure(*asked)
        if measured is not None:
            self.meter.add(measured.cost, time.perf_counter() - start)
        return measured

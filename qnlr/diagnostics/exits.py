"""Distances and gradients along trajectories, and when either first exceeds a threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qnlr.diagnostics.surface import Surface
from qnlr.types import FloatArray


def first_time(reached: np.ndarray) -> FloatArray:
    """Return the first step at which something is so, for each trajectory.

    Args:
        reached: Whether it is so, shape (T + 1, K).

    Returns:
        Steps, shape (K,); NaN where it never is.

    Example:
        >>> first_time(np.array([[False, False], [True, False], [True, False]]))
        array([ 1., nan])
    """
    return np.where(reached.any(axis=0), reached.argmax(axis=0), np.nan)


@dataclass(frozen=True, eq=False)
class Exits:
    """Distances and gradients along the trajectories of one rule.

    Args:
        dimension: d.
        distances: ‖θ_t − θ_0‖, shape (T + 1, K).
        costs: Exact costs, shape (T + 1, K).
        norms: Exact gradient norms, shape (T + 1, K).
        coefficient: D from single steps, E‖Δθ‖²/2d.
    """

    dimension: int
    distances: FloatArray
    costs: FloatArray
    norms: FloatArray
    coefficient: float

    @classmethod
    def along(cls, path: FloatArray, surface: Surface) -> Exits:
        """Take them from weights, shape (T + 1, K, d)."""
        d = path.shape[-1]
        squares = np.sum(np.diff(path, axis=0) ** 2, axis=-1)
        costs, slopes = surface.exact(path)
        return cls(
            dimension=d,
            distances=np.asarray(np.linalg.norm(path - path[0], axis=-1)),
            costs=costs,
            norms=np.asarray(np.linalg.norm(slopes, axis=-1)),
            coefficient=float(squares.mean()) / (2 * d),
        )

    def times(self, radius: float) -> FloatArray:
        """Return steps until a ball is left, shape (K,); NaN where it is not."""
        return first_time(self.distances >= radius)

    def escapes(self, threshold: float) -> FloatArray:
        """Return steps until the gradient norm exceeds a threshold; NaN where it does not."""
        return first_time(self.norms >= threshold)

    def distances_at(self, times: FloatArray) -> FloatArray:
        """Return distances at the times of those that have left."""
        left = np.flatnonzero(np.isfinite(times))
        return np.asarray(self.distances[times[left].astype(int), left])

    def norms_at(self, times: FloatArray) -> FloatArray:
        """Return gradient norms at the times of those that have left."""
        left = np.flatnonzero(np.isfinite(times))
        return np.asarray(self.norms[times[left].astype(int), left])

"""Averages of the points that steps lead to: gradients are measured at the points themselves.

Where gradients are noisy, points of a constant rate wander about a minimum, and their average lies
nearer to it than they do. An average is a frozen dataclass of settings; what it remembers lives
apart, in a plain dict that the optimizer keeps for it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from qnlr.errors import InputError, is_number
from qnlr.types import FloatArray

State = dict[str, Any]


class Average(Protocol):
    """Turns the points of a minimisation into the weights that are handed out."""

    def initial_state(self) -> State:
        """Return the state before the first step; the point of departure is in no average."""

    def __call__(self, point: FloatArray, state: State) -> tuple[FloatArray, State]:
        """Return the average with one more point, and the next state."""


@dataclass(frozen=True)
class LastPoint:
    """No average: the last point as it is.

    Example:
        >>> LastPoint()(np.array([1.0]), {})[0]
        array([1.])
    """

    def initial_state(self) -> State:
        """Return an empty state."""
        return {}

    def __call__(self, point: FloatArray, state: State) -> tuple[FloatArray, State]:
        """Return the point."""
        return point, state


@dataclass(frozen=True)
class PolynomialAverage:
    r"""A mean in which later points count more.

    .. math:: \bar θ_t = \Big(1 - \frac{γ + 1}{t + γ}\Big) \bar θ_{t-1} + \frac{γ + 1}{t + γ} θ_t

    Half of the weight lies on the last 1 − 2^{−1/(γ+1)} of the steps, 7 % for γ = 8, so that where
    the minimisation began is soon forgotten; it takes the memory of one point.

    Source: Shamir and Zhang, ICML 2013, arXiv:1212.1824, section 4, with γ = η there.

    Args:
        gamma: γ at least 0; 0 is the plain mean.

    Raises:
        InputError: If γ is below 0.

    Example:
        >>> average = PolynomialAverage(gamma=0)
        >>> state = average.initial_state()
        >>> for point in (1.0, 2.0, 6.0):
        ...     mean, state = average(np.array([point]), state)
        >>> mean
        array([3.])
    """

    gamma: float = 8.0

    def __post_init__(self) -> None:
        if not (is_number(self.gamma) and math.isfinite(self.gamma) and self.gamma >= 0):
            raise InputError(f"gamma = {self.gamma!r} is not valid; it must be a number at least 0")

    def initial_state(self) -> State:
        """Return a mean of nothing."""
        return {"t": 0, "mean": np.empty(0)}

    def __call__(self, point: FloatArray, state: State) -> tuple[FloatArray, State]:
        """Return the mean with one more point."""
        t = state["t"] + 1
        share = (self.gamma + 1) / (t + self.gamma)
        mean = point.copy() if t == 1 else (1 - share) * state["mean"] + share * point
        return mean, {"t": t, "mean": mean}


@dataclass(frozen=True)
class SuffixAverage:
    r"""The mean of the last points, a share of all.

    .. math:: \bar θ_t = \frac{1}{⌈αt⌉} \sum_{i = t - ⌈αt⌉ + 1}^{t} θ_i

    Source: Rakhlin, Shamir and Sridharan, ICML 2012, section 4.

    Args:
        share: α, above 0 and at most 1.

    Raises:
        InputError: If α lies outside its range.

    Example:
        >>> average = SuffixAverage(share=0.5)
        >>> state = average.initial_state()
        >>> for point in (1.0, 2.0, 4.0, 6.0):
        ...     mean, state = average(np.array([point]), state)
        >>> mean
        array([5.])
    """

    share: float = 0.1

    def __post_init__(self) -> None:
        if not (is_number(self.share) and 0 < self.share <= 1):
            raise InputError(
                f"share = {self.share!r} is not valid; it must be above 0 and at most 1"
            )

    def initial_state(self) -> State:
        """Return no points."""
        return {"t": 0, "points": np.empty((0, 0))}

    def __call__(self, point: FloatArray, state: State) -> tuple[FloatArray, State]:
        """Return the mean with one more point; what leaves it is in none that follows."""
        t, kept = state["t"] + 1, state["points"]
        points = np.vstack([kept.reshape(-1, point.size), point])[-math.ceil(self.share * t) :]
        return np.asarray(points.mean(axis=0)), {"t": t, "points": points}


AVERAGES: dict[str, type[Average]] = {
    "last": LastPoint,
    "polynomial": PolynomialAverage,
    "suffix": SuffixAverage,
}

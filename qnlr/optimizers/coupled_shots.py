r"""The shots of every derivative, from what a step is expected to gain.

The gain of a step along derivative k, measured with s_k shots a circuit, is at least

.. math:: α g_k^2 - \frac{L α^2}{2} \left( g_k^2 + \frac{σ_k^2}{s_k} \right)

where L bounds the curvature and σ_k² is the variance of one shot.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qnlr.errors import InputError, is_number, require_count, require_positive
from qnlr.types import FloatArray

State = dict[str, Any]
Allocation = Callable[[FloatArray, FloatArray, float, float, float], FloatArray]


def individual_shots(
    means: FloatArray, variances: FloatArray, learning_rate: float, lipschitz: float, bias: float
) -> FloatArray:
    r"""Return the shots that gain most per shot for each derivative alone, as iCANS1 takes them.

    .. math:: s_k = \left\lceil \frac{2Lα}{2 - Lα} \frac{ξ_k}{χ_k^2 + b} \right\rceil, \qquad
              γ_k = \frac{1}{s_k} \left[ \left( α - \frac{Lα^2}{2} \right) χ_k^2
              - \frac{Lα^2}{2 s_k} ξ_k \right]

    No derivative is given more than the one with the largest expected gain per shot, γ_k.

    Source: Kübler, Arrasmith, Cincio and Coles, Quantum 4, 263 (2020), Algorithm 1.

    Args:
        means: χ, running means of the derivatives, shape (P,).
        variances: ξ, running means of the variances of one shot, shape (P,).
        learning_rate: α, below 2/L.
        lipschitz: L.
        bias: b at least 0, at this step.

    Returns:
        Whole numbers, shape (P,); infinite where no shots are enough, and 0 where any are.

    Example:
        2 and 8 shots would gain 1/8 and 1/128 per shot, so the second is given no more than 2:

        >>> individual_shots(np.array([1.0, 0.5]), np.array([1.0, 1.0]), 1.0, 1.0, 0.0)
        array([2., 2.])
    """
    factor = 2 * lipschitz * learning_rate / (2 - lipschitz * learning_rate)
    shots = np.ceil(factor * _ratio(variances, means**2 + bias))
    some = np.maximum(shots, 1.0)
    loss = lipschitz * learning_rate**2 / 2
    gains = ((learning_rate - loss) * means**2 - loss * variances / some) / some
    most = shots[np.argmax(gains)] if np.isfinite(gains).all() else np.inf
    return np.minimum(shots, most)


def global_shots(
    means: FloatArray, variances: FloatArray, learning_rate: float, lipschitz: float, bias: float
) -> FloatArray:
    r"""Return the shots that gain most per shot for the whole gradient, as gCANS takes them.

    .. math:: s_k = \left\lceil \frac{2Lα}{2 - Lα}
              \frac{σ_k \sum_j σ_j}{‖χ‖^2 + b} \right\rceil, \qquad σ_k = \sqrt{ξ_k}

    Source: Gu, Lowe, Dub, Coles and Arrasmith, arXiv:2108.10434.

    Args:
        means: χ, running means of the derivatives, shape (P,).
        variances: ξ, running means of the variances of one shot, shape (P,).
        learning_rate: α, below 2/L.
        lipschitz: L.
        bias: b at least 0, at this step.

    Returns:
        Whole numbers, shape (P,); infinite where no shots are enough, and 0 where any are.

    Example:
        >>> global_shots(np.array([0.6, 0.8]), np.array([4.0, 1.0]), 1.0, 1.0, 0.0)
        array([12.,  6.])
    """
    factor = 2 * lipschitz * learning_rate / (2 - lipschitz * learning_rate)
    sigmas = np.sqrt(variances)
    squares = np.full_like(sigmas, float(means @ means) + bias)
    return np.asarray(np.ceil(factor * _ratio(sigmas * sigmas.sum(), squares)))


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    """Divide; what has no variance needs no shots, whatever it is divided by."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.where(above == 0, 0.0, above / below)


@dataclass(frozen=True)
class CoupledShots:
    r"""The gradient as it is, and beside it the shots of the next one.

    .. math:: χ ← \frac{χ'}{1 - μ^{t+1}}, \quad χ' ← μ χ' + (1 - μ) g, \qquad
              ξ ← \frac{ξ'}{1 - μ^{t+1}}, \quad ξ' ← μ ξ' + (1 - μ) s σ^2

    σ is the standard error that a derivative was told with, from s shots a circuit.

    Args:
        allocation: Gives shots from χ, ξ, α, L and b μ^t.
        learning_rate: α, above 0 and below 2/L.
        lipschitz: L > 0.
        decay: μ, 0 ≤ μ < 1.
        bias: b ≥ 0.
        min_shots: Fewest shots of a circuit, at least 2: one alone has no standard error.
        max_shots: Most shots of a circuit.
        limited: Whether each derivative steps at most at the rate at which its expected gain is 0.

    Raises:
        InputError: If a setting lies outside its range.
    """

    allocation: Allocation
    learning_rate: float
    lipschitz: float
    decay: float
    bias: float
    min_shots: int
    max_shots: int
    limited: bool = False

    def __post_init__(self) -> None:
        require_positive("learning_rate", self.learning_rate)
        require_positive("lipschitz", self.lipschitz)
        if self.learning_rate * self.lipschitz >= 2:
            raise InputError(
                f"learning_rate = {self.learning_rate!r} is not valid with lipschitz = "
                f"{self.lipschitz!r}; it must be below 2/lipschitz = {2 / self.lipschitz:g}, or no "
                "number of shots makes a step gain"
            )
        if not (is_number(self.decay) and 0 <= self.decay < 1):
            raise InputError(f"decay = {self.decay!r} is not valid; it must lie in [0, 1)")
        if not (is_number(self.bias) and 0 <= self.bias < np.inf):
            raise InputError(
                f"bias = {self.bias!r} is not valid; it must be a number of at least 0"
            )
        require_count("min_shots", self.min_shots, low=2)
        require_count("max_shots", self.max_shots, low=self.min_shots)

    def initial_state(self, size: int) -> State:
        """Return zero means, and the fewest shots for the first gradient."""
        return {
            "t": 0,
            "shots": np.full(size, self.min_shots, dtype=np.int64),
            "mean": np.zeros(size),
            "variance": np.zeros(size),
        }

    def __call__(self, gradient: FloatArray, state: State) -> tuple[FloatArray, State]:
        """Return the gradient; its standard errors are in the state."""
        t, mu = state["t"], self.decay
        shots = state["shots"]
        mean = mu * state["mean"] + (1 - mu) * gradient
        variance = mu * state["variance"] + (1 - mu) * shots * state["stds"] ** 2
        chi, xi = mean / (1 - mu ** (t + 1)), variance / (1 - mu ** (t + 1))
        bias = self.bias * mu**t
        wanted = self.allocation(chi, xi, self.learning_rate, self.lipschitz, bias)
        following = {
            "t": t + 1,
            "shots": self.within_bounds(wanted),
            "mean": mean,
            "variance": variance,
        }
        if not self.limited:
            return gradient, following
        most = 2 / self.lipschitz * _ratio(chi**2, chi**2 + xi / shots + bias)
        return gradient * np.minimum(1.0, most / self.learning_rate), following

    def within_bounds(self, wanted: FloatArray) -> NDArray[np.int64]:
        """Return shots as integers between the fewest and the most; the fewest for NaN."""
        known = np.nan_to_num(wanted, nan=self.min_shots, posinf=self.max_shots)
        return np.clip(known, self.min_shots, self.max_shots).astype(np.int64)

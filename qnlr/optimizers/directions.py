"""Directions: how a gradient becomes the direction d of a step θ ← θ − rate · d.

A direction is a frozen dataclass of settings with two methods; what it remembers lives apart, in
a plain dict that the optimizer keeps for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from qnlr.errors import InputError, is_number, require_positive
from qnlr.optimizers.natural import NaturalGradient
from qnlr.types import FloatArray

State = dict[str, Any]


class Direction(Protocol):
    """Turns gradients into step directions."""

    def initial_state(self, size: int) -> State:
        """Return the state before the first gradient, for ``size`` parameters."""

    def __call__(self, gradient: FloatArray, state: State) -> tuple[FloatArray, State]:
        """Return the direction for a gradient, and the next state."""


@dataclass(frozen=True)
class Plain:
    """The gradient itself.

    .. math:: d_t = g_t

    Example:
        >>> Plain()(np.array([1.0, -2.0]), {})[0]
        array([ 1., -2.])
    """

    def initial_state(self, size: int) -> State:
        """Return an empty state."""
        return {}

    def __call__(self, gradient: FloatArray, state: State) -> tuple[FloatArray, State]:
        """Return the gradient as it is."""
        return gradient, state


@dataclass(frozen=True)
class HeavyBall:
    """Momentum: an exponentially fading sum of gradients.

    .. math:: d_t = v_t = β v_{t-1} + g_t

    Source: Polyak, USSR Comput. Math. Math. Phys. 4(5), 1 (1964), in the form of Sutskever et al.
    (2013) without the rate inside the sum.

    Args:
        momentum: β, 0 ≤ β < 1.

    Raises:
        InputError: If β lies outside [0, 1).

    Example:
        >>> rule = HeavyBall(momentum=0.9)
        >>> d, state = rule(np.array([1.0]), rule.initial_state(1))
        >>> rule(np.array([1.0]), state)[0]
        array([1.9])
    """

    momentum: float = 0.9

    def __post_init__(self) -> None:
        _require_decay("momentum", self.momentum)

    def initial_state(self, size: int) -> State:
        """Return zero velocity."""
        return {"velocity": np.zeros(size)}

    def __call__(self, gradient: FloatArray, state: State) -> tuple[FloatArray, State]:
        """Add the gradient to the fading sum."""
        velocity = self.momentum * state["velocity"] + gradient
        return velocity, {"velocity": velocity}


@dataclass(frozen=True)
class RootMeanSquare:
    r"""RMSProp: the gradient over the root of its running mean square.

    .. math:: s_t = ρ s_{t-1} + (1 - ρ) g_t^2, \qquad d_t = g_t / (\sqrt{s_t} + ε)

    Source: Tieleman and Hinton, COURSERA: Neural Networks for Machine Learning, lecture 6.5 (2012).

    Args:
        decay: ρ, 0 ≤ ρ < 1.
        epsilon: ε > 0.

    Raises:
        InputError: If ρ lies outside [0, 1) or ε is not above 0.

    Example:
        >>> rule = RootMeanSquare(decay=0.75)
        >>> rule(np.array([4.0]), rule.initial_state(1))[0].round(6)
        array([2.])
    """

    decay: float = 0.9
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        _require_decay("decay", self.decay)
        require_positive("epsilon", self.epsilon)

    def initial_state(self, size: int) -> State:
        """Return a zero mean square."""
        return {"mean_square": np.zeros(size)}

    def __call__(self, gradient: FloatArray, state: State) -> tuple[FloatArray, State]:
        """Divide the gradient by the root of its running mean square."""
        mean_square = self.decay * state["mean_square"] + (1 - self.decay) * gradient**2
        return gradient / (np.sqrt(mean_square) + self.epsilon), {"mean_square": mean_square}


@dataclass(frozen=True)
class AdaptiveMoments:
    r"""Adam: bias-corrected running mean over the root of the running mean square.

    .. math::

        m_t = β_1 m_{t-1} + (1 - β_1) g_t, \qquad v_t = β_2 v_{t-1} + (1 - β_2) g_t^2, \\
        d_t = \frac{m_t / (1 - β_1^t)}{\sqrt{v_t / (1 - β_2^t)} + ε}

    With ``amsgrad``, v_t in the last line is the largest v so far.

    Source: Kingma and Ba, arXiv:1412.6980, Algorithm 1; AMSGrad: Reddi, Kale and Kumar,
    arXiv:1904.09237, Algorithm 2, with Adam's bias correction kept.

    Args:
        beta1: β₁, 0 ≤ β₁ < 1.
        beta2: β₂, 0 ≤ β₂ < 1.
        epsilon: ε > 0.
        amsgrad: Whether to use the largest mean square so far.

    Raises:
        InputError: If a β lies outside [0, 1) or ε is not above 0.

    Example:
        >>> rule = AdaptiveMoments()
        >>> rule(np.array([0.3, -5.0]), rule.initial_state(2))[0].round(6)
        array([ 1., -1.])
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    amsgrad: bool = False

    def __post_init__(self) -> None:
        _require_decay("beta1", self.beta1)
        _require_decay("beta2", self.beta2)
        require_positive("epsilon", self.epsilon)

    def initial_state(self, size: int) -> State:
        """Return zero moments at t = 0."""
        zeros = np.zeros(size)
        return {"t": 0, "mean": zeros, "mean_square": zeros, "largest": zeros}

    def __call__(self, gradient: FloatArray, state: State) -> tuple[FloatArray, State]:
        """Return the ratio of the bias-corrected moments."""
        t = state["t"] + 1
        mean = self.beta1 * state["mean"] + (1 - self.beta1) * gradient
        mean_square = self.beta2 * state["mean_square"] + (1 - self.beta2) * gradient**2
        largest = np.maximum(state["largest"], mean_square) if self.amsgrad else mean_square
        scale = np.sqrt(largest / (1 - self.beta2**t)) + self.epsilon
        direction = mean / (1 - self.beta1**t) / scale
        return direction, {"t": t, "mean": mean, "mean_square": mean_square, "largest": largest}


def _require_decay(name: str, value: float) -> None:
    if not (is_number(value) and 0 <= value < 1):
        raise InputError(f"{name} = {value!r} is not valid; it must lie in [0, 1)")


DIRECTIONS: dict[str, type[Direction]] = {
    "plain": Plain,
    "momentum": HeavyBall,
    "rmsprop": RootMeanSquare,
    "adam": AdaptiveMoments,
    "natural": NaturalGradient,
}

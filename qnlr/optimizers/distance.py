"""DoG: a rate from how far the weights have come, over all gradients seen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from qnlr.errors import InputError, require_positive
from qnlr.optimizers.averages import Average
from qnlr.optimizers.directions import Plain
from qnlr.optimizers.optimizer import SignedRateOptimizer
from qnlr.optimizers.rates import Feedback, State


@dataclass(frozen=True)
class DistanceOverGradients:
    r"""The rate of DoG: the largest distance so far over the root of all squared gradients.

    .. math:: η_t = \frac{\max(r_ε, \max_{s \le t} \|θ_s - θ_0\|)}
              {\sqrt{\sum_{s \le t} \|g_s\|^2 + ε}}

    It has no learning rate, and asks for no probe. The paper takes r_ε = 10⁻⁶(1 + ‖θ_0‖); here it
    is a distance of its own, in radians, as the weights are angles, of which ‖θ_0‖ says nothing: a
    circuit is the same at θ and θ + 2π. The default is the paper's for some 25 weights within ±π.

    Source: Ivgi, Hinder and Carmon, arXiv:2302.12022, Eq. (DoG).

    Args:
        initial_distance: r_ε > 0; the first step is about this long.
        epsilon: ε > 0.

    Raises:
        InputError: If a setting is not above 0.

    Example:
        >>> rule = DistanceOverGradients(initial_distance=0.1)
        >>> first, state = rule(Feedback(0, 0.5, None, 3.0, distance=0.0), rule.initial_state())
        >>> second, state = rule(Feedback(1, 0.4, None, 4.0, distance=0.2), state)
        >>> round(first, 6), round(second, 6)
        (0.033333, 0.04)
    """

    initial_distance: float = 1e-5
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        require_positive("initial_distance", self.initial_distance)
        require_positive("epsilon", self.epsilon)

    def initial_state(self) -> State:
        """Return r_ε and no gradient."""
        return {"distance": float(self.initial_distance), "squares": 0.0}

    def probe_rate(self, state: State) -> float | None:
        """Return None: no probe is needed."""
        return None

    def __call__(self, feedback: Feedback, state: State) -> tuple[float, State]:
        """Return η_t.

        Args:
            feedback: What was measured, with the distance ‖θ_t − θ_0‖.
            state: The largest distance and the sum of squared gradients so far.

        Returns:
            The rate, and the next state.

        Raises:
            InputError: If the distance is not told.
        """
        if math.isnan(feedback.distance) and not feedback.size:
            raise InputError("DistanceOverGradients needs the distance from the start, told none")
        distance = max(state["distance"], feedback.distance)
        squares = state["squares"] + feedback.gradient_norm**2
        rate = distance / math.sqrt(squares + self.epsilon)
        return rate, {"distance": distance, "squares": squares}


class DoG(SignedRateOptimizer):
    r"""Gradient descent at the rate of :class:`DistanceOverGradients`, without a learning rate.

    .. math:: θ_{t+1} = θ_t - η_t g_t

    Its authors average the points that it goes through, which ``average`` does.

    Source: Ivgi, Hinder and Carmon, arXiv:2302.12022.

    Args:
        initial_distance: r_ε > 0, in radians; the first step is about this long.
        average: What is made of the points, such as a ``PolynomialAverage()``; None for the last.
        **common: ``maxiter``, ``callback``, ``seed`` and ``perturbation``.

    Raises:
        InputError: If it is not above 0.

    Example:
        >>> result = DoG(maxiter=200).minimize(lambda x: x @ x, [1.0], jac=lambda x: 2 * x)
        >>> bool(result.fun < 1e-3)
        True
    """

    def __init__(
        self, initial_distance: float = 1e-5, average: Average | None = None, **common: Any
    ) -> None:
        super().__init__(
            Plain(), DistanceOverGradients(initial_distance), average=average, **common
        )
        self.initial_distance = initial_distance

    @property
    def settings(self) -> dict[str, Any]:
        """The arguments that rebuild this optimizer."""
        return {
            "initial_distance": self.initial_distance,
            "average": self.average,
            **self._common_settings,
        }

"""Whether losses rise from one stretch of steps to the next, and what that says of the rate."""

from __future__ import annotations

import math
from dataclasses import dataclass

from qnlr.errors import InputError, is_number, require_count, require_positive
from qnlr.optimizers.rates import State

_EMPTY: State = {"steps": 0, "mean": 0.0, "scatter": 0.0, "rates": 0.0}


@dataclass(frozen=True)
class RiseWatch:
    r"""A bound of the rate, which falls where the loss is seen to rise.

    Each step measures the loss on a mini-batch of its own, so the means of two stretches of m steps
    differ by what training did, up to the scatter of mini-batches and shots:

    .. math:: \bar L_2 - \bar L_1 > z \sqrt{\frac{s_1^2 + s_2^2}{m}}

    with s² the variance of the losses of a stretch. Then the rate is bounded by a part of its mean
    over the second stretch. After a stretch that is seen to fall, by the same test, the bound is
    doubled, and after any other it grows by √2. So a bound that came about by chance is soon gone,
    and one that is needed comes back.

    Args:
        z: Standard errors that a difference has to exceed > 0.
        stretch: m, steps of a stretch, at least 2.
        cut: Part of the mean rate that is left, above 0 and below 1.

    Raises:
        InputError: If a setting lies outside its range.

    Example:
        >>> watch = RiseWatch(2.0, stretch=2)
        >>> state = watch.initial_state()
        >>> for loss in (0.50, 0.52, 0.90, 0.92):
        ...     state = watch(loss, 0.4, state)
        >>> state["most"]
        0.1
    """

    z: float
    stretch: int = 10
    cut: float = 0.25

    def __post_init__(self) -> None:
        require_positive("z", self.z)
        require_count("stretch", self.stretch, low=2)
        if not (is_number(self.cut) and 0 < self.cut < 1):
            raise InputError(f"cut = {self.cut!r} is not valid; it must lie between 0 and 1")

    def initial_state(self) -> State:
        """Return that nothing is known, and no bound."""
        return {**_EMPTY, "before": 0.0, "error": 0.0, "known": False, "most": math.inf}

    def __call__(self, loss: float, rate: float, state: State) -> State:
        """Return the state after one more step; ``most`` is the bound of the rate.

        Args:
            loss: The loss that the step began with; one that is not finite does not count.
            rate: The rate of the step without its sign > 0.
            state: The state before it.
        """
        if not math.isfinite(loss):
            return state
        steps, delta = state["steps"] + 1, loss - state["mean"]
        mean = state["mean"] + delta / steps
        scatter, rates = state["scatter"] + delta * (loss - mean), state["rates"] + rate
        if steps < self.stretch:
            known = {"steps": steps, "mean": mean, "scatter": scatter, "rates": rates}
            return {**state, **known}
        error, most = math.sqrt(scatter / (steps - 1) / steps), state["most"]
        if state["known"]:
            rise, enough = mean - state["before"], self.z * math.hypot(error, state["error"])
            if rise > enough:
                most = self.cut * min(rates / steps, most)
            else:
                most *= 2 if rise < -enough else math.sqrt(2)
        return {**_EMPTY, "before": mean, "error": error, "known": True, "most": most}

"""Decaying rates: what Robbins and Monro ask of a schedule, for any rule of the rate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from qnlr.errors import require_positive, require_within
from qnlr.optimizers import Feedback, RateRule
from qnlr.optimizers.rates import State


@dataclass(frozen=True)
class Decaying:
    r"""A rule of the rate whose learning rate decays with the steps.

    .. math:: η_t = η_0 \Big(\frac{b}{t + b}\Big)^γ

    For γ in (½, 1] the rates sum to infinity, and their squares do not.

    Source: Robbins and Monro, Ann. Math. Statist. 22, 400 (1951); NLR paper, Theorem 2.

    Args:
        make: Returns a rule without a state for a learning rate.
        first: η_0 > 0.
        offset: b > 0, in steps.
        power: γ, in [0, 1].

    Raises:
        InputError: If a setting lies outside its range.

    Example:
        >>> from qnlr.optimizers import Constant, NegativeRate
        >>> rule = Decaying(Constant, first=0.4, offset=1, power=1.0)
        >>> rule(Feedback(3, 0.5, None, 1.0), {"step": 3})
        (0.1, {'step': 4})
        >>> Decaying(NegativeRate, 0.4, 1, 1.0).probe_rate({"step": 1})
        0.2
    """

    make: Callable[[float], RateRule]
    first: float
    offset: float
    power: float

    def __post_init__(self) -> None:
        require_positive("first", self.first)
        require_positive("offset", self.offset)
        require_within("power", self.power, 0.0, 1.0)

    def rate_at(self, step: int) -> float:
        """Return η_t."""
        return float(self.first * (self.offset / (step + self.offset)) ** self.power)

    def initial_state(self) -> State:
        """Return that no step has been made."""
        return {"step": 0}

    def probe_rate(self, state: State) -> float | None:
        """Return the rate at which to probe, or None if no probe is needed."""
        return self._rule(state).probe_rate({})

    def __call__(self, feedback: Feedback, state: State) -> tuple[float, State]:
        """Return the signed rate, and that one more step has been made."""
        signed, _ = self._rule(state)(feedback, {})
        return signed, {"step": int(state["step"]) + 1}

    def _rule(self, state: State) -> RateRule:
        return self.make(self.rate_at(int(state["step"])))

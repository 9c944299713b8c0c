"""Schedules: a rate rule whose rate is scaled on the way, sign and probe with it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Protocol

from qnlr.errors import require_count, require_within
from qnlr.optimizers.rates import Feedback, Probe, RateRule

State = dict[str, Any]


class Schedule(Protocol):
    """Scales a rate, from step to step."""

    def initial_state(self) -> State:
        """Return the state before the first step, as plain data."""

    def factor(self, state: State) -> float:
        """Return what the next step's rate is multiplied with, above 0."""

    def following(self, feedback: Feedback, state: State) -> State:
        """Return the state after a step."""


@dataclass(frozen=True)
class Scheduled:
    """A rate rule under a schedule: its probe and its signed rate are both scaled.

    Args:
        rule: The rule.
        schedule: What scales it.

    Example:
        >>> from qnlr.optimizers.rates import Constant
        >>> rule = Scheduled(Constant(0.1), Cosine(steps=2))
        >>> first, state = rule(Feedback(0, 0.5, None, 1.0), rule.initial_state())
        >>> second, _ = rule(Feedback(1, 0.5, None, 1.0), state)
        >>> first, round(second, 3)
        (0.1, 0.05)
    """

    rule: RateRule
    schedule: Schedule

    def initial_state(self) -> State:
        """Return the states of rule and schedule."""
        return {"rule": self.rule.initial_state(), "schedule": self.schedule.initial_state()}

    def probe_rate(self, state: State) -> float | None:
        """Return the scaled rate at which to probe, if the rule probes."""
        rate = self.rule.probe_rate(state["rule"])
        return None if rate is None else rate * self.schedule.factor(state["schedule"])

    @property
    def most_probes(self) -> int:
        """The most probes that the rule asks for in a step."""
        return int(getattr(self.rule, "most_probes", 1))

    def next_probe(self, feedback: Feedback, state: State) -> float | None:
        """Return the scaled rate of another probe, if the rule asks for one."""
        following = getattr(self.rule, "next_probe", None)
        if following is None:
            return None
        rate = following(self._unscaled(feedback, state), state["rule"])
        return None if rate is None else rate * self.schedule.factor(state["schedule"])

    def _unscaled(self, feedback: Feedback, state: State) -> Feedback:
        """Return what the rule would be told if the schedule scaled the direction instead."""
        factor = self.schedule.factor(state["schedule"])
        if factor == 0:
            return feedback
        return replace(
            feedback,
            slope=factor * feedback.slope,
            slope_std=factor * feedback.slope_std,
            direction_norm=factor * feedback.direction_norm,
            probes=tuple(Probe(one.rate / factor, one.loss) for one in feedback.probes),
        )

    def __call__(self, feedback: Feedback, state: State) -> tuple[float, State]:
        """Return the scaled signed rate, and the next states."""
        rate, following = self.rule(self._unscaled(feedback, state), state["rule"])
        scaled = rate * self.schedule.factor(state["schedule"])
        schedule = self.schedule.following(feedback, state["schedule"])
        return scaled, {"rule": following, "schedule": schedule}


@dataclass(frozen=True)
class Cosine:
    r"""From the full rate to a small one along half a cosine.

    .. math:: s_t = f + \frac{1 - f}{2} \Big(1 + \cos\frac{π t}{T}\Big)

    Source: Loshchilov and Hutter, arXiv:1608.03983, Eq. 5, without restarts.

    Args:
        steps: T, at least 1; it stays at the end from then on.
        floor: f, 0 to 1, what is left at the end.

    Raises:
        InputError: If a setting lies outside its range.

    Example:
        >>> [Cosine(steps=4).factor({"t": t}) for t in (0, 2, 4)]
        [1.0, 0.5, 0.0]
    """

    steps: int
    floor: float = 0.0

    def __post_init__(self) -> None:
        require_count("steps", self.steps)
        require_within("floor", self.floor, 0.0, 1.0)

    def initial_state(self) -> State:
        """Return step 0."""
        return {"t": 0}

    def factor(self, state: State) -> float:
        """Return s_t."""
        done = min(1.0, state["t"] / self.steps)
        return self.floor + (1 - self.floor) * (1 + math.cos(math.pi * done)) / 2

    def following(self, feedback: Feedback, state: State) -> State:
        """Count the step."""
        return {"t": state["t"] + 1}


@dataclass(frozen=True)
class OnPlateau:
    """Lower the rate where the loss no longer falls.

    The loss that is watched is an exponential mean of the mini-batches' losses; it has fallen if it
    is below its best by more than ``threshold``. After ``patience`` steps without that the rate is
    multiplied by ``reduction``, down to ``smallest`` of what it was.

    Args:
        reduction: Factor, above 0 and below 1.
        patience: Steps to wait, at least 1.
        threshold: How much the loss must fall to count, at least 0.
        smallest: Smallest factor, 0 to 1.
        memory: Weight of the past in the mean, 0 ≤ memory < 1.

    Raises:
        InputError: If a setting lies outside its range.

    Example:
        >>> schedule = OnPlateau(reduction=0.5, patience=2, memory=0.0)
        >>> state = schedule.initial_state()
        >>> for step in range(5):
        ...     state = schedule.following(Feedback(step, 1.0, None, 0.0), state)
        >>> schedule.factor(state)
        0.25
    """

    reduction: float = 0.5
    patience: int = 20
    threshold: float = 0.0
    smallest: float = 1e-3
    memory: float = 0.9

    def __post_init__(self) -> None:
        require_within("reduction", self.reduction, 1e-6, 1 - 1e-6)
        require_count("patience", self.patience)
        require_within("threshold", self.threshold, 0.0, math.inf)
        require_within("smallest", self.smallest, 0.0, 1.0)
        require_within("memory", self.memory, 0.0, 1 - 1e-6)

    def initial_state(self) -> State:
        """Return the full rate, and that no loss was seen."""
        return {"factor": 1.0, **_nothing_seen()}

    def factor(self, state: State) -> float:
        """Return what is left of the rate."""
        return float(state["factor"])

    def following(self, feedback: Feedback, state: State) -> State:
        """Watch the loss, and lower the rate when its patience is over."""
        seen, stuck = _watched(feedback, state, self.memory, self.threshold)
        if stuck < self.patience:
            return {"factor": state["factor"], **seen}
        return {
            "factor": max(self.smallest, state["factor"] * self.reduction),
            **{**seen, "stuck": 0},
        }


@dataclass(frozen=True)
class Pulse:
    """Raise the rate for a few steps where the loss no longer falls, to leave a flat region.

    Args:
        increase: Factor above 1 during a pulse.
        length: Steps of a pulse, at least 1.
        patience: Steps without a fall of the loss before a pulse, at least 1.
        threshold: How much the loss must fall to count, at least 0.
        memory: Weight of the past in the mean of the losses, 0 ≤ memory < 1.

    Raises:
        InputError: If a setting lies outside its range.

    Example:
        >>> schedule = Pulse(increase=10.0, length=1, patience=2, memory=0.0)
        >>> state, factors = schedule.initial_state(), []
        >>> for step in range(5):
        ...     factors.append(schedule.factor(state))
        ...     state = schedule.following(Feedback(step, 1.0, None, 0.0), state)
        >>> factors
        [1.0, 1.0, 1.0, 10.0, 1.0]
    """

    increase: float = 10.0
    length: int = 5
    patience: int = 20
    threshold: float = 0.0
    memory: float = 0.9

    def __post_init__(self) -> None:
        require_within("increase", self.increase, 1 + 1e-6, 1e6)
        require_count("length", self.length)
        require_count("patience", self.patience)
        require_within("threshold", self.threshold, 0.0, math.inf)
        require_within("memory", self.memory, 0.0, 1 - 1e-6)

    def initial_state(self) -> State:
        """Return that there is no pulse, and that no loss was seen."""
        return {"left": 0, **_nothing_seen()}

    def factor(self, state: State) -> float:
        """Return the factor during a pulse, and 1 between them."""
        return self.increase if state["left"] else 1.0

    def following(self, feedback: Feedback, state: State) -> State:
        """Go on with a pulse, or watch the loss, and begin one when the patience is over."""
        seen, stuck = _watched(feedback, state, self.memory, self.threshold)
        if state["left"]:
            return {"left": state["left"] - 1, **{**seen, "stuck": 0}}
        if stuck < self.patience:
            return {"left": 0, **seen}
        return {"left": self.length, **{**seen, "stuck": 0}}


def _nothing_seen() -> State:
    return {"mean": None, "best": None, "stuck": 0}


def _watched(
    feedback: Feedback, state: State, memory: float, threshold: float
) -> tuple[State, int]:
    """Return the mean loss, the best so far, and for how many steps it has not fallen."""
    loss, mean = float(feedback.loss), state["mean"]
    mean = loss if mean is None else memory * mean + (1 - memory) * loss
    best = state["best"]
    if best is None or mean < best - threshold:
        return {"mean": mean, "best": mean, "stuck": 0}, 0
    stuck = state["stuck"] + 1
    return {"mean": mean, "best": best, "stuck": stuck}, stuck

"""A rate rule that probes at given rates, and an optimizer with it that is driven by phases."""

from dataclasses import dataclass, field

import numpy as np

from qnlr.optimizers import Plain, SignedRateOptimizer, Told
from qnlr.types import Estimate

START = np.array([1.0, -0.7, 0.4])
STDS = np.array([0.1, 0.2, 0.05])


def loss(x):
    return Estimate(float(np.cos(x).sum() + 0.3 * x @ x), 0.01)


def slope(x):
    return -np.sin(x) + 0.6 * x


@dataclass(frozen=True)
class Walking:
    """Probe at given rates, one after another, and take that of the lowest loss, or 0."""

    rates: tuple[float, ...]
    seen: list = field(default_factory=list, compare=False)
    asked: list = field(default_factory=list, compare=False)

    @property
    def most_probes(self):
        return len(self.rates)

    def initial_state(self):
        return {"steps": 0}

    def probe_rate(self, state):
        return self.rates[0]

    def next_probe(self, feedback, state):
        self.asked.append((feedback, dict(state)))
        made = len(feedback.probes)
        return self.rates[made] if made < len(self.rates) else None

    def __call__(self, feedback, state):
        self.seen.append(feedback)
        best = min(feedback.probes, key=lambda one: one.loss)
        rate = best.rate if best.loss < feedback.loss else 0.0
        return rate, {"steps": state["steps"] + 1}


@dataclass(frozen=True)
class Shortened:
    """A direction, multiplied with a factor."""

    direction: object
    factor: float

    def initial_state(self, size):
        return self.direction.initial_state(size)

    def __call__(self, gradient, state):
        found, state = self.direction(gradient, state)
        return self.factor * found, state


def phase(optimizer, stds=STDS):
    """Drive one phase."""
    ask = optimizer.ask()
    if ask.x_jac is None:
        optimizer.tell(ask, Told(loss(ask.x_fun)))
    else:
        optimizer.tell(ask, Told(loss(ask.x_fun), slope(ask.x_jac), stds))
    return ask


def started(rule, direction=None, **common):
    optimizer = SignedRateOptimizer(Plain() if direction is None else direction, rule, **common)
    optimizer.start(None, START)
    return optimizer


def run(optimizer, phases):
    return [phase(optimizer) for _ in range(phases)]

"""Random restarts: several short trainings, and one that goes on from the best of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qnlr.backends import Meter
from qnlr.errors import require_count, require_within
from qnlr.strategies.shallow import circuit_weights
from qnlr.strategies.strategy import Setting, share, start_at
from qnlr.training import Ended, Plan, Stage
from qnlr.types import FloatArray


@dataclass(frozen=True)
class Restarts:
    """Train from several random points for a while, then from where the loss was lowest.

    The loss of a trial is the mean of its last ten mini-batches.

    Args:
        trials: How many points are tried, at least 2; the first one is the run's own.
        search: Share of the steps that all trials get together, 0 to 1.

    Raises:
        InputError: If a setting lies outside its range.

    Example:
        >>> Restarts(trials=3).search
        0.3
    """

    trials: int = 5
    search: float = 0.3

    def __post_init__(self) -> None:
        require_count("trials", self.trials, low=2)
        require_within("search", self.search, 0.0, 1.0)

    def plan(self, setting: Setting) -> Plan:
        """Return a stage for each trial, and one for the rest."""
        own = circuit_weights(setting)
        each = share(setting.steps, self.search / self.trials)

        def drawn(ended: object, rng: np.random.Generator, meter: Meter) -> FloatArray:
            return np.concatenate([setting.draw(own, rng), setting.weights[own:]])

        def best(ended: Sequence[Ended], rng: np.random.Generator, meter: Meter) -> FloatArray:
            return min(ended, key=lambda trial: trial.loss).weights

        trials = [
            Stage(
                f"trial {number + 1}",
                (setting.part,),
                drawn if number else start_at(setting.weights),
                each,
            )
            for number in range(self.trials)
        ]
        return Plan((*trials, Stage("best", (setting.part,), best, setting.steps)))

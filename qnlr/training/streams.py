"""Where a run's random numbers come from: one stream for each purpose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from qnlr.rng import stream


@dataclass
class Streams:
    """Where a run's random numbers come from.

    Args:
        batches: Draws the mini-batches.
        shots: Draws the shot noise of training.
        evaluation: Gives the generator that draws the shot noise of the evaluation after a number
            of steps; evaluating more or less often does not change the training.
        gradient: Draws the directions or coordinates of gradients that do not take all.
        strategy: Draws whatever a strategy draws.
    """

    batches: np.random.Generator
    shots: np.random.Generator
    evaluation: Callable[[int], np.random.Generator]
    gradient: np.random.Generator
    strategy: np.random.Generator = field(default_factory=lambda: stream("strategy", 0))

    @classmethod
    def spawn(cls, seed: int, run: Any, data: Any = None, strategy: Any = None) -> Streams:
        """Return the streams of a run: its mini-batches shared with others, all else its own.

        Args:
            seed: Seed of the run.
            run: Plain data that tells the run from others on its seed.
            data: Plain data that runs with the same mini-batches share.
            strategy: Plain data that runs share whose strategies draw the same.

        Returns:
            Streams at their beginning.

        Example:
            >>> sgd, nlr = Streams.spawn(0, "sgd"), Streams.spawn(0, "nlr")
            >>> bool(sgd.batches.integers(1000) == nlr.batches.integers(1000))
            True
            >>> bool(sgd.shots.integers(1000) == nlr.shots.integers(1000))
            False
        """
        return cls(
            batches=stream("batches", seed, data),
            shots=stream("shots", seed, run),
            evaluation=lambda step: stream("evaluation", seed, [run, step]),
            gradient=stream("gradient", seed, run),
            strategy=stream("strategy", seed, strategy),
        )

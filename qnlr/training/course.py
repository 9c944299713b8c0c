"""Where a training stands among its stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from qnlr.backends import Meter
from qnlr.optimizers import AskTell
from qnlr.training.stage import Ended, Mask, Seen, Stage
from qnlr.types import FloatArray

RECENT = 10  # losses that tell how good the end of a stage is


class Course:
    """Goes through stages: knows the present one, all its weights, and the optimizer's place in it.

    An optimizer is started anew at the beginning of each stage, on the weights that are trained
    there.

    Args:
        stages: The stages, in order.
        optimizer: The optimizer.
    """

    def __init__(self, stages: Sequence[Stage], optimizer: AskTell) -> None:
        self.stages = tuple(stages)
        self.number = 0
        self.begun = 0
        self.over = False
        self.has_begun = False
        self.ended: list[Ended] = []
        self._started = 0
        self._optimizer = optimizer
        self._frozen = np.empty(0)
        self._losses: list[float] = []
        self._states: list[dict[str, Any]] = []

    @property
    def stage(self) -> Stage:
        """The present stage."""
        return self.stages[self.number]

    @property
    def is_last(self) -> bool:
        """Whether no stage follows."""
        return self.number == len(self.stages) - 1

    @property
    def weights(self) -> FloatArray:
        """All weights of the stage, as they are now."""
        return self.whole(self._optimizer.state.x)

    def whole(self, trained: FloatArray) -> FloatArray:
        """Return all weights of the stage, given those that are trained.

        Args:
            trained: Weights of the optimizer.
        """
        trained = np.asarray(trained, dtype=float)
        mask = self.stage.trainable
        if mask is None:
            return trained
        weights = self._frozen.copy()
        weights[mask] = trained
        return weights

    def trained(self, weights: FloatArray, stage: Stage | None = None) -> FloatArray:
        """Return the weights that are trained, out of all.

        Args:
            weights: All weights of the stage.
            stage: The stage; None for the present one.
        """
        mask: Mask | None = (stage or self.stage).trainable
        return weights if mask is None else weights[mask]

    def steps_of_optimizer(self, steps: int) -> int:
        """Return the steps that the optimizer has made since it was started, when all is told.

        Args:
            steps: Steps of the whole training.
        """
        return steps - self._started

    def begin(self, steps: int, rng: np.random.Generator, meter: Meter) -> None:
        """Begin the present stage.

        Args:
            steps: Steps of the whole training made so far.
            rng: Draws what the stage draws.
            meter: Counts what is measured to find its first weights.
        """
        self.begun, self.over, self._losses = steps, False, []
        self._states = [part.initial_state() for part in self._remembering]
        weights = self.stage.start(self.ended, rng, meter)
        self._start(np.asarray(weights, dtype=float), steps, rng)
        self.has_begun = True

    def advance(self, steps: int, rng: np.random.Generator, meter: Meter) -> None:
        """Go on to the next stage.

        Args:
            steps: Steps of the whole training made so far.
            rng: Draws what the stage draws.
            meter: Counts what is measured to find its first weights.
        """
        loss = float(np.mean(self._losses)) if self._losses else float("nan")
        self.ended.append(Ended(self.stage.name, self.weights, loss))
        self.number += 1
        self.begin(steps, rng, meter)

    def after(
        self, steps: int, gradient: FloatArray | None, rng: np.random.Generator, total: int
    ) -> None:
        """Do what the stage does after a step, and see whether it is over.

        Args:
            steps: Steps of the whole training made so far, with this one.
            gradient: The gradient of the step by all weights of the stage, if there is one.
            rng: Draws what the moves draw.
            total: Steps of the whole training.
        """
        stage, record = self.stage, self._optimizer.state.record
        self._losses = [*self._losses, float(record.loss)][-RECENT:]
        last = total if self.is_last else min(total, self.begun + stage.steps)
        made = steps - self.begun
        for place, move in enumerate(stage.moves):
            seen = Seen(made, last - self.begun, self.weights, gradient, record)
            moved, self._states[place] = move(seen, self._states[place], rng)
            if moved is not None and np.isfinite(moved).all():  # else the training has diverged
                self._move(moved, steps, rng)
        if self.is_last:
            return
        self.over = made >= stage.steps or self._optimizer.ended
        if stage.until is not None:
            seen = Seen(made, last - self.begun, self.weights, gradient, record)
            stop, self._states[-1] = stage.until(seen, self._states[-1])
            self.over = self.over or stop

    def state_dict(self) -> dict[str, Any]:
        """Return where it stands, as plain data."""
        return {
            "has_begun": self.has_begun,
            "number": self.number,
            "begun": self.begun,
            "over": self.over,
            "started": self._started,
            "seed": getattr(self._optimizer, "seed", None),
            "frozen": self._frozen,
            "losses": list(self._losses),
            "states": list(self._states),
            "ended": [vars(one) for one in self.ended],
        }

    def load_state_dict(self, plain: Mapping[str, Any]) -> None:
        """Go on from :meth:`state_dict`.

        Args:
            plain: The state.
        """
        self.has_begun = plain["has_begun"]
        self.number, self.begun, self.over = plain["number"], plain["begun"], plain["over"]
        self._started, self._frozen = plain["started"], np.array(plain["frozen"])
        if hasattr(self._optimizer, "seed"):
            self._optimizer.seed = plain["seed"]
        self._losses, self._states = list(plain["losses"]), list(plain["states"])
        self.ended = [Ended(**one) for one in plain["ended"]]

    @property
    def _remembering(self) -> list[Any]:
        until = self.stage.until
        return [*self.stage.moves, *([] if until is None else [until])]

    def _start(self, weights: FloatArray, steps: int, rng: np.random.Generator) -> None:
        """Start the optimizer anew; what it draws is then something else than the last time."""
        self._frozen, self._started = weights, steps
        if steps and hasattr(self._optimizer, "seed"):
            self._optimizer.seed = int(rng.integers(2**32))
        self._optimizer.start(None, self.trained(weights))

    def _move(self, weights: FloatArray, steps: int, rng: np.random.Generator) -> None:
        """Move the optimizer; one that can keeps what it remembers."""
        if hasattr(self._optimizer, "move_to"):
            self._frozen = weights
            self._optimizer.move_to(self.trained(weights))
        else:
            self._start(weights, steps, rng)

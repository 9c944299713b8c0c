"""When training ends, and what that is called."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from qnlr.errors import InputError, is_number, require_count


class Status(StrEnum):
    """How a run ended."""

    FINISHED = "finished"
    TARGET_REACHED = "target_reached"
    BUDGET_SPENT = "budget_spent"
    DIVERGED = "diverged"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def is_final(self) -> bool:
        """Whether running again would not go on with the run."""
        return self not in (Status.FAILED, Status.INTERRUPTED)


@dataclass(frozen=True)
class Outcome:
    """A status with the sentence that explains it."""

    status: Status
    sentence: str


DEFAULT_STEPS = 100


@dataclass(frozen=True)
class TrainingSettings:
    """How long to train, on which mini-batches, and what to keep.

    Args:
        steps: Number of steps, at least 1; None to give ``passes`` instead, and 100 if neither is
            given.
        passes: Number of passes over the training data, at least 1, instead of ``steps``; None to
            give those. See :meth:`total_steps`.
        batch_size: B, samples in a mini-batch, at least 1.
        checkpoint_every: Steps between checkpoints, at least 1.
        evaluate_every: Steps between evaluations on all training and test samples, which are
            metered apart; 0 for one at the end only.
        target_loss: Training loss at which to stop, checked at evaluations; None for no target.
        max_shots: Shots that training may spend; it ends before a step that would pass them. None
            for no limit.

    Raises:
        InputError: If a setting lies outside its range, both steps and passes are given, or a
            target is set without evaluations.

    Example:
        >>> TrainingSettings(steps=500, batch_size=32).checkpoint_every
        10
    """

    steps: int | None = None
    passes: int | None = None
    batch_size: int = 32
    checkpoint_every: int = 10
    evaluate_every: int = 0
    target_loss: float | None = None
    max_shots: int | None = None

    def __post_init__(self) -> None:
        if self.steps is not None:
            require_count("steps", self.steps)
        if self.passes is not None:
            require_count("passes", self.passes)
            if self.steps is not None:
                raise InputError(
                    f"passes = {self.passes} is not valid together with steps = {self.steps}; give "
                    "one of them and leave the other out"
                )
        require_count("batch_size", self.batch_size)
        require_count("checkpoint_every", self.checkpoint_every)
        require_count("evaluate_every", self.evaluate_every, low=0)
        if self.max_shots is not None:
            require_count("max_shots", self.max_shots)
        if self.target_loss is not None:
            if not (is_number(self.target_loss) and math.isfinite(self.target_loss)):
                raise InputError(
                    f"target_loss = {self.target_loss!r} is not valid; it must be a finite number"
                )
            if not self.evaluate_every:
                raise InputError(
                    "target_loss is checked at evaluations: set evaluate_every to at least 1"
                )

    def total_steps(self, samples: int) -> int:
        """Return how many steps are to be made on a training set.

        It is ``steps``, or ``passes`` · ⌈``samples`` / B⌉. A pass is that many mini-batches, as
        many as it takes to go through the training data once. As each step draws a fresh
        mini-batch, a pass may see some samples twice and others not at all.

        Args:
            samples: Number of training samples, at least 1.

        Returns:
            The number of steps, at least 1.

        Example:
            >>> TrainingSettings(passes=3, batch_size=32).total_steps(samples=100)
            12
        """
        if self.passes is not None:
            return self.passes * math.ceil(samples / self.batch_size)
        return DEFAULT_STEPS if self.steps is None else self.steps

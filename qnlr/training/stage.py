"""Stages: the stretches of a training, each with a circuit, a loss and weights of its own.

A strategy plans them (:mod:`qnlr.strategies`), the training loop goes through them. A training
without a strategy is one stage.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from qnlr.backends import Meter
from qnlr.errors import InputError
from qnlr.optimizers import AskTell, StepRecord
from qnlr.problems import Problem
from qnlr.types import Backend, FloatArray

State = dict[str, Any]
Mask = NDArray[np.bool_]


def always_one(step: int) -> float:
    """Return 1: a part that counts in full at every step."""
    return 1.0


@dataclass(frozen=True, eq=False)
class Part:
    """A summand of a loss: a problem, measured on a backend bound to its circuit.

    Args:
        problem: What is measured. Its weights are the first of the stage's, or all of them.
        backend: Where its circuit runs.
        factor: What it counts, given the step of the stage, from 0.
    """

    problem: Problem
    backend: Backend
    factor: Callable[[int], float] = always_one


class Penalty(Protocol):
    """A summand of a loss that depends on the weights alone, and costs no circuit."""

    def value(self, weights: FloatArray, step: int) -> float:
        """Return its value at a step of the stage, from 0."""

    def gradient(self, weights: FloatArray, step: int) -> FloatArray:
        """Return its gradient, one entry for each weight."""


@dataclass(frozen=True, eq=False)
class Seen:
    """What is known after a step.

    Args:
        step: Steps of the stage made so far, at least 1.
        steps: Steps that the stage has.
        weights: All weights of the stage after the step.
        gradient: The gradient that the step was made with, by all weights of the stage; None if the
            optimizer asked for none.
        record: What the optimizer did.
    """

    step: int
    steps: int
    weights: FloatArray
    gradient: FloatArray | None
    record: StepRecord


class Move(Protocol):
    """Something that is done to the weights after a step, besides the step."""

    def initial_state(self) -> State:
        """Return the state at the beginning of a stage, as plain data."""

    def __call__(
        self, seen: Seen, state: State, rng: np.random.Generator
    ) -> tuple[FloatArray | None, State]:
        """Return new weights of the stage, or None to leave them, and the next state."""


class Until(Protocol):
    """Says when a stage is over before its steps are made."""

    def initial_state(self) -> State:
        """Return the state at the beginning of a stage, as plain data."""

    def __call__(self, seen: Seen, state: State) -> tuple[bool, State]:
        """Return whether the stage is over, and the next state."""


@dataclass(frozen=True, eq=False)
class Ended:
    """A stage that is over.

    Args:
        name: Its name.
        weights: Its weights at the end.
        loss: Mean of its last losses, on mini-batches before the step.
    """

    name: str
    weights: FloatArray
    loss: float


Start = Callable[[Sequence[Ended], np.random.Generator, Meter], FloatArray]
"""Gives the weights that a stage begins with, from the stages before it.

What it measures for that, it counts on the meter.
"""


@dataclass(frozen=True, eq=False)
class Stage:
    """A stretch of a training.

    Args:
        name: What it is called.
        parts: Summands of its loss, measured on the same mini-batch. The first one has all weights
            of the stage; where nothing else is said, it is what is evaluated.
        start: Gives the weights that it begins with.
        steps: How many steps it has; the last stage goes on to the end of the training.
        trainable: Which weights are trained; None for all. Frozen ones cost no circuits.
        penalties: Summands of the loss that depend on the weights alone.
        moves: What is done to the weights after each step.
        until: What ends the stage earlier, or None.
        judged: What evaluations measure, with all weights of the stage; None for the first part.
        aimed: Whether that is what is to be minimised in the end: only then can it reach the
            training's target. A smaller instance is not.

    Raises:
        InputError: If it has no part or no step.
    """

    name: str
    parts: tuple[Part, ...]
    start: Start
    steps: int
    trainable: Mask | None = None
    penalties: tuple[Penalty, ...] = ()
    moves: tuple[Move, ...] = ()
    until: Until | None = None
    judged: Part | None = None
    aimed: bool = True

    def __post_init__(self) -> None:
        if not self.parts or self.steps < 1:
            raise InputError(f"stage {self.name} has no parts, or steps = {self.steps} below 1")

    @property
    def first(self) -> Part:
        """The part that has all weights."""
        return self.parts[0]

    @property
    def evaluated(self) -> Part:
        """What evaluations measure."""
        return self.judged or self.first


@dataclass(frozen=True, eq=False)
class Plan:
    """What a strategy does.

    Args:
        stages: The stages, in order.
        optimizer: Makes of a run's optimizer the one that is used; None to leave it.
    """

    stages: tuple[Stage, ...]
    optimizer: Callable[[AskTell], AskTell] | None = None

"""What a step measures: the summands of a stage's loss, and their gradients, on one mini-batch."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qnlr.backends import (
    Allocated,
    Gradient,
    GradientBackend,
    Meter,
    MeteredBackend,
    ParameterShift,
    Trainable,
)
from qnlr.errors import InputError
from qnlr.optimizers import AskTell, Shots
from qnlr.problems import Batch, LossGradient, Problem
from qnlr.training.stage import Part, Stage, always_one
from qnlr.training.streams import Streams
from qnlr.types import Cost, Estimate, FloatArray

Metric = Callable[[Problem, FloatArray, Batch], FloatArray]
"""Gives the metric of the states, by all weights of a problem, averaged over samples."""


class Measuring:
    """Measures losses and gradients of a stage, and counts what they cost.

    Args:
        gradient: How derivatives are measured.
        streams: Random numbers.
        meter: Counts.
        metric: Gives the metric of the states, or None.
    """

    def __init__(
        self, gradient: Gradient, streams: Streams, meter: Meter, metric: Metric | None = None
    ) -> None:
        self.gradient = gradient
        self.streams = streams
        self.meter = meter
        self.metric = metric
        self.states: list[dict[str, Any]] = []

    def require_fit(self, stage: Stage) -> None:
        """Refuse a gradient that does not fit a stage.

        Args:
            stage: The stage.

        Raises:
            InputError: If the gradient does not fit a circuit or backend of it.
        """
        for part in stage.parts:
            size = part.problem.num_circuit_weights
            self._gradient(stage, part).require_fit(size, part.backend.shots)

    def require_own_shots(self, optimizer: AskTell) -> None:
        """Refuse a gradient whose shots an optimizer cannot choose.

        Args:
            optimizer: The optimizer, started.

        Raises:
            InputError: If it chooses those of every derivative, and the gradient has no such.
        """
        planned = getattr(optimizer, "planned_shots", None)
        if planned is not None and isinstance(planned[0], np.ndarray):
            self._require_shifts(type(optimizer).__name__)

    def _require_shifts(self, optimizer: str) -> None:
        if not isinstance(self.gradient, ParameterShift):
            raise InputError(
                f"gradient = {self.gradient!r} is not valid with the optimizer {optimizer}: it "
                "chooses the shots of every derivative, which the parameter-shift rule alone has; "
                "take the gradient parameter_shift, or another optimizer"
            )

    def begin(self, stage: Stage) -> None:
        """Forget what the gradients of another stage remembered.

        Args:
            stage: The stage that begins.
        """
        self.states = [
            self._gradient(stage, part).initial_state(part.problem.num_circuit_weights)
            for part in stage.parts
        ]

    def circuits(self, stage: Stage, batch: int, gradients: int, losses: int) -> list[int]:
        """Return the executions of a circuit that a step takes, for each part.

        Args:
            stage: The stage.
            batch: Samples in a mini-batch.
            gradients: Gradients that a step asks for, each with its loss.
            losses: Losses alone.
        """
        found = []
        for part in stage.parts:
            gradient = self._gradient(stage, part)
            rows = gradients * gradient.rows(part.problem.num_circuit_weights) + losses
            found.append(rows * batch * part.backend.circuits_per_value)
        return found

    def circuits_of_metric(self, stage: Stage, batch: int) -> int:
        """Return the circuits that measuring the metric of the states would take.

        Args:
            stage: The stage; its first part counts.
            batch: Samples in a mini-batch.
        """
        size, mask = stage.first.problem.num_circuit_weights, stage.trainable
        if mask is not None:
            size = int(stage.first.problem.reached(mask).sum())
        return batch * size * (size + 1) // 2

    def shots(self, stage: Stage, batch: int, gradient: Shots, losses: int) -> int:
        """Return the shots that a step takes whose optimizer chooses them.

        Args:
            stage: The stage.
            batch: Samples in a mini-batch.
            gradient: Shots of its gradient, see :class:`qnlr.optimizers.Ask`.
            losses: Shots of all its losses alone, for each sample and basis.
        """
        found = 0
        for part in stage.parts:
            if isinstance(gradient, np.ndarray):
                spread = _by_gate(part, _by_weight(stage, part, gradient))
                each = int(2 * spread.sum() + spread.max(initial=1))
            else:
                own = self._gradient(stage, part)
                each = own.rows(part.problem.num_circuit_weights) * int(gradient)
            found += (each + losses) * batch * part.backend.circuits_per_value
        return found

    def loss(
        self,
        stage: Stage,
        weights: FloatArray,
        chosen: np.ndarray,
        step: int,
        shots: int | None = None,
    ) -> Estimate:
        """Measure the loss of a stage on a mini-batch.

        Args:
            stage: The stage.
            weights: All its weights.
            chosen: Numbers of the training samples in the mini-batch.
            step: Steps of the stage made so far.
            shots: Shots of every circuit, or None for the backend's.

        Returns:
            The loss with its standard error.
        """
        found = []
        for part in stage.parts:
            factor = part.factor(step)
            if factor == 0:
                continue
            loss = part.problem.loss(
                weights[: part.problem.num_weights],
                part.problem.train.take(chosen),
                self._metered(part, shots),
                self.streams.shots,
            )
            found.append((factor, loss))
        return _sum(found, sum(one.value(weights, step) for one in stage.penalties))

    def loss_and_gradient(
        self,
        stage: Stage,
        weights: FloatArray,
        chosen: np.ndarray,
        step: int,
        shots: Shots | None = None,
    ) -> LossGradient:
        """Measure the loss of a stage and its gradient on a mini-batch.

        Args:
            stage: The stage.
            weights: All its weights.
            chosen: Numbers of the training samples in the mini-batch.
            step: Steps of the stage made so far.
            shots: Shots of every circuit, or of each shift of every weight that is trained; None
                for the backend's.

        Returns:
            Loss and gradient by all weights, with standard errors; by frozen weights 0.
        """
        losses = []
        gradient, variances = np.zeros((2, weights.size))
        for place, part in enumerate(stage.parts):
            factor = part.factor(step)
            if factor == 0:
                continue
            both = self._part(stage, place, weights, chosen, shots)
            alone = len(stage.parts) == 1 and part.factor is always_one and not stage.penalties
            if alone and stage.trainable is None:
                return both
            losses.append((factor, both.loss))
            gradient[: both.gradient.size] += factor * both.gradient
            variances[: both.stds.size] += (factor * both.stds) ** 2
        for penalty in stage.penalties:
            gradient += penalty.gradient(weights, step)
        loss = _sum(losses, sum(one.value(weights, step) for one in stage.penalties))
        if stage.trainable is not None:
            gradient = np.where(stage.trainable, gradient, 0.0)
            variances = np.where(stage.trainable, variances, 0.0)
        return LossGradient(loss, gradient, np.sqrt(variances))

    def states_metric(self, stage: Stage, weights: FloatArray, chosen: np.ndarray) -> FloatArray:
        """Return the metric of the states of a stage, by the weights that are trained.

        It is counted as what measuring it would take: a circuit for each pair of circuit weights
        and each sample.

        Args:
            stage: The stage; its first part counts.
            weights: All its weights.
            chosen: Numbers of the training samples in the mini-batch.

        Raises:
            InputError: If there is nothing that gives it.
        """
        if self.metric is None:
            raise InputError("the optimizer wants the metric of the states; give Training a metric")
        problem, backend = stage.first.problem, stage.first.backend
        found = self.metric(problem, weights, problem.train.take(chosen))
        mask = stage.trainable
        if mask is not None:
            found = found[np.ix_(mask, mask)]
        circuits = self.circuits_of_metric(stage, len(chosen))
        self.meter.add(Cost(circuits, circuits * (backend.shots or 0), jobs=1), 0.0)
        return found

    def _part(
        self,
        stage: Stage,
        place: int,
        weights: FloatArray,
        chosen: np.ndarray,
        shots: Shots | None,
    ) -> LossGradient:
        part = stage.parts[place]
        spread = _by_weight(stage, part, shots) if isinstance(shots, np.ndarray) else None
        around = GradientBackend(
            self._metered(part, None if isinstance(shots, np.ndarray) else shots),
            self._gradient(stage, part, spread),
            self.streams.gradient,
            self.states[place],
        )
        both = part.problem.loss_and_gradient(
            weights[: part.problem.num_weights],
            part.problem.train.take(chosen),
            around,
            self.streams.shots,
        )
        self.states[place] = around.state
        if spread is None:
            return both
        # A gate that several weights turn may have been measured for another one of them.
        asked = spread > 0
        gradient, stds = np.where(asked, both.gradient, 0.0), np.where(asked, both.stds, 0.0)
        return LossGradient(both.loss, gradient, stds)

    def _metered(self, part: Part, shots: int | None) -> MeteredBackend:
        metered = MeteredBackend(part.backend, self.meter)
        return metered if shots is None else metered.with_shots(shots)

    def _gradient(
        self, stage: Stage, part: Part, spread: NDArray[np.int64] | None = None
    ) -> Gradient:
        if spread is not None:
            self._require_shifts("given")
            return Allocated(_by_gate(part, spread))
        if stage.trainable is None:
            return self.gradient
        mask = part.problem.reached(stage.trainable[: part.problem.num_weights])
        return self.gradient if mask.all() else Trainable(self.gradient, mask)


def _by_weight(stage: Stage, part: Part, shots: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the shots of each weight of a part; 0 for those that are frozen."""
    whole = np.zeros(stage.first.problem.num_weights, dtype=np.int64)
    mask = np.ones(len(whole), dtype=bool) if stage.trainable is None else stage.trainable
    Allocated(shots).require_fit(int(mask.sum()), part.backend.shots)
    whole[mask] = shots
    return whole[: part.problem.num_weights]


def _by_gate(part: Part, spread: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the shots of each shift of a gate's angle: the most of the weights that turn it."""
    found = np.zeros(part.problem.num_circuit_weights, dtype=np.int64)
    for number in np.unique(spread[spread > 0]):
        found[part.problem.reached(spread >= number)] = number
    return found


def _sum(losses: list[tuple[float, Estimate]], penalty: float) -> Estimate:
    """Return a weighted sum of losses that were measured apart."""
    if len(losses) == 1 and losses[0][0] == 1 and penalty == 0:
        return losses[0][1]
    value = sum(factor * loss for factor, loss in losses) + penalty
    return Estimate(value, math.sqrt(sum((factor * loss.std) ** 2 for factor, loss in losses)))

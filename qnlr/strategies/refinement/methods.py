"""The methods that are compared, their ablations, and one training run of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qnlr.optimizers import NLR, SGD, Adam, SignedRateOptimizer
from qnlr.rng import stream
from qnlr.strategies.refinement.benchmarks import Benchmark
from qnlr.strategies.refinement.convex import ridge_start, surrogate
from qnlr.strategies.refinement.energy_evolution import EnergyEvolution, Packets
from qnlr.strategies.refinement.schedule import (
    Refinement,
    Sloped,
    blended,
    draw_phases,
    oscillation,
)
from qnlr.types import FloatArray

OPTIMIZERS: dict[str, Callable[[float], SignedRateOptimizer]] = {
    "sgd": SGD,
    "adam": Adam,
    "nlr": NLR,
}
"""Optimizers of the gradient methods by name; each takes a learning rate."""

DIVERGED = 1e6  # losses here begin at about 1
PLAIN, TWO_STAGE, EVOLUTION = "no initialisation", "two-stage", "energy evolution"


@dataclass(frozen=True)
class Method:
    """What a training run does before and besides descending the task's loss.

    Args:
        ridge: Whether it starts from the ridge solution of the last layer.
        stage_1: Whether it begins with steps on the convex surrogate.
        refined: Whether it then descends the annealed blend rather than the task's loss.
        oscillating: Whether the blend has the oscillation.
        part: Which weights follow the surrogate, ``"output"`` or ``"all"``.
        evolves: Whether weights are wave functions, with no gradient at all.
    """

    ridge: bool = False
    stage_1: bool = False
    refined: bool = False
    oscillating: bool = True
    part: str = "output"
    evolves: bool = False


METHODS: dict[str, Method] = {
    PLAIN: Method(),
    EVOLUTION: Method(evolves=True),
    TWO_STAGE: Method(stage_1=True, refined=True),
    "two-stage, ridge as stage 1": Method(ridge=True, refined=True),
    "two-stage, β = 0": Method(stage_1=True, refined=True, oscillating=False),
    "two-stage, surrogate of all weights": Method(stage_1=True, refined=True, part="all"),
    "stage 1, then plain": Method(stage_1=True),
    "ridge, then plain": Method(ridge=True),
    "stage 2 alone": Method(refined=True),
}
"""The paper's method and baselines, and what is left of the method with parts taken out."""


@dataclass(frozen=True)
class Training:
    """Settings that all methods share.

    Args:
        steps: Steps of a run, those of stage 1 included.
        every: Steps from one recorded loss to the next.
        refinement: Settings of the two stages.
        penalty: ρ of the ridge regression and the surrogate.
        packets: Wave functions of energy evolution; its rate is their time step.
        weights_per_step: Weights that move at each step of energy evolution.
        biases: Initial biases, ``"zero"`` or ``"uniform"``.
    """

    steps: int = 500
    every: int = 50
    refinement: Refinement = field(default_factory=lambda: Refinement(switch="steps"))
    penalty: float = 1e-4
    packets: Packets = field(default_factory=Packets)
    weights_per_step: int = 128
    biases: str = "zero"


@dataclass(frozen=True, eq=False)
class Losses:
    """The losses of a run on its way, over all training and validation samples.

    Args:
        steps: Steps made, shape (T,).
        training: Training losses, shape (T,); infinite once the run has diverged.
        validation: Validation losses, shape (T,).
        stage_1: Steps made in stage 1.
    """

    steps: NDArray[np.intp]
    training: FloatArray
    validation: FloatArray
    stage_1: int = 0


def trained(
    task: Benchmark,
    method: Method,
    optimizer: str,
    rate: float,
    seed: int,
    training: Training | None = None,
) -> Losses:
    """Train once: initial weights and batches depend on task and seed alone, so methods pair.

    Args:
        task: The task.
        method: The method.
        optimizer: A name of ``OPTIMIZERS``; energy evolution has none and takes any.
        rate: Learning rate η > 0, the same in both stages; energy evolution's time step Δτ.
        seed: Seed of the initial weights, the batches and the phases.
        training: What all methods share.

    Returns:
        The losses at the start, every so many steps, and at the end.

    Example:
        >>> from qnlr.strategies.refinement.benchmarks import curve
        >>> short = Training(steps=40, every=20, refinement=Refinement(most_steps=20))
        >>> losses = trained(curve(), METHODS["two-stage"], "adam", 0.003, 0, short)
        >>> losses.steps.tolist(), bool(losses.training[-1] < losses.training[0] / 5)
        ([0, 20, 40], True)
    """
    shared = Training() if training is None else training
    init = stream("init", seed, {"task": task.name})
    start = task.network.initial(init, shared.biases)
    if method.ridge:
        start = ridge_start(task.network, start, task.inputs, task.targets, shared.penalty)
    run: _Descent | _Evolution
    if method.evolves:
        run = _Evolution(task, start, rate, seed, shared)
    else:
        run = _Descent(task, start, method, OPTIMIZERS[optimizer](rate), seed, shared)
    when = sorted({*range(0, shared.steps + 1, shared.every), shared.steps})
    found = np.full((2, len(when)), np.inf)
    batches = task.batches(shared.steps, seed)
    with np.errstate(over="ignore", invalid="ignore"):  # of runs that diverge
        for step in range(shared.steps + 1):
            if step in when:
                found[:, when.index(step)] = _losses(task, run.weights)
                if not (found[:, when.index(step)] < DIVERGED).all():
                    found[:, when.index(step) :] = np.inf
                    break
            if step < shared.steps:
                run.step(task.inputs[batches[step]], task.targets[batches[step]])
    return Losses(np.array(when), found[0], found[1], run.stage_1)


def _losses(task: Benchmark, weights: FloatArray) -> tuple[float, float]:
    return (
        task.network.value(weights, task.inputs, task.targets),
        task.network.value(weights, task.validation_inputs, task.validation_targets),
    )


class _Evolution:
    """A run of energy evolution."""

    stage_1 = 0

    def __init__(
        self, task: Benchmark, start: FloatArray, rate: float, seed: int, shared: Training
    ) -> None:
        packets = Packets(**{**vars(shared.packets), "time_step": rate})
        self._evolution = EnergyEvolution(
            task.network, start, packets, shared.weights_per_step, seed
        )

    @property
    def weights(self) -> FloatArray:
        return self._evolution.weights

    def step(self, inputs: FloatArray, targets: FloatArray) -> None:
        self._evolution.step(inputs, targets)


class _Descent:
    """A run along gradients, in one stage or two; a new stage begins with a fresh optimizer."""

    def __init__(
        self,
        task: Benchmark,
        start: FloatArray,
        method: Method,
        optimizer: SignedRateOptimizer,
        seed: int,
        shared: Training,
    ) -> None:
        self._network, self._method, self._shared = task.network, method, shared
        self._phases = draw_phases(task.network.size, seed)
        self._optimizer = optimizer
        self._steps, self._in_stage_1, self.stage_1 = 0, method.stage_1, 0
        self._known: tuple[FloatArray, Sloped] | None = None
        optimizer.start(self._value, start, self._gradient)

    @property
    def weights(self) -> FloatArray:
        return self._optimizer.state.x

    def step(self, inputs: FloatArray, targets: FloatArray) -> None:
        self._samples = inputs, targets
        self._known = None
        settings = self._shared.refinement
        if self._in_stage_1 and settings.switches(self._steps, self._gradient(self.weights)):
            self._in_stage_1, self.stage_1, self._known = False, self._steps, None
            self._optimizer.start(self._value, self.weights, self._gradient)
        self._optimizer.step()
        self._steps += 1

    def _value(self, weights: FloatArray) -> float:
        return self._slope(weights).value

    def _gradient(self, weights: FloatArray) -> FloatArray:
        return self._slope(weights).gradient

    def _slope(self, weights: FloatArray) -> Sloped:
        if self._known is None or self._known[0] is not weights:
            self._known = weights, self._measured(weights)
        return self._known[1]

    def _measured(self, weights: FloatArray) -> Sloped:
        inputs, targets = self._samples
        method, settings = self._method, self._shared.refinement
        if not self._in_stage_1 and not method.refined:
            return self._network.slope(weights, inputs, targets)
        known, penalty = self._network.activations(weights, inputs), self._shared.penalty
        convex = surrogate(self._network, weights, inputs, targets, penalty, method.part, known)
        if self._in_stage_1:
            return convex
        passed = self._steps - self.stage_1
        return blended(
            self._network.slope(weights, inputs, targets, known),
            convex,
            oscillation(weights, settings.frequency, self._phases),
            settings.convex_weight_at(passed),
            settings.oscillation_weight_at(passed) if method.oscillating else 0.0,
        )

"""Layerwise training: grow the circuit, freeze what is trained, and sweep over all in the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qnlr.backends import Meter
from qnlr.errors import InputError, require_count, require_within
from qnlr.strategies.shallow import circuit_weights, first_layers
from qnlr.strategies.strategy import Setting, start_at
from qnlr.training import Ended, Plan, Stage, Start
from qnlr.types import FloatArray

NEW = ("zero", "drawn")


@dataclass(frozen=True)
class Layerwise:
    """Train a few layers, add some more, train those alone, and so on; then train all of them.

    The layers that were trained are frozen while the next are, which saves their shifts. New
    layers begin at zero, where their rotations do nothing. Weights of a head are always trained.

    Source: Skolik et al., Quantum Mach. Intell. 3, 5 (2021), whose last phase trains the layers in
    alternating parts; here it trains all at once.

    Args:
        layers_per_stage: How many layers are added at a time, at least 1.
        sweep: Share of the steps that the last sweep over all weights gets, 0 to 1; the others are
            shared evenly by the stages before it.
        new: Where new layers begin: ``"zero"``, or ``"drawn"`` as ``[init]`` says.

    Raises:
        InputError: If a setting lies outside its range.

    Example:
        >>> Layerwise(layers_per_stage=2).sweep
        0.5
    """

    layers_per_stage: int = 1
    sweep: float = 0.5
    new: str = "zero"

    def __post_init__(self) -> None:
        require_count("layers_per_stage", self.layers_per_stage)
        require_within("sweep", self.sweep, 0.0, 1.0)
        if self.new not in NEW:
            raise InputError(f"new = {self.new!r} is not valid; it must be one of {', '.join(NEW)}")

    def plan(self, setting: Setting) -> Plan:
        """Return a stage for each group of layers, and one for all of them."""
        ends = [*range(self.layers_per_stage, setting.layers, self.layers_per_stage)]
        ends.append(setting.layers)
        each = max(1, round(setting.steps * (1 - self.sweep) / len(ends)))
        stages, before = [], 0
        for number, layers in enumerate(ends):
            part = setting.part if layers == setting.layers else setting.instance(layers=layers)
            size = part.problem.num_weights
            head = setting.weights.size - circuit_weights(setting)
            trainable = np.arange(size) >= before
            trainable[size - head :] = True
            drawn = first_layers(setting, setting.weights, size)
            start = start_at(drawn) if not number else self._grown(drawn, before, head)
            name = f"layers 1 to {layers}" if not number else f"layers {ends[number - 1] + 1} on"
            stages.append(Stage(name, (part,), start, each, None if trainable.all() else trainable))
            before = size - head
        stages.append(
            Stage("sweep", (setting.part,), lambda ended, rng, meter: ended[-1].weights, each)
        )
        return Plan(tuple(stages))

    def _grown(self, drawn: FloatArray, before: int, head: int) -> Start:
        def start(ended: Sequence[Ended], rng: np.random.Generator, meter: Meter) -> FloatArray:
            old = ended[-1].weights
            own = old.size - head
            new = drawn[own : drawn.size - head]
            added = np.zeros_like(new) if self.new == "zero" else new
            return np.concatenate([old[:own], added, old[own:]])

        return start

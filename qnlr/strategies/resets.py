"""Resetting of stuck layers: those whose gradient has vanished are drawn anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qnlr.errors import require_count, require_within
from qnlr.strategies.shallow import circuit_weights
from qnlr.strategies.strategy import Setting, start_at
from qnlr.training import Plan, Seen, Stage
from qnlr.types import FloatArray

State = dict[str, Any]


@dataclass(frozen=True)
class Resets:
    """Draw the weights of a layer anew where its gradient has been small for a while.

    A layer is stuck if the root mean square of its derivatives, over ``patience`` steps, is below
    ``threshold`` times that of the whole circuit when training began. Optimizers that have no
    gradient reset nothing. What momentum remembers is kept. The weights are shared evenly by the
    layers, in their order, so that a last half layer of rotations belongs to all.

    Source: named, without a rule, in ``Parameter Resetting and Warm Starts`` of overviews of
    barren plateaus; the rule is this package's.

    Args:
        threshold: Share of the first gradient, 0 to 1.
        patience: Steps that are averaged over, and between two resets, at least 1.
        until: Share of the steps after which nothing is reset any more, 0 to 1.

    Raises:
        InputError: If a setting lies outside its range.

    Example:
        >>> Resets(patience=10).threshold
        0.1
    """

    threshold: float = 0.1
    patience: int = 20
    until: float = 0.5

    def __post_init__(self) -> None:
        require_within("threshold", self.threshold, 0.0, 1.0)
        require_count("patience", self.patience)
        require_within("until", self.until, 0.0, 1.0)

    def plan(self, setting: Setting) -> Plan:
        """Return one stage with a move."""
        move = ResetStuckLayers(self, setting, circuit_weights(setting))
        start = start_at(setting.weights)
        return Plan((Stage("training", (setting.part,), start, setting.steps, moves=(move,)),))


@dataclass(frozen=True, eq=False)
class ResetStuckLayers:
    """The move of :class:`Resets`.

    Args:
        settings: Its settings.
        setting: The run.
        weights: Weights of its circuit, shared evenly by its layers.
    """

    settings: Resets
    setting: Setting
    weights: int

    def initial_state(self) -> State:
        """Return that nothing was seen."""
        return {"first": None, "sums": np.zeros(self._layers), "steps": 0}

    def __call__(
        self, seen: Seen, state: State, rng: np.random.Generator
    ) -> tuple[FloatArray | None, State]:
        """Return weights with the stuck layers drawn anew, or None."""
        if seen.gradient is None:
            return None, state
        squares = seen.gradient[: self.weights] ** 2
        groups = np.array_split(np.arange(self.weights), self._layers)
        sums = state["sums"] + [squares[group].mean() for group in groups]
        first = float(squares.mean()) if state["first"] is None else state["first"]
        steps = state["steps"] + 1
        if steps < self.settings.patience:
            return None, {"first": first, "sums": sums, "steps": steps}
        following = {"first": first, "sums": np.zeros(self._layers), "steps": 0}
        if seen.step > self.settings.until * seen.steps:
            return None, following
        stuck = np.flatnonzero(sums / steps < self.settings.threshold**2 * first)
        if not stuck.size:
            return None, following
        weights = seen.weights.copy()
        for layer in stuck:
            weights[groups[layer]] = self.setting.draw(len(groups[layer]), rng)
        return weights, following

    @property
    def _layers(self) -> int:
        return min(self.setting.layers, self.weights)

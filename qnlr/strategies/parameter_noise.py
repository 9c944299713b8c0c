"""Parameter noise: a small random step beside each step of the optimizer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qnlr.errors import require_positive, require_within
from qnlr.strategies.strategy import Setting, start_at
from qnlr.training import Plan, Seen, Stage
from qnlr.types import FloatArray

State = dict[str, Any]


@dataclass(frozen=True)
class ParameterNoise:
    r"""Add Gaussian noise to the weights after every step, less and less of it.

    .. math:: θ_{t+1} \leftarrow θ_{t+1} + \mathcal{N}(0, σ_t^2), \qquad
              σ_t^2 = \frac{σ^2}{(1 + t)^γ}

    An optimizer that runs in a loop of its own, SPSA or COBYLA, is started anew by each move.

    Source: Neelakantan et al., arXiv:1511.06807, for the gradient; here the weights are moved.

    Args:
        sigma: σ > 0, in radians.
        decay: γ, 0 to 1.

    Raises:
        InputError: If a setting lies outside its range.

    Example:
        >>> round(ParameterNoise(sigma=0.1, decay=1.0).deviation(3), 3)
        0.05
    """

    sigma: float = 0.05
    decay: float = 0.55

    def __post_init__(self) -> None:
        require_positive("sigma", self.sigma)
        require_within("decay", self.decay, 0.0, 1.0)

    def deviation(self, step: int) -> float:
        """Return σ_t, given t, the steps made before the one that is noisy."""
        return float(self.sigma * (1 + step) ** (-self.decay / 2))

    def plan(self, setting: Setting) -> Plan:
        """Return one stage with a move."""
        start = start_at(setting.weights)
        return Plan((Stage("training", (setting.part,), start, setting.steps, moves=(self,)),))

    def initial_state(self) -> State:
        """Return an empty state."""
        return {}

    def __call__(
        self, seen: Seen, state: State, rng: np.random.Generator
    ) -> tuple[FloatArray | None, State]:
        """Return the weights with noise on them."""
        noise = rng.normal(0.0, self.deviation(seen.step - 1), seen.weights.size)
        return seen.weights + noise, state

"""A sparsity penalty: rotations that are not needed are to vanish."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qnlr.errors import require_positive
from qnlr.strategies.shallow import circuit_weights
from qnlr.strategies.strategy import Setting, start_at
from qnlr.training import Plan, Stage
from qnlr.types import FloatArray


@dataclass(frozen=True)
class Sparsity:
    r"""Add a penalty that counts, smoothly, the rotations that are not the identity.

    .. math:: R(θ) = \frac{λ}{P} \sum_k \sqrt{4 \sin^2(θ_k / 2) + ε^2}

    It is λ times the mean of |θ| near 0, as the ℓ₁ norm, and has the period of a rotation, where a
    gate turns by its weight; a weight that several gates share, or that turns one by a multiple, is
    counted as one angle. Weights of a head are not counted.

    Source: the penalty of Tibshirani, J. R. Stat. Soc. B 58, 267 (1996), on angles.

    Args:
        strength: λ > 0.
        smoothing: ε > 0, in radians.

    Raises:
        InputError: If a setting is not above 0.

    Example:
        >>> penalty = SparsityPenalty(Sparsity(strength=1.0, smoothing=1e-6), weights=2)
        >>> round(penalty.value(np.array([0.1, -0.1]), step=0), 4)
        0.1
    """

    strength: float = 0.1
    smoothing: float = 0.01

    def __post_init__(self) -> None:
        require_positive("strength", self.strength)
        require_positive("smoothing", self.smoothing)

    def plan(self, setting: Setting) -> Plan:
        """Return one stage with a penalty; evaluations leave it out."""
        penalty = SparsityPenalty(self, circuit_weights(setting))
        start = start_at(setting.weights)
        stage = Stage("training", (setting.part,), start, setting.steps, penalties=(penalty,))
        return Plan((stage,))


@dataclass(frozen=True)
class SparsityPenalty:
    """The penalty of :class:`Sparsity`.

    Args:
        settings: Its settings.
        weights: How many of the first weights it counts.
    """

    settings: Sparsity
    weights: int

    def value(self, weights: FloatArray, step: int) -> float:
        """Return R."""
        return float(self.settings.strength * self._sizes(weights).mean())

    def gradient(self, weights: FloatArray, step: int) -> FloatArray:
        """Return ∂R/∂θ = λ sin(θ)/(P √(4 sin²(θ/2) + ε²))."""
        found = np.zeros_like(weights)
        own = weights[: self.weights]
        slopes = np.sin(own) / self._sizes(weights)
        found[: self.weights] = self.settings.strength * slopes / self.weights
        return found

    def _sizes(self, weights: FloatArray) -> FloatArray:
        own = weights[: self.weights]
        return np.sqrt(4 * np.sin(own / 2) ** 2 + self.settings.smoothing**2)

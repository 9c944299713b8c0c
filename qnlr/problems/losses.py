"""Losses of one sample: value, derivatives, and the variance that shot noise gives them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import expit

from qnlr.errors import require_within
from qnlr.types import FloatArray


class Loss(Protocol):
    """A loss ℓ(f, y) of a model's output f, without a head in [−1, 1], and a label y of ±1."""

    def value(self, f: FloatArray, y: FloatArray) -> FloatArray:
        """Return ℓ."""

    def slope(self, f: FloatArray, y: FloatArray) -> FloatArray:
        """Return ∂ℓ/∂f."""

    def curvature(self, f: FloatArray, y: FloatArray) -> FloatArray:
        """Return ∂²ℓ/∂f²."""


@dataclass(frozen=True)
class SquaredError:
    """The squared error on ±1 labels.

    .. math:: ℓ(f, y) = (f - y)^2

    Measured with shots it is biased upwards by the variance of f, at every point alike: a loss and
    its probe share the bias to first order.

    Example:
        >>> SquaredError().value(np.array([0.5]), np.array([1.0]))
        array([0.25])
    """

    def value(self, f: FloatArray, y: FloatArray) -> FloatArray:
        """Return (f − y)²."""
        return (f - y) ** 2

    def slope(self, f: FloatArray, y: FloatArray) -> FloatArray:
        """Return 2(f − y)."""
        return 2 * (f - y)

    def curvature(self, f: FloatArray, y: FloatArray) -> FloatArray:
        """Return 2."""
        return np.full_like(f, 2.0)


@dataclass(frozen=True)
class CrossEntropy:
    r"""The cross-entropy of p = (1 + yf)/2, the probability of the right label.

    .. math:: ℓ(f, y) = -\ln \frac{1 + y f}{2}

    Args:
        smallest: Smallest p, above 0 and at most ½: a sample that no shot reads rightly would have
            an infinite loss and gradient.

    Raises:
        InputError: If ``smallest`` lies outside its range.

    Example:
        >>> CrossEntropy().value(np.array([0.0]), np.array([1.0])).round(4)
        array([0.6931])
    """

    smallest: float = 1e-3

    def __post_init__(self) -> None:
        require_within("smallest", self.smallest, 1e-12, 0.5)

    def value(self, f: FloatArray, y: FloatArray) -> FloatArray:
        """Return −ln p."""
        return -np.log(self._probability(f, y))

    def slope(self, f: FloatArray, y: FloatArray) -> FloatArray:
        """Return −y/(2p)."""
        return -y / (2 * self._probability(f, y))

    def curvature(self, f: FloatArray, y: FloatArray) -> FloatArray:
        """Return 1/(4p²)."""
        return 0.25 / self._probability(f, y) ** 2

    def _probability(self, f: FloatArray, y: FloatArray) -> FloatArray:
        return np.clip((1 + y * f) / 2, self.smallest, 1.0)


@dataclass(frozen=True)
class Logistic:
    r"""The cross-entropy of a logit, for outputs that a head takes beyond [−1, 1].

    .. math:: ℓ(o, y) = \ln(1 + e^{-y o})

    Example:
        >>> Logistic().value(np.array([0.0, 5.0]), np.array([1.0, 1.0])).round(4)
        array([0.6931, 0.0067])
    """

    def value(self, f: FloatArray, y: FloatArray) -> FloatArray:
        """Return ln(1 + exp(−yo))."""
        return np.asarray(np.logaddexp(0.0, -y * f))

    def slope(self, f: FloatArray, y: FloatArray) -> FloatArray:
        """Return −y σ(−yo)."""
        return np.asarray(-y * expit(-y * f))

    def curvature(self, f: FloatArray, y: FloatArray) -> FloatArray:
        """Return σ(o) σ(−o)."""
        return np.asarray(expit(f) * expit(-f))


LOSSES: dict[str, type[Loss]] = {
    "squared_error": SquaredError,
    "cross_entropy": CrossEntropy,
    "logistic": Logistic,
}

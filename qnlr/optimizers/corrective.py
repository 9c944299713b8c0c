"""Corrective steps: what is done when the trigger fires.

Each takes the weights θ and the reversal that NLR would make, r = +η' d, and returns the next θ.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from qnlr.errors import InputError, require_positive
from qnlr.types import FloatArray


class Corrective(Protocol):
    """Makes the step that follows a worse probe."""

    def __call__(
        self, weights: FloatArray, reversal: FloatArray, rng: np.random.Generator
    ) -> FloatArray:
        """Return the next weights."""


@dataclass(frozen=True)
class Reversal:
    """The paper's step up the gradient.

    .. math:: θ ← θ + η' d

    Source: NLR paper, Eq. 9.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> Reversal()(np.array([1.0]), np.array([0.25]), rng)
        array([1.25])
    """

    def __call__(
        self, weights: FloatArray, reversal: FloatArray, rng: np.random.Generator
    ) -> FloatArray:
        """Add the reversal."""
        return weights + reversal


@dataclass(frozen=True)
class PerturbedReversal:
    r"""The reversal plus a Gaussian perturbation.

    .. math:: θ ← θ + η' d + σ ξ, \qquad ξ ∼ N(0, 1)

    Source: NLR paper, Table V and Fig. 4.

    Args:
        sigma: σ > 0, in radians.

    Raises:
        InputError: If σ is not above 0.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> PerturbedReversal(sigma=0.1)(np.array([1.0]), np.array([0.25]), rng).round(4)
        array([1.2626])
    """

    sigma: float = 0.05

    def __post_init__(self) -> None:
        require_positive("sigma", self.sigma)

    def __call__(
        self, weights: FloatArray, reversal: FloatArray, rng: np.random.Generator
    ) -> FloatArray:
        """Add the reversal and the perturbation."""
        return weights + reversal + self.sigma * rng.standard_normal(weights.shape)


@dataclass(frozen=True)
class GaussianNoise:
    r"""Gaussian noise instead of the reversal, matched to it in variance.

    .. math:: θ ← θ + σ ξ, \qquad ξ ∼ N(0, 1), \qquad σ^2 = ‖η' d‖^2 / P

    so that the mean squared length of the step is that of the reversal it replaces.

    Source: NLR paper, "Comparison with Random Noise Perturbations".

    Args:
        sigma: A fixed σ > 0 in radians, or None to match the reversal.

    Raises:
        InputError: If σ is given and not above 0.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> GaussianNoise()(np.zeros(2), np.array([0.3, 0.4]), rng).round(4)
        array([ 0.0445, -0.0467])
    """

    sigma: float | None = None

    def __post_init__(self) -> None:
        if self.sigma is not None:
            require_positive("sigma", self.sigma)

    def __call__(
        self, weights: FloatArray, reversal: FloatArray, rng: np.random.Generator
    ) -> FloatArray:
        """Add the noise."""
        return weights + _matched(self.sigma, reversal) * rng.standard_normal(weights.shape)


@dataclass(frozen=True)
class UniformNoise:
    r"""Uniform noise instead of the reversal, matched to it in variance.

    .. math:: θ ← θ + u, \qquad u ∼ U[-\sqrt{3} σ, \sqrt{3} σ], \qquad σ^2 = ‖η' d‖^2 / P

    Source: NLR paper, "Comparison with Random Noise Perturbations".

    Args:
        sigma: A fixed standard deviation σ > 0 in radians, or None to match the reversal.

    Raises:
        InputError: If σ is given and not above 0.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> UniformNoise()(np.zeros(2), np.array([0.3, 0.4]), rng).round(4)
        array([ 0.1677, -0.282 ])
    """

    sigma: float | None = None

    def __post_init__(self) -> None:
        if self.sigma is not None:
            require_positive("sigma", self.sigma)

    def __call__(
        self, weights: FloatArray, reversal: FloatArray, rng: np.random.Generator
    ) -> FloatArray:
        """Add the noise."""
        width = math.sqrt(3.0) * _matched(self.sigma, reversal)
        return weights + rng.uniform(-width, width, weights.shape)


@dataclass(frozen=True)
class RandomReinitialisation:
    r"""A fresh draw of all weights.

    .. math:: θ ∼ U[\mathrm{low}, \mathrm{high}]^P

    Source: NLR paper, Table VIII, "Random Re-Init".

    Args:
        low: Smallest weight, in radians.
        high: Largest weight, in radians.

    Raises:
        InputError: If low is not below high.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> RandomReinitialisation()(np.zeros(2), np.zeros(2), rng).round(4)
        array([ 0.8606, -1.4465])
    """

    low: float = -math.pi
    high: float = math.pi

    def __post_init__(self) -> None:
        for name, bound in (("low", self.low), ("high", self.high)):
            if not math.isfinite(bound):
                raise InputError(f"{name} = {bound!r} is not valid; it must be a finite number")
        if not self.low < self.high:
            raise InputError(
                f"low = {self.low!r} is not valid; it must be below high = {self.high!r}"
            )

    def __call__(
        self, weights: FloatArray, reversal: FloatArray, rng: np.random.Generator
    ) -> FloatArray:
        """Draw the weights anew."""
        return rng.uniform(self.low, self.high, weights.shape)


def _matched(sigma: float | None, reversal: FloatArray) -> float:
    return sigma if sigma is not None else float(np.sqrt(np.mean(reversal**2)))


CORRECTIVES: dict[str, type[Corrective]] = {
    "reversal": Reversal,
    "perturbed_reversal": PerturbedReversal,
    "gaussian": GaussianNoise,
    "uniform": UniformNoise,
    "random_reinitialisation": RandomReinitialisation,
}

"""How many shots a gradient takes to be seen above shot noise."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtr

from qnlr.types import FloatArray

Z = 2.0
"""Standard errors beyond which a derivative counts as seen."""
ROUNDING = 1e-12
"""Derivatives below this are 0 but for rounding."""


def standard_errors(variance: float, amplification: FloatArray, shots: float) -> FloatArray:
    r"""Return standard errors of derivatives by the parameter-shift rule.

    .. math:: σ_k = A_k \sqrt{v / 2N}

    as ∂f/∂θ = [f(θ + π/2) − f(θ − π/2)]/2 has a quarter of the variance of two means of N shots.

    Args:
        variance: v, of a single shot.
        amplification: A², shape (P,); 1 where a weight is the angle of one rotation.
        shots: N of every circuit.

    Returns:
        σ, shape (P,).

    Example:
        >>> standard_errors(1.0, np.ones(1), 200)
        array([0.05])
    """
    return np.asarray(np.sqrt(amplification * variance / (2 * shots)))


def share_seen(derivatives: FloatArray, errors: FloatArray, z: float = Z) -> float:
    r"""Return the share of derivatives that would be read beyond z standard errors.

    .. math:: Φ(|g|/σ - z) + Φ(-|g|/σ - z)

    on average over derivatives g; it is 4.6 % at z = 2 even where every derivative is 0.

    Args:
        derivatives: Exact ones, shape (S, P).
        errors: Their standard errors, shape (P,), above 0.
        z: Standard errors.

    Returns:
        The share, in [0, 1].

    Example:
        >>> round(share_seen(np.zeros((1, 1)), np.ones(1)), 3)
        0.046
    """
    ratio = np.abs(derivatives) / errors
    return float((ndtr(ratio - z) + ndtr(-ratio - z)).mean())


def shots_for_derivative(
    square: FloatArray, variance: float, amplification: FloatArray, z: float = Z
) -> FloatArray:
    r"""Return the shots at which z standard errors are the root mean square of a derivative.

    .. math:: N_k = \frac{z^2 A_k^2 v}{2 \, \mathrm{E}[(∂_k f)^2]}

    Args:
        square: Mean squares of the derivatives, shape (P,).
        variance: v, of a single shot.
        amplification: A², shape (P,).
        z: Standard errors.

    Returns:
        N of every circuit, shape (P,); infinite where the derivative is 0.

    Example:
        >>> shots_for_derivative(np.array([0.01]), 1.0, np.ones(1))
        array([200.])
    """
    seen = square > ROUNDING**2
    found: FloatArray = np.full(len(square), math.inf)
    np.divide(z**2 * amplification * variance, 2 * square, out=found, where=seen)
    return found


def shots_for_gradient(
    square: FloatArray, variance: float, amplification: FloatArray, z: float = Z
) -> float:
    r"""Return the shots at which the gradient as a whole is told from 0.

    .. math:: \sum_k \frac{\mathrm{E}[(∂_k f)^2]}{σ_k^2} = z \sqrt{2P}

    Σ ĝ²/σ² has the mean P and the standard deviation √(2P) if there is no gradient. It says that
    there is a slope, not where it points to.

    Args:
        square: Mean squares of the derivatives, shape (P,).
        variance: v, of a single shot.
        amplification: A², shape (P,).
        z: Standard deviations.

    Returns:
        N of every circuit.

    Example:
        >>> shots_for_gradient(np.full(50, 0.01), 1.0, np.ones(50))
        20.0
    """
    signal = float((2 * square / (amplification * variance)).sum()) if variance > 0 else math.inf
    return z * math.sqrt(2 * len(square)) / signal if signal > 0 else math.inf


def shots_for_direction(
    square: FloatArray, variance: float, amplification: FloatArray, cosine: float = 0.5
) -> float:
    r"""Return the shots at which a measured gradient points to about where the true one does.

    .. math:: \cos^2 = \frac{\sum_k \mathrm{E}[(∂_k f)^2]}{\sum_k \mathrm{E}[(∂_k f)^2] + σ_k^2}

    Args:
        square: Mean squares of the derivatives, shape (P,).
        variance: v, of a single shot.
        amplification: A², shape (P,).
        cosine: Cosine of the angle between them, in (0, 1).

    Returns:
        N of every circuit.

    Example:
        >>> round(shots_for_direction(np.full(50, 0.01), 1.0, np.ones(50), 0.5), 2)
        16.67
    """
    noise, signal = float(amplification.sum()) * variance / 2, float(square.sum())
    return noise / signal / (1 / cosine**2 - 1) if signal > 0 else math.inf


def chance_of_a_worse_probe(
    square: float, variance: float, shots: float, rate: float = 0.01
) -> float:
    r"""Return how often a probe behind a step reads higher than before it.

    .. math:: p = Φ\Big(-\frac{η ‖∇f‖^2}{\sqrt{2v/N}}\Big)

    to first order in η; both values have N shots.

    Args:
        square: ‖∇f‖².
        variance: v, of a single shot.
        shots: N.
        rate: η.

    Returns:
        p, at most 0.5.

    Example:
        >>> round(chance_of_a_worse_probe(0.1, 1.0, 1000), 2)
        0.49
    """
    spread = math.sqrt(2 * variance / shots)
    if spread == 0:
        return 0.0 if square > 0 else 0.5
    return float(ndtr(-rate * square / spread))

r"""How large a gradient can be at a given loss: what holds for every circuit of Pauli rotations.

By the parameter-shift rule f(θ + t e_k) = a + b cos(t − c) along every weight, and |f| ≤ 1 for an
observable with eigenvalues ±1. So with f = a + b cos c and ∂f = b sin c

.. math:: (∂_k f)^2 = b^2 - (f - a)^2 \le (1 - |a|)^2 - (f - a)^2
   = 1 - f^2 - 2(|a| - fa) \le 1 - f^2.

With P weights ‖∇f‖ ≤ √(P(1 − f²)), and the bounds on the losses follow by the chain rule.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from qnlr.errors import InputError, require_count, require_within
from qnlr.types import FloatArray


def squared_error_bound(loss: ArrayLike, weights: int) -> FloatArray:
    r"""Return the largest gradient norm that a squared error on ±1 labels can have.

    For one sample with 1 − yf = √ℓ

    .. math:: |∂_k ℓ| = 2 \sqrt{ℓ} \, |∂_k f| \le 2 \sqrt{ℓ} \sqrt{\sqrt{ℓ} (2 - \sqrt{ℓ})},

    so ‖∇ℓ‖ ≤ 2 √(2P) ℓ^{3/4}. This is concave in ℓ, so it holds for the mean over samples, too.

    Args:
        loss: ℓ ≥ 0, the loss of a sample or of a mini-batch, any shape.
        weights: P, at least 1.

    Returns:
        The bound, of the same shape.

    Raises:
        InputError: If a loss is negative, or P below 1.

    Example:
        >>> squared_error_bound(0.000155, 90).round(3)
        np.float64(0.037)
    """
    return 2 * math.sqrt(2 * require_count("weights", weights)) * _losses(loss) ** 0.75


def cross_entropy_bound(loss: ArrayLike, weights: int) -> FloatArray:
    r"""Return the largest gradient norm that the cross-entropy of p = (1 + yf)/2 can have.

    For one sample with p = e^{−ℓ}

    .. math:: |∂_k ℓ| = \frac{|∂_k f|}{2p} \le \sqrt{\frac{1 - p}{p}} = \sqrt{e^ℓ - 1},

    so ‖∇ℓ‖ ≤ √(P(e^ℓ − 1)). This is concave in ℓ up to ln 2, so there it holds for a mean over
    samples of which none has more.

    Args:
        loss: ℓ ≥ 0, any shape.
        weights: P, at least 1.

    Returns:
        The bound, of the same shape.

    Raises:
        InputError: If a loss is negative, or P below 1.

    Example:
        >>> cross_entropy_bound(0.000155, 90).round(3)
        np.float64(0.118)
    """
    squared = require_count("weights", weights) * np.expm1(_losses(loss))
    return np.asarray(np.sqrt(squared))


def clipped_cross_entropy_bound(
    loss: ArrayLike, weights: int, smallest: float = 1e-3
) -> FloatArray:
    r"""Return the largest gradient norm of a mean cross-entropy whose p are clipped from below.

    With h(ℓ) = √(e^ℓ − 1) the gradient of a mean is at most √P times the mean of h(ℓᵢ), with every
    ℓᵢ at most Λ = −ln(smallest): so at most the concave hull of h over [0, Λ]. As h is concave up
    to ln 2 and convex from there on, the hull is h up to the t whose tangent ends in (Λ, h(Λ)), and
    that tangent beyond. Unlike :func:`cross_entropy_bound` it holds for mini-batches with wrongly
    classified samples.

    Args:
        loss: ℓ, the mean, 0 to Λ, any shape.
        weights: P, at least 1.
        smallest: The smallest p, above 0 and below ½, as in
            :class:`qnlr.problems.CrossEntropy`.

    Returns:
        The bound, of the same shape.

    Raises:
        InputError: If a loss lies outside its range, P is below 1, or ``smallest`` outside its own.

    Example:
        >>> clipped_cross_entropy_bound([0.000155, 0.5], 90).round(3)
        array([ 0.118, 22.188])
    """
    highest = -math.log(require_within("smallest", smallest, 1e-12, 0.499))
    losses = _losses(loss)
    if not (losses <= highest * (1 + 1e-12)).all():
        raise InputError(f"loss = {loss!r} is not valid; it must be at most {highest:.6g}")

    def left(t: float) -> float:
        root = math.sqrt(math.expm1(t))
        return root + math.exp(t) / (2 * root) * (highest - t) - math.sqrt(math.expm1(highest))

    touch = float(brentq(left, 1e-300, math.log(2)))
    root = math.sqrt(math.expm1(touch))
    tangent = root + math.exp(touch) / (2 * root) * (losses - touch)
    hull = np.where(losses <= touch, np.sqrt(np.expm1(losses)), tangent)
    return np.asarray(math.sqrt(require_count("weights", weights)) * hull)


def needed_scale(loss: ArrayLike, gradient_norm: ArrayLike, weights: int) -> FloatArray:
    r"""Return how large a trained scale s must be for a squared error to have such a gradient.

    A head f = s⟨Z⟩ + b escapes the bounds, as its gradient grows with s:

    .. math:: ‖∇ℓ‖ \le 2 |s| \sqrt{P ℓ}.

    Args:
        loss: ℓ > 0, any shape.
        gradient_norm: ‖∇ℓ‖ by the circuit's weights, of the same shape.
        weights: P, at least 1.

    Returns:
        The smallest |s| that can be.

    Raises:
        InputError: If a loss is negative, or P below 1.

    Example:
        >>> needed_scale(0.000155, 6.381, 90).round()
        np.float64(27.0)
    """
    largest = 2 * np.sqrt(require_count("weights", weights) * _losses(loss))
    return np.asarray(np.asarray(gradient_norm, dtype=float) / largest)


def _losses(loss: ArrayLike) -> FloatArray:
    losses = np.asarray(loss, dtype=float)
    if not (losses >= 0).all():
        raise InputError(f"loss = {loss!r} is not valid; it must be at least 0")
    return losses

"""How sure a value is that was extrapolated to no noise."""

from __future__ import annotations

import numpy as np

from qnlr.types import FloatArray

MOST_DECAY = 10.0


def extrapolated_stds(
    factors: FloatArray, values: FloatArray, measured: FloatArray, stds: FloatArray
) -> FloatArray:
    r"""Return the standard errors of values extrapolated to no noise.

    .. math:: s_0^2 = \sum_k c_k^2 s_k^2, \qquad c = (J^+)_0, \qquad
              J_k = (e^{-b x_k}, x_k e^{-b x_k})

    with b the decay from the extrapolated value to the first measured one, or 0 where there is
    none, which is a straight line. The Estimator tells the scatter of three points about a curve
    of two parameters instead: anything from 0 to infinity.

    Args:
        factors: Noise factors x, shape (K,), K ≥ 2.
        values: Extrapolated values, shape (E,).
        measured: Values at the noise factors, shape (E, K).
        stds: Their standard errors, shape (E, K).

    Returns:
        Shape (E,).

    Example:
        >>> import numpy as np
        >>> factors, values = np.array([1.0, 3.0]), np.array([0.8])
        >>> extrapolated_stds(factors, values, np.array([[0.8, 0.8]]), np.array([[0.02, 0.02]]))
        array([0.03162278])
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.nan_to_num(values / measured[:, 0], nan=1.0, posinf=MOST_DECAY)
    b = np.log(np.clip(ratio, 1.0, MOST_DECAY)) / factors[0]
    decay = np.exp(-b[:, None] * factors)
    coefficients = np.linalg.pinv(np.stack([decay, decay * factors], axis=-1))[:, 0]
    return np.asarray(np.sqrt(((coefficients * stds) ** 2).sum(axis=-1)))

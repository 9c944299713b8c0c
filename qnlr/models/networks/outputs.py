"""What a network gives for samples, with what is known of its errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qnlr.types import FloatArray


@dataclass(frozen=True, eq=False)
class Outputs:
    r"""Outputs of a network, measured.

    Args:
        values: o, shape (N, K).
        stds: Their standard errors s, same shape; 0 where exact.
        shots: M where the outputs are shares of the M shots of one circuit, so that they vary
            together; None where each is measured by itself.

    Example:
        Two shares of 101 shots: what one gains, the other loses.

        >>> shares = Outputs(np.array([[0.5, 0.5]]), np.full((1, 2), 0.05), shots=101)
        >>> shares.variance(np.array([[1.0, 1.0]])), shares.variance(np.array([[1.0, -1.0]]))
        (array([0.]), array([0.01]))
    """

    values: FloatArray
    stds: FloatArray
    shots: int | None = None

    def variance(self, slopes: FloatArray) -> FloatArray:
        r"""Return the variance of a function of each sample's outputs, to first order.

        .. math:: \sum_k a_k^2 s_k^2, \qquad
                  \frac{1}{M - 1} \Big[\sum_k a_k^2 o_k - \Big(\sum_k a_k o_k\Big)^2\Big]

        the second where the outputs are shares of M shots.

        Args:
            slopes: Derivatives a of the function by the outputs, shape (N, K).

        Returns:
            Shape (N,); NaN for a single shot.
        """
        if self.shots is None:
            return np.asarray(((slopes * self.stds) ** 2).sum(axis=1))
        mean = (slopes * self.values).sum(axis=1)
        spread = np.maximum((slopes**2 * self.values).sum(axis=1) - mean**2, 0.0)
        if self.shots == 1:
            return np.full_like(spread, np.nan)
        return np.asarray(spread / (self.shots - 1))


def shares(values: FloatArray, shots: int | None) -> Outputs:
    """Return outputs that are probabilities, or shares of shots.

    Args:
        values: The shares, shape (N, K).
        shots: Shots of each sample; None for exact probabilities.

    Returns:
        The outputs with their standard errors.

    Example:
        >>> shares(np.array([[0.2, 0.8]]), shots=101).stds
        array([[0.04, 0.04]])
        >>> shares(np.array([[0.2, 0.8]]), shots=None).stds
        array([[0., 0.]])
    """
    if shots is None:
        return Outputs(values, np.zeros_like(values))
    if shots == 1:
        return Outputs(values, np.full_like(values, np.nan), 1)
    return Outputs(values, np.sqrt(np.maximum(values * (1 - values), 0.0) / (shots - 1)), shots)

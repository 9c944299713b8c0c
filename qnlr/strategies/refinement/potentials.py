"""The loss along one weight at a time: what a weight feels while the others stay at their means.

Moving one weight moves all outputs along one line: those of a hidden neuron's weights along the
neuron's row of the last layer, those of the last layer's along one axis. The loss on a grid of
moves therefore needs no pass through the network.
"""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from qnlr.errors import InputError
from qnlr.strategies.refinement.perceptron import Perceptron
from qnlr.types import FloatArray


def potentials(
    network: Perceptron,
    weights: FloatArray,
    which: NDArray[np.intp],
    moves: FloatArray,
    inputs: FloatArray,
    targets: FloatArray,
) -> FloatArray:
    r"""Return the increase of the loss with one weight moved, for several weights and moves each.

    .. math:: V_i(u) = L(θ_1, …, θ_i + u, …, θ_P) - L(θ)

    Args:
        network: A network with one hidden layer.
        weights: θ, shape (P,).
        which: The weights i to move, as indices of θ, shape (M,).
        moves: u, shape (M, G).
        inputs: Shape (N, d).
        targets: Shape (N, K).

    Returns:
        The increases, shape (M, G).

    Raises:
        InputError: If the network has more than one hidden layer.

    Example:
        >>> network = Perceptron((1, 1, 1))
        >>> x, y = np.array([[1.0]]), np.array([[0.0]])
        >>> theta, moves = np.array([0.0, 0.0, 1.0, 0.5]), np.array([[-0.5, 0.0, 0.5]])
        >>> potentials(network, theta, np.array([3]), moves, x, y)
        array([[-0.25,  0.  ,  0.75]])
    """
    if len(network.widths) != 3:
        raise InputError(
            f"widths = {network.widths} is not valid here; the loss along single weights is "
            "worked out for one hidden layer, such as (1, 250, 1)"
        )
    (into, into_bias), (out, out_bias) = network.layers(weights)
    before = inputs @ into + into_bias
    hidden = np.tanh(before)
    increase = _Increase(network.loss, hidden @ out + out_bias, targets)
    found = np.empty(moves.shape)
    of_last = which >= network.last.start

    neuron, signal = _moved(which[~of_last], inputs, network.widths[1])
    moved = np.tanh(before[:, neuron, None] + signal[:, :, None] * moves[~of_last])
    found[~of_last] = increase.along(moved - hidden[:, neuron, None], out[neuron])

    output, signal = _moved(which[of_last] - network.last.start, hidden, network.widths[2])
    found[of_last] = increase.of_output(signal[:, :, None] * moves[of_last], output)
    return found


class _Increase:
    """The increase of the loss where all outputs move along one line, each sample its own way."""

    def __init__(self, loss: str, outputs: FloatArray, targets: FloatArray) -> None:
        self.squared, self.targets = loss == "squared", targets
        self.errors = outputs - targets
        self.shares = softmax(outputs, axis=1)

    def along(self, ways: FloatArray, lines: FloatArray) -> FloatArray:
        """Return it, (M, G), for ways (N, M, G) along lines (M, K)."""
        if self.squared:
            square = np.sum(lines**2, axis=1)[:, None] * np.sum(ways**2, axis=0)
            rise = 2.0 * _over_samples(ways, self.errors @ lines.T) + square
            return cast(FloatArray, rise / self.errors.size)
        total = np.zeros(ways.shape)
        for share, line in zip(self.shares.T, lines.T, strict=True):
            total += share[:, None, None] * np.exp(ways * line[:, None])
        wanted = _over_samples(ways, self.targets @ lines.T)
        return cast(FloatArray, (np.log(total).sum(axis=0) - wanted) / len(ways))

    def of_output(self, ways: FloatArray, output: NDArray[np.intp]) -> FloatArray:
        """Return it, (M, G), for ways (N, M, G) of one output each."""
        if self.squared:
            rise = 2.0 * _over_samples(ways, self.errors[:, output]) + np.sum(ways**2, axis=0)
            return cast(FloatArray, rise / self.errors.size)
        logs = np.log1p(self.shares[:, output, None] * np.expm1(ways)).sum(axis=0)
        wanted = _over_samples(ways, self.targets[:, output])
        return cast(FloatArray, (logs - wanted) / len(ways))


def _over_samples(ways: FloatArray, factors: FloatArray) -> FloatArray:
    """Sum ways (N, M, G) times factors (N, M) over the samples, (M, G)."""
    summed: FloatArray = np.einsum("nmg,nm->mg", ways, factors)
    return summed


def _moved(
    flat: NDArray[np.intp], signals: FloatArray, columns: int
) -> tuple[NDArray[np.intp], FloatArray]:
    """Return which neurons a layer's weights lead to, (M,), and what they multiply, (N, M)."""
    with_bias = np.column_stack([signals, np.ones(len(signals))])
    return flat % columns, with_bias[:, flat // columns]

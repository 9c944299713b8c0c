r"""The convex stage for networks: a quadratic surrogate of the loss, and its ridge solution.

The paper names "a quadratic surrogate loss" and, alternatively, a ridge regression on a feature
matrix Φ (Eq. 2), and says of networks no more. What is chosen here:

- Φ are the activations of the last hidden layer at its random initial weights.
- The surrogate is the ridge-penalised squared distance of the outputs to the targets, one-hot for
  classes. By default only the last layer follows it (``part="output"``): the outputs are linear in
  those weights, so that this, and only this, is convex. The ridge solution is its minimum.
- ``part="all"`` lets all weights follow it, as the document's Eq. 1, a squared distance of
  expectation values, would. That is quadratic in the outputs but not convex in θ, and for a task
  whose loss is the mean squared error it is, but for the penalty, the task's own loss.
"""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import Ridge

from qnlr.errors import require_positive, unknown_name
from qnlr.strategies.refinement.perceptron import Perceptron, squared
from qnlr.strategies.refinement.schedule import Sloped
from qnlr.types import FloatArray

PARTS = ("output", "all")


def surrogate(
    network: Perceptron,
    weights: FloatArray,
    inputs: FloatArray,
    targets: FloatArray,
    penalty: float = 1e-4,
    part: str = "output",
    activations: list[FloatArray] | None = None,
) -> Sloped:
    r"""Return the quadratic surrogate loss and its gradient.

    .. math:: L_\mathrm{convex} = \frac{1}{NK} \sum_n ‖f(x_n) - y_n‖^2 + ρ ‖W_L‖^2

    Args:
        network: The network; its own loss plays no part.
        weights: Shape (P,).
        inputs: Shape (N, d).
        targets: Shape (N, K): values, or classes one-hot.
        penalty: ρ ≥ 0; biases are not penalised.
        part: ``"output"``, the last layer alone follows it, the others have gradient 0; or
            ``"all"``.
        activations: What the network's ``activations`` returned, if it is known.

    Returns:
        The loss and the gradient, shape (P,).

    Raises:
        InputError: If the part is not known.

    Example:
        >>> network = Perceptron((1, 3, 2), "cross_entropy")
        >>> weights = network.initial(np.random.default_rng(0))
        >>> convex = surrogate(network, weights, np.ones((1, 1)), np.eye(2)[:1])
        >>> convex.gradient[: network.last.start].any(), convex.gradient[network.last].all()
        (np.False_, np.True_)
    """
    if part not in PARTS:
        raise unknown_name("part", part, PARTS)
    if activations is None:
        activations = network.activations(weights, inputs)
    value, slopes = squared(activations[-1], targets)
    gradient = network.gradient(weights, activations, slopes, last_only=part == "output")
    matrix, _ = network.layers(weights)[-1]
    pulled, _ = network.layers(gradient)[-1]
    pulled += 2.0 * penalty * matrix
    return Sloped(value + penalty * float(np.sum(matrix**2)), gradient)


def ridge_start(
    network: Perceptron,
    weights: FloatArray,
    inputs: FloatArray,
    targets: FloatArray,
    penalty: float = 1e-4,
) -> FloatArray:
    r"""Return weights whose last layer is the ridge regression on the random hidden features.

    .. math:: \min_w ‖Φ w - y‖^2 + λ ‖w‖^2, \qquad λ = ρ N K

    with λ such that it is the minimum of :func:`surrogate` on all samples.

    Args:
        network: The network.
        weights: Initial weights, shape (P,); those of the hidden layers are kept.
        inputs: All training samples, shape (N, d).
        targets: Shape (N, K): values, or classes one-hot.
        penalty: ρ > 0.

    Returns:
        New weights, shape (P,).

    Raises:
        InputError: If the penalty is not above 0.

    Source:
        Eq. 2 of the two-stage paper, with the bias outside the penalty.

    Example:
        >>> network = Perceptron((1, 50, 1))
        >>> x = np.linspace(0, 1, 20)[:, None]
        >>> weights = network.initial(np.random.default_rng(0))
        >>> started = ridge_start(network, weights, x, x**2, penalty=1e-6)
        >>> network.value(weights, x, x**2) > 0.1, network.value(started, x, x**2) < 0.001
        (True, True)
    """
    require_positive("penalty", penalty)
    features = network.activations(weights, inputs)[-2]
    solver = Ridge(alpha=penalty * targets.size, solver="cholesky").fit(features, targets)
    started = weights.copy()
    matrix, bias = network.layers(started)[-1]
    matrix[:] = solver.coef_.reshape(targets.shape[1], -1).T
    bias[:] = solver.intercept_
    return started

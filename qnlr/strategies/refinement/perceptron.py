"""Tanh perceptrons with flat weights and gradients derived by hand, for any optimizer of qnlr."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import log_softmax

from qnlr.errors import InputError, require_count, unknown_name
from qnlr.strategies.refinement.schedule import Sloped
from qnlr.types import FloatArray

TANH_GAIN = 5 / 3
BIASES = ("zero", "uniform")


@dataclass(frozen=True)
class Perceptron:
    r"""A fully connected network with tanh in its hidden layers and a linear last layer.

    .. math:: h_l = \tanh(h_{l-1} W_l + b_l), \qquad f = h_{L-1} W_L + b_L

    Its weights are one flat vector: W₁ row by row, b₁, W₂, b₂ and so on.

    Args:
        widths: Number of inputs, of neurons of each hidden layer, and of outputs.
        loss: ``"squared"`` for the mean squared error, or ``"cross_entropy"`` for softmax outputs.

    Raises:
        InputError: If there is no hidden layer, a width is below 1, or the loss is not known.

    Example:
        >>> Perceptron((1, 250, 1)).size, Perceptron((784, 128, 10), "cross_entropy").size
        (751, 101770)
    """

    widths: tuple[int, ...]
    loss: str = "squared"

    def __post_init__(self) -> None:
        if len(self.widths) < 3:
            raise InputError(
                f"widths = {self.widths} is not valid; it must name the inputs, at least one "
                "hidden layer, and the outputs, such as (1, 250, 1)"
            )
        for width in self.widths:
            require_count("width", width)
        if self.loss not in LOSSES:
            raise unknown_name("loss", self.loss, LOSSES)

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Inputs and outputs of each layer."""
        return tuple(zip(self.widths[:-1], self.widths[1:], strict=True))

    @property
    def size(self) -> int:
        """The number of weights P, biases included."""
        return sum((rows + 1) * columns for rows, columns in self.shapes)

    @property
    def last(self) -> slice:
        """Where the last layer lies in the flat weights."""
        return slice(self.size - (self.widths[-2] + 1) * self.widths[-1], self.size)

    def layers(self, weights: FloatArray) -> list[tuple[FloatArray, FloatArray]]:
        """Return each layer's matrix, (in, out), and bias, (out,): views of the flat weights.

        Args:
            weights: Shape (P,).

        Returns:
            One pair a layer, the first first.

        Raises:
            InputError: If the weights are not P many.
        """
        if weights.shape != (self.size,):
            raise InputError(
                f"weights of shape {weights.shape} do not fit a perceptron of {self.size}"
            )
        found, begin = [], 0
        for rows, columns in self.shapes:
            middle = begin + rows * columns
            matrix = weights[begin:middle].reshape(rows, columns)
            found.append((matrix, weights[middle : middle + columns]))
            begin = middle + columns
        return found

    def initial(self, rng: np.random.Generator, biases: str = "zero") -> FloatArray:
        r"""Draw initial weights by Xavier's rule for tanh.

        .. math:: W \sim U(-a, a), \qquad a = \tfrac{5}{3} \sqrt{6 / (n_{in} + n_{out})}

        Args:
            rng: Draws them.
            biases: ``"zero"``, as the rule has it; or ``"uniform"``, U(−1/√n_in, 1/√n_in), as
                PyTorch's layers have them where only the matrices are set by the rule.

        Returns:
            Shape (P,). Matrices are the same for either choice of biases.

        Raises:
            InputError: If the choice of biases is not known.

        Source:
            Glorot and Bengio, AISTATS 2010, with PyTorch's gain for tanh, 5/3, in every layer.

        Example:
            >>> network = Perceptron((1, 5, 1))
            >>> weights = network.initial(np.random.default_rng(0))
            >>> float(abs(weights).max()) < 5 / 3 and weights[5:10].tolist() == [0.0] * 5
            True
        """
        if biases not in BIASES:
            raise unknown_name("biases", biases, BIASES)
        weights = np.zeros(self.size)
        layers = self.layers(weights)
        for matrix, _ in layers:
            reach = TANH_GAIN * math.sqrt(6 / sum(matrix.shape))
            matrix[:] = rng.uniform(-reach, reach, matrix.shape)
        if biases == "uniform":
            for matrix, bias in layers:
                bias[:] = rng.uniform(-1, 1, bias.shape) / math.sqrt(len(matrix))
        return weights

    def activations(self, weights: FloatArray, inputs: FloatArray) -> list[FloatArray]:
        """Return the inputs, what each hidden layer passes on, and the outputs, each (N, width).

        Args:
            weights: Shape (P,).
            inputs: Shape (N, d).

        Returns:
            One array a width.
        """
        layers = self.layers(weights)
        passed = [inputs]
        for matrix, bias in layers[:-1]:
            passed.append(np.tanh(passed[-1] @ matrix + bias))
        matrix, bias = layers[-1]
        return [*passed, passed[-1] @ matrix + bias]

    def gradient(
        self,
        weights: FloatArray,
        activations: list[FloatArray],
        slopes: FloatArray,
        last_only: bool = False,
    ) -> FloatArray:
        r"""Return the gradient of a loss, from its derivatives by the outputs.

        .. math:: δ_L = ∂L/∂f, \quad δ_{l} = (δ_{l+1} W_{l+1}^T) ∘ (1 - h_l^2), \quad
                  ∂L/∂W_l = h_{l-1}^T δ_l, \quad ∂L/∂b_l = \sum_n δ_l

        Args:
            weights: Shape (P,).
            activations: What :meth:`activations` returned for them.
            slopes: ∂L/∂f, shape (N, outputs).
            last_only: Whether only the last layer has a gradient, and the rest 0.

        Returns:
            Shape (P,).
        """
        gradient = np.zeros(self.size)
        layers, parts = self.layers(weights), self.layers(gradient)
        delta = slopes
        for layer in reversed(range(len(layers))):
            matrix, bias = parts[layer]
            np.matmul(activations[layer].T, delta, out=matrix)
            bias[:] = delta.sum(axis=0)
            if last_only:
                break
            if layer:
                delta = (delta @ layers[layer][0].T) * (1.0 - activations[layer] ** 2)
        return gradient

    def value(self, weights: FloatArray, inputs: FloatArray, targets: FloatArray) -> float:
        """Return the loss.

        Args:
            weights: Shape (P,).
            inputs: Shape (N, d).
            targets: Shape (N, outputs): values, or classes one-hot.

        Returns:
            Its mean over the samples.
        """
        return LOSSES[self.loss](self.activations(weights, inputs)[-1], targets)[0]

    def slope(
        self,
        weights: FloatArray,
        inputs: FloatArray,
        targets: FloatArray,
        activations: list[FloatArray] | None = None,
    ) -> Sloped:
        """Return the loss and its gradient.

        Args:
            weights: Shape (P,).
            inputs: Shape (N, d).
            targets: Shape (N, outputs): values, or classes one-hot.
            activations: What :meth:`activations` returned for them, if it is known.

        Returns:
            The mean over the samples, and its gradient, shape (P,).

        Example:
            >>> network = Perceptron((1, 1, 1))
            >>> x, y = np.array([[1.0]]), np.array([[0.0]])
            >>> network.slope(np.array([0.0, 0.0, 1.0, 0.5]), x, y)
            Sloped(value=0.25, gradient=array([1., 1., 0., 1.]))
        """
        if activations is None:
            activations = self.activations(weights, inputs)
        value, slopes = LOSSES[self.loss](activations[-1], targets)
        return Sloped(value, self.gradient(weights, activations, slopes))


def squared(outputs: FloatArray, targets: FloatArray) -> tuple[float, FloatArray]:
    r"""Return the mean squared error and its derivatives by the outputs.

    .. math:: L = \frac{1}{NK} \sum_{nk} (f_{nk} - y_{nk})^2

    Args:
        outputs: Shape (N, K).
        targets: Shape (N, K).

    Returns:
        The loss, and ∂L/∂f of shape (N, K).

    Example:
        >>> squared(np.array([[1.0], [3.0]]), np.array([[0.0], [3.0]]))
        (0.5, array([[1.], [0.]]))
    """
    errors = outputs - targets
    return float(np.mean(errors**2)), 2.0 * errors / errors.size


def cross_entropy(outputs: FloatArray, targets: FloatArray) -> tuple[float, FloatArray]:
    r"""Return the cross entropy of softmax outputs and its derivatives by the outputs.

    .. math:: L = -\frac{1}{N} \sum_{nk} y_{nk} \ln p_{nk}, \qquad
              \frac{∂L}{∂f_{nk}} = \frac{p_{nk} - y_{nk}}{N}

    Args:
        outputs: Logits, shape (N, K).
        targets: Classes one-hot, shape (N, K).

    Returns:
        The loss in nats, and ∂L/∂f of shape (N, K).

    Example:
        >>> value, slopes = cross_entropy(np.zeros((1, 2)), np.array([[1.0, 0.0]]))
        >>> round(value, 4), slopes
        (0.6931, array([[-0.5,  0.5]]))
    """
    logs = log_softmax(outputs, axis=1)
    value = -float(np.sum(targets * logs)) / len(outputs)
    return value, (np.exp(logs) - targets) / len(outputs)


LOSSES = {"squared": squared, "cross_entropy": cross_entropy}
"""Losses by name; each returns its value and its derivatives by the outputs."""

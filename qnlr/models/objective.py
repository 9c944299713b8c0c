"""The loss of a network on samples, with its standard error."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from qiskit_machine_learning.algorithms.objective_functions import (
    BinaryObjectiveFunction,
    MultiClassObjectiveFunction,
    ObjectiveFunction,
    OneHotObjectiveFunction,
)
from qiskit_machine_learning.neural_networks import NeuralNetwork
from qiskit_machine_learning.utils.loss_functions import CrossEntropyLoss, L1Loss, L2Loss, Loss

from qnlr.errors import InputError
from qnlr.models.networks.outputs import Outputs
from qnlr.types import Estimate, FloatArray

LEAST_PROBABILITY = 1e-10
"""Where qiskit-machine-learning clips what it takes the logarithm of."""


class Objective:
    r"""What a model of qiskit-machine-learning minimises, as an :class:`~qnlr.Estimate`.

    .. math:: L(θ) = \frac1N \sum_i ℓ(o_i(θ), y_i), \qquad
              s^2 = \frac1{N^2} \sum_i \mathrm{Var}_i \quad \text{with } a = ∂ℓ/∂o

    Values and gradients are those of the model's own objective. Two things differ: the loss has the
    standard error of its shots, as :class:`~qnlr.models.networks.outputs.Outputs` says, and it is
    measured anew whenever it is asked for. The model's own takes the last forward pass again where
    weights are close, as the probe of a step on a plateau is, or equal, so that a probe that read
    low by chance would be what the next probe is compared with.

    The gradient follows the loss object. That of qiskit-machine-learning's ``CrossEntropyLoss`` is
    p − y, the derivative of a softmax, which is not the derivative of the loss it reports.

    Args:
        network: Gives outputs and their derivatives; one with ``measure`` gives errors, too.
        X: Samples, shape (N, inputs).
        y: Targets: shape (N,) of numbers, or (N, K) if one-hot.
        loss: Loss of a sample.
        by_class: Whether the loss is that of a class drawn with the network's probabilities, as
            with integer labels, and not that of the outputs.

    Raises:
        InputError: If there are no samples, not as many targets, or targets are no numbers.

    Example:
        >>> from qiskit.circuit.library import real_amplitudes, z_feature_map
        >>> from qnlr import BatchedEstimator
        >>> from qnlr.models.networks import MeasuredEstimatorQNN
        >>> features, ansatz = z_feature_map(2, reps=1), real_amplitudes(2, reps=1)
        >>> network = MeasuredEstimatorQNN(
        ...     circuit=features.compose(ansatz), input_params=features.parameters,
        ...     weight_params=ansatz.parameters, estimator=BatchedEstimator(seed=0),
        ...     default_precision=0.1,
        ... )
        >>> X, y = np.array([[0.1, 0.2], [1.0, 2.0]]), np.array([1, -1])
        >>> loss = Objective(network, X, y, L2Loss()).objective(np.zeros(4))
        >>> round(float(loss), 3), round(loss.std, 3)
        (1.191, 0.154)
    """

    def __init__(
        self,
        network: NeuralNetwork,
        X: FloatArray,
        y: np.ndarray,
        loss: Loss,
        by_class: bool = False,
    ) -> None:
        self.network = network
        self.X, self.y = np.asarray(X), np.asarray(y)
        self.loss = loss
        self.by_class = by_class
        require_pairs(self.X, self.y)
        if self.y.dtype.kind not in "biuf":
            raise InputError(f"target {self.y.flat[0]!r} is not a number; a loss needs numbers")
        self._last: tuple[FloatArray, Outputs] | None = None

    @classmethod
    def of(cls, function: ObjectiveFunction) -> Objective:
        """Return the objective that a function of qiskit-machine-learning stands for.

        Args:
            function: One of its three kinds.

        Returns:
            The objective, on the same network, samples, targets and loss.

        Raises:
            InputError: If it is of another kind.
        """
        known = (BinaryObjectiveFunction, MultiClassObjectiveFunction, OneHotObjectiveFunction)
        if type(function) not in known:
            raise InputError(
                f"{type(function).__name__} is not an objective that can be measured; it must be "
                "one of " + ", ".join(one.__name__ for one in known)
            )
        # Regressors with several outputs use that class, too, with a column of targets for each.
        by_class = isinstance(function, MultiClassObjectiveFunction) and np.ndim(function._y) == 1
        network, loss = function._neural_network, function._loss
        return cls(network, function._X, function._y, loss, by_class)

    def __len__(self) -> int:
        """Return N."""
        return len(self.X)

    def take(self, rows: np.ndarray) -> Objective:
        """Return the objective on some of the samples.

        Args:
            rows: Their numbers.

        Returns:
            An objective of its own.
        """
        return Objective(self.network, self.X[rows], self.y[rows], self.loss, self.by_class)

    def objective(self, weights: FloatArray) -> Estimate:
        """Measure the loss.

        Args:
            weights: θ, shape (weights,).

        Returns:
            The mean loss with its standard error; 0 where the network is exact, or does not say.
        """
        outputs = self._measured(weights)
        if self.by_class:
            slopes = self._class_losses
            losses = (outputs.values * slopes).sum(axis=1)
        else:
            target = self._target(outputs)
            losses = np.reshape(self.loss(outputs.values, target), (len(self), -1)).sum(axis=1)
            slopes = _slopes(self.loss, outputs.values, target)
        std = float(np.sqrt(outputs.variance(slopes).sum())) / len(self)
        return Estimate(float(losses.sum()) / len(self), std)

    def gradient(self, weights: FloatArray) -> FloatArray:
        """Measure the gradient; a loss measured at these weights is made use of.

        Args:
            weights: θ, shape (weights,).

        Returns:
            Shape (weights,).
        """
        if self.by_class:
            factors = self._class_losses
        else:
            last = self._last
            known = last is not None and np.array_equal(last[0], weights)
            outputs = last[1] if last is not None and known else self._measured(weights)
            factors = self.loss.gradient(outputs.values, self._target(outputs))
        _, slopes = self.network.backward(self.X, weights)
        by_output = _dense(slopes).reshape(*factors.shape, -1)
        return np.asarray(np.einsum("nk,nkp->p", factors, by_output) / len(self))

    def _measured(self, weights: FloatArray) -> Outputs:
        if np.size(weights) != self.network.num_weights:
            raise InputError(
                f"there are {np.size(weights)} weights, but the network has "
                f"{self.network.num_weights}; give an initial_point of that size"
            )
        measure = getattr(self.network, "measure", None)
        if measure is None:
            values = _dense(self.network.forward(self.X, weights)).reshape(len(self), -1)
            outputs = Outputs(values, np.zeros_like(values))
        else:
            outputs = measure(self.X, weights)
        self._last = np.array(weights, dtype=float), outputs
        return outputs

    def _target(self, outputs: Outputs) -> np.ndarray:
        if self.y.size != outputs.values.size:
            raise InputError(
                f"the targets have shape {self.y.shape}, the outputs {outputs.values.shape}; give "
                "a number for every output: one-hot labels, or a network with one output"
            )
        return self.y.reshape(outputs.values.shape)

    @cached_property
    def _class_losses(self) -> FloatArray:
        """The loss of every class against every label, shape (N, K)."""
        size, classes = len(self), int(np.prod(self.network.output_shape))
        each = [np.reshape(self.loss(np.full(size, k), self.y), -1) for k in range(classes)]
        if any(one.shape != (size,) for one in each):
            raise InputError(
                f"{type(self.loss).__name__} has no loss for each of {size} integer labels; use "
                "'squared_error' or 'absolute_error', or one_hot=True"
            )
        return np.stack(each, axis=1)


def require_pairs(X: Any, y: Any) -> None:
    """Check that there are samples, and a target for each.

    Args:
        X: Samples, shape (N, ...).
        y: Targets, shape (N, ...).

    Raises:
        InputError: If there are none, or not equally many.
    """
    sizes = [one.shape[0] if one.ndim else 0 for one in (X, y)]
    if not sizes[0] or sizes[0] != sizes[1]:
        raise InputError(
            f"there are {sizes[0]} samples and {sizes[1]} targets; a loss needs equally many, at "
            "least one"
        )


def _dense(found: Any) -> FloatArray:
    return np.asarray(found.todense() if hasattr(found, "todense") else found)


def _slopes(loss: Loss, outputs: FloatArray, target: np.ndarray) -> FloatArray:
    """Return ∂ℓ/∂o; for a loss that is not known what it calls its gradient."""
    own: Callable[[Any, Any], Any] = SLOPES.get(type(loss), loss.gradient)
    return np.asarray(own(outputs, target))


def _cross_entropy_slope(outputs: FloatArray, target: np.ndarray) -> FloatArray:
    clipped = np.maximum(outputs, LEAST_PROBABILITY)
    return np.where(outputs < LEAST_PROBABILITY, 0.0, -target / (np.log(2) * clipped))


SLOPES: dict[type[Loss], Callable[[Any, Any], FloatArray]] = {
    L1Loss: lambda o, y: np.sign(o - y),
    L2Loss: lambda o, y: 2 * (o - y),
    CrossEntropyLoss: _cross_entropy_slope,
}

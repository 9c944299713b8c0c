"""Binary classification: mini-batch loss, its gradient, accuracy, all with standard errors."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from qnlr.circuits import Encoding, VariationalCircuit
from qnlr.data import Dataset, Samples, checked_samples
from qnlr.errors import InputError
from qnlr.problems.heads import Bare, Head
from qnlr.problems.losses import Loss, SquaredError
from qnlr.problems.problem import Batch, Evaluation, LossGradient
from qnlr.types import Backend, Estimate, Expectations, FloatArray, Jacobian


class Classification:
    r"""A variational classifier on a dataset: the sign of its output is the predicted label.

    .. math:: L(θ) = \frac{1}{B} \sum_i ℓ(o_i, y_i), \qquad o_i = \mathrm{head}(f(x_i, θ)), \qquad
              ∇L = \frac{1}{B} \sum_i \frac{∂ℓ}{∂o} \frac{∂o}{∂f} ∇f(x_i, θ)

    Weights of the head, if it has any, come behind those of the circuit.

    Standard errors are those of the shots, propagated through loss and mean; which samples are in
    the mini-batch is not part of them.

    Source: NLR paper, Eq. 6.

    Args:
        model: The circuit.
        encoding: How features become its angles.
        dataset: Samples for training and testing.
        loss: Loss of one sample.
        head: What is made of ⟨O⟩ before the loss sees it; by default nothing.

    Raises:
        InputError: If features or labels of the dataset are not valid, or cannot be encoded.

    Example:
        >>> from qnlr.backends import statevector
        >>> from qnlr.circuits import amplitude, hardware_efficient, variational_circuit, z
        >>> from qnlr.data import gaussian
        >>> rng = np.random.default_rng(0)
        >>> encoding = amplitude(features=4, qubits=2)
        >>> model = variational_circuit(encoding, hardware_efficient(2, 1), z(2))
        >>> problem = Classification(model, encoding, gaussian(rng, rng, features=4, samples=20))
        >>> batch = problem.train.take(np.arange(8))
        >>> problem.loss(np.zeros(6), batch, statevector(model), rng).std
        0.0
        >>> problem.loss_and_gradient(np.zeros(6), batch, statevector(model), rng).gradient.shape
        (6,)
    """

    def __init__(
        self,
        model: VariationalCircuit,
        encoding: Encoding,
        dataset: Dataset,
        loss: Loss | None = None,
        head: Head | None = None,
    ) -> None:
        if dataset.features != encoding.features:
            raise InputError(
                f"the dataset has {dataset.features} features, the encoding takes "
                f"{encoding.features}"
            )
        self.model = model
        self.encoding = encoding
        self.dataset = dataset
        self.sample_loss = SquaredError() if loss is None else loss
        self.head = Bare() if head is None else head
        self.train = self._encode("training", dataset.train)
        self.test = self._encode("test", dataset.test)

    @property
    def num_weights(self) -> int:
        """The number of trainable parameters, of circuit and head together."""
        return self.num_circuit_weights + self.head.num_weights

    @property
    def num_circuit_weights(self) -> int:
        """The number of trainable parameters of the circuit P, each with two shifts."""
        return len(self.model.weights)

    @property
    def source(self) -> str:
        """Where the data came from."""
        return self.dataset.source

    def reached(self, trainable: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which weights of the circuit are among some of all.

        Args:
            trainable: Which weights, shape (number of weights,).
        """
        return trainable[: self.num_circuit_weights]

    def metrics(self, found: Mapping[str, Evaluation]) -> dict[str, float]:
        """Return nothing: loss and accuracy say it all."""
        return {}

    def loss(
        self, weights: FloatArray, batch: Batch, backend: Backend, rng: np.random.Generator
    ) -> Estimate:
        """Measure the loss of a batch.

        Args:
            weights: θ, shape (number of weights,).
            batch: The samples.
            backend: Where the circuits run.
            rng: Draws the shot noise.

        Returns:
            The mean loss with its standard error.
        """
        own, head = self._split(weights)
        return self._mean_loss(backend.values(own, batch.angles, rng), batch.labels, head)

    def loss_and_gradient(
        self, weights: FloatArray, batch: Batch, backend: Backend, rng: np.random.Generator
    ) -> LossGradient:
        """Measure the loss of a batch and its gradient, in one job.

        Args:
            weights: θ, shape (number of weights,).
            batch: The samples.
            backend: Where the circuits run.
            rng: Draws the shot noise.

        Returns:
            Loss and gradient, each with standard errors.
        """
        own, head = self._split(weights)
        measured = backend.jacobian(own, batch.angles, rng)
        outputs, scale = self.head.value(measured.values, head), self.head.slope(head)
        slope = self.sample_loss.slope(outputs, batch.labels)
        bend = self.sample_loss.curvature(outputs, batch.labels) * scale
        # Value and derivatives come from different circuits, so the factors of each product are
        # independent; the estimate of its variance is unbiased with a minus sign, as the squares of
        # measured factors are too large by their own variances.
        first, second = scale * slope, scale * bend * measured.stds
        both = second[:, None] ** 2 * measured.derivative_stds**2
        variances = np.maximum(
            first[:, None] ** 2 * measured.derivative_stds**2
            + second[:, None] ** 2 * measured.derivatives**2
            - both,
            both,
        )
        by_head = self.head.by_weights(measured.values)
        # One measured value enters both factors of a head's derivative: to first order, then.
        change = bend[:, None] * by_head + slope[:, None] * self.head.mixed()
        head_variances = (change * measured.stds[:, None]) ** 2
        return LossGradient(
            loss=self._mean_loss(measured, batch.labels, head),
            gradient=np.concatenate([first @ measured.derivatives, slope @ by_head]) / len(batch),
            stds=np.sqrt(np.concatenate([variances.sum(axis=0), head_variances.sum(axis=0)]))
            / len(batch),
        )

    def evaluate(
        self, weights: FloatArray, batch: Batch, backend: Backend, rng: np.random.Generator
    ) -> Evaluation:
        """Measure loss and accuracy on a set of samples, in one job.

        Args:
            weights: θ, shape (number of weights,).
            batch: The samples.
            backend: Where the circuits run.
            rng: Draws the shot noise.

        Returns:
            Loss and accuracy; an output of exactly 0 counts as label +1.
        """
        own, head = self._split(weights)
        measured = backend.values(own, batch.angles, rng)
        predicted = np.where(self.head.value(measured.values, head) >= 0, 1.0, -1.0)
        return Evaluation(
            loss=self._mean_loss(measured, batch.labels, head),
            accuracy=float(np.mean(predicted == batch.labels)),
        )

    def _split(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the weights of the circuit, and those of the head."""
        return weights[: self.num_circuit_weights], weights[self.num_circuit_weights :]

    def _mean_loss(
        self, measured: Expectations | Jacobian, labels: FloatArray, head: FloatArray
    ) -> Estimate:
        outputs, scale = self.head.value(measured.values, head), self.head.slope(head)
        losses = self.sample_loss.value(outputs, labels)
        slope = scale * self.sample_loss.slope(outputs, labels)
        bend = scale * scale * self.sample_loss.curvature(outputs, labels)
        second = bend**2 * measured.stds**4 / 2  # the variance where the slope is 0
        variances = np.maximum(slope**2 * measured.stds**2 - second, second)
        return Estimate(float(losses.mean()), float(np.sqrt(variances.sum())) / len(labels))

    def _encode(self, which: str, samples: Samples) -> Batch:
        samples = checked_samples(
            f"{self.dataset.name}, {which} samples", samples.features, samples.labels
        )
        try:
            return Batch(self.encoding.angles_from(samples.features), samples.labels)
        except InputError as error:
            raise InputError(f"{self.dataset.name}, {which} samples: {error}") from error

"""What a training needs of a problem, and what it is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from qnlr.circuits import VariationalCircuit
from qnlr.types import Backend, Estimate, FloatArray


@dataclass(frozen=True)
class Batch:
    """Encoded samples.

    Args:
        angles: Encoding angles, shape (B, D).
        labels: −1 or +1, shape (B,); of a problem without labels, zeros.
    """

    angles: FloatArray
    labels: FloatArray

    def __len__(self) -> int:
        """Return B."""
        return len(self.labels)

    def take(self, indices: np.ndarray) -> Batch:
        """Return the samples at some indices."""
        return Batch(self.angles[indices], self.labels[indices])


@dataclass(frozen=True)
class LossGradient:
    """A mini-batch loss and its gradient.

    Args:
        loss: The loss with its standard error.
        gradient: ∂L/∂θ, one entry for each weight.
        stds: Standard errors of the gradient, same shape.
    """

    loss: Estimate
    gradient: FloatArray
    stds: FloatArray


@dataclass(frozen=True)
class Evaluation:
    """What is known of a model on a set of samples.

    Args:
        loss: Mean loss with its standard error from shots.
        accuracy: Share of samples whose label is predicted, 0 to 1; NaN where there are no labels.
    """

    loss: Estimate
    accuracy: float


class Problem(Protocol):
    """What is minimised: a loss of weights, measured on a backend that is bound to its circuit.

    Weights θ are those of the circuit, and behind them those of a head, if there is one.
    """

    @property
    def model(self) -> VariationalCircuit:
        """The circuit and its observable."""

    @property
    def train(self) -> Batch:
        """The samples that mini-batches are drawn from; a single row where there are no data."""

    @property
    def test(self) -> Batch:
        """Samples kept apart; no rows where there are none."""

    @property
    def source(self) -> str:
        """Where the data came from, or what stands in their place."""

    @property
    def num_weights(self) -> int:
        """The number of weights that are trained."""

    @property
    def num_circuit_weights(self) -> int:
        """The number of angles of the circuit that have a shift rule of their own."""

    def reached(self, trainable: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which angles of the circuit some weights set, shape (num_circuit_weights,)."""

    def loss(
        self, weights: FloatArray, batch: Batch, backend: Backend, rng: np.random.Generator
    ) -> Estimate:
        """Measure the loss of a batch, with its standard error."""

    def loss_and_gradient(
        self, weights: FloatArray, batch: Batch, backend: Backend, rng: np.random.Generator
    ) -> LossGradient:
        """Measure the loss of a batch and its gradient, in one job."""

    def evaluate(
        self, weights: FloatArray, batch: Batch, backend: Backend, rng: np.random.Generator
    ) -> Evaluation:
        """Measure loss and accuracy on a set of samples, in one job."""

    def metrics(self, found: Mapping[str, Evaluation]) -> dict[str, float]:
        """Return what else the evaluations of a run say, by column, prefixed ``metric_``."""

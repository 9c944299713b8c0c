"""The paper's classifier on a mini-batch, as a landscape that theory is tested on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qnlr.backends import SimulatorBackend
from qnlr.circuits import amplitude, hardware_efficient, variational_circuit, z
from qnlr.data import gaussian
from qnlr.diagnostics.plateau_problems import no_shots
from qnlr.problems import Batch, Classification
from qnlr.rng import stream
from qnlr.types import Estimate, FloatArray


@dataclass(frozen=True, eq=False)
class BatchLoss:
    """The loss of a classifier on a mini-batch, as a cost.

    Args:
        problem: The classifier.
        batch: The samples.
        truth: Its circuit, exact.
        measured: Its circuit as it is measured, with shots or without.
    """

    problem: Classification
    batch: Batch
    truth: SimulatorBackend
    measured: SimulatorBackend

    @property
    def num_weights(self) -> int:
        """P."""
        return self.problem.num_weights

    @property
    def shots(self) -> int | None:
        """Shots per circuit of what is measured."""
        return self.measured.shots

    def exact(self, weights: FloatArray) -> FloatArray:
        """Return C for weights (..., P)."""
        f = self.truth.values(weights, self.batch.angles, no_shots()).values
        losses: FloatArray = self.problem.sample_loss.value(f, self.batch.labels).mean(axis=-1)
        return losses

    def gradient(self, weights: FloatArray) -> FloatArray:
        """Return the exact gradient at weights (P,)."""
        return self.problem.loss_and_gradient(weights, self.batch, self.truth, no_shots()).gradient

    def measured_loss(self, weights: FloatArray, rng: np.random.Generator) -> Estimate:
        """Measure C at weights (P,)."""
        return self.problem.loss(weights, self.batch, self.measured, rng)

    def measured_gradient(
        self, weights: FloatArray, rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        """Measure the gradient at weights (P,), with its standard errors."""
        found = self.problem.loss_and_gradient(weights, self.batch, self.measured, rng)
        return found.gradient, found.stds


def classifier(
    shots: int | None = 1000, batch_size: int | None = 32, seed: int = 0, samples: int = 1000
) -> BatchLoss:
    """Return the paper's classifier on a mini-batch: 6 qubits, 5 layers, 8 features, two Gaussians.

    What the paper leaves open is as in the config of its tables: squared error of the bare ⟨Z⟩ on
    qubit 0, features on qubits 0, 1 and 2.

    Source: NLR paper, section V-A.

    Args:
        shots: Shots per circuit, or None for exact measurements.
        batch_size: B, random samples of the training set; None for all of it.
        seed: Seed of data and mini-batch.
        samples: Samples of both classes together, of which 80 % are to train on.

    Returns:
        The landscape; P = 90.

    Raises:
        InputError: If a setting is not valid.

    Example:
        >>> landscape = classifier(shots=100, batch_size=8, samples=50)
        >>> landscape.num_weights, len(landscape.batch)
        (90, 8)
    """
    encoding = amplitude(8, 6, data_qubits=(0, 1, 2))
    model = variational_circuit(encoding, hardware_efficient(6, 5), z(6))
    dataset = gaussian(stream("data", seed), stream("split", seed), samples=samples)
    problem = Classification(model, encoding, dataset)
    batch = problem.train
    if batch_size is not None:
        batch = batch.take(stream("batches", seed).permutation(len(batch))[:batch_size])
    return BatchLoss(problem, batch, SimulatorBackend(model), SimulatorBackend(model, shots))

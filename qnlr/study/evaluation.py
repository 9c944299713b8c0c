"""Trained weights on a device, beside what the backend that trained them predicts."""

from __future__ import annotations

import numpy as np

from qnlr.problems import Batch
from qnlr.training import Phase, Training, evaluation_columns
from qnlr.types import Backend, FloatArray


def evaluated(training: Training, device: Backend, gradient_samples: int) -> dict[str, float]:
    """Measure the last weights of a run on a device, and its gradient there and by prediction.

    Args:
        training: The run, trained.
        device: The device.
        gradient_samples: Training samples, the first ones, that the gradient is measured on; 0 for
            none.

    Returns:
        ``metric_device_test_*``: loss and accuracy on all test samples, to be held against
        ``metric_test_*``. ``metric_device_gradient_norm`` and ``metric_predicted_gradient_norm``:
        that of the mean loss of these samples, on the device and on the backend of the training,
        with the norm that shots alone would give it, ``*_gradient_std``.
    """
    problem, weights = training.problem, training.optimizer.state.x
    rng = training.streams.evaluation(-1)
    measured = problem.evaluate(weights, problem.test, device, rng)
    metrics = evaluation_columns("device_test", measured)
    if gradient_samples:
        batch = problem.train.take(np.arange(gradient_samples))
        metrics |= _gradient("device", training, weights, batch, device, rng)
        rng = training.streams.evaluation(-2)
        metrics |= _gradient("predicted", training, weights, batch, training.backend, rng)
    return metrics


def evaluation_phases(training: Training, gradient_samples: int) -> tuple[Phase, ...]:
    """Return the phases that :func:`evaluated` makes on the device."""
    rows = 2 * training.problem.num_circuit_weights + 1
    gradient = [Phase("gradient", rows * gradient_samples)] if gradient_samples else []
    return (Phase("test", len(training.problem.test)), *gradient)


def _gradient(
    where: str,
    training: Training,
    weights: FloatArray,
    batch: Batch,
    backend: Backend,
    rng: np.random.Generator,
) -> dict[str, float]:
    found = training.problem.loss_and_gradient(weights, batch, backend, rng)
    return {
        f"metric_{where}_gradient_norm": float(np.linalg.norm(found.gradient)),
        f"metric_{where}_gradient_std": float(np.linalg.norm(found.stds)),
    }

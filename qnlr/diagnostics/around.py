"""What a diagnostic of a recorded run measures with: exactly, or as the run did."""

from __future__ import annotations

from typing import Literal

import numpy as np

from qnlr.backends import GradientBackend, SimulatorBackend
from qnlr.diagnostics.recorded import Recorded
from qnlr.errors import InputError, require_count, unknown_name
from qnlr.problems import Batch
from qnlr.rng import stream
from qnlr.types import Backend

EVALUATIONS = ("exact", "as_run")
Evaluated = Literal["exact", "as_run"]


def measuring(recorded: Recorded, evaluation: str, seed: int = 0) -> Backend:
    """Return a backend to measure with around a recorded run.

    Args:
        recorded: The run.
        evaluation: ``"exact"`` for exact expectation values without noise; ``"as_run"`` for the
            run's backend, with its shots and noise and its way to measure gradients.
        seed: Seed of what such gradients draw.

    Returns:
        The backend.

    Raises:
        InputError: If there is no such evaluation, or the run's backend is a device.
    """
    training = recorded.training
    if evaluation == "exact":
        return SimulatorBackend(training.problem.model)
    if evaluation != "as_run":
        raise unknown_name("evaluation", evaluation, EVALUATIONS)
    if training.suspendable:
        raise InputError(
            'evaluation = "as_run" is not valid for a run on a device, whose jobs would be paid '
            'for again; take "exact"'
        )
    choices = stream("gradient", seed, "diagnostic")
    state = training.gradient.initial_state(training.problem.num_circuit_weights)
    return GradientBackend(training.backend, training.gradient, choices, state)


def some_samples(recorded: Recorded, samples: int | None, seed: int = 0) -> Batch:
    """Return some of the training samples of a recorded run.

    Args:
        recorded: The run.
        samples: How many, drawn without replacement; None for all.
        seed: Seed of the draw.

    Returns:
        The samples, in their order.

    Raises:
        InputError: If there are not so many.
    """
    everything = recorded.samples
    if samples is None:
        return everything
    require_count("samples", samples, high=len(everything))
    drawn = stream("samples", seed, samples).choice(len(everything), samples, replace=False)
    return everything.take(np.sort(drawn))

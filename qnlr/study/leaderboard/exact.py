"""What final weights are worth without shot noise.

A loss that was measured with few shots says less of the weights than of the shots: an energy of ten
Paulis at 100 shots is uncertain by a tenth of the way. So the final weights of every run that is
compared are evaluated once more on the same simulator without shots, and with the same noise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from qnlr.study.build import Builder
from qnlr.study.leaderboard.outcomes import Kept, tuned_rates
from qnlr.study.leaderboard.plan import Plan
from qnlr.study.schema import RunSpec
from qnlr.study.store import EXACT_LOSSES, RunFolder, write_json
from qnlr.training import Training
from qnlr.types import FloatArray


def measure(plan: Plan, kept: Kept, builder: Builder) -> None:
    """Evaluate the final weights of all runs of a comparison for which that is not known yet.

    Known losses are in ``exact_losses.json`` of the results folder, by identity of the run, beside
    what the run itself measured at its end. Runs with exact values, on another backend than the
    simulator, or without a checkpoint are left out.

    Args:
        plan: All runs.
        kept: What is kept of them; it is told what is found.
        builder: Builds runs.
    """
    rates = tuned_rates(plan, kept)
    found = dict(kept.exact)
    try:
        for cell in plan.cells:
            if not _has_shots(cell.spec):
                continue
            for one in plan.comparison(cell, rates[cell.key]):
                measured = kept.loss(one.run)
                if math.isfinite(measured) and kept.exact_loss(one.run) is None:
                    loss = exact_loss(one.spec, RunFolder(kept.folder / one.run), builder)
                    if loss is not None:
                        found[one.run] = {"loss": loss, "measured": measured}
    finally:
        if found != kept.exact:
            kept.exact = found
            write_json(kept.folder / EXACT_LOSSES, found)


def exact_loss(spec: RunSpec, folder: RunFolder, builder: Builder) -> float | None:
    """Return the training loss of a run's last weights, without shot noise.

    Args:
        spec: The run.
        folder: Its folder.
        builder: Builds runs.

    Returns:
        The loss; None if the run has no checkpoint, or its weights cannot be found there.
    """
    state = folder.load_checkpoint()
    if state is None:
        return None
    weights = _last_weights(builder.run(spec), state)
    if weights is None:
        return None
    exact = _without_shots(spec, builder)
    problem = exact.problem
    rng = np.random.default_rng(0)  # nothing is drawn
    return float(problem.evaluate(weights, problem.train, exact.backend, rng).loss)


def _last_weights(training: Training, state: Mapping[str, Any]) -> FloatArray | None:
    """Return all weights at a checkpoint; None if they cannot be found there."""
    try:
        training.load_state_dict(state)
        return training.course.weights
    except Exception:  # an optimizer from a file may not be able to go on from what it saved
        if "course" in state:  # a stage may train some of the weights alone
            return None
        return _weights_of(state["optimizer"], training.problem.num_weights)
    finally:
        training.optimizer.close()


def _weights_of(optimizer: Any, count: int) -> FloatArray | None:
    """Return the weights in the saved state of an optimizer, if they are where all keep them."""
    found = optimizer.get("x") if isinstance(optimizer, Mapping) else None
    try:
        weights = np.asarray(found, dtype=float)
    except (TypeError, ValueError):
        return None
    return weights if weights.shape == (count,) and np.isfinite(weights).all() else None


def _without_shots(spec: RunSpec, builder: Builder) -> Training:
    plain: dict[str, Any] = spec.model_dump(mode="json")
    plain["backend"] = {**plain["backend"], "shots": None}
    plain["training"] = {**plain["training"], "max_shots": None, "steps": 1}
    plain["optimizer"] = {"name": "sgd"}
    return builder.run(RunSpec.model_validate(plain))


def _has_shots(spec: RunSpec) -> bool:
    backend = spec.backend
    return backend.name == "simulator" and getattr(backend, "shots", None) is not None

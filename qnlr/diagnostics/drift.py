r"""Where NLR drifts when losses are measured: down, or up.

If a probe reads higher with probability p, the mean step along a gradient g is

.. math:: -(η(1 - p) - η'p) \, g,

uphill as soon as p > η/(η + η'). A mini-batch loss of standard error s, measured anew at the probe,
reads higher with about

.. math:: p = Φ\Big(-\frac{η ‖∇C‖^2}{\sqrt{2} s}\Big),

which is ½ where the gradient vanishes: on a plateau NLR then climbs, if η' > η.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy import stats

from qnlr.diagnostics.classifier_problem import BatchLoss, classifier
from qnlr.diagnostics.drift_drawings import drawings
from qnlr.diagnostics.drift_findings import checks, says, summary
from qnlr.diagnostics.drift_runs import run_checks, run_drawing
from qnlr.diagnostics.drift_runs import runs as trained
from qnlr.diagnostics.findings import Findings, Told, untold
from qnlr.diagnostics.plateau_problems import (
    Landscape,
    plateau,
    random_weights,
    resolution,
)
from qnlr.errors import InputError, require_count, require_positive
from qnlr.rng import stream


def drift(
    *,
    shots: tuple[int, ...] = (100, 1000, 10000),
    batch_sizes: tuple[int, ...] = (8, 32, 128),
    rates: tuple[float, ...] = (0.003, 0.01, 0.03, 0.1, 0.3),
    kappa: float = 2.0,
    z: float = 2.0,
    plateau_qubits: int = 10,
    points: int = 300,
    runs: int = 6,
    steps: int = 500,
    seed: int = 0,
    told: Told = untold,
) -> Findings:
    r"""Measure which way NLR drifts under shot noise, and how often its probes read higher.

    .. math:: E[Δθ] = -(η (1 - p) - η' p) \, ∇C

    One step is made from random weights on the paper's classifier (6 qubits, 5 layers, a mini-batch
    of its own for each) and on a plateau (the product of all Z, two layers), where gradient, loss
    and probe are measured with the same shots; what the step does is computed exactly. Beside the
    paper's trigger there is one at z standard errors of the measured difference. Short runs of the
    classifier at the paper's η = 0.01, B = 32 and 1000 shots show where the drift ends.

    Here θ are the weights, C is the exact cost and g its measured gradient, η the learning rate and
    η' = κη the negative rate. A probe is the loss at θ − ηg; p is the probability that it reads
    higher than the loss at θ, and s the standard error of a loss. The speed −Δθ·∇C/(η‖∇C‖²) tells
    which way a step Δθ goes: it is 1 for SGD, and below 0 uphill.

    Source: NLR paper, Algorithm 1.

    Args:
        shots: Shots per circuit, at least 2.
        batch_sizes: Mini-batch sizes B of the classifier, 1 to 800.
        rates: Learning rates η, above 0.
        kappa: η'/η, above 0.
        z: Standard errors of the other trigger, above 0.
        plateau_qubits: Qubits of the plateau, at least 1.
        points: Random weights for each landscape, at least 2.
        runs: Runs with each trigger, at least 0.
        steps: Steps of each run, at least 20.
        seed: Seed of data, weights, mini-batches and shots.
        told: Told of progress.

    Returns:
        A row for each step; in the table ``drifts`` a summary by setting, in ``runs`` the runs.

    Raises:
        InputError: If a setting is not valid.

    Example:
        >>> found = drift(
        ...     shots=(100,), batch_sizes=(2,), rates=(0.01,), plateau_qubits=4, points=20, runs=0
        ... )
        >>> found.tables["drifts"][["landscape", "batch_size", "rate"]].values.tolist()
        [['classifier', 2, 0.01], ['plateau', 1, 0.01]]
    """
    require_count("points", points, low=2)
    if not (shots and batch_sizes and rates):
        raise InputError("shots, batch_sizes and rates must not be empty; give one or more of each")
    kappa, z = require_positive("kappa", kappa), require_positive("z", z)
    rates = tuple(sorted(require_positive("rates", rate) for rate in rates))
    require_count("runs", runs, low=0)
    require_count("steps", steps, low=20)
    settings = [(number, size) for number in shots for size in (*batch_sizes, None)]
    frames = []
    for done, (number, size) in enumerate(settings):
        require_count("shots", number, low=2)
        name = "plateau" if size is None else "classifier"
        rng = stream("drift", seed, [name, number, size])
        rows = [
            row
            for point, landscape in enumerate(
                _landscapes(number, size, plateau_qubits, points, seed, rng)
            )
            for row in _steps(point, landscape, rates, kappa, z, rng)
        ]
        frames.append(pd.DataFrame(rows).assign(landscape=name, shots=number, batch_size=size or 1))
        told(done + 1, len(settings) + 1)
    frame = pd.concat(frames, ignore_index=True)
    drifts = summary(frame, kappa)
    tables, found, drawn = {"drifts": drifts}, checks(frame, drifts, kappa, z), drawings(drifts)
    if runs:
        tables["runs"] = made = trained(kappa, z, runs, steps, seed)
        found, drawn = (*found, *run_checks(made, kappa)), (*drawn, run_drawing(made))
    told(len(settings) + 1, len(settings) + 1)
    return Findings(
        title="Which way NLR drifts under shot noise",
        frame=frame,
        says=says(drifts, kappa, z),
        checks=found,
        drawings=drawn,
        tables=tables,
        caveats=(
            "Except for the runs, steps are from random weights, where training begins; gradients "
            "are smaller and p is larger further on.",
            "Cost changes are those of the mini-batch's own exact loss; rates share weights, "
            "gradients and the loss at θ, so that intervals over several rates are over weights.",
            "All classifiers, in runs, too, have one data set: intervals are over weights, "
            "mini-batches and shots, not over data.",
        ),
    )


def _landscapes(
    shots: int,
    batch_size: int | None,
    plateau_qubits: int,
    points: int,
    seed: int,
    rng: np.random.Generator,
) -> Iterator[Landscape]:
    """Yield the landscape of every point: of a classifier, each with a mini-batch of its own."""
    if batch_size is None:
        flat = plateau(plateau_qubits, 2, shots=shots)
        yield from (flat for _ in range(points))
        return
    whole: BatchLoss = classifier(shots, None, seed)
    samples = whole.batch
    require_count("batch_sizes", batch_size, high=len(samples))
    for _ in range(points):
        taken = rng.choice(len(samples), batch_size, replace=False)
        yield dataclasses.replace(whole, batch=samples.take(taken))


def _steps(
    point: int,
    landscape: Landscape,
    rates: tuple[float, ...],
    kappa: float,
    z: float,
    rng: np.random.Generator,
) -> Iterator[dict[str, float | bool]]:
    """Make one step with every rate, from weights of its own."""
    weights = random_weights(landscape, rng)
    true = landscape.gradient(weights)
    measured, _ = landscape.measured_gradient(weights, rng)
    loss = landscape.measured_loss(weights, rng)
    slope, square = float(measured @ true), float(true @ true)
    signed = np.array([[-rate, kappa * rate] for rate in rates])
    here = float(landscape.exact(weights))
    down, up = (landscape.exact(weights + np.multiply.outer(signed, measured)) - here).T
    half = resolution(landscape) / 2
    for rate, fall, rise in zip(rates, down, up, strict=True):
        probe = landscape.measured_loss(weights - rate * measured, rng)
        error = math.hypot(loss.std, probe.std)
        fired = bool(probe > loss)
        careful = bool(probe - loss > z * error)
        step = kappa * rate if fired else -rate
        yield {
            "point": point,
            "rate": rate,
            "gradient_norm": math.sqrt(square),
            "slope": slope,
            "std": loss.std,
            "higher": fired,
            "higher_by_z": careful,
            "likely": _probability(fall - half, error),
            "foretold": _probability(-rate * square - half, math.sqrt(2) * loss.std),
            "along": step * slope,
            "along_by_z": (kappa * rate if careful else -rate) * slope,
            "change": float(rise if fired else fall),
            "change_by_z": float(rise if careful else fall),
            "change_of_sgd": float(fall),
        }


def _probability(margin: float, error: float) -> float:
    if error == 0:
        return float(margin > 0)
    return float(stats.norm.cdf(margin / error))

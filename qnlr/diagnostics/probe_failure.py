r"""When a probe fails: Lemma 1 of the NLR paper against exact and measured comparisons.

For a measured gradient g at θ, with the exact gradient ∇C and Hessian H there,

.. math:: C(θ - ηg) - C(θ) = -η \, g^⊤∇C + \frac{η^2}{2} g^⊤Hg + O(η^3 ‖g‖^3)

so a probe fails if (η/2) gᵀHg > gᵀ∇C, up to the remainder. As η → 0 that is gᵀ∇C < 0, whatever the
curvature: with g = ∇C + ξ and errors of standard deviations σ_k it has the probability

.. math:: Φ\Big(-\frac{‖∇C‖^2}{\sqrt{\sum_k σ_k^2 (∂_k C)^2}}\Big).

Where the two costs are measured, too, with standard errors s and s', the probe reads higher with
probability Φ(ΔC/√(s² + s'²)), whatever the condition says.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from scipy import stats

from qnlr.diagnostics.findings import Findings, Told, untold
from qnlr.diagnostics.plateau_problems import (
    CircuitCost,
    curvature,
    plateau,
    random_weights,
    resolution,
    trainable,
)
from qnlr.diagnostics.probe_failure_findings import checks, drawings, says, summary
from qnlr.errors import InputError, require_count, require_positive
from qnlr.rng import stream
from qnlr.types import FloatArray


def lemma_1(
    *,
    qubits: int = 12,
    layers: int = 2,
    rates: tuple[float, ...] = (0.01, 0.1, 1.0, 3.0, 10.0, 30.0),
    shots: tuple[int, ...] = (0, 100, 1000),
    points: int = 200,
    seed: int = 0,
    told: Told = untold,
) -> Findings:
    r"""Test when a probe fails (Lemma 1): the Taylor condition against what happens.

    .. math:: C(θ - ηg) > C(θ) \quad\text{approximately when}\quad
              \frac{η}{2} g^⊤Hg > g^⊤∇C

    It is tested on a plateau (the product of all Z) and on a trainable landscape (the mean of Z,
    one layer), at random weights. Gradients are measured with shots, or exact; costs are compared
    exactly, as the paper's Assumption 5 has it, and as they are measured with the same shots.

    Here θ are the weights, C is the exact cost with gradient ∇C and Hessian H, g the measured
    gradient and η the learning rate. A probe is the cost at θ − ηg; it fails where it is higher
    than that at θ. Φ is the distribution function of a standard normal variable.

    Source: NLR paper, Lemma 1, Eqs. 11 and 12.

    Args:
        qubits: Qubits of both landscapes, at least 1.
        layers: Layers of the plateau, at least 1.
        rates: Learning rates η, above 0.
        shots: Shots per circuit; 0 for exact gradients.
        points: Random weights for each landscape and number of shots, at least 2.
        seed: Seed of weights and shots.
        told: Told of progress.

    Returns:
        A row for each probe; in the table ``rates`` how often probes failed, and when the condition
        said so.

    Raises:
        InputError: If a setting is not valid.

    Example:
        >>> found = lemma_1(qubits=3, layers=1, rates=(1e-3,), shots=(0,), points=20)
        >>> int(found.frame["failed"].sum()), found.tables["rates"]["agreed"].tolist()
        (0, [1.0, 1.0])
    """
    require_count("points", points, low=2)
    if not rates or not shots:
        raise InputError("rates and shots must not be empty; give at least one of each")
    rates = tuple(sorted(require_positive("rates", rate) for rate in rates))
    settings = [
        (name, layout, require_count("shots", number, low=0) or None)
        for name, layout in (("plateau", (layers, "global_z")), ("trainable", (1, "mean_z")))
        for number in shots
    ]
    frames = []
    for done, (name, (depth, observable), number) in enumerate(settings):
        landscape = (
            plateau(qubits, depth, observable, number)
            if name == "plateau"
            else trainable(qubits, depth, number)
        )
        rng = stream("lemma_1", seed, [name, number])
        found = pd.DataFrame(_probes(landscape, rates, points, rng))
        frames.append(found.assign(landscape=name, shots=number or 0))
        told(done + 1, len(settings))
    frame = pd.concat(frames, ignore_index=True)
    counts = summary(frame)
    return Findings(
        title="When a probe fails: Lemma 1",
        frame=frame,
        says=says(counts),
        checks=checks(frame, counts),
        drawings=drawings(counts),
        tables={"rates": counts},
        caveats=(
            "Assumption 5 compares exact costs; a device measures them. What is said of exact "
            "comparisons does not hold there.",
            "Weights are uniform in [−π, π]: a landscape is a plateau on average, not at each "
            "point.",
            "Rates share weights and gradients, so that intervals over several rates are over "
            "weights. Differences to Φ are independent, as costs are measured anew at each rate.",
        ),
    )


def _probes(
    landscape: CircuitCost, rates: tuple[float, ...], points: int, rng: np.random.Generator
) -> list[dict[str, float | bool]]:
    """Probe at random weights, with every rate; the measured comparison is drawn anew each time."""
    rows: list[dict[str, float | bool]] = []
    for point in range(points):
        weights = random_weights(landscape, rng)
        true = landscape.gradient(weights)
        measured, stds = landscape.measured_gradient(weights, rng)
        slope, bend = float(measured @ true), curvature(landscape, weights, measured)
        spread = math.sqrt(float((stds * true) @ (stds * true)))
        here = landscape.exact(weights)
        there = landscape.exact(weights - np.multiply.outer(rates, measured))
        for rate, change in zip(rates, there - here, strict=True):
            expansion = -rate * slope + rate**2 / 2 * bend
            row: dict[str, float | bool] = {
                "point": point,
                "rate": rate,
                "gradient_norm": float(np.linalg.norm(true)),
                "noise": math.sqrt(float(stds @ stds) / stds.size),
                "change": float(change),
                "remainder": abs(float(change) - expansion),
                "condition": rate / 2 * bend > slope,
                "failed": bool(change > 0),
                "wrong_direction": float(stats.norm.cdf(-float(true @ true) / spread))
                if spread
                else 0.0,
            }
            rows.append(row | _comparison(landscape, weights, weights - rate * measured, row, rng))
    return rows


def _comparison(
    landscape: CircuitCost,
    weights: FloatArray,
    probe: FloatArray,
    row: dict[str, float | bool],
    rng: np.random.Generator,
) -> dict[str, float | bool]:
    """Measure both costs; a tie, which shots of ±1 can give, is no failure."""
    if landscape.shots is None:
        return {"read_higher": row["failed"], "probability": float(row["failed"])}
    before, after = landscape.measured_loss(weights, rng), landscape.measured_loss(probe, rng)
    error = math.hypot(before.std, after.std)
    margin = row["change"] - resolution(landscape) / 2
    likely = stats.norm.cdf(margin / error) if error else margin > 0
    return {"read_higher": bool(after > before), "probability": float(likely)}

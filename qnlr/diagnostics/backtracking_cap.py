r"""How far backtracking goes where a probe failed: Lemma 2 of the NLR paper.

The Armijo condition as the paper writes it, with the expansion of Lemma 1, is

.. math:: -\tilde η \, g^⊤∇C + \frac{\tilde η^2}{2} g^⊤Hg \le -c \tilde η ‖g‖^2,

so for gᵀHg > 0 it caps the step at 2(gᵀ∇C − c‖g‖²)/gᵀHg, as in the paper's appendix. Eq. 13 has
2(1 − c) gᵀ∇C/gᵀHg instead, which belongs to the condition with a decrease of c η̃ gᵀ∇C; the two are
the same only where g = ∇C. It follows from the appendix's, as a weaker bound, where gᵀ∇C ≤ ‖g‖².
Where gᵀ∇C < c‖g‖² no small positive step meets the condition.

How large a positive cap is among failed probes, needs neither ε nor σ: a failed probe has
gᵀ∇C < (η/2) gᵀHg, and where that is small beside the spread of gᵀ∇C, the latter is spread evenly
over (0, (η/2) gᵀHg). Then 2 gᵀ∇C/gᵀHg is uniform over (0, η): it grows with η, and is η/2 on
average.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from qnlr.diagnostics.backtracking_findings import checks, drawings, says, summary
from qnlr.diagnostics.findings import Findings, Told, untold
from qnlr.diagnostics.plateau_problems import CircuitCost, curvature, plateau, random_weights
from qnlr.errors import InputError, require_count, require_positive, require_within
from qnlr.rng import stream

HALVINGS = 20


def lemma_2(
    *,
    qubits: int = 10,
    layers: int = 2,
    rates: tuple[float, ...] = (0.1, 0.3, 1.0, 3.0),
    shots: tuple[int, ...] = (100, 1000),
    decreases: tuple[float, ...] = (0.0001, 0.01, 0.1),
    points: int = 4000,
    seed: int = 0,
    told: Told = untold,
) -> Findings:
    r"""Test how far backtracking goes where a probe failed (Lemma 2), on a plateau.

    .. math:: \tilde η \le \frac{2 (1 - c) \, g^⊤∇C}{g^⊤Hg} \quad\text{(Eq. 13)}, \qquad
              \tilde η \le \frac{2 (g^⊤∇C - c ‖g‖^2)}{g^⊤Hg} \quad\text{(appendix)}

    Gradients are measured with shots; costs are exact, as the paper's Assumption 5 has it. Steps
    are halved from η until C(θ − η̃g) ≤ C(θ) − c η̃‖g‖².

    Here θ are the weights, C is the exact cost with gradient ∇C and Hessian H, g the measured
    gradient, η the learning rate of the probe at θ − ηg, which failed, η̃ a shorter step, and c the
    share of the decrease that the Armijo condition asks for; the cap is the longest step that the
    expansion to second order allows.

    Source: NLR paper, Lemma 2, Eq. 13, and its proof in appendix A.

    Args:
        qubits: Qubits of the plateau, the product of all Z, at least 1.
        layers: Its layers, at least 1.
        rates: Learning rates η of the probe, above 0.
        shots: Shots per circuit, at least 2.
        decreases: The constants c, in (0, 1).
        points: Random weights for each number of shots, at least 2.
        seed: Seed of weights and shots.
        told: Told of progress.

    Returns:
        A row for each failed probe and c; in the table ``caps`` a summary by shots, η and c.

    Raises:
        InputError: If a setting is not valid, or no probe failed.

    Example:
        >>> found = lemma_2(qubits=4, layers=1, rates=(0.3,), shots=(20,), points=60)
        >>> sorted(set(found.frame["decrease"]))
        [0.0001, 0.01, 0.1]
    """
    require_count("points", points, low=2)
    if not (rates and shots and decreases):
        raise InputError("rates, shots and decreases must not be empty; give at least one of each")
    rates = tuple(sorted(require_positive("rates", rate) for rate in rates))
    for c in decreases:
        require_within("decreases", c, 1e-12, 1 - 1e-12)
    rows: list[dict[str, float | bool]] = []
    for done, number in enumerate(shots):
        landscape = plateau(qubits, layers, shots=require_count("shots", number, low=2))
        rng = stream("lemma_2", seed, number)
        for point in range(points):
            found = _failures(landscape, rates, decreases, rng)
            rows += [{"point": point} | row for row in found]
        told(done + 1, len(shots))
    if not rows:
        raise InputError("no probe failed; give more points, fewer shots, or larger rates")
    frame = pd.DataFrame(rows)
    caps = summary(frame, points)
    return Findings(
        title="How far backtracking goes where a probe failed: Lemma 2",
        frame=frame,
        says=says(frame, caps),
        checks=checks(frame),
        drawings=drawings(caps),
        tables={"caps": caps},
        caveats=(
            "Costs are exact, and only gradients have shots. With measured costs, backtracking "
            "accepts and refuses at random.",
            "What is accepted is said of steps down to 2^−20 η.",
            "Rates and c share weights and gradients, so that intervals over several rates or c "
            "are bootstrapped over weights.",
        ),
    )


def _failures(
    landscape: CircuitCost,
    rates: tuple[float, ...],
    decreases: tuple[float, ...],
    rng: np.random.Generator,
) -> list[dict[str, float | bool]]:
    """Backtrack from every rate whose probe failed."""
    weights = random_weights(landscape, rng)
    true = landscape.gradient(weights)
    measured, stds = landscape.measured_gradient(weights, rng)
    here = float(landscape.exact(weights))
    changes = landscape.exact(weights - np.multiply.outer(rates, measured)) - here
    failed = [rate for rate, change in zip(rates, changes, strict=True) if change > 0]
    if not failed:
        return []
    slope, bend = float(measured @ true), curvature(landscape, weights, measured)
    square = float(measured @ measured)
    shared: dict[str, float | bool] = {
        "shots": landscape.shots or 0,
        "gradient_norm": float(np.linalg.norm(true)),
        "noise": math.sqrt(float(stds @ stds) / stds.size),
        "slope": slope,
        "curvature": bend,
        "measured_norm": math.sqrt(square),
        "lipschitz": bend / square,
    }
    rows = []
    for rate in failed:
        steps = rate * 0.5 ** np.arange(HALVINGS + 1)
        falls = landscape.exact(weights - np.multiply.outer(steps, measured)) - here
        for c in decreases:
            accepted = np.flatnonzero(falls <= -c * steps * square)
            rows.append(
                shared
                | {
                    "rate": rate,
                    "decrease": c,
                    "cap_equation_13": _cap((1 - c) * slope, bend),
                    "cap_appendix": _cap(slope - c * square, bend),
                    "accepted": float(steps[accepted[0]]) if len(accepted) else math.nan,
                }
            )
    return rows


def _cap(numerator: float, bend: float) -> float:
    """Return the cap; infinite where the expansion has none, −∞ where it allows no step."""
    if bend > 0:
        return 2 * numerator / bend
    return math.inf if numerator > 0 else -math.inf

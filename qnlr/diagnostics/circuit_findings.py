"""What is said of somebody's own circuit, from what was measured of it."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

from qnlr.diagnostics.circuit_drawings import drawings
from qnlr.diagnostics.circuit_gradients import mean_square
from qnlr.diagnostics.circuit_measured import FLAT, Measured
from qnlr.diagnostics.findings import Check, Findings
from qnlr.diagnostics.observable_text import locality
from qnlr.diagnostics.plateau_advice import Facts, advice
from qnlr.diagnostics.shots_needed import (
    shots_for_derivative,
    shots_for_direction,
    shots_for_gradient,
)
from qnlr.intervals import Interval

BY_CHANCE = 0.0455
NAMED = 6


def describe(measured: Measured, title: str) -> Findings:
    """Return the findings.

    Args:
        measured: What was measured.
        title: Names the circuit and the observable.

    Returns:
        Findings with a verdict first.
    """
    frame, facts = _frame(measured), _facts(measured)
    beginnings = pd.DataFrame(
        {
            "weights": [one.weights for one in measured.beginnings],
            "mean_square": [one.square.mean for one in measured.beginnings],
            "low": [one.square.low for one in measured.beginnings],
            "high": [one.square.high for one in measured.beginnings],
            "two_design": measured.random,
        }
    )
    found = advice(facts)
    return Findings(
        title=title,
        frame=frame,
        says=tuple(_says(measured, found)),
        checks=tuple(_checks(measured)),
        drawings=drawings(frame, measured.derivatives, measured.alive, beginnings, measured.shots),
        tables={"strategies": found, "shots": _shots(measured), "beginnings": beginnings},
        caveats=tuple(_caveats(measured)),
    )


def _frame(measured: Measured) -> pd.DataFrame:
    """Return one row for every weight and initialisation."""
    rows = []
    for kind, derivatives in measured.derivatives.items():
        for number, weight in enumerate(measured.asked.weights):
            square = mean_square(derivatives[:, number])
            rows.append(
                {
                    "number": number + 1,
                    "weight": weight.name,
                    "initialisation": kind,
                    "depends": bool(measured.alive[number]),
                    "mean": float(derivatives[:, number].mean()),
                    "variance": float(derivatives[:, number].var(ddof=1)),
                    "rms": math.sqrt(square.mean),
                    "low": math.sqrt(square.low),
                    "high": math.sqrt(square.high),
                    "standard_error": float(measured.errors[number]),
                }
            )
    frame = pd.DataFrame(rows)
    squares = np.asarray(frame["rms"], dtype=float) ** 2
    amplification = np.tile(measured.amplification, len(measured.derivatives))
    needed = shots_for_derivative(squares, measured.shot_variance, amplification)
    return frame.assign(shots_needed=needed)


def _facts(measured: Measured) -> Facts:
    short = measured.beginnings[0] if len(measured.beginnings) > 1 else None
    wide = sum(len(one.qubits) > 1 for one in measured.asked.circuit.data)
    return Facts(
        qubits=measured.qubits,
        locality=locality(measured.asked.observable),
        flat=measured.flat,
        square=measured.square("uniform"),
        small=measured.square("small_angles"),
        short=None if short is None else short.square,
        short_weights=0 if short is None else short.weights,
        gradient_square=float((measured.chosen**2).sum(axis=1).mean()),
        shot_variance=measured.shot_variance,
        shots=measured.shots,
        seen=measured.seen,
        lost=1 - (1 - measured.noise_rate) ** wide,
    )


_APPLY = {"yes": "By what was measured, these strategies apply", "perhaps": "These may apply"}


def _says(measured: Measured, found: pd.DataFrame) -> Iterator[str]:
    square, n = measured.square("uniform"), measured.qubits
    rms = math.sqrt(measured.square(measured.initialisation).mean)
    ratio = square.times(1 / measured.random)
    yield (
        f"{_verdict(measured)}: over uniform weights, derivatives have a mean square of "
        f"{_text(square)}, {_text(ratio)} times the {measured.random:.3g} of a random circuit on "
        f"{n} qubits."
    )
    line = float(np.sqrt((measured.errors[measured.alive] ** 2).mean()))
    yield (
        f"With {measured.shots} shots a circuit, a derivative has a standard error of {line:.3g}, "
        f"at {measured.initialisation} weights against a root mean square of {rms:.3g}: "
        f"{measured.seen:.0%} of the components are read beyond two standard errors, where "
        f"{BY_CHANCE:.1%} would be by chance alone."
    )
    circuits = measured.asked.circuits_per_gradient
    for what, shots in _needed(measured).items():
        yield (
            f"To see {what} takes {_count(shots)} shots a circuit, {_count(shots * circuits)} for "
            f"one gradient of {circuits} circuits."
        )
    dead = [
        one.name for one, on in zip(measured.asked.weights, measured.alive, strict=True) if not on
    ]
    if dead:
        more = f" and {len(dead) - NAMED} more" if len(dead) > NAMED else ""
        yield (
            f"The observable does not depend on {len(dead)} of {len(measured.alive)} weights: "
            f"{', '.join(dead[:NAMED])}{more}. They are left out of all means."
        )
    for applies in ("yes", "perhaps"):
        names = found.loc[found["applies"] == applies, "strategy"]
        if len(names):
            yield f"{_APPLY[applies]}: {', '.join(names)}."


def _verdict(measured: Measured) -> str:
    if measured.flat is None:
        return "Near the flatness of a plateau, and samples do not tell more"
    if measured.flat and measured.stands_out:
        return (
            "As flat as a random circuit, but of a size at which its gradient still stands out of "
            f"shot noise with {measured.shots} shots: a plateau if it grows, not yet"
        )
    if measured.flat:
        return "On a plateau, as far as one size can tell"
    if measured.stands_out is False:
        return f"Steeper than a plateau, but below shot noise with {measured.shots} shots"
    return "Not on a plateau"


def _checks(measured: Measured) -> Iterator[Check]:
    square = measured.square("uniform")
    yield Check(
        "Derivatives at uniform weights are as small as those of a random circuit (a 2-design).",
        f"a mean square of at most {FLAT:g} × {measured.random:.3g}",
        _text(square),
        measured.flat,
        "That is what a barren plateau looks like at one size; that it gets flatter "
        "exponentially is seen from several sizes only.",
    )
    found, twice = measured.square(measured.initialisation), measured.visible
    yield Check(
        f"With {measured.shots} shots a circuit, a component of the gradient stands out of shot "
        "noise.",
        f"a mean square above {twice:.3g}, two standard errors squared",
        _text(found),
        measured.stands_out,
        f"At {measured.initialisation} weights.",
    )


def _needed(measured: Measured) -> dict[str, float]:
    """Return how many shots a circuit it takes to see what."""
    square = (measured.chosen**2).mean(axis=0)
    variance, amplification = measured.shot_variance, measured.amplification[measured.alive]
    typical = shots_for_derivative(
        square.mean(keepdims=True), variance, amplification.mean(keepdims=True)
    )
    found = {
        "a component of root-mean-square size at two standard errors": float(typical[0]),
        "that there is a gradient at all, by its sum of squares": shots_for_gradient(
            square, variance, amplification
        ),
        "its direction to a cosine of 0.9": shots_for_direction(
            square, variance, amplification, cosine=0.9
        ),
    }
    return {what: max(1.0, float(np.ceil(shots))) for what, shots in found.items()}


def _shots(measured: Measured) -> pd.DataFrame:
    found = _needed(measured)
    frame = pd.DataFrame({"what": list(found), "shots": list(found.values())})
    return frame.assign(shots_of_a_gradient=frame["shots"] * measured.asked.circuits_per_gradient)


def _caveats(measured: Measured) -> Iterator[str]:
    yield (
        "A barren plateau is a decay with the number of qubits, which cannot be measured of one "
        "circuit: save it at three or more sizes and compare their mean squares, or use the "
        "diagnostic of gradient variances for its ansatz."
    )
    if measured.samples < measured.wanted_samples:
        yield (
            f"{measured.samples} draws of the weights were taken, not {measured.wanted_samples}, "
            "to end in reasonable time; intervals are wider for it."
        )
    data = len(measured.asked.program.parameters) - len(measured.asked.weights)
    if data:
        yield (
            f"{data} parameters are taken for data, drawn uniformly from [−π, π] with each draw of "
            "the weights."
        )
    yield (
        "The standard error is that of the parameter-shift rule with the mean variance of a single "
        "shot at its points, the same for every weight. It is taken to be normal, which is rough "
        "below some 30 shots. Gate noise is not simulated."
    )


def _text(interval: Interval) -> str:
    return f"{interval.mean:.3g} [{interval.low:.3g}, {interval.high:.3g}]"


def _count(number: float) -> str:
    return f"{number:,.0f}" if math.isfinite(number) else "infinitely many"

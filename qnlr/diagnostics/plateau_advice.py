"""Which strategies apply to a circuit, as rules over what was measured of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from qnlr.diagnostics.shots_needed import chance_of_a_worse_probe
from qnlr.intervals import Interval

CLEAR = 2.0
"""Mean squares differ if one's lower end is so many times the other's upper end."""
PAPERS_RATE = 0.01
NLR_CLIMBS = 1 / 3
"""p = η/(η + η') at the paper's η' = 2η, above which NLR climbs on average."""
YES, PERHAPS, NO = "yes", "perhaps", "no"


@dataclass(frozen=True)
class Facts:
    """What was measured of a circuit.

    Args:
        qubits: Qubits that the observable depends on.
        locality: Largest number of qubits that a string of the observable acts on.
        flat: Whether derivatives are as small as those of a random circuit; None if unclear.
        square: Mean square of the derivatives at uniform weights.
        small: The same at small angles.
        short: The same of the shortest beginning of the circuit, at uniform weights, or None.
        short_weights: Weights of that beginning.
        gradient_square: Mean of ‖∇f‖² at uniform weights.
        shot_variance: Variance of a single shot.
        shots: Shots of every circuit.
        seen: Share of derivatives that are read beyond two standard errors.
        lost: Chance that some gate errs.
    """

    qubits: int
    locality: int
    flat: bool | None
    square: Interval
    small: Interval
    short: Interval | None
    short_weights: int
    gradient_square: float
    shot_variance: float
    shots: int
    seen: float
    lost: float


Advice = tuple[str, str]


def _local_cost(facts: Facts) -> Advice:
    acts = f"strings of the observable act on up to {facts.locality} of {facts.qubits} qubits"
    if 2 * facts.locality <= facts.qubits:
        return NO, f"{acts}: it is local already"
    if facts.flat is False:
        return NO, f"{acts}, but the derivatives are not those of a plateau"
    return YES, f"{acts}, which flattens even shallow circuits; train on a local observable first"


def _shallow(facts: Facts) -> Advice:
    if facts.short is None:
        return NO, "the circuit has too few weights to be cut"
    ratio = facts.short.mean / facts.square.mean
    text = (
        f"with the gates of its first {facts.short_weights} weights alone, the mean square is "
        f"{ratio:.3g} times that of the whole circuit"
    )
    if facts.flat is False:
        return NO, f"{text}, which is not flat either"
    if facts.short.low > CLEAR * facts.square.high:
        return YES, text + ": depth is part of the cause"
    return NO, text + ": depth is not what makes it flat"


def _layerwise(facts: Facts) -> Advice:
    found, text = _shallow(facts)
    return (PERHAPS if found == YES else NO), text


def _small_angles(facts: Facts) -> Advice:
    ratio = facts.small.mean / facts.square.mean
    text = f"measured: at small angles the mean square is {ratio:.3g} times that at uniform weights"
    if facts.small.low > CLEAR * facts.square.high:
        return YES, text
    if facts.small.high < facts.square.low:
        return NO, text + ", so that the start would be flatter still"
    return NO, text


def _identity_blocks(facts: Facts) -> Advice:
    found, text = _small_angles(facts)
    if found == YES:
        return PERHAPS, f"{text}, and blocks that start as the identity share the cause"
    return NO, f"a circuit near the identity is no steeper here ({text})"


def _warm_start(facts: Facts) -> Advice:
    if facts.flat is False:
        return NO, "random weights have a gradient already"
    return PERHAPS, "if weights of a smaller instance are at hand: it avoids random ones"


def _natural_gradient(facts: Facts) -> Advice:
    text = "it rescales a gradient that has to be measured first, and adds a metric to measure"
    if facts.flat is False:
        return PERHAPS, f"{text}; it can help with a bad scaling, not with a plateau"
    return NO, f"{text}: {facts.seen:.0%} of the components are read beyond 2 standard errors"


def _mitigation(facts: Facts) -> Advice:
    if facts.lost == 0:
        return NO, "no error rate was given"
    text = f"some gate errs in {facts.lost:.0%} of the shots, as if gates erred independently"
    if facts.lost < 0.1:
        return NO, text
    return PERHAPS, f"{text}; mitigation takes out a bias, at the cost of more shots, no plateau"


def _nlr(facts: Facts) -> Advice:
    p = chance_of_a_worse_probe(
        facts.gradient_square, facts.shot_variance, facts.shots, PAPERS_RATE
    )
    text = f"at η = {PAPERS_RATE:g} and {facts.shots} shots a probe reads higher with p = {p:.2f}"
    if p > NLR_CLIMBS:
        return NO, (
            f"{text}, by shot noise: the trigger fires at random, and the mean step leads uphill, "
            "as p > η/(η + η') = 1/3 for η' = 2η; a trigger in standard errors avoids that, and "
            "then the steps are those of SGD"
        )
    return PERHAPS, f"{text}, below η/(η + η') = 1/3 for η' = 2η: the mean step leads downhill"


RULES: dict[str, Callable[[Facts], Advice]] = {
    "local_cost": _local_cost,
    "shallow": _shallow,
    "layerwise": _layerwise,
    "small_angles": _small_angles,
    "identity_blocks": _identity_blocks,
    "warm_start": _warm_start,
    "natural_gradient": _natural_gradient,
    "mitigation": _mitigation,
    "nlr": _nlr,
}
"""Rules by the names that strategies, and the optimizer, have in configs."""


def advice(facts: Facts) -> pd.DataFrame:
    """Return which strategies apply, and why.

    Args:
        facts: What was measured.

    Returns:
        Columns ``strategy``, ``applies`` (yes, perhaps or no) and ``reason``.

    Example:
        >>> one = Interval(0.01, 0.008, 0.012, 50)
        >>> facts = Facts(8, 8, True, one, one.times(9), None, 0, 0.5, 1.0, 1000, 0.3, 0.0)
        >>> found = advice(facts).set_index("strategy")["applies"]
        >>> found["local_cost"], found["small_angles"], found["mitigation"]
        ('yes', 'yes', 'no')
    """
    rows = []
    for name, rule in RULES.items():
        applies, reason = rule(facts)
        if applies == YES and facts.flat is False:
            applies, reason = PERHAPS, f"{reason}; there is no plateau to be left"
        rows.append((name, applies, reason))
    return pd.DataFrame(rows, columns=["strategy", "applies", "reason"])

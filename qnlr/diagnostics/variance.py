"""How the variance of a derivative falls with qubits: whether a random circuit is on a plateau."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from qnlr.diagnostics.findings import Findings, Lines, Told, untold
from qnlr.diagnostics.random_gradients import Case, chosen, depth, described
from qnlr.diagnostics.rates import Spread, quantile, variance_interval
from qnlr.diagnostics.second_moments import Damping, Moments, Pair, Turn, second_moments
from qnlr.diagnostics.two_design import two_design_variance, two_design_variance_at_start
from qnlr.diagnostics.variance_checks import checks, rates, sentences
from qnlr.errors import InputError, require_count
from qnlr.intervals import LEVEL
from qnlr.types import FloatArray

CAVEATS = (
    "Derivatives are exact, without shots: what varies is the weights alone.",
    "Each interval and each slope misses what is true in 5 % of cases at 95 % confidence, so of "
    "twenty checks that rest on one, one fails by chance.",
    "Where few samples make the variance (column kurtosis), as for global observables of shallow "
    "circuits on many qubits, its interval is too narrow and lies too low.",
    "hardware_efficient has a chain of CX from qubit 0 to n − 1 in each layer: z reads qubit 0, "
    "which sees one qubit more with each layer; the last qubit sees all of them from the first.",
)


def gradient_variance(
    qubits: tuple[int, ...] = (2, 4, 6, 8, 10),
    layers: tuple[str, ...] = ("1", "log", "4n"),
    observables: tuple[str, ...] = ("z", "global_z"),
    ansatz: str = "hardware_efficient",
    initialisation: str = "uniform",
    component: str = "first",
    samples: int = 1000,
    confidence: float = LEVEL,
    seed: int = 0,
    told: Told = untold,
) -> Findings:
    r"""Measure the variance of a derivative over random weights against qubits and depth.

    .. math:: \mathrm{Var}_θ\Big[\frac{∂f}{∂θ_k}\Big] \propto e^{-b n}

    with b = ln 2 where the circuit is deep enough to be a 2-design (McClean et al. 2018), b > 0 for
    a global observable at any depth, and no exponential for a local one of a shallow circuit
    (Cerezo et al. 2021). The rate b is fitted with weights and compared with that of a power law
    and of a constant by AICc; and with the exact second moments of the same circuits, where they
    are known: uniform weights, and at most 8 qubits that a term of the observable depends on.

    Here f is the expectation value of an observable with eigenvalues from −1 to 1, θ_k one of the
    weights, in radians, n the number of qubits and L that of layers. A 2-design is a random circuit
    with the second moments of uniformly random unitaries; a local observable acts on qubits whose
    number does not grow with n, or is a mean of such, and a global one on all of them.

    Source: McClean et al., Nature Communications 9, 4812 (2018); Cerezo et al., Nature
    Communications 12, 1791 (2021).

    Args:
        qubits: Numbers of qubits n, at least 2 different ones.
        layers: Depths: a number such as "3", a multiple of n such as "4n", or of its logarithm such
            as "2log".
        observables: What is read out: z (qubit 0), mean_z or global_z.
        ansatz: hardware_efficient, efficient_su2, identity_blocks, or random_axes: one rotation
            about a random axis and CZ gates, as McClean et al. have it; it needs more layers to be
            a 2-design.
        initialisation: uniform, gaussian, or identity (with identity_blocks).
        component: Which of the derivatives that the observable sees: first (as McClean et al. look
            at), middle or last.
        samples: Weights that are drawn for each size, at least 5.
        confidence: Confidence level of the intervals, in (0, 1).
        seed: Seed of the weights; different observables see the same ones.
        told: Told of progress.

    Returns:
        One row for each size, depth and observable: variance of the derivative with its interval,
        the mean over all derivatives, what theory says; and the fitted rates.

    Raises:
        InputError: If a setting is not valid.

    Example:
        >>> found = gradient_variance((2, 3, 4), ("1",), ("global_z",), samples=2000)
        >>> print(found.frame[["qubits", "theory", "two_design"]].round(4).to_string(index=False))
         qubits  theory  two_design
              2  0.2500      0.1333
              3  0.0625      0.0635
              4  0.0625      0.0314
        >>> [check.word for check in found.checks][:1]
        ['holds']
    """
    if len(set(qubits)) < 2 or len(set(qubits)) < len(qubits):
        raise InputError(
            f"qubits = {tuple(qubits)} is not valid; give at least 2 different numbers of qubits"
        )
    if not layers or not observables:
        raise InputError("layers and observables need at least one entry each")
    require_count("samples", samples, low=5)
    quantile(confidence)
    cases = [
        (rule, Case(require_count("qubits", n), depth(rule, n), name, ansatz, initialisation))
        for rule in layers
        for name in observables
        for n in sorted(qubits)
    ]
    batches = [-(-samples // case.batch) for _, case in cases]
    rows, done = [], 0
    for (rule, case), number in zip(cases, batches, strict=True):
        gradients = drawn(case, samples, seed, told, done, sum(batches))
        done += number
        rows.append({"depth": rule, **row(case, gradients, component, confidence)})
    frame = pd.DataFrame(rows)
    fitted = rates(frame, ["observable", "depth"], "qubits", confidence)
    return Findings(
        title=f"Variance of gradients of {ansatz}, {initialisation} weights",
        frame=frame,
        says=sentences(fitted, "n"),
        checks=checks(frame, fitted, confidence),
        drawings=_drawings(frame, confidence, samples),
        tables={"rates": fitted},
        caveats=CAVEATS,
    )


def drawn(case: Case, samples: int, seed: int, told: Told, done: int, total: int) -> FloatArray:
    """Return gradients of random weights, shape (samples, rotations), telling of each batch."""
    parts = []
    for number, part in enumerate(case.gradients(samples, seed), start=1):
        parts.append(part)
        told(done + number, total)
    return np.concatenate(parts)


def row(
    case: Case,
    gradients: FloatArray,
    component: str,
    confidence: float,
    damping: Damping | None = None,
) -> dict[str, object]:
    """Return what gradients of random weights say of a case, and what theory does."""
    number = chosen(gradients, component)
    one = variance_interval(gradients[:, number], confidence)
    samples = len(gradients)
    squares = ((gradients - gradients.mean(axis=0)) ** 2).mean(axis=1) * samples / (samples - 1)
    mean = float(squares.mean())
    mean_std = float(squares.std(ddof=1) / math.sqrt(samples) / mean)
    half = quantile(confidence) * mean_std
    norms = np.linalg.norm(gradients, axis=1)
    theory = theoretical(case, number, damping)
    return {
        "qubits": case.qubits,
        "layers": case.layers,
        "observable": case.observable,
        "ansatz": case.ansatz,
        "initialisation": case.initialisation,
        "component": described(case, number),
        **_spread(one),
        "samples": samples,
        "mean_variance": mean,
        "mean_low": mean * math.exp(-half),
        "mean_high": mean * math.exp(half),
        "mean_std": mean_std,
        "gradient_norm": float(norms.mean()),
        "magnitude": float(np.abs(gradients[:, number]).mean()),
        "magnitude_std": float(np.abs(gradients[:, number]).std(ddof=1) / math.sqrt(samples)),
        "theory": math.nan if theory is None else theory.chosen,
        "mean_theory": math.nan if theory is None else theory.mean,
        "two_design": deep_variance(case, number),
        "locality": case.locality,
    }


def theoretical(case: Case, number: int, damping: Damping | None = None) -> Moments | None:
    """Return exact second moments of a case, where they are known."""
    single = len(case.operator.simplify()) == 1
    if case.initialisation != "uniform" or case.walk is None or (case.one_axis and not single):
        return None
    return second_moments(case.walk, case.operator, number, damping, case.start)


def deep_variance(case: Case, number: int) -> float:
    """Return the variance of a derivative if what follows it, and precedes it, is a 2-design.

    Nothing precedes the first rotation of a qubit: it acts on a product state then, on which the
    generator has an expectation value of its own.
    """
    for step in case.walk or ():
        if isinstance(step, Pair):
            break
        if step.number == number and not _turned_before(case, number):
            spared = float(np.mean([1.0 - case.start[axis - 1] for axis in step.axes]))
            return spared * two_design_variance_at_start(case.qubits, case.operator)
    return two_design_variance(case.qubits, case.operator)


def _turned_before(case: Case, number: int) -> bool:
    """Return whether an earlier rotation acts on the qubit that a rotation acts on."""
    turns = [step for step in case.walk or () if isinstance(step, Turn)]
    qubit = next(turn.qubit for turn in turns if turn.number == number)
    return next(turn.number for turn in turns if turn.qubit == qubit) != number


def _spread(one: Spread) -> dict[str, float]:
    return {
        "variance": one.variance,
        "low": one.low,
        "high": one.high,
        "std": one.std,
        "kurtosis": one.kurtosis,
    }


def _drawings(frame: pd.DataFrame, confidence: float, samples: int) -> tuple[Lines, ...]:
    shown = frame.assign(
        which="L = " + frame["depth"],
        expected=frame["theory"].fillna(frame["two_design"].where(deep(frame))),
    )
    intervals = f"Intervals of {100 * confidence:g} % over {samples} draws of the weights"
    return (
        Lines(
            shown,
            x="qubits",
            y="variance",
            low="low",
            high="high",
            by="observable",
            panel="which",
            expected="expected",
            xlabel="number of qubits n",
            ylabel="Var ∂f/∂θ (1/rad²)",
            logy=True,
            name="variance",
            title="Variance of one derivative",
            caption=f"{intervals} (Bonett). Thin lines: exact second moments; beyond the qubits "
            "for which they are known, a 2-design for depths in proportion to n.",
        ),
        Lines(
            shown,
            x="qubits",
            y="mean_variance",
            low="mean_low",
            high="mean_high",
            by="observable",
            panel="which",
            expected="mean_theory",
            xlabel="number of qubits n",
            ylabel="mean Var ∂f/∂θ (1/rad²)",
            logy=True,
            name="mean_variance",
            title="Variance of a derivative, mean over all weights",
            caption=f"{intervals}. Thin lines: exact second moments, where they are known.",
        ),
    )


def deep(frame: pd.DataFrame) -> pd.Series[bool]:
    """Return which rows have a depth in proportion to the number of qubits."""
    return frame["depth"].astype(str).str.endswith("n")

"""How gradients fall with depth under gate noise: the noise-induced barren plateau."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from qnlr.diagnostics.findings import Check, Findings, Lines, Told, untold
from qnlr.diagnostics.random_gradients import Case, chosen
from qnlr.diagnostics.rates import DOUBT, agrees, quantile
from qnlr.diagnostics.second_moments import Damping
from qnlr.diagnostics.variance import row, theoretical
from qnlr.diagnostics.variance_checks import (
    Laws,
    agreement,
    laws_of,
    rate_of,
    rates,
    sentences,
)
from qnlr.errors import InputError, require_count, require_within
from qnlr.intervals import LEVEL
from qnlr.noise import Noise, from_rate
from qnlr.simulator import Simulator, exact_jacobian
from qnlr.types import FloatArray

CAVEATS = (
    "Gate noise alone: read-out is perfect, as it lowers gradients by a factor that does not grow "
    "with depth.",
    "Derivatives are exact, without shots: on a device shot noise hides them long before they are "
    "this small.",
    "The bound is on second moments over uniform weights. Wang et al. bound every single "
    "derivative, with a prefactor that grows with √n.",
    "Depolarizing noise takes all weights to one value. Noise with a preferred state, such as "
    "relaxation, does so to another, with other rates.",
)


def noisy_gradient_variance(
    qubits: tuple[int, ...] = (4, 6),
    layers: tuple[int, ...] = (1, 2, 4, 8, 16, 24, 32, 40),
    noise_rates: tuple[float, ...] = (0.0, 0.007, 0.021),
    observables: tuple[str, ...] = ("z", "global_z"),
    component: str = "first",
    samples: int = 200,
    fitted_from: int = 8,
    confidence: float = LEVEL,
    seed: int = 0,
    told: Told = untold,
) -> Findings:
    r"""Measure gradients of random weights against depth under depolarizing gate noise.

    .. math:: E_θ\Big[\Big(\frac{∂f}{∂θ_k}\Big)^2\Big]_{noisy}
              \le q^{2L} \; E_θ\Big[\Big(\frac{∂f}{∂θ_k}\Big)^2\Big]_{noise-free},
              \qquad q = (1 - λ_1)^3 (1 - λ_2)

    for the ansatz hardware_efficient on two qubits or more. Taken back through the circuit, a
    depolarizing channel scales a Pauli string that it meets by 1 − λ; in each layer every string
    meets three of one qubit at least, behind RX, RY and RZ, and one of two qubits behind a CX. As
    strings add up with positive weights in second moments, each path has a factor of q^(2L) or
    less. Longer strings meet more of them, so the true rate is above −2 ln q per layer: it follows
    from the exact second moments, and tends to a constant for deep circuits.

    Here f is the expectation value of an observable with eigenvalues from −1 to 1, θ_k one of the
    weights, in radians, n the number of qubits and L that of layers; ν is the average error rate of
    gates, and λ_1 and λ_2 are what it gives for gates on one and on two qubits.

    Source: Wang et al., Nature Communications 12, 6961 (2021), Theorem 1 (∂f is at most in
    proportion to q^(L+1) for Pauli noise on all qubits in each layer).

    Args:
        qubits: Numbers of qubits n, 2 to 8.
        layers: Depths L, at least 2 different ones.
        noise_rates: Average error rates ν of gates as of :func:`qnlr.noise.from_rate`: ν/7 behind
            one-qubit gates, 10ν/7 behind two-qubit gates; read-out is perfect.
        observables: What is read out: z (qubit 0), mean_z or global_z.
        component: Which of the derivatives that the observable sees: first, middle or last.
        samples: Weights that are drawn for each size, at least 5.
        fitted_from: Smallest depth that rates are fitted to: shallower circuits are not random yet.
        confidence: Confidence level of the intervals, in (0, 1).
        seed: Seed of the weights; different observables and noise rates see the same ones.
        told: Told of progress.

    Returns:
        One row for each n, L, rate and observable: variance of the derivative with its interval,
        mean |∂f|, mean ‖∇f‖, exact second moments, bound; and the fitted rates per layer.

    Raises:
        InputError: If a setting is not valid.

    Example:
        >>> found = noisy_gradient_variance((2,), (2, 4, 6), (0.05,), ("z",), samples=20)
        >>> found.frame[["layers", "theory", "bound"]].round(5)
           layers   theory    bound
        0       2  0.08979  0.09471
        1       4  0.03419  0.04026
        2       6  0.01835  0.02391
    """
    if len(set(layers)) < 2:
        raise InputError(f"layers = {tuple(layers)} is not valid; give at least 2 different depths")
    if not qubits or not noise_rates or not observables:
        raise InputError("qubits, noise_rates and observables need at least one entry each")
    require_count("samples", samples, low=5)
    quantile(confidence)
    cases = [
        Case(require_count("qubits", n, low=2, high=8), require_count("layers", depth), name)
        for name in observables
        for n in sorted(set(qubits))
        for depth in sorted(set(layers))
    ]
    rows, total = [], len(noise_rates) * len(cases)
    for rate in noise_rates:
        noise, left = gate_noise(require_within("noise rate ν", rate, 0.0, 0.5))
        simulator = Simulator(noise.model if rate else None)
        for case in cases:
            gradients = _gradients(case, simulator, samples, seed)
            rows.append({"noise_rate": rate, **_row(case, left, gradients, component, confidence)})
            told(len(rows), total)
    frame = pd.DataFrame(rows)
    deep = frame[frame["layers"] >= fitted_from]
    by = ["observable", "qubits", "noise_rate"]
    fitted = rates(deep, by, "layers", confidence)
    return Findings(
        title="Variance of gradients under gate noise",
        frame=frame,
        says=sentences(fitted, "L"),
        checks=tuple(_checks(frame, fitted, confidence)),
        drawings=_drawings(frame, confidence, samples),
        tables={"rates": fitted},
        caveats=CAVEATS,
    )


def gate_noise(rate: float) -> tuple[Noise, Damping]:
    r"""Return depolarizing gate noise, and what it leaves of Pauli strings.

    .. math:: λ_1 = 2 r_1, \quad λ_2 = \tfrac{4}{3} r_2, \qquad r_1 = ν/7, \quad r_2 = 10ν/7

    Args:
        rate: Average error rate ν, 0 to 0.5.

    Returns:
        The noise model, without read-out errors, and 1 − λ behind one-qubit and two-qubit gates.

    Example:
        >>> noise, left = gate_noise(0.007)
        >>> round(left.one, 6), round(left.two, 6)
        (0.998, 0.986667)
    """
    one, two = rate / 7, 10 * rate / 7
    noise = from_rate(rate, one_qubit=one, two_qubit=two, readout=0.0)
    return noise, Damping(1 - 2 * one, 1 - 4 * two / 3)


def _gradients(case: Case, simulator: Simulator, samples: int, seed: int) -> FloatArray:
    """Return exact gradients, shape (samples, P)."""
    support = np.flatnonzero((case.operator.paulis.x | case.operator.paulis.z).any(axis=0))
    program = simulator.program(case.circuit, support.tolist())
    drawn = case.weights(samples, seed)
    wanted = np.ones(drawn.shape[1], dtype=bool)
    # one at a time, all that is behind a rotation is shared, and one sweep gives all shifts
    size = 1 if program.tape.has_noise else case.batch
    parts = np.split(drawn, range(size, samples, size))
    return np.concatenate(
        [exact_jacobian(program, part, case.operator, wanted).derivatives for part in parts]
    )


def _row(
    case: Case, left: Damping, gradients: FloatArray, component: str, confidence: float
) -> dict[str, object]:
    free = theoretical(case, chosen(gradients, component))
    return {
        **row(case, gradients, component, confidence, left),
        "bound": math.nan if free is None else left.per_layer ** (2 * case.layers) * free.chosen,
    }


def _checks(frame: pd.DataFrame, fitted: pd.DataFrame, confidence: float) -> Iterator[Check]:
    by = ["observable", "qubits", "noise_rate"]
    known = {} if fitted.empty else {key: laws_of(part) for key, part in fitted.groupby(by)}
    key: Any
    for key, group in frame.groupby(by, sort=False):
        name, n, rate = key
        laws = known.get(key, {})
        who = f"{name}, {n} qubits, ν = {rate:g}"
        exact = agreement(group, who)
        if exact is not None:
            yield exact
        if not rate or not laws:
            continue
        left = gate_noise(rate)[1]
        yield _rate_check(laws, who, left, _asymptotic(group, left), confidence)
        yield _bound_check(group, who, left)


def _rate_check(laws: Laws, who: str, left: Damping, asymptotic: float, confidence: float) -> Check:
    rate, predicted = rate_of(laws, "exponential"), laws["exponential"]["predicted"]
    exponential = laws["exponential"]["decays_exponentially"]
    inside = agrees(rate, predicted, confidence)
    floor = -2 * math.log(left.per_layer)
    return Check(
        statement=f"{who}: the variance falls exponentially with depth",
        predicted=f"rate {predicted:.4f} per layer over these depths, {asymptotic:.4f} for deep "
        f"circuits, at least −2 ln q = {floor:.4f}",
        measured=f"{rate.text(4)} per layer; exponential beside a power law and a constant: "
        f"{ {True: 'clearly', False: 'no', None: 'not clearly'}[exponential] }",
        holds=False if exponential is False else (exponential and inside),
    )


def _bound_check(group: pd.DataFrame, who: str, left: Damping) -> Check:
    above = np.log(group["variance"] / group["bound"]) / group["std"]
    chance = min(1.0, len(group) * float(stats.norm.sf(above.max())))
    ratio = group["variance"] / group["bound"]
    return Check(
        statement=f"{who}: noise takes a factor of q^(2L) at least, q = {left.per_layer:.4f}",
        predicted="Var at most q^(2L) times that without noise",
        measured=f"{ratio.max():.3g} of the bound at most, {ratio.min():.3g} at least; probability "
        f"of so much above it {chance:.2g}",
        holds=chance > DOUBT,
        remark="z and one layer meet the bound exactly, so what is measured lies on either side",
    )


def _asymptotic(group: pd.DataFrame, left: Damping) -> float:
    """Return the rate per layer of exact second moments, far beyond the depths measured."""
    deep = 2 * int(group["layers"].max())
    n, name = int(group["qubits"].iloc[0]), str(group["observable"].iloc[0])
    found = [theoretical(Case(n, L, name), 0, left) for L in (deep, deep + 1)]
    values = [moments.value for moments in found if moments is not None]
    return math.log(values[0] / values[1]) if len(values) == 2 and values[1] > 0 else math.nan


def _drawings(frame: pd.DataFrame, confidence: float, samples: int) -> tuple[Lines, ...]:
    z = quantile(confidence)
    shown = frame.assign(
        case=[
            f"{name}, n = {n}, ν = {rate:g}"
            for name, n, rate in zip(
                frame["observable"], frame["qubits"], frame["noise_rate"], strict=True
            )
        ],
        which=[
            f"{name}, {n} qubits"
            for name, n in zip(frame["observable"], frame["qubits"], strict=True)
        ],
        rate=[f"ν = {rate:g}" for rate in frame["noise_rate"]],
        magnitude_low=frame["magnitude"] - z * frame["magnitude_std"],
        magnitude_high=frame["magnitude"] + z * frame["magnitude_std"],
    )
    intervals = f"intervals of {100 * confidence:g} % over {samples} draws of the weights"
    return (
        Lines(
            shown,
            x="layers",
            y="variance",
            low="low",
            high="high",
            by="rate",
            panel="which",
            expected="theory",
            xlabel="depth L (layers)",
            ylabel="Var ∂f/∂θ (1/rad²)",
            logy=True,
            name="variance",
            title="Variance of a derivative under gate noise",
            caption=f"Bonett's {intervals}. Thin lines: exact second moments.",
        ),
        Lines(
            shown,
            x="layers",
            y="magnitude",
            low="magnitude_low",
            high="magnitude_high",
            by="rate",
            panel="which",
            xlabel="depth L (layers)",
            ylabel="mean |∂f/∂θ| (1/rad)",
            logy=True,
            name="magnitude",
            title="Magnitude of a derivative under gate noise",
            caption=f"Normal {intervals}.",
        ),
    )

"""Theorem 2 of the paper: what NLR does where gradients are informative."""

from __future__ import annotations

import pandas as pd
from qiskit.quantum_info import SparsePauliOp

from qnlr.circuits import hardware_efficient
from qnlr.diagnostics.descents import decays, floor_exponents, floor_levels, floors, settle
from qnlr.diagnostics.findings import Check, Drawing, Findings, Lines, Told, untold
from qnlr.diagnostics.post_escape_checks import checks_of
from qnlr.diagnostics.surface import Surface
from qnlr.diagnostics.violations import informative_points, violation_rates
from qnlr.errors import InputError, require_count, require_positive
from qnlr.rng import stream


def theorem_2(
    qubits: int = 4,
    layers: int = 1,
    field: float = 1.0,
    shots: int = 100,
    few_shots: int = 2,
    epsilon: float = 0.3,
    kappa: float = 2.0,
    rates: tuple[float, ...] = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0),
    points: int = 40,
    repeats: int = 20,
    powers: tuple[float, ...] = (0.6, 1.0),
    first_rate: float = 1.0,
    offset: float = 20.0,
    decay_steps: int = 600,
    floor_rates: tuple[float, ...] = (0.05, 0.1, 0.2, 0.4),
    floor_steps: int = 300,
    trajectories: int = 10,
    seed: int = 0,
    told: Told = untold,
) -> Findings:
    r"""Test what NLR does in an informative region: violations, convergence, and the last floor.

    .. math:: p ≤ O\Big(\frac{ηLσ^2d}{ε^2}\Big) → 0 \quad (η → 0), \qquad
              E‖∇C(θ_t)‖^2 ≤ O(ησ^2 + 1/t)

    is what the paper states, and convergence to stationary points under η_t = η_0 (b/(t + b))^γ
    with γ in (½, 1]. Its proof takes losses to be compared exactly; here they are compared exactly
    and as shots measure them. The cost is the energy of a transverse-field Ising chain for each
    qubit, which no state has without shot noise:

    .. math:: O = \frac{1}{n} \Big[\sum_q Z_q Z_{q+1} + h \sum_q X_q\Big]

    Here C is the exact cost, θ_t are its d weights after t steps, p is the probability that a probe
    reads higher, σ² the variance of a coordinate of the measured gradient, ε the least norm of the
    gradient in the informative region, and L in the bound how much the gradient changes with θ; η
    is the learning rate and η' = κη the negative rate. Fitted are α in ‖∇C‖² ∝ (t + b)^(−α) under
    decaying rates, and β in ‖∇C‖² ∝ η^β where gradients stop at a constant one.

    Source: NLR paper, Theorem 2 and Appendix A; Robbins and Monro, Ann. Math. Statist. 22, 400
    (1951).

    Args:
        qubits: n, at least 2.
        layers: L of the hardware-efficient ansatz, at least 1; few of them keep gradients.
        field: h > 0.
        shots: Shots per circuit.
        few_shots: Fewer shots, for which measured gradients may point up.
        epsilon: ε > 0: violations are counted at random weights with ‖∇C‖ ≥ ε.
        kappa: η'/η > 0.
        rates: Learning rates η at which violations are counted, above 0.
        points: Weights at which they are counted, at least 2.
        repeats: Steps that are tried at each of them, at least 1.
        powers: γ of the schedules, in (½, 1].
        first_rate: η_0 > 0.
        offset: b > 0, in steps.
        decay_steps: Steps under a schedule, at least 50.
        floor_rates: Constant learning rates whose floors are measured, at least two, above 0.
        floor_steps: Steps at each of them, of which the last half count, at least 10.
        trajectories: Random starts in the informative region, the same for all, at least 2.
        seed: Seed of weights and shots.
        told: Told of progress.

    Returns:
        Gradients and costs by rule, schedule and step; tables of violations, decays and floors.

    Raises:
        InputError: If a setting lies outside its range.

    Example:
        >>> found = theorem_2(
        ...     qubits=2, rates=(0.01, 0.1), points=4, repeats=2, powers=(1.0,),
        ...     decay_steps=50, floor_rates=(0.1, 0.2), floor_steps=10, trajectories=2,
        ... )
        >>> list(found.tables)
        ['violations', 'decays', 'floors', 'floor_fits']
    """
    _require(powers, rates, floor_rates, trajectories)
    require_count("points", points, low=2)
    require_count("decay_steps", decay_steps, low=50)
    require_count("floor_steps", floor_steps, low=10)
    surface = _surface(qubits, layers, field, shots)
    settings = [qubits, layers, shots, trajectories]
    rng = stream("theorem_2 shots", seed, settings)
    weights = informative_points(
        surface, max(points, trajectories), epsilon, stream("theorem_2 starts", seed, settings)
    )
    starts = weights[:trajectories]
    few = _surface(qubits, layers, field, few_shots)
    violations = pd.concat(
        [
            violation_rates(one, weights[:points], rates, repeats, epsilon, rng)
            for one in (surface, few)
        ]
    ).reset_index(drop=True)
    total = decay_steps * len(powers) + floor_steps * (len(floor_rates) + 1)

    def tell_from(begun: int) -> Told:
        return lambda done, _: told(begun + done, total)

    parts = [
        decays(
            surface,
            starts,
            power,
            first_rate,
            offset,
            decay_steps,
            kappa,
            rng,
            tell_from(number * decay_steps),
        )
        for number, power in enumerate(powers)
    ]
    curves, fits = (pd.concat(some).reset_index(drop=True) for some in zip(*parts, strict=True))
    begun = decay_steps * len(powers)
    eta = max(floor_rates)
    settled = settle(surface, starts, eta)
    level = floors(surface, settled, floor_rates, floor_steps, kappa, rng, tell_from(begun))
    fine = _surface(qubits, layers, field, 4 * shots)
    begun += floor_steps * len(floor_rates)
    finer = floors(fine, settled, [eta], floor_steps, kappa, rng, tell_from(begun))
    tables = {
        "violations": violations,
        "decays": fits,
        "floors": floor_levels(pd.concat([level, finer])),
        "floor_fits": floor_exponents(level),
    }
    checks = checks_of(tables, pd.concat([level, finer]), kappa)
    return _findings(curves, tables, checks)


def ising_energy(qubits: int, field: float) -> SparsePauliOp:
    """Return the energy of a transverse-field Ising chain for each qubit.

    Args:
        qubits: n, at least 2.
        field: h.

    Returns:
        The observable.

    Example:
        >>> ising_energy(2, 1.0)
        SparsePauliOp(['ZZ', 'IX', 'XI'],
                      coeffs=[0.5+0.j, 0.5+0.j, 0.5+0.j])
    """
    pairs = [("ZZ", [q, q + 1], 1.0 / qubits) for q in range(qubits - 1)]
    fields = [("X", [q], field / qubits) for q in range(qubits)]
    return SparsePauliOp.from_sparse_list([*pairs, *fields], num_qubits=qubits)


def _surface(qubits: int, layers: int, field: float, shots: int) -> Surface:
    require_count("qubits", qubits, low=2)
    require_positive("field", field)
    return Surface(hardware_efficient(qubits, layers), ising_energy(qubits, field), shots)


def _require(
    powers: tuple[float, ...],
    rates: tuple[float, ...],
    floor_rates: tuple[float, ...],
    trajectories: int,
) -> None:
    for name, values, least in (("powers", powers, 1), ("rates", rates, 1)):
        if len(values) < least:
            raise InputError(f"{name} is empty; give at least one number")
    for power in powers:
        if not 0.5 < power <= 1:
            raise InputError(
                f"power = {power!r} is not valid; Robbins and Monro's conditions need γ in (½, 1]"
            )
    if len(set(floor_rates)) < 2:
        raise InputError(f"floor_rates = {floor_rates!r} is not valid; give at least two rates")
    for rate in (*rates, *floor_rates):
        require_positive("rate", rate)
    require_count("trajectories", trajectories, low=2)


def _findings(
    curves: pd.DataFrame, tables: dict[str, pd.DataFrame], checks: tuple[Check, ...]
) -> Findings:
    says = [
        f"{row.rule}, γ = {row.power:g}: α = {row.exponent:.2f} [{row.exponent_low:.2f}, "
        f"{row.exponent_high:.2f}], ‖∇C‖² at the end {row.left:.2g} of that at the start, cost "
        f"{row.cost_change:+.3f}, p = {row.p_last:.2f}."
        for row in tables["decays"].itertuples()
    ]
    return Findings(
        title="Theorem 2: NLR where gradients are informative",
        frame=curves,
        says=tuple(says),
        checks=checks,
        drawings=_drawings(curves, tables),
        tables=tables,
        caveats=(
            "The theorem's assumption that losses are compared exactly is what carries it: with "
            "measured losses the difference that a small step makes drowns in their noise.",
            "Where all is exact, some trajectories end with changes of the cost that are rounding: "
            "their p is of that.",
            "With few shots two losses are often equal, which is no violation: p is below ½ by "
            "half the share of ties.",
            "A finite number of steps cannot show almost sure convergence: exponents are fitted to "
            "the steps that were made.",
        ),
    )


def _drawings(curves: pd.DataFrame, tables: dict[str, pd.DataFrame]) -> tuple[Drawing, ...]:
    violations = tables["violations"]
    violations = violations.assign(panel="shots = " + violations["shots"].astype(str))
    shown = curves.assign(panel="γ = " + curves["power"].astype(str))
    return (
        Lines(
            violations,
            x="learning_rate",
            y="p",
            low="p_low",
            high="p_high",
            by="mode",
            panel="panel",
            expected="first_order",
            logx=True,
            xlabel="learning rate η",
            ylabel="p: the probe reads higher",
            name="violations",
            title="Violations where gradients are informative",
            caption="Means over weights with 95 % intervals; thin: the first order in η.",
        ),
        Lines(
            shown,
            x="step",
            y="square_gradient",
            low="square_gradient_low",
            high="square_gradient_high",
            panel="panel",
            band=True,
            logy=True,
            xlabel="step",
            ylabel="‖∇C‖², exact (1/rad²)",
            name="gradients",
            title="Gradients under decaying rates",
            caption="Geometric means over trajectories with 95 % intervals; "
            "η_t = η_0 (b/(t + b))^γ.",
            by="rule",
            logx=True,
        ),
        Lines(
            shown,
            x="step",
            y="cost",
            low="cost_low",
            high="cost_high",
            panel="panel",
            band=True,
            xlabel="step",
            ylabel="exact cost",
            name="costs",
            title="Costs under decaying rates",
            caption="Means over trajectories with 95 % intervals.",
            by="rule",
            logx=True,
        ),
        Lines(
            tables["floors"].query("shots == shots.min() and not rule.str.contains('all exact')"),
            x="learning_rate",
            y="square_gradient",
            low="square_gradient_low",
            high="square_gradient_high",
            logy=True,
            xlabel="learning rate η",
            ylabel="mean ‖∇C‖² of the last half (1/rad²)",
            name="floors",
            title="Where gradients stop at a constant rate",
            caption="Means over trajectories with 95 % intervals.",
            by="rule",
            logx=True,
        ),
    )

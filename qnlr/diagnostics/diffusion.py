"""Theorem 1 of the paper: how fast NLR and backtracking diffuse on a plateau."""

from __future__ import annotations

import numpy as np
import pandas as pd

from qnlr.circuits import global_z, hardware_efficient
from qnlr.diagnostics.armijo import Armijo
from qnlr.diagnostics.diffusion_checks import checks_of
from qnlr.diagnostics.diffusion_coefficients import Diffusion, diffusion
from qnlr.diagnostics.findings import Drawing, Findings, Lines, Told, untold
from qnlr.diagnostics.surface import Surface
from qnlr.diagnostics.trajectories import Trajectories, Walker, follow, random_walk
from qnlr.errors import require_count
from qnlr.intervals import bootstrap_interval, mean_interval
from qnlr.optimizers import NLR, SGD, Ratio, StandardErrors
from qnlr.rng import stream
from qnlr.types import FloatArray

DRAWN = 50
"""Steps that are drawn, at most."""


def theorem_1(
    qubits: int = 8,
    layers: int = 4,
    shots: int = 8,
    learning_rate: float = 0.01,
    kappa: float = 2.0,
    z: float = 2.0,
    trajectories: int = 24,
    steps: int = 100,
    seed: int = 0,
    told: Told = untold,
) -> Findings:
    r"""Measure how fast NLR and Armijo backtracking diffuse on a plateau.

    .. math:: D = \frac{E‖Δθ‖^2}{2d}, \qquad
              D^{NLR} = [(1 - p) η^2 + p η'^2] σ^2, \qquad
              D^{BT} = [(1 - p) η^2 + p E[\tilde η^2 | E]] σ^2

    is what the paper states, with E the event that the probe reads higher, p its probability, and
    σ² the variance of a coordinate of the measured gradient. Its own definition of D gives ½ of it.

    Here D is the diffusion coefficient, Δθ a step of the d weights θ, η the learning rate, η' = κη
    the negative rate, and η̃ the step that backtracking accepts. A probe is the loss at θ − ηg, for
    a measured gradient g of the cost C.

    Source: NLR paper, Theorem 1, Eq. 16 and Appendix A.

    Args:
        qubits: n, at least 1; the observable is Z on all of them.
        layers: L of the hardware-efficient ansatz, at least 1.
        shots: Shots per circuit; few of them make noise larger than the gradient, as on a plateau.
        learning_rate: η > 0.
        kappa: η'/η > 0.
        z: Standard errors of the trigger that fires on measured increases only.
        trajectories: Random starts, the same for all rules, at least 2.
        steps: Steps of each trajectory, at least 2.
        seed: Seed of starts and shots.
        told: Told of progress.

    Returns:
        Mean squared displacements and costs by rule and step, and a table of coefficients.

    Raises:
        InputError: If a setting lies outside its range.

    Example:
        >>> found = theorem_1(qubits=3, layers=2, shots=4, trajectories=4, steps=10)
        >>> list(found.tables)
        ['coefficients']
    """
    require_count("trajectories", trajectories, low=2)
    require_count("steps", steps, low=2)
    surface = Surface(hardware_efficient(qubits, layers), global_z(qubits), shots)
    settings = [qubits, layers, shots, trajectories]
    starts = surface.points(trajectories, stream("theorem_1 starts", seed, settings))
    rng = stream("theorem_1 shots", seed, settings)
    walkers = _walkers(learning_rate, kappa, z)
    total = 2 * steps
    paths = follow(surface, walkers, starts, steps, rng, lambda done, _: told(done, total))
    square_rate = float(np.mean(paths.rates["NLR"] ** 2))
    matched = Walker("SGD, matched rate", lambda: SGD(np.sqrt(square_rate)))
    second = follow(
        surface, [matched], starts, steps, rng, lambda done, _: told(steps + done, total)
    )
    paths = _together(paths, second)
    mean_square = float(np.mean(paths.square_steps("NLR")))
    walk = random_walk(starts, steps, mean_square, rng)
    return _findings(surface, paths, walk, learning_rate, kappa)


def _walkers(learning_rate: float, kappa: float, z: float) -> list[Walker]:
    ratio = Ratio(kappa)
    return [
        Walker("SGD", lambda: SGD(learning_rate)),
        Walker("NLR", lambda: NLR(learning_rate, ratio)),
        Walker("NLR, exact losses", lambda: NLR(learning_rate, ratio), exact_losses=True),
        Walker(f"NLR, z = {z:g}", lambda: NLR(learning_rate, ratio, StandardErrors(z))),
        Walker("backtracking", lambda: Armijo(learning_rate)),
        Walker("backtracking, exact losses", lambda: Armijo(learning_rate), exact_losses=True),
    ]


def _together(first: Trajectories, second: Trajectories) -> Trajectories:
    return Trajectories(
        first.weights | second.weights,
        first.rates | second.rates,
        first.square_norms | second.square_norms,
        first.worse | second.worse,
    )


def _findings(
    surface: Surface, paths: Trajectories, walk: FloatArray, eta: float, kappa: float
) -> Findings:
    d, names = surface.dimension, list(paths.weights)
    everywhere = {name: surface.exact(path) for name, path in paths.weights.items()}
    found = {name: diffusion(paths, name, everywhere[name][0]) for name in names}
    slopes = {name: float(np.mean(everywhere[name][1][:-1] ** 2)) for name in names}
    # unbiased, as E‖g‖² = ‖∇C‖² + dσ²
    variances = {name: found[name].square_norm.mean() / d - slopes[name] for name in names}
    table = pd.DataFrame(
        [_row(name, found[name], paths, variances[name]) for name in names]
        + [_walk_row(surface, walk)]
    )
    every = {**paths.weights, "Gaussian walk": walk}
    costs = {name: everywhere[name][0] for name in names}
    frame = _frame(every, {**costs, "Gaussian walk": surface.exact(walk)[0]}, table)
    checks = checks_of(found, paths, variances["NLR"], slopes["NLR"])
    says = (
        f"Along NLR the measured gradient has σ = {variances['NLR'] ** 0.5:.3f} a coordinate, the "
        f"exact one a root mean square of {slopes['NLR'] ** 0.5:.3f}.",
        *(
            f"{name}: D = {row.D_step:.2e} [{row.D_step_low:.2e}, {row.D_step_high:.2e}], "
            f"{_probed(row.p)}exact cost {row.cost_change:+.3f} "
            f"[{row.cost_change_low:+.3f}, {row.cost_change_high:+.3f}] after all steps."
            for name, row in table.set_index("rule").iterrows()
        ),
    )
    caveats = (
        "Shot noise does not vanish with the dimension, as Assumption 3 has it: its variance is "
        f"(1 − f²)/(2 shots), here {1 / (2 * surface.shots):.3f} at f = 0.",
        "What is left of the gradient outweighs diffusion after about dσ²/‖∇C‖² steps of SGD, here "
        f"{variances['SGD'] / slopes['SGD']:.0f}: longer trajectories leave the plateau.",
        "With few shots two losses are often equal, which is no increase: p is below ½ by half the "
        "share of ties.",
    )
    return Findings(
        title=f"Theorem 1: diffusion on a plateau (d = {d}, η = {eta:g}, η' = {kappa * eta:g})",
        frame=frame,
        says=says,
        checks=checks,
        drawings=_drawings(frame),
        tables={"coefficients": table},
        caveats=caveats,
    )


def _row(name: str, one: Diffusion, paths: Trajectories, variance: float) -> dict[str, object]:
    worse = paths.worse[name]
    under = float(np.mean(paths.rates[name][worse] ** 2)) if worse.any() else np.nan
    p = float(worse.mean())
    kept = float(np.mean(paths.rates[name][~worse] ** 2))
    bracket = (1 - p) * kept + (p * under if p else 0.0)
    return {
        "rule": name,
        **bootstrap_interval(one.short).columns("D_step"),
        **bootstrap_interval(one.long).columns("D_long"),
        "D_stated": bracket * variance,
        "D_derived": bracket * variance / 2,
        "p": p,
        "reversed": float(np.mean(paths.rates[name] < 0)),
        "mean_square_rate": bracket,
        "mean_square_rate_worse": under,
        **mean_interval(one.correlation).columns("correlation"),
        **mean_interval(one.cost_change).columns("cost_change"),
    }


def _probed(p: float) -> str:
    return f"p = {p:.2f}, " if p > 0 else ""


def _walk_row(surface: Surface, walk: FloatArray) -> dict[str, object]:
    moves, costs = np.diff(walk, axis=0), surface.exact(walk[[0, -1]])[0]
    d, steps = surface.dimension, len(moves)
    squares = np.sum(moves**2, axis=-1)
    way = np.sum((walk[-1] - walk[0]) ** 2, axis=-1)
    turns = np.sum(moves[1:] * moves[:-1], axis=-1).mean(axis=0) / squares.mean(axis=0)
    return {
        "rule": "Gaussian walk",
        **bootstrap_interval(squares.mean(axis=0) / (2 * d)).columns("D_step"),
        **bootstrap_interval(way / (2 * d * steps)).columns("D_long"),
        "p": np.nan,
        **mean_interval(turns).columns("correlation"),
        **mean_interval(costs[1] - costs[0]).columns("cost_change"),
    }


def _frame(
    weights: dict[str, FloatArray], costs: dict[str, FloatArray], table: pd.DataFrame
) -> pd.DataFrame:
    rows = []
    by_step = table.set_index("rule")["D_step"]
    for name, path in weights.items():
        d = path.shape[-1]
        way = np.sum((path - path[0]) ** 2, axis=-1)
        for step in np.unique(np.linspace(0, len(path) - 1, DRAWN).astype(int)):
            rows.append(
                {
                    "rule": name,
                    "step": int(step),
                    **mean_interval(way[step]).columns("square_distance"),
                    **_over_uncorrelated(way[step], 2 * d * by_step[name] * step),
                    **mean_interval(costs[name][step]).columns("cost"),
                }
            )
    return pd.DataFrame(rows)


def _over_uncorrelated(way: FloatArray, expected: float) -> dict[str, float]:
    ratio = mean_interval(way).times(1 / expected if expected else np.nan)
    return {**ratio.columns("of_uncorrelated"), "diffusion": 1.0}


def _drawings(frame: pd.DataFrame) -> tuple[Drawing, ...]:
    return (
        Lines(
            frame,
            x="step",
            y="square_distance",
            low="square_distance_low",
            high="square_distance_high",
            by="rule",
            band=True,
            xlabel="step",
            ylabel="‖θ_t − θ_0‖² (rad²)",
            name="square_distance",
            title="How far each rule gets on a plateau",
            caption="Means over trajectories with 95 % intervals.",
        ),
        Lines(
            frame[frame["step"] > 0],
            x="step",
            y="of_uncorrelated",
            low="of_uncorrelated_low",
            high="of_uncorrelated_high",
            by="rule",
            expected="diffusion",
            band=True,
            xlabel="step",
            ylabel="‖θ_t − θ_0‖² / 2dDt",
            name="correlated_steps",
            title="Only uncorrelated steps diffuse",
            caption="Means over trajectories with 95 % intervals, over what uncorrelated "
            "steps of the same lengths give; thin: 1, diffusion.",
        ),
        Lines(
            frame,
            x="step",
            y="cost",
            low="cost_low",
            high="cost_high",
            by="rule",
            band=True,
            xlabel="step",
            ylabel="exact cost",
            name="cost",
            title="Diffusion is not descent",
            caption="Means over trajectories with 95 % intervals.",
        ),
    )

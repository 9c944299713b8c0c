"""Remark 1 of the paper: how long it takes to leave a ball, and whether that leaves a plateau."""

from __future__ import annotations

import numpy as np
import pandas as pd

from qnlr.circuits import global_z, hardware_efficient
from qnlr.diagnostics.exit_checks import checks_of
from qnlr.diagnostics.exits import Exits
from qnlr.diagnostics.findings import Drawing, Findings, Lines, Told, untold
from qnlr.diagnostics.surface import Surface
from qnlr.diagnostics.trajectories import Walker, follow, random_walk
from qnlr.diagnostics.verdicts import ratio_interval
from qnlr.errors import InputError, require_count, require_positive
from qnlr.intervals import Interval, mean_interval, share_interval
from qnlr.optimizers import NLR, SGD, Ratio
from qnlr.rng import stream
from qnlr.types import FloatArray


def remark_1(
    qubits: int = 8,
    layers: int = 4,
    shots: int = 8,
    learning_rate: float = 0.05,
    kappa: float = 2.0,
    radii: tuple[float, ...] = (0.5, 1.0, 1.5, 2.0),
    multiple: float = 1.5,
    trajectories: int = 24,
    steps: int = 260,
    restarts: int = 2000,
    seed: int = 0,
    told: Told = untold,
) -> Findings:
    r"""Measure times to leave a ball of weights, and whether the plateau is left with it.

    .. math:: E[τ] = \frac{R^2}{2dD}

    for Brownian motion of variance 2Dt a coordinate in d dimensions: u(θ) = (R² − ‖θ‖²)/2dD solves
    D∇²u = −1 with u = 0 on the sphere. The paper has R²/2D, which holds for d = 1 only.

    Here τ is the time, in steps, until the d weights θ are a distance of R from where they started,
    D the diffusion coefficient E‖Δθ‖²/2d of the steps Δθ, η the learning rate and η' = κη the
    negative rate of NLR.

    Whether the plateau is left is another question: it is, here, where the exact gradient norm
    exceeds a multiple of its median at random weights.

    Source: NLR paper, Remark 1 and Appendix A; Øksendal, Stochastic Differential Equations (2003),
    example 7.4.2, for the time of exit.

    Args:
        qubits: n, at least 1; the observable is Z on all of them.
        layers: L of the hardware-efficient ansatz, at least 1.
        shots: Shots per circuit.
        learning_rate: η > 0.
        kappa: η'/η > 0.
        radii: Radii R of the balls, above 0, in radians.
        multiple: How many times the median gradient norm counts as having left, above 1.
        trajectories: Random starts on the plateau, the same for all rules, at least 2.
        steps: Steps of each trajectory, at least 1.
        restarts: Random weights that the median and the tail are taken from, at least 100.
        seed: Seed of starts and shots.
        told: Told of progress.

    Returns:
        Times to leave each ball by rule and radius, and a table of times to leave the plateau.

    Raises:
        InputError: If a setting lies outside its range.

    Example:
        >>> found = remark_1(3, 2, 4, radii=(0.5,), trajectories=4, steps=20, restarts=100)
        >>> list(found.tables)
        ['plateau']
    """
    _require(radii, multiple, trajectories, restarts)
    surface = Surface(hardware_efficient(qubits, layers), global_z(qubits), shots)
    settings = [qubits, layers, shots, trajectories]
    drawn = surface.points(restarts, stream("remark_1 starts", seed, settings))
    tail = surface.gradient_norms(drawn)
    threshold = multiple * float(np.median(tail))
    starts = drawn[tail < threshold][:trajectories]
    rng, total = stream("remark_1 shots", seed, settings), 2 * steps
    ratio = Ratio(kappa)
    walkers = [
        Walker("NLR", lambda: NLR(learning_rate, ratio)),
        Walker("SGD", lambda: SGD(learning_rate)),
    ]
    first = follow(surface, walkers, starts, steps, rng, lambda done, _: told(done, total))
    matched = float(np.sqrt(np.mean(first.rates["NLR"] ** 2)))
    second = follow(
        surface,
        [Walker("SGD, matched rate", lambda: SGD(matched))],
        starts,
        steps,
        rng,
        lambda done, _: told(steps + done, total),
    )
    mean_square = float(np.mean(first.square_steps("NLR")))
    walk = random_walk(starts, steps, mean_square, rng)
    paths = {**first.weights, **second.weights, "Gaussian walk": walk}
    exits = {name: Exits.along(path, surface) for name, path in paths.items()}
    return _findings(exits, radii, threshold, multiple, tail)


def _require(radii: tuple[float, ...], multiple: float, trajectories: int, restarts: int) -> None:
    if not radii:
        raise InputError("radii is empty; give at least one radius, such as (1.0,)")
    for radius in radii:
        require_positive("radius", radius)
    if not multiple > 1:
        raise InputError(f"multiple = {multiple!r} is not valid; it must be above 1, such as 2.0")
    require_count("trajectories", trajectories, low=2)
    require_count("restarts", restarts, low=max(100, 2 * trajectories))


def _findings(
    exits: dict[str, Exits],
    radii: tuple[float, ...],
    threshold: float,
    multiple: float,
    tail: FloatArray,
) -> Findings:
    frame = pd.DataFrame(
        [_exit_row(name, one, radius, threshold) for name, one in exits.items() for radius in radii]
    )
    fresh = share_interval(int(np.sum(tail >= threshold)), len(tail))
    plateau = pd.DataFrame([_plateau_row(name, one, threshold) for name, one in exits.items()])
    d, steps = exits["NLR"].dimension, len(exits["NLR"].distances) - 1
    says = (
        f"Of {len(tail)} random weights {fresh.text(4)} have a gradient norm above {multiple:g} "
        f"times the median of {threshold / multiple:.3f}.",
        *(
            f"{row.rule}: {row.left} of {row.starts} trajectories exceed it within {steps} "
            f"steps; exact cost {row.cost_change:+.3f} "
            f"[{row.cost_change_low:+.3f}, {row.cost_change_high:+.3f}]."
            for row in plateau.itertuples()
        ),
    )
    return Findings(
        title=f"Remark 1: leaving a ball, and leaving a plateau (d = {d})",
        frame=frame,
        says=says,
        checks=checks_of(exits, radii, threshold, multiple, fresh),
        drawings=_drawings(frame),
        tables={"plateau": plateau},
        caveats=(
            f"Times to leave the plateau are cut at {steps} steps: those that do not leave it "
            "count as leaving then.",
            "A larger gradient is no lower cost: what is low-lying is flat, too.",
        ),
    )


def _exit_row(name: str, one: Exits, radius: float, threshold: float) -> dict[str, object]:
    times = one.times(radius)
    left = np.isfinite(times)
    at_exit = one.norms_at(times)
    everyone = bool(left.all())
    blank = Interval(np.nan, np.nan, np.nan, 0)
    taken = mean_interval(times) if everyone else blank
    inside = one.norms[0][left]
    norm = ratio_interval(at_exit, inside) if len(inside) > 1 else blank
    brownian = radius**2 / (2 * one.dimension * one.coefficient)
    beyond = share_interval(int(np.sum(at_exit >= threshold)), len(at_exit))
    return {
        "rule": name,
        "radius": radius,
        "exited": int(left.sum()),
        "starts": len(times),
        **taken.columns("time"),
        "paper": radius**2 / (2 * one.coefficient),
        "brownian": brownian,
        **taken.times(1 / brownian).columns("of_brownian"),
        "brownian_motion": 1.0,
        **norm.columns("norm_ratio"),
        **beyond.columns("beyond"),
    }


def _plateau_row(name: str, one: Exits, threshold: float) -> dict[str, object]:
    steps = len(one.norms) - 1
    times = one.escapes(threshold)
    cut = np.where(np.isfinite(times), times, steps)
    return {
        "rule": name,
        "D": one.coefficient,
        "left": int(np.isfinite(times).sum()),
        "starts": len(times),
        **mean_interval(cut).columns("time"),
        **mean_interval(one.norms[-1]).columns("norm"),
        "share_beyond": float(np.mean(one.norms >= threshold)),
        **mean_interval(one.costs[-1] - one.costs[0]).columns("cost_change"),
    }


def _drawings(frame: pd.DataFrame) -> tuple[Drawing, ...]:
    times = frame.dropna(subset="time")
    return (
        Lines(
            times,
            x="radius",
            by="rule",
            xlabel="radius R of the ball (rad)",
            y="time",
            low="time_low",
            high="time_high",
            ylabel="steps until the ball is left",
            logy=True,
            name="exit_times",
            title="Times to leave a ball of weights",
            caption="Means with 95 % intervals, where all have left.",
        ),
        Lines(
            times,
            x="radius",
            by="rule",
            xlabel="radius R of the ball (rad)",
            y="of_brownian",
            low="of_brownian_low",
            high="of_brownian_high",
            expected="brownian_motion",
            ylabel="steps until the ball is left / (R²/2dD)",
            name="exit_times_over_theory",
            title="Times to leave a ball, over those of Brownian motion in d dimensions",
            caption="Means with 95 % intervals, where all have left; D from single steps. Thin: 1. "
            "R²/2D of the paper is d on this scale.",
        ),
        Lines(
            frame.dropna(subset="norm_ratio"),
            x="radius",
            by="rule",
            xlabel="radius R of the ball (rad)",
            y="norm_ratio",
            low="norm_ratio_low",
            high="norm_ratio_high",
            ylabel="gradient norm at exit over that at the start",
            name="norms_at_exit",
            title="Leaving a ball is not leaving the plateau",
            caption="Ratio of means over trajectories with 95 % intervals; exact gradients.",
        ),
    )

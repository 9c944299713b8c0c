"""Descents under decaying and constant rates: how fast gradients vanish, and where they stop."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from qnlr.diagnostics.decaying import Decaying
from qnlr.diagnostics.findings import Told, untold
from qnlr.diagnostics.surface import Surface
from qnlr.diagnostics.trajectories import Walker, follow
from qnlr.diagnostics.verdicts import ratio_interval
from qnlr.intervals import Interval, mean_interval
from qnlr.optimizers import (
    SGD,
    Constant,
    NegativeRate,
    Plain,
    RateRule,
    Ratio,
    SignedRateOptimizer,
    StandardErrors,
)
from qnlr.types import FloatArray

BINS = 12
"""Spans of time, alike in the logarithm of the rate, that decays are fitted to."""

DRAWN = 60
"""Steps that are drawn, at most."""

SETTLED = 500
"""Steps of exact descent before floors are measured."""

TINY = 1e-30
"""Squares of gradients below it are rounding."""


def rules(
    kappa: float, scheduled: Callable[[Callable[[float], RateRule]], RateRule]
) -> list[Walker]:
    """Return SGD and NLR under one schedule, told exact and measured gradients and losses.

    Args:
        kappa: η'/η > 0.
        scheduled: Puts a rule of the rate under the schedule.

    Returns:
        The walkers.

    Example:
        >>> [walker.name for walker in rules(2.0, lambda make: make(0.1))][2:]
        ['SGD', 'NLR, exact losses', 'NLR, z = 2', 'NLR']
    """
    ratio = Ratio(kappa)

    def sgd() -> SignedRateOptimizer:
        return SignedRateOptimizer(Plain(), scheduled(Constant))

    def nlr() -> SignedRateOptimizer:
        return SignedRateOptimizer(Plain(), scheduled(lambda eta: NegativeRate(eta, ratio)))

    def significant() -> SignedRateOptimizer:
        rule = scheduled(lambda eta: NegativeRate(eta, ratio, StandardErrors(2.0)))
        return SignedRateOptimizer(Plain(), rule)

    return [
        Walker("SGD, all exact", sgd, exact_losses=True, exact_gradients=True),
        Walker("NLR, all exact", nlr, exact_losses=True, exact_gradients=True),
        Walker("SGD", sgd),
        Walker("NLR, exact losses", nlr, exact_losses=True),
        Walker("NLR, z = 2", significant),
        Walker("NLR", nlr),
    ]


def decays(
    surface: Surface,
    starts: FloatArray,
    power: float,
    first_rate: float,
    offset: float,
    steps: int,
    kappa: float,
    rng: np.random.Generator,
    told: Told = untold,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    r"""Follow all rules under one decaying schedule, and fit how fast gradients vanish.

    .. math:: ‖∇C(θ_t)‖^2 ∝ (t + b)^{-α}

    Args:
        surface: The landscape.
        starts: Where every rule starts, shape (K, d).
        power: γ of the schedule.
        first_rate: η_0.
        offset: b, in steps.
        steps: T.
        kappa: η'/η.
        rng: Draws the shots.
        told: Told of steps done.

    Returns:
        Squared gradients and costs by rule and step; and by rule α, fitted to the last three
        quarters of time on a logarithmic axis, and what changed from the start to the last tenth.
    """

    def scheduled(make: Callable[[float], RateRule]) -> RateRule:
        return Decaying(make, first_rate, offset, power)

    walkers = rules(kappa, scheduled)
    paths = follow(surface, walkers, starts, steps, rng, told)
    curves, rows = [], []
    for walker in walkers:
        costs, slopes = surface.exact(paths.weights[walker.name])
        squares = np.maximum(np.sum(slopes**2, axis=-1), TINY)
        last = slice(-max(1, steps // 10), None)
        curves.append(_curve(walker.name, power, squares, costs))
        rows.append(
            {
                "rule": walker.name,
                "power": power,
                **mean_interval(_exponents(squares, offset)).columns("exponent"),
                **ratio_interval(squares[last].mean(axis=0), squares[0]).columns("left"),
                **mean_interval(costs[last].mean(axis=0) - costs[0]).columns("cost_change"),
                **mean_interval(paths.worse[walker.name][last].mean(axis=0)).columns("p_last"),
            }
        )
    return pd.concat(curves), pd.DataFrame(rows)


def settle(surface: Surface, starts: FloatArray, rate: float) -> FloatArray:
    """Return where exact gradient descent ends, so that what is left of the way does not count.

    Args:
        surface: The landscape.
        starts: Where it starts, shape (K, d).
        rate: Its learning rate η.

    Returns:
        Weights, shape (K, d).

    Example:
        >>> from qnlr.circuits import hardware_efficient, mean_z
        >>> surface = Surface(hardware_efficient(1, 1), mean_z(1), shots=1)
        >>> surface.exact(settle(surface, np.full((1, 3), 0.5), 0.5))[0].round(6)
        array([-1.])
    """
    walker = Walker("exact", lambda: SGD(rate), exact_losses=True, exact_gradients=True)
    paths = follow(surface, [walker], starts, SETTLED, np.random.default_rng(0))
    return np.asarray(paths.weights["exact"][-1])


def floors(
    surface: Surface,
    starts: FloatArray,
    rates: Sequence[float],
    steps: int,
    kappa: float,
    rng: np.random.Generator,
    told: Told = untold,
) -> pd.DataFrame:
    """Follow all rules at constant rates until their gradients stop vanishing.

    Args:
        surface: The landscape.
        starts: Where every rule starts, settled, shape (K, d).
        rates: Learning rates η, at least one.
        steps: Steps at each rate.
        kappa: η'/η.
        rng: Draws the shots.
        told: Told of steps done.

    Returns:
        Mean squared gradients over the last half of the steps, by rule, rate and trajectory.
    """
    parts = []
    for number, eta in enumerate(rates):

        def constant(make: Callable[[float], RateRule], eta: float = eta) -> RateRule:
            return make(eta)

        def tell(done: int, _: int, begun: int = number * steps) -> object:
            return told(begun + done, steps * len(rates))

        walkers = rules(kappa, constant)
        paths = follow(surface, walkers, starts, steps, rng, tell)
        for walker in walkers:
            half = paths.weights[walker.name][steps // 2 + 1 :]
            _, slopes = surface.exact(half)
            squares = np.maximum(np.sum(slopes**2, axis=-1).mean(axis=0), TINY)
            part = {"trajectory": np.arange(len(squares)), "square_gradient": squares}
            which = {"rule": walker.name, "shots": surface.shots, "learning_rate": eta}
            parts.append(pd.DataFrame({**which, **part}))
    return pd.concat(parts).reset_index(drop=True)


def floor_exponents(runs: pd.DataFrame) -> pd.DataFrame:
    r"""Fit where gradients stop, as a power of the rate.

    .. math:: E‖∇C‖^2 ∝ η^β

    Args:
        runs: What :func:`floors` returned, at two rates or more.

    Returns:
        β of every rule, with its interval over trajectories.

    Example:
        >>> runs = pd.DataFrame({"rule": "SGD", "trajectory": [0, 0, 1, 1],
        ...     "learning_rate": [0.1, 0.2] * 2, "square_gradient": [1.0, 2.0, 3.0, 6.0]})
        >>> floor_exponents(runs).exponent.round(6).tolist()
        [1.0]
    """
    rows = []
    for name, some in runs.groupby("rule", sort=False):
        wide = some.pivot(index="learning_rate", columns="trajectory", values="square_gradient")
        slopes = np.polyfit(np.log(wide.index.to_numpy()), np.log(wide.to_numpy()), 1)[0]
        rows.append({"rule": name, **mean_interval(slopes).columns("exponent")})
    return pd.DataFrame(rows)


def floor_levels(runs: pd.DataFrame) -> pd.DataFrame:
    """Return where gradients stop, by rule, shots and rate.

    Args:
        runs: What :func:`floors` returned.

    Returns:
        Means with their intervals over trajectories.

    Example:
        >>> runs = pd.DataFrame({"rule": "SGD", "shots": 10, "trajectory": [0, 1],
        ...     "learning_rate": 0.1, "square_gradient": [1.0, 3.0]})
        >>> floor_levels(runs).square_gradient.tolist()
        [2.0]
    """
    rows = []
    for (name, shots, eta), some in runs.groupby(["rule", "shots", "learning_rate"], sort=False):
        level = mean_interval(some["square_gradient"]).columns("square_gradient")
        rows.append({"rule": name, "shots": shots, "learning_rate": eta, **level})
    return pd.DataFrame(rows)


def _curve(name: str, power: float, squares: FloatArray, costs: FloatArray) -> pd.DataFrame:
    rows = [
        {
            "rule": name,
            "power": power,
            "step": int(step),
            **_geometric(squares[step]).columns("square_gradient"),
            **mean_interval(costs[step]).columns("cost"),
        }
        for step in np.unique(np.geomspace(1, len(squares) - 1, DRAWN).astype(int))
    ]
    return pd.DataFrame(rows)


def _geometric(values: FloatArray) -> Interval:
    """Return the geometric mean of values above 0, with the interval of their logarithms."""
    found = mean_interval(np.log(values))
    mean, low, high = (math.exp(end) for end in (found.mean, found.low, found.high))
    return Interval(mean, low, high, found.count)


def _exponents(squares: FloatArray, offset: float) -> FloatArray:
    """Fit −d log‖∇C‖²/d log(t + b) for each trajectory, to means over spans of time."""
    time = np.log(np.arange(len(squares)) + offset)
    begin = time[0] + (time[-1] - time[0]) / 4
    edges = np.linspace(begin, time[-1], BINS + 1)
    places = np.digitize(time, edges[1:-1])
    kept = time >= begin
    bins = [np.flatnonzero(kept & (places == number)) for number in range(BINS)]
    bins = [one for one in bins if len(one)]
    means = np.array([squares[one].mean(axis=0) for one in bins])
    return np.asarray(-np.polyfit([time[one].mean() for one in bins], np.log(means), 1)[0])

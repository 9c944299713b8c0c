"""How often a descent step reads as a step up, where the gradient is informative."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from qnlr.diagnostics.surface import Surface
from qnlr.diagnostics.trajectories import Walker, follow
from qnlr.errors import InputError
from qnlr.intervals import mean_interval
from qnlr.optimizers import NLR
from qnlr.types import FloatArray

MODES = {
    "exact gradients, exact losses": (True, True),
    "measured gradients, exact losses": (False, True),
    "measured gradients and losses": (False, False),
}
"""What is exact in each mode: gradients, and losses."""


def informative_points(
    surface: Surface, number: int, epsilon: float, rng: np.random.Generator
) -> FloatArray:
    """Draw random weights whose exact gradient norm is at least ε.

    Args:
        surface: The landscape.
        number: K, at least 1.
        epsilon: ε > 0.
        rng: Draws weights.

    Returns:
        Weights, shape (K, d).

    Raises:
        InputError: If hardly any weights have such a gradient.

    Example:
        >>> from qnlr.circuits import hardware_efficient, mean_z
        >>> surface = Surface(hardware_efficient(2, 1), mean_z(2), 100)
        >>> points = informative_points(surface, 5, 0.4, np.random.default_rng(0))
        >>> points.shape, bool(surface.gradient_norms(points).min() >= 0.4)
        ((5, 6), True)
    """
    drawn = surface.points(max(1000, 20 * number), rng)
    norms = surface.gradient_norms(drawn)
    kept = drawn[norms >= epsilon][:number]
    if len(kept) < number:
        raise InputError(
            f"epsilon = {epsilon!r} is not valid here: fewer than {number} of {len(drawn)} random "
            f"weights have such a gradient norm; their median is {np.median(norms):.2g}"
        )
    return kept


def violation_rates(
    surface: Surface,
    points: FloatArray,
    rates: Sequence[float],
    repeats: int,
    epsilon: float,
    rng: np.random.Generator,
) -> pd.DataFrame:
    r"""Measure how often the probe of a step reads higher, for several learning rates.

    .. math:: p ≈ Φ\Big(-\frac{η ‖∇C‖^2}{\sqrt{η^2 σ^2 ‖∇C‖^2 + 2 s^2}}\Big)

    is what the first order of η gives for Gaussian noise, of variance σ² in a coordinate of the
    gradient and s² in a loss: Φ(−‖∇C‖/σ) as η → 0 if losses are exact, and ½ if they are not.

    Args:
        surface: The landscape.
        points: Weights θ, shape (K, d).
        rates: Learning rates η > 0.
        repeats: Measurements at each point, at least 1.
        epsilon: ε, a lower bound of ‖∇C‖ at the points.
        rng: Draws the shots.

    Returns:
        One row for each mode and rate: p with its interval over points, what the first order
        predicts, and the share of gradients with g·∇C < ε².

    Example:
        >>> from qnlr.circuits import hardware_efficient, mean_z
        >>> surface = Surface(hardware_efficient(2, 1), mean_z(2), 1000)
        >>> rng = np.random.default_rng(0)
        >>> found = violation_rates(surface, surface.points(20, rng), [1e-4], 40, 0.1, rng)
        >>> found.p.round(1).tolist()
        [0.0, 0.0, 0.5]
    """
    starts = np.repeat(points, repeats, axis=0)
    _, slopes = surface.exact(points)
    norms = np.linalg.norm(slopes, axis=-1)
    # of few shots a single standard error says little
    spread = float(np.sqrt(np.mean([one.std**2 for one in surface.measure_costs(starts, rng)])))
    rows = []
    for eta in rates:

        def make(eta: float = eta) -> NLR:
            return NLR(eta)

        walkers = [Walker(mode, make, losses, slopes_) for mode, (slopes_, losses) in MODES.items()]
        paths = follow(surface, walkers, starts, 1, rng)
        for mode, (_, sharp_losses) in MODES.items():
            worse = paths.worse[mode][0].reshape(len(points), repeats)
            path = paths.weights[mode]
            found = -(path[1] - path[0]) / paths.rates[mode][0][:, None]
            off = found - np.repeat(slopes, repeats, axis=0)
            noise = float(np.mean(off**2))
            along = np.sum(found * np.repeat(slopes, repeats, axis=0), axis=-1)
            rows.append(
                {
                    "mode": mode,
                    "shots": surface.shots,
                    "learning_rate": eta,
                    **mean_interval(worse.mean(axis=1)).columns("p"),
                    "first_order": _first_order(eta, norms, noise, 0.0 if sharp_losses else spread),
                    "below_epsilon": float(np.mean(along < epsilon**2)),
                }
            )
    return pd.DataFrame(rows)


def _first_order(eta: float, norms: FloatArray, noise: float, spread: float) -> float:
    width = np.sqrt(eta**2 * noise * norms**2 + 2 * spread**2)
    with np.errstate(divide="ignore"):
        return float(np.mean(stats.norm.cdf(-eta * norms**2 / width)))

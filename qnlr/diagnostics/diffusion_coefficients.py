"""Coefficients of diffusion: what trajectories say of the steps that they are made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qnlr.diagnostics.trajectories import Trajectories
from qnlr.types import FloatArray


@dataclass(frozen=True, eq=False)
class Diffusion:
    """How a walker diffused; each array has one value for each trajectory, shape (K,).

    Args:
        short: D from single steps, E‖Δθ‖²/2d.
        long: D from the way after all T steps, ‖θ_T − θ_0‖²/2dT.
        square_rate: Mean of the squared rate.
        worse: Share of steps whose first probe read higher, p.
        square_norm: Mean of ‖g‖², and ``square_norm_worse`` over steps whose probe read higher.
        square_norm_worse: The latter, NaN without such steps.
        correlation: Mean of Δθ_t·Δθ_{t+1} over the mean of ‖Δθ‖².
        cost_change: Exact cost at the end less that at the start.
    """

    short: FloatArray
    long: FloatArray
    square_rate: FloatArray
    worse: FloatArray
    square_norm: FloatArray
    square_norm_worse: FloatArray
    correlation: FloatArray
    cost_change: FloatArray


def diffusion(paths: Trajectories, name: str, costs: FloatArray) -> Diffusion:
    """Take the coefficients of one walker from its trajectories.

    Args:
        paths: The trajectories.
        name: The walker.
        costs: Exact costs at its weights, shape (T + 1, K).

    Returns:
        What each trajectory gives.
    """
    weights, worse = paths.weights[name], paths.worse[name]
    moves = np.diff(weights, axis=0)
    squares = np.sum(moves**2, axis=-1)
    turns = np.sum(moves[1:] * moves[:-1], axis=-1)
    steps, _, d = moves.shape
    norms = paths.square_norms[name]
    with np.errstate(invalid="ignore"):
        under = np.sum(norms * worse, axis=0) / np.sum(worse, axis=0)
    return Diffusion(
        short=squares.mean(axis=0) / (2 * d),
        long=paths.square_distances(name)[-1] / (2 * d * steps),
        square_rate=np.mean(paths.rates[name] ** 2, axis=0),
        worse=worse.mean(axis=0),
        square_norm=norms.mean(axis=0),
        square_norm_worse=under,
        correlation=turns.mean(axis=0) / squares.mean(axis=0),
        cost_change=costs[-1] - costs[0],
    )

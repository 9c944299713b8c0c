"""Many optimizers in lockstep on the cost of one circuit, measured together.

Every optimizer is asked and told as in a training run; what they ask for in one phase is measured
as one batch, so that hundreds of trajectories take little longer than one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from qiskit_machine_learning.optimizers import TellData

from qnlr.diagnostics.findings import Told, untold
from qnlr.diagnostics.surface import Surface
from qnlr.errors import InputError, require_count
from qnlr.optimizers import SignedRateOptimizer
from qnlr.types import Estimate, FloatArray


@dataclass(frozen=True)
class Walker:
    """An optimizer to follow, and what it is told exactly.

    Args:
        name: What it is called in frames and figures; no other walker has it.
        make: Builds the optimizer of one trajectory.
        exact_losses: Whether it compares exact losses, as the paper's Assumption 5 has it.
        exact_gradients: Whether it is told exact gradients.
    """

    name: str
    make: Callable[[], SignedRateOptimizer]
    exact_losses: bool = False
    exact_gradients: bool = False


@dataclass(frozen=True, eq=False)
class Trajectories:
    """What walkers did, T steps from each of K starts.

    Args:
        weights: For each walker's name θ_0 to θ_T, shape (T + 1, K, d): the points that gradients
            are measured at, also of an optimizer that hands out an average of them.
        rates: Signed rates, shape (T, K).
        square_norms: ‖g‖² of the gradients as told, shape (T, K).
        worse: Whether the loss read higher at the first probe, shape (T, K); False without a probe.
    """

    weights: dict[str, FloatArray]
    rates: dict[str, FloatArray]
    square_norms: dict[str, FloatArray]
    worse: dict[str, np.ndarray]

    def square_steps(self, name: str) -> FloatArray:
        """Return ‖θ_{t+1} − θ_t‖², shape (T, K)."""
        return np.asarray(np.sum(np.diff(self.weights[name], axis=0) ** 2, axis=-1))

    def square_distances(self, name: str) -> FloatArray:
        """Return ‖θ_t − θ_0‖², shape (T + 1, K)."""
        path = self.weights[name]
        return np.asarray(np.sum((path - path[0]) ** 2, axis=-1))


def follow(
    surface: Surface,
    walkers: Sequence[Walker],
    starts: FloatArray,
    steps: int,
    rng: np.random.Generator,
    told: Told = untold,
) -> Trajectories:
    """Let every walker make so many steps from every start, all of them in lockstep.

    Args:
        surface: Where they walk.
        walkers: Who walks.
        starts: Where each of them starts, shape (K, d).
        steps: T, at least 1.
        rng: Draws all shots.
        told: Told of steps done.

    Returns:
        Their trajectories.

    Raises:
        InputError: If two walkers have one name, or steps is below 1.

    Example:
        >>> from qnlr.circuits import global_z, hardware_efficient
        >>> from qnlr.optimizers import SGD
        >>> surface = Surface(hardware_efficient(2, 1), global_z(2), shots=100)
        >>> rng = np.random.default_rng(0)
        >>> walker = Walker("sgd", lambda: SGD(0.1), exact_gradients=True)
        >>> paths = follow(surface, [walker], surface.points(3, rng), 5, rng)
        >>> costs, _ = surface.exact(paths.weights["sgd"])
        >>> bool(np.all(np.diff(costs, axis=0) <= 0)), costs.shape
        (True, (6, 3))
    """
    require_count("steps", steps)
    if len({walker.name for walker in walkers}) < len(walkers):
        raise InputError("two walkers have the same name; give each its own")
    crowd = [walker for walker in walkers for _ in starts]
    optimizers = [walker.make() for walker in crowd]
    sharp_losses = np.array([walker.exact_losses for walker in crowd])
    sharp_slopes = np.array([walker.exact_gradients for walker in crowd])
    for number, optimizer in enumerate(optimizers):
        optimizer.start(None, starts[number % len(starts)])
    total = len(optimizers)
    weights = np.empty((steps + 1, total, surface.dimension))
    weights[0] = np.tile(starts, (len(walkers), 1))
    rates, norms = np.empty((steps, total)), np.empty((steps, total))
    worse = np.zeros((steps, total), dtype=bool)
    for step in range(steps):
        _gradient_phase(surface, optimizers, sharp_losses, sharp_slopes, rng)
        worse[step] = _probe_phases(surface, optimizers, sharp_losses, rng)
        for number, optimizer in enumerate(optimizers):
            record = optimizer.state.record
            assert record is not None
            weights[step + 1, number] = optimizer.state.here
            rates[step, number], norms[step, number] = record.rate, record.gradient_norm
        told(step + 1, steps)

    def of_each(array: np.ndarray) -> dict[str, np.ndarray]:
        parts = np.split(array, len(walkers), axis=1)
        return {walker.name: part for walker, part in zip(walkers, parts, strict=True)}

    return Trajectories(of_each(weights), of_each(rates), of_each(norms**2), of_each(worse))


def random_walk(
    starts: FloatArray, steps: int, mean_square: float, rng: np.random.Generator
) -> FloatArray:
    """Draw walks of independent isotropic Gaussian steps.

    Args:
        starts: Where they start, shape (K, d).
        steps: T, at least 1.
        mean_square: E‖Δθ‖², above 0.
        rng: Draws the steps.

    Returns:
        Weights, shape (T + 1, K, d).

    Example:
        >>> path = random_walk(np.zeros((1000, 10)), 20, 0.5, np.random.default_rng(0))
        >>> round(float(np.mean(np.sum(path[-1] ** 2, axis=-1))), 1)
        10.0
    """
    moves = rng.normal(0.0, np.sqrt(mean_square / starts.shape[1]), (steps, *starts.shape))
    return np.concatenate([starts[None], starts + np.cumsum(moves, axis=0)])


def _gradient_phase(
    surface: Surface,
    optimizers: Sequence[SignedRateOptimizer],
    sharp_losses: np.ndarray,
    sharp_slopes: np.ndarray,
    rng: np.random.Generator,
) -> None:
    asked = [optimizer.ask() for optimizer in optimizers]
    points = np.array([one.x_fun for one in asked])
    noisy = ~(sharp_losses & sharp_slopes)
    values, stds, slopes = np.empty(len(points)), np.zeros(len(points)), np.empty(points.shape)
    if noisy.any():
        measured, slopes[noisy] = surface.measure(points[noisy], rng)
        values[noisy], stds[noisy] = measured, [one.std for one in measured]
    sharp = sharp_losses | sharp_slopes
    if sharp.any():
        costs, exact = np.empty(len(points)), np.empty(points.shape)
        costs[sharp], exact[sharp] = surface.exact(points[sharp])
        slopes[sharp_slopes] = exact[sharp_slopes]
        values[sharp_losses], stds[sharp_losses] = costs[sharp_losses], 0.0
    losses = [Estimate(value, std=std) for value, std in zip(values, stds, strict=True)]
    for optimizer, one, loss, slope in zip(optimizers, asked, losses, slopes, strict=True):
        optimizer.tell(one, TellData(eval_fun=loss, eval_jac=slope))


def _probe_phases(
    surface: Surface,
    optimizers: Sequence[SignedRateOptimizer],
    sharp_losses: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Measure probes until every step is done; return where the first one read higher."""
    worse = np.zeros(len(optimizers), dtype=bool)
    first = True
    while waiting := [place for place, one in enumerate(optimizers) if one.state.pending]:
        asked = [optimizers[place].ask() for place in waiting]
        points = np.array([one.x_fun for one in asked])
        losses = _probe_losses(surface, points, sharp_losses[waiting], rng)
        for place, one, loss in zip(waiting, asked, losses, strict=True):
            pending = optimizers[place].state.pending
            if first and pending is not None:
                worse[place] = loss > pending.loss
            optimizers[place].tell(one, TellData(eval_fun=loss))
        first = False
    return worse


def _probe_losses(
    surface: Surface, points: FloatArray, sharp: np.ndarray, rng: np.random.Generator
) -> list[Estimate]:
    values, stds = np.empty(len(points)), np.zeros(len(points))
    if sharp.any():
        values[sharp] = surface.costs(points[sharp])
    if not sharp.all():
        measured = surface.measure_costs(points[~sharp], rng)
        values[~sharp], stds[~sharp] = measured, [one.std for one in measured]
    return [Estimate(value, std=std) for value, std in zip(values, stds, strict=True)]

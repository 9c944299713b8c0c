"""The two-stage paper's benchmarks: the method, its baselines, and its parts taken out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from qnlr.diagnostics.findings import Findings, Told, untold
from qnlr.errors import InputError, require_count, require_positive, unknown_name
from qnlr.strategies.refinement.benchmarks import BENCHMARKS, Benchmark
from qnlr.strategies.refinement.methods import (
    EVOLUTION,
    METHODS,
    OPTIMIZERS,
    PLAIN,
    TWO_STAGE,
    Training,
    trained,
)
from qnlr.strategies.refinement.schedule import Refinement
from qnlr.strategies.refinement.verdicts import findings_of

TUNING = 1000  # where the seeds begin on which rates are chosen


@dataclass(frozen=True)
class Row:
    """One row of the comparison.

    Args:
        method: A name of ``METHODS``.
        optimizer: A name of ``OPTIMIZERS``, or ``"none"`` for energy evolution.
    """

    method: str
    optimizer: str

    @property
    def tuned_as(self) -> Row:
        """The row whose rate it takes: its own for what the paper compares, else that of these."""
        optimizer = "sgd" if self.optimizer == "nlr" else self.optimizer
        if self.method in (PLAIN, EVOLUTION, TWO_STAGE):
            return Row(self.method, optimizer)
        return Row(TWO_STAGE if METHODS[self.method].refined else PLAIN, optimizer)


def two_stage_benchmarks(
    tasks: tuple[str, ...] = ("curve", "telecom", "mnist"),
    seeds: int = 10,
    image_seeds: int = 5,
    tuning_seeds: int = 2,
    steps: int = 500,
    every: int = 50,
    ablations: bool = True,
    rates: tuple[float, ...] = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3),
    adam_rates: tuple[float, ...] = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1),
    time_steps: tuple[float, ...] = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0),
    switch: str = "steps",
    threshold: float = 1e-6,
    convex_steps: int = 100,
    frequency: float = 10.0,
    penalty: float = 1e-4,
    weights_per_step: int = 128,
    biases: str = "zero",
    source: str = "any",
    seed: int = 0,
    told: Told = untold,
) -> Findings:
    """Compare two-stage refinement with its two baselines on the three tasks of its paper.

    All methods have the same data, initial weights and mini-batches on each seed. Learning rates,
    which the paper does not give, are chosen for each method and optimizer from grids of the same
    length, by the mean validation loss at the end on seeds that are not used again; NLR takes the
    rate of SGD, and each ablation that of the two-stage method, or of plain training where it has
    no stage 2. Losses are compared seed by seed as ratios, on a logarithmic scale.

    Args:
        tasks: Tasks, out of curve, telecom and mnist.
        seeds: Seeds of the curve and the telecom series, at least 2.
        image_seeds: Seeds of the images, at least 2.
        tuning_seeds: Seeds on which rates are chosen.
        steps: Steps of each run, those of stage 1 included.
        every: Steps from one recorded loss to the next.
        ablations: Whether to run the method with parts taken out too.
        rates: Learning rates to choose from for SGD.
        adam_rates: Learning rates to choose from for Adam.
        time_steps: Time steps to choose from for energy evolution.
        switch: What ends stage 1: steps, below or above.
        threshold: Threshold τ_g of the gradient norm over the number of weights.
        convex_steps: The most steps of stage 1.
        frequency: Frequency ω of the oscillation; weights here are of the order of 0.1.
        penalty: Penalty ρ of the ridge regression and the surrogate.
        weights_per_step: Weights that energy evolution moves at each step.
        biases: Initial biases, zero or uniform.
        source: Images, mnist, digits or any.
        seed: The first seed.
        told: Told of progress, in runs.

    Returns:
        The losses of every run on its way, the comparison, and the paper's claims beside it.

    Raises:
        InputError: If a setting is not valid.

    Source:
        Boabang and Gyamerah, Overcoming Barren Plateaus in Variational Quantum Circuits using a
        Two-Step Least Squares Approach, section IV.

    Example:
        >>> found = two_stage_benchmarks(
        ...     ("curve",), seeds=2, tuning_seeds=1, steps=20, ablations=False,
        ...     rates=(0.01,), adam_rates=(0.003,), time_steps=(1.0,), convex_steps=5)
        >>> found.tables["final losses"]["method"].unique().tolist()
        ['no initialisation', 'energy evolution', 'two-stage']
    """
    grids = {"sgd": rates, "adam": adam_rates, "none": time_steps}
    _require(tasks, grids)
    for name, count in (("seeds", seeds), ("image_seeds", image_seeds)):
        require_count(name, count, low=2)
    require_count("tuning_seeds", tuning_seeds)
    require_count("steps", steps)
    require_count("every", every)
    settings = Refinement(
        switch=switch, threshold=threshold, most_steps=convex_steps, frequency=frequency
    )
    shared = Training(
        steps, every, settings, penalty, weights_per_step=weights_per_step, biases=biases
    )
    counts = {task: image_seeds if task == "mnist" else seeds for task in tasks}
    plan = _Plan(tuple(_rows(ablations)), grids, counts, tuning_seeds, seed, source, shared)
    with threadpool_limits(1):  # threads would wait for each other longer than these products take
        frame, tuning, sources = _performed(plan, told)
    return findings_of(frame, tuning, sources, shared)


@dataclass(frozen=True)
class _Plan:
    """What is run: rows, grids by optimizer, seeds by task, and what they share."""

    rows: tuple[Row, ...]
    grids: dict[str, tuple[float, ...]]
    counts: dict[str, int]
    tuning_seeds: int
    seed: int
    source: str
    shared: Training

    @property
    def tuned(self) -> tuple[Row, ...]:
        return tuple(dict.fromkeys(row.tuned_as for row in self.rows))

    @property
    def runs(self) -> int:
        trials = self.tuning_seeds * sum(len(self.grids[row.optimizer]) for row in self.tuned)
        return sum(trials + len(self.rows) * count for count in self.counts.values())

    def tasks(self, name: str, first: int, count: int) -> dict[int, Benchmark]:
        return {at: BENCHMARKS[name](at, self.source) for at in range(first, first + count)}


def _performed(plan: _Plan, told: Told) -> tuple[pd.DataFrame, pd.DataFrame, tuple[str, ...]]:
    """Return the losses of all runs, the chosen rates, and where samples come from."""
    done, frames, chosen, sources = 0, [], [], []
    for name, count in plan.counts.items():
        trials = plan.tasks(name, TUNING + plan.seed, plan.tuning_seeds)
        best: dict[Row, float] = {}
        for row in plan.tuned:
            grid = plan.grids[row.optimizer]
            losses = _tried(row, grid, trials, plan.shared)
            best[row] = grid[int(np.argmin(losses))]
            chosen.append(_chosen(name, row, grid, losses))
            done += plan.tuning_seeds * len(losses)
            told(done, plan.runs)
        for at, task in plan.tasks(name, plan.seed, count).items():
            for row in plan.rows:
                frames.append(_run(task, row, best[row.tuned_as], at, plan.shared))
                done += 1
                told(done, plan.runs)
        sources.append(f"{name}: {trials[TUNING + plan.seed].source}")
    return pd.concat(frames, ignore_index=True), pd.DataFrame(chosen), tuple(sources)


def _require(tasks: tuple[str, ...], grids: dict[str, tuple[float, ...]]) -> None:
    if not tasks:
        raise InputError(f"tasks is empty; name at least one of {', '.join(BENCHMARKS)}")
    for task in tasks:
        if task not in BENCHMARKS:
            raise unknown_name("task", task, BENCHMARKS)
    for values in grids.values():
        if len(values) != len(grids["sgd"]) or not values:
            raise InputError(
                "rates, adam_rates and time_steps must have the same length, at least 1, so that "
                f"no method is tuned better than another; they have "
                f"{', '.join(str(len(grid)) for grid in grids.values())}"
            )
        for value in values:
            require_positive("rate", value)


def _rows(ablations: bool) -> Iterator[Row]:
    main = (PLAIN, EVOLUTION, TWO_STAGE)
    for method in METHODS if ablations else main:
        if METHODS[method].evolves:
            yield Row(method, "none")
            continue
        for optimizer in OPTIMIZERS:
            if optimizer != "nlr" or method in main:
                yield Row(method, optimizer)


def _tried(
    row: Row, grid: tuple[float, ...], made: dict[int, Benchmark], shared: Training
) -> list[float]:
    """Return the mean validation loss at the end for each rate."""
    ends = replace(shared, every=shared.steps)
    return [
        float(
            np.mean(
                [
                    trained(task, METHODS[row.method], row.optimizer, rate, at, ends).validation[-1]
                    for at, task in made.items()
                ]
            )
        )
        for rate in grid
    ]


def _chosen(
    task: str, row: Row, grid: tuple[float, ...], losses: list[float]
) -> dict[str, str | float | bool]:
    at = int(np.argmin(losses))
    return {
        "task": task,
        "method": row.method,
        "optimizer": row.optimizer,
        "rate": grid[at],
        "validation_loss": losses[at],
        "at_the_edge": at in (0, len(grid) - 1) and len(grid) > 1,
    }


def _run(task: Benchmark, row: Row, rate: float, seed: int, shared: Training) -> pd.DataFrame:
    losses = trained(task, METHODS[row.method], row.optimizer, rate, seed, shared)
    return pd.DataFrame(
        {
            "task": task.name,
            "method": row.method,
            "optimizer": row.optimizer,
            "seed": seed,
            "rate": rate,
            "stage_1_steps": losses.stage_1,
            "step": losses.steps,
            "training_loss": losses.training,
            "validation_loss": losses.validation,
        }
    )

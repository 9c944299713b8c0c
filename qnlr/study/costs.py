"""What a run has reached at which cost, from its history."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from qnlr.errors import InputError, unknown_name
from qnlr.types import FloatArray

EVALUATED = {
    "train_loss": "min",
    "test_loss": "min",
    "train_accuracy": "max",
    "test_accuracy": "max",
}


def at_cost(
    history: pd.DataFrame, column: str, cost: float, cost_column: str = "cost_shots"
) -> float:
    """Return what a run had in a column when it had spent a cost, to compare at equal cost.

    Args:
        history: The history of one run, see :func:`qnlr.load_history`.
        column: A column that may have values at some steps only, such as ``"metric_train_loss"``.
        cost: What is spent, in the unit of the cost column.
        cost_column: The cost, such as ``"cost_circuits"``.

    Returns:
        The value, interpolated linearly between the evaluations around the cost; NaN before the
        first and behind the last. Of evaluations at one cost the last counts.

    Raises:
        InputError: If the history is of more than one run, or lacks a column.

    Example:
        >>> history = pd.DataFrame({
        ...     "step": [0, 1, 2], "cost_shots": [100, 200, 300],
        ...     "metric_train_loss": [1.0, math.nan, 0.5],
        ... })
        >>> at_cost(history, "metric_train_loss", 200)
        0.75
    """
    costs, values = _evaluations(history, column, cost_column)
    if not costs.size:
        return math.nan
    last = np.append(np.diff(costs) > 0, True)
    return float(np.interp(cost, costs[last], values[last], left=math.nan, right=math.nan))


def common_cost(
    history: pd.DataFrame, cost_column: str = "cost_shots", column: str = "metric_train_loss"
) -> float:
    """Return the largest cost that every run has reached at an evaluation.

    Args:
        history: The histories of runs, see :func:`qnlr.load_history`.
        cost_column: The cost.
        column: The column whose evaluations count.

    Returns:
        The cost, at which :func:`at_cost` knows a value of every run that was first evaluated at
        no higher one; NaN without a run, or where a run has no evaluation.

    Raises:
        InputError: If the history lacks a column.

    Example:
        >>> history = pd.DataFrame({
        ...     "run_id": ["a", "a", "b", "b"], "step": [0, 1, 0, 1],
        ...     "cost_shots": [100, 200, 150, 300],
        ...     "metric_train_loss": [0.8, 0.4, 0.9, math.nan],
        ... })
        >>> common_cost(history)
        150.0
    """
    if history.empty:
        return math.nan
    reached = []
    for _, run in history.groupby("run_id"):
        costs, _ = _evaluations(run, column, cost_column)
        reached.append(costs[-1] if costs.size else math.nan)
    return float(np.min(reached))


def cost_to_target(
    history: pd.DataFrame,
    target: float,
    column: str = "metric_train_loss",
    cost_column: str = "cost_shots",
) -> float:
    """Return what a run had spent when it first reached a target.

    Args:
        history: The history of one run, see :func:`qnlr.load_history`.
        target: The value to get to or below.
        column: A column that may have values at some steps only.
        cost_column: The cost.

    Returns:
        The cost, interpolated linearly between the first evaluation at or below the target and the
        one before it; the cost of the first evaluation if that is there already; infinity if none
        is. Shot noise can take an evaluation below a target that the weights do not reach, the
        more so the more often a run is evaluated: compare runs that were evaluated alike.

    Raises:
        InputError: If the target is not a number, or the history is of more than one run, or lacks
            a column.

    Example:
        >>> history = pd.DataFrame({
        ...     "step": [0, 1, 2], "cost_shots": [100, 200, 300],
        ...     "metric_train_loss": [1.0, math.nan, 0.5],
        ... })
        >>> cost_to_target(history, 0.75), cost_to_target(history, 0.3)
        (200.0, inf)
    """
    if math.isnan(target):
        raise InputError("target = nan is not valid; it must be a number, such as 0.3")
    costs, values = _evaluations(history, column, cost_column)
    reached = values <= target
    if not reached.any():
        return math.inf
    first = int(reached.argmax())
    if first == 0:
        return float(costs[0])
    around = [first, first - 1]  # np.interp wants the values rising
    return float(np.interp(target, values[around], costs[around]))


@dataclass(frozen=True)
class TargetSummary:
    """What runs spent to reach a target.

    Args:
        runs: Number of runs.
        reached: How many reached it.
        median: Median cost over all runs, those that did not reach it counted as infinite; so it
            is infinite where half of them or more did not. NaN without a run.
    """

    runs: int
    reached: int
    median: float


def target_summary(costs: ArrayLike) -> TargetSummary:
    """Summarise what runs spent to reach a target.

    A mean over the runs that reached it would favour a method that seldom does.

    Args:
        costs: What :func:`cost_to_target` returned for each run; NaN counts as not reached.

    Returns:
        Runs, how many reached the target, and the median cost.

    Example:
        >>> target_summary([200.0, 100.0, math.inf])
        TargetSummary(runs=3, reached=2, median=200.0)
    """
    known = np.nan_to_num(np.asarray(costs, dtype=float), nan=math.inf, posinf=math.inf)
    median = float(np.median(known)) if known.size else math.nan
    return TargetSummary(known.size, int(np.isfinite(known).sum()), median)


def last_and_best(history: pd.DataFrame) -> dict[str, float]:
    """Return the last and the best of each evaluated loss and accuracy of a run.

    The best on test samples is chosen by looking at them: it is a bound on what stopping early
    could have gained, and no estimate of how well the run generalises.

    Args:
        history: The history of one run, see :func:`qnlr.load_history`.

    Returns:
        By name, ``last_train_loss``, ``best_train_loss`` and so on for ``test_loss``,
        ``train_accuracy`` and ``test_accuracy``; the best loss is the least, the best accuracy the
        greatest. NaN where nothing was evaluated.

    Raises:
        InputError: If the history is of more than one run, or lacks a column.

    Example:
        >>> history = pd.DataFrame({
        ...     "step": [0, 1, 2], "metric_train_loss": [0.8, 0.3, 0.4],
        ...     "metric_test_loss": math.nan, "metric_train_accuracy": [0.5, 0.8, math.nan],
        ...     "metric_test_accuracy": math.nan,
        ... })
        >>> found = last_and_best(history)
        >>> found["last_train_loss"], found["best_train_loss"], found["best_train_accuracy"]
        (0.4, 0.3, 0.8)
    """
    found = {}
    for name, best in EVALUATED.items():
        _, values = _evaluations(history, f"metric_{name}", "step")
        choose = np.min if best == "min" else np.max
        found[f"last_{name}"] = float(values[-1]) if values.size else math.nan
        found[f"best_{name}"] = float(choose(values)) if values.size else math.nan
    return found


def _evaluations(
    history: pd.DataFrame, column: str, cost_column: str
) -> tuple[FloatArray, FloatArray]:
    """Return costs and values of the steps of one run at which the column has a finite value."""
    for name in (column, cost_column):
        if name not in history:
            raise unknown_name("column", name, history.columns)
    if "run_id" in history and history["run_id"].nunique() > 1:
        raise InputError(
            f"the history has {history['run_id'].nunique()} runs; it must have one: take them one "
            'by one, as in history.groupby("run_id")'
        )
    steps = history.sort_values("step")
    costs, values = steps[[cost_column, column]].to_numpy(dtype=float).T
    known = np.isfinite(values)
    return costs[known], values[known]

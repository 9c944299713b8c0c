"""Figures of a study; the only place that imports Matplotlib."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from qnlr.study.stats import baseline_of, mean_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FIGURES = {
    "loss": ("metric_loss", "mini-batch loss"),
    "gradient_norm": ("metric_gradient_norm", "gradient norm ‖g‖"),
}
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999")
STYLES = ("-", "--", "-.", ":")


def per_step(history: pd.DataFrame, column: str, ylabel: str) -> Figure:
    """Draw a column of the history per step, and below it the paired difference to the baseline.

    The upper panel shows means over seeds. Mini-batches differ from step to step, but are the same
    for all methods on one seed, so the differences in the lower panel, with their 95 % interval,
    show what the means cannot.

    Args:
        history: What :func:`qnlr.load_history` returned.
        column: The column.
        ylabel: What it is.

    Returns:
        The figure.
    """
    from matplotlib.figure import Figure

    methods = list(dict.fromkeys(history["label"]))
    baseline = baseline_of(methods)
    figure = Figure(figsize=(6.4, 5.2 if len(methods) > 1 else 3.6), layout="constrained")
    upper, *rest = figure.subplots(min(len(methods), 2), 1, sharex=True, squeeze=False)[:, 0]
    wide = history.pivot(index=["spec_seed", "step"], columns="label", values=column)
    for number, method in enumerate(methods):
        look = {
            "color": COLOURS[number % len(COLOURS)],
            "linestyle": STYLES[number % len(STYLES)],
            "linewidth": 1.8,
        }
        means = wide[method].groupby("step").mean()
        upper.plot(means.index, means, label=method, **look)
        if method != baseline:
            _band(rest[0], wide[method] - wide[baseline], look)
    upper.set(ylabel=ylabel, ylim=(0.0, None))
    upper.legend(frameon=False, fontsize="small")
    seeds = history["spec_seed"].nunique()
    upper.set_title(f"mean over {seeds} seeds", fontsize="small", loc="left")
    for axes in rest:
        axes.axhline(0.0, color=COLOURS[methods.index(baseline)], linewidth=1.0)
        axes.set_ylabel(f"difference to {baseline}")
        axes.set_title("paired difference, 95 % interval", fontsize="small", loc="left")
    for axes in (upper, *rest):
        axes.spines[["top", "right"]].set_visible(False)
    (rest[-1] if rest else upper).set_xlabel("step")
    return figure


def _band(axes: Axes, difference: pd.Series[float], look: dict[str, Any]) -> None:
    """Draw the mean of a difference over seeds with its interval."""
    grouped = difference.dropna().groupby("step")
    intervals = [mean_interval(values) for _, values in grouped]
    steps = np.array(list(grouped.groups))
    mean = np.array([interval.mean for interval in intervals])
    half = np.nan_to_num([interval.half_width for interval in intervals])
    axes.plot(steps, mean, **look)
    axes.fill_between(steps, mean - half, mean + half, color=look["color"], alpha=0.15, linewidth=0)


def save_figures(history: pd.DataFrame, folder: Path) -> list[Path]:
    """Draw every figure of a study and save it as PNG.

    Args:
        history: What :func:`qnlr.load_history` returned.
        folder: Where to.

    Returns:
        The files.
    """
    files = []
    for name, (column, ylabel) in FIGURES.items():
        file = folder / f"{name}.png"
        beside = folder / f"{name}.tmp.png"
        per_step(history, column, ylabel).savefig(beside, dpi=150)
        beside.replace(file)
        files.append(file)
    return files

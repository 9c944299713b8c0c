"""What happens from step to step: means over seeds, their spread, and where steps were reversed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from qnlr.errors import InputError, require_count
from qnlr.study.figures.style import (
    PAPER,
    SMALL,
    WIDTH,
    Look,
    arranged,
    legend,
    logarithmic,
    looks,
    outer_labels,
    require_columns,
    settled,
    styled,
    tidy,
)
from qnlr.study.stats import mean_interval
from qnlr.study.summary import seeds_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

POINTS = 600  # of a curve; more cannot be seen in a panel
FLIPPED = "metric_flipped"


def curves(
    history: pd.DataFrame,
    column: str,
    ylabel: str,
    paper: Mapping[str, float] | None = None,
    window: int = 1,
    log_y: bool = False,
) -> Figure:
    """Draw a column of the history per step: mean over seeds and 95 % band, a panel for each mode.

    Where runs flipped, strips below a panel show at every step the share of seeds that did.

    Args:
        history: One row for each step of each run: ``mode``, ``method``, ``spec_seed``, ``step``,
            the column, and, if there were flips, ``metric_flipped``.
        column: The column.
        ylabel: What it is, with its unit.
        paper: By method the value that the paper gives for the end, shown behind the last step.
        window: Number of steps, an odd one, over which each seed's values are averaged, centred on
            the step, before seeds are; 1 for none. The label of the axis tells.
        log_y: Whether y is logarithmic.

    Returns:
        The figure.

    Raises:
        InputError: If there are no rows, a column is missing, a seed has two values for a step, or
            the window is not odd.

    Example:
        >>> history = pd.DataFrame({
        ...     "mode": "exact", "method": "sgd", "spec_seed": [0, 0, 1, 1],
        ...     "step": [0, 1, 0, 1], "metric_loss": [1.0, 0.5, 0.8, 0.4],
        ... })
        >>> axes = curves(history, "metric_loss", "mini-batch loss").axes[0]
        >>> axes.get_lines()[0].get_ydata().tolist()
        [0.9, 0.45]
    """
    from matplotlib.figure import Figure

    require_columns(history, ["mode", "method", "spec_seed", "step", column])
    if require_count("window", window) % 2 == 0:
        raise InputError(f"window = {window} is not odd; a window is centred on its step")
    if history.duplicated(["mode", "method", "spec_seed", "step"]).any():
        raise InputError(
            "a seed has two values for one step of a method in a mode; give runs that differ in "
            "anything else a method or a mode of their own"
        )
    modes = list(dict.fromkeys(history["mode"]))
    methods = looks(history["method"])
    flipping = _flipping(history)
    down, across = arranged(len(modes))
    strips = 0.13 * len(flipping)
    with styled():
        figure = Figure(figsize=(WIDTH, 0.2 + (2.2 + strips) * down), layout="constrained")
        ratios = [1.8, strips] if flipping else [1.8]
        grid = figure.subplots(
            len(ratios) * down,
            across,
            squeeze=False,
            sharex=True,
            sharey="row",
            height_ratios=ratios * down,
        )
        upper, lower = grid[:: len(ratios)], grid[1 :: len(ratios)]
        for axes in upper[1:, 0]:
            axes.sharey(upper[0, 0])
        if log_y:
            _logarithmic(upper[0, 0], history, column, paper or {})
        for axes, mode in zip(upper.flat, modes, strict=False):
            tidy(axes, mode, across)
            part = history[history["mode"] == mode]
            for method, look in methods.items():
                rows = part[part["method"] == method]
                if not rows.empty:
                    _curve(axes, rows, column, look, window)
            _paper(axes, part, paper or {}, methods)
        if flipping:
            for axes, mode in zip(lower.flat, modes, strict=False):
                _strip(axes, history[history["mode"] == mode], flipping)
            for axes in lower[:, 0]:
                _samples(axes, [methods[name] for name in flipping], across)
        _labels(grid, len(ratios), len(modes), history, ylabel, window)
        if upper[0, 0].get_yscale() == "linear" and (history[column].dropna() >= 0).all():
            upper[0, 0].set_ylim(bottom=0.0)
        upper[0, 0].set_xlim(history["step"].min() - 0.5, history["step"].max() + 0.5)
        _legend(figure, history, methods, paper or {}, flips=bool(flipping))
        return settled(figure)


def _curve(axes: Axes, rows: pd.DataFrame, column: str, look: Look, window: int) -> None:
    """Draw the mean over seeds of one method, and its interval as a band."""
    wide = rows.pivot(index="step", columns="spec_seed", values=column).astype(float)
    if window > 1:
        wide = wide.rolling(window, center=True, min_periods=1).mean()
    wide = wide.iloc[:: _every(len(wide))]
    intervals = [mean_interval(values) for values in wide.to_numpy()]
    mean, low, high = np.array([(each.mean, each.low, each.high) for each in intervals]).T
    axes.plot(wide.index, mean, color=look.color, linestyle=look.linestyle, linewidth=1.3)
    if np.isfinite(low).any():
        if axes.get_yscale() == "log":
            low = np.maximum(low, np.nanmin(np.where(mean > 0, mean, np.nan)) * 1e-9)
        axes.fill_between(wide.index, low, high, color=look.color, alpha=0.18, linewidth=0)


def _every(steps: int) -> int:
    return math.ceil(steps / POINTS)


def _paper(
    axes: Axes, part: pd.DataFrame, paper: Mapping[str, float], methods: dict[str, Look]
) -> None:
    """Mark behind the last step what the paper gives for the end."""
    behind = part["step"].max() + 0.04 * max(np.ptp(part["step"]), 1)
    for method, value in paper.items():
        if method in set(part["method"]) and math.isfinite(value):
            outline: dict[str, Any] = {
                "markeredgecolor": methods[method].color,
                "markeredgewidth": 0.9,
            }
            axes.plot([behind], [value], **PAPER, **outline, linestyle="none", clip_on=False)


def _flipping(history: pd.DataFrame) -> list[str]:
    """Return the methods that flipped at any step in any mode."""
    if FLIPPED not in history:
        return []
    flipped = history.loc[history[FLIPPED].fillna(False).astype(bool), "method"]
    return [name for name in dict.fromkeys(history["method"]) if name in set(flipped)]


def _strip(axes: Axes, part: pd.DataFrame, flipping: list[str]) -> None:
    """Draw the share of seeds that flipped: a row for each method, a tick for each step."""
    steps = range(int(part["step"].min()), int(part["step"].max()) + 1)
    shares = part.assign(flipped=part[FLIPPED].astype(float)).pivot_table(
        index="method", columns="step", values="flipped", aggfunc="mean"
    )
    for row, shown in enumerate(shares.reindex(index=flipping, columns=steps).to_numpy()):
        axes.imshow(
            [np.nan_to_num(shown)],
            aspect="auto",
            cmap="Greys",
            vmin=0.0,
            vmax=1.0,
            extent=(steps[0] - 0.5, steps[-1] + 0.5, row + 0.4, row - 0.4),
        )
    axes.set_ylim(len(flipping) - 0.5, -0.5)
    axes.set_yticks([])
    axes.tick_params(labelsize=SMALL, length=3)
    axes.spines["left"].set_visible(False)


def _samples(axes: Axes, flipping: list[Look], across: int) -> None:
    """Show left of each row of a strip how its method is drawn."""
    for row, look in enumerate(flipping):
        axes.plot(
            [-0.05 * across, -0.007 * across],
            [row, row],
            color=look.color,
            linestyle=look.linestyle,
            linewidth=1.3,
            transform=axes.get_yaxis_transform(),
            clip_on=False,
        )


def _labels(
    grid: Any, high: int, shown: int, history: pd.DataFrame, ylabel: str, window: int
) -> None:
    every = _every(history["step"].nunique())
    step = f"step (1 in {every} drawn)" if every > 1 else "step"
    smoothed = f"\n(rolling mean of {window} steps)" if window > 1 else ""
    outer_labels(grid[high - 1 :: high], shown, step, "")
    outer_labels(grid[::high], shown, step if high == 1 else "", ylabel + smoothed)
    if high > 1:
        for axes in grid[::high].flat:
            axes.tick_params(labelbottom=False)


def _logarithmic(
    axes: Axes, history: pd.DataFrame, column: str, paper: Mapping[str, float]
) -> None:
    """Make y logarithmic, from below the lowest mean; bands may reach below any limit."""
    values = history[column].replace([np.inf, -np.inf], np.nan)
    means = values.groupby([history["mode"], history["method"], history["step"]]).mean()
    logarithmic(axes, "y", means)
    if axes.get_yscale() == "log":
        least, *_ = sorted(x for x in (means.min(), *paper.values()) if x > 0)
        axes.set_ylim(least / 1.4, 1.2 * max(float(values.max()), *paper.values(), least))


def _legend(
    figure: Figure,
    history: pd.DataFrame,
    methods: dict[str, Look],
    paper: Mapping[str, float],
    *,
    flips: bool,
) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = [
        Line2D([], [], color=look.color, linestyle=look.linestyle, label=name)
        for name, look in methods.items()
    ]
    given = [name for name, value in paper.items() if name in methods and math.isfinite(value)]
    if given:
        several = ", at the end (outlined in the method's colour)" if len(given) > 1 else ""
        handles.append(Line2D([], [], **PAPER, linestyle="none", label="paper" + several))
    seeds = history["spec_seed"].nunique()
    if flips:
        half = [Patch(color="#969696", label="flip in half of the seeds")] if seeds > 1 else []
        handles += [*half, Patch(color="black", label="flip in all seeds" if half else "flip")]
    several = f"mean and 95 % interval over {seeds_text(seeds)}"
    legend(figure, handles, several if seeds > 1 else "one seed")

"""What a study shows per step: means over seeds, and paired differences to the baselines."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from qnlr.files import replacing
from qnlr.study.figures.style import ACROSS, COLOURS, GREY, STYLES
from qnlr.study.results import ABOVE
from qnlr.study.stats import mean_interval
from qnlr.study.summary import baselines, seeds_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LINEAR = 1e-3  # share of the largest value below which a scale for both signs is linear
TITLE: dict[str, Any] = {"fontsize": "small", "loc": "left"}


def drawn_per_step(history: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """Return what is drawn of a study per step: the column and its label, by name of the figure.

    Args:
        history: What :func:`qnlr.load_history` returned.

    Example:
        >>> drawn_per_step(pd.DataFrame({"metric_loss": [0.5]}))["loss"]
        ('metric_loss', 'mini-batch loss')
    """
    if ABOVE not in history:
        loss = ("metric_loss", "mini-batch loss")
    elif history[ABOVE].notna().all():
        loss = (ABOVE, "energy above the exact one")
    else:
        loss = ("metric_loss", "loss of the stage")
    return {"loss": loss, "gradient_norm": ("metric_gradient_norm", "gradient norm ‖g‖")}


def per_step(history: pd.DataFrame, column: str, ylabel: str) -> Figure:
    """Draw a column of the history per step, and below it paired differences to the baselines.

    Each setting that a study varies besides the optimizer has panels of its own. The upper one
    shows means over seeds. Mini-batches differ from step to step, but are the same for all methods
    on one seed, so the differences in the lower panel, with their 95 % interval, show what the
    means cannot.

    Args:
        history: What :func:`qnlr.load_history` returned.
        column: The column.
        ylabel: What it is.

    Returns:
        The figure.
    """
    from matplotlib.figure import Figure

    parts = dict(list(history.groupby("setting", sort=False)))
    compared = any(base not in ("", name) for name, base in baselines(history).items())
    high, across = 1 + compared, min(len(parts), ACROSS)
    down = math.ceil(len(parts) / across)
    size = (6.4 * across, (5.2 if compared else 3.6) * down)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(high * down, across, squeeze=False)
    for axes in grid.flat[:]:
        axes.set_visible(False)
        axes.spines[["top", "right"]].set_visible(False)
    for number, (setting, part) in enumerate(parts.items()):
        row, place = divmod(number, across)
        panels = grid[high * row : high * (row + 1), place]
        _panels(list(panels), part, str(setting), column)
        panels[0].set_ylabel(ylabel)
        panels[-1].set_xlabel("step")
    return figure


def _panels(panels: list[Axes], history: pd.DataFrame, setting: str, column: str) -> None:
    """Draw the means of one setting, and the differences where there is a panel for them."""
    upper, *lower = panels
    wide = history.pivot(index=["spec_seed", "step"], columns="label", values=column)
    pairs = baselines(history)
    colours = dict(zip(pairs, itertools.cycle((*COLOURS, GREY)), strict=False))
    for (method, baseline), style in zip(pairs.items(), itertools.cycle(STYLES), strict=False):
        look: dict[str, Any] = {"color": colours[method], "linestyle": style, "linewidth": 1.8}
        means = wide[method].groupby("step").mean()
        upper.plot(means.index, means, label=method.removesuffix(setting).strip(), **look)
        if baseline not in ("", method):
            _band(lower[0], wide[method] - wide[baseline], look)
    mean = f"mean over {seeds_text(history['spec_seed'].nunique())}"
    upper.set_title(f"{setting}: {mean}" if setting else mean, **TITLE)
    upper.set_visible(True)
    if column == ABOVE:
        _for_decades(upper)
    elif (history[column].dropna() >= 0).all():
        upper.set_ylim(bottom=0.0)
    upper.legend(frameon=False, fontsize="small")
    names = sorted({base for base in pairs.values() if base})
    for axes in lower:
        axes.set_visible(bool(names))
        upper.sharex(axes)
        upper.tick_params(labelbottom=False)
        axes.axhline(0.0, color=colours[names[0]] if len(names) == 1 else GREY, linewidth=1.0)
        only = names[0].removesuffix(setting).strip() if len(names) == 1 else "its sgd"
        axes.set_ylabel(f"difference to {only}")
        axes.set_title("paired difference, 95 % interval", **TITLE)
        if column == ABOVE:
            _for_decades(axes)


def _for_decades(axes: Axes) -> None:
    """Make y logarithmic; where values have both signs, linear around 0."""
    drawn = np.concatenate([line.get_ydata() for line in axes.get_lines()])
    found = drawn[np.isfinite(drawn) & (drawn != 0)]
    if not found.size:
        return
    if found.min() > 0:
        axes.set_yscale("log")
        return
    # what shot noise scatters to both sides of 0 has no decades
    scattered = min(-float(found.min()), float(np.median(np.abs(found))))
    largest = float(np.abs(found).max())
    axes.set_yscale("symlog", linthresh=max(LINEAR * largest, scattered))


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
    for name, (column, ylabel) in drawn_per_step(history).items():
        file = folder / f"{name}.png"
        with replacing(file) as beside:
            per_step(history, column, ylabel).savefig(beside, dpi=150)
        files.append(file)
    return files

"""What a study shows per step: means over seeds, and paired differences to the baselines."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from qnlr.files import replacing
from qnlr.study.figures.style import ACROSS, GREY, legend, looks
from qnlr.study.results import ABOVE
from qnlr.study.stats import mean_interval
from qnlr.study.summary import baselines, seeds_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LINEAR = 1e-3  # share of the largest value below which a scale for both signs is linear
TITLE: dict[str, Any] = {"fontsize": "small", "loc": "left"}
BROAD = 80  # characters across a panel
LONG = 50  # characters of a name above which a legend has no room in a panel


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
    shows means over seeds; the legend is in it, or below all of them where a name is long.
    Mini-batches differ from step to step, but are the same for all methods on one seed, so the
    differences in the lower panel, with their 95 % interval, show what the means cannot.

    Args:
        history: What :func:`qnlr.load_history` returned.
        column: The column.
        ylabel: What it is.

    Returns:
        The figure.
    """
    from matplotlib.figure import Figure

    parts = [part for _, part in history.groupby("setting", sort=False)]
    compared = any(base not in ("", name) for name, base in baselines(history).items())
    high, across = 1 + compared, min(len(parts), ACROSS)
    down = math.ceil(len(parts) / across)
    size = (6.4 * across, (5.2 if compared else 3.6) * down)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(high * down, across, squeeze=False)
    for axes in grid.flat[:]:
        axes.set_visible(False)
        axes.spines[["top", "right"]].set_visible(False)
    drawn = _looks(history)
    below = max(map(len, drawn)) > LONG
    for number, part in enumerate(parts):
        row, place = divmod(number, across)
        panels = grid[high * row : high * (row + 1), place]
        _panels(list(panels), part, column, drawn)
        panels[0].set_ylabel(ylabel)
        panels[-1].set_xlabel("step")
        if not below:
            panels[0].legend(frameon=False, fontsize="small")
    if below:
        from matplotlib.lines import Line2D

        legend(figure, [Line2D([], [], label=name, **look) for name, look in drawn.items()], "")
    return figure


def _looks(history: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return how each method is drawn, the same in every setting."""
    pairs = history[["label", "setting"]].drop_duplicates()
    names = dict.fromkeys(
        _method(label, setting) for label, setting in pairs.itertuples(index=False)
    )
    return {
        name: {"color": look.color, "linestyle": look.linestyle, "linewidth": 1.8}
        for name, look in looks(names).items()
    }


def _method(label: str, setting: str) -> str:
    """Return a label without the setting that it ends with."""
    return label.removesuffix(setting).strip()


def _panels(
    panels: list[Axes],
    history: pd.DataFrame,
    column: str,
    drawn: Mapping[str, dict[str, Any]],
) -> None:
    """Draw the means of one setting, and the differences where there is a panel for them."""
    upper, *lower = panels
    setting = str(history["setting"].iloc[0])
    wide = history.pivot(index=["spec_seed", "step"], columns="label", values=column)
    pairs = baselines(history)
    for method, baseline in pairs.items():
        name = _method(method, setting)
        means = wide[method].groupby("step").mean()
        upper.plot(means.index, means, label=name, **drawn[name])
        if baseline not in ("", method):
            _band(lower[0], wide[method] - wide[baseline], drawn[name])
    mean = f"mean over {seeds_text(history['spec_seed'].nunique())}"
    upper.set_title(textwrap.fill(f"{setting}: {mean}" if setting else mean, BROAD), **TITLE)
    upper.set_visible(True)
    if column == ABOVE:
        _for_decades(upper)
    elif (history[column].dropna() >= 0).all():
        upper.set_ylim(bottom=0.0)
    names = sorted({_method(base, setting) for base in pairs.values() if base})
    for axes in lower:
        axes.set_visible(bool(names))
        upper.sharex(axes)
        upper.tick_params(labelbottom=False)
        axes.axhline(
            0.0, color=drawn[names[0]]["color"] if len(names) == 1 else GREY, linewidth=1.0
        )
        axes.set_ylabel(f"difference to {names[0] if len(names) == 1 else 'its sgd'}")
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

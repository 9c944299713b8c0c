"""The loss of one minimisation, step by step, as it is drawn while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qnlr.study.figures.style import COLOURS, SMALL, require_columns, settled, styled, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIZE = (5.0, 2.8)  # inches


def loss_curve(history: pd.DataFrame, ylabel: str = "mini-batch loss") -> Figure:
    """Draw the loss per step, two standard errors around it, and the steps that were reversed.

    Args:
        history: One row for each step: ``step``, ``metric_loss``, ``metric_loss_std`` (NaN where
            it is not known) and ``metric_flipped``. Without rows, the figure is empty.
        ylabel: What the loss is.

    Returns:
        The figure.

    Raises:
        InputError: If a column is missing.

    Example:
        >>> history = pd.DataFrame({
        ...     "step": [0, 1], "metric_loss": [0.8, 0.9], "metric_loss_std": [0.1, 0.1],
        ...     "metric_flipped": [False, True],
        ... })
        >>> axes = loss_curve(history).axes[0]
        >>> axes.get_xlabel(), axes.get_ylabel(), len(axes.get_lines())
        ('step', 'mini-batch loss', 2)
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    if not history.empty:
        require_columns(history, ["step", "metric_loss", "metric_loss_std", "metric_flipped"])
    with styled():
        figure = Figure(figsize=SIZE, layout="constrained")
        axes = figure.subplots()
        tidy(axes, "", 1)
        axes.set(xlabel="step", ylabel=ylabel)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if not history.empty:
            _losses(axes, history)
        handles = axes.get_legend_handles_labels()[0]
        if handles:
            figure.legend(
                handles=handles, loc="outside upper right", ncols=2, fontsize=SMALL, borderpad=0.0
            )
        return settled(figure)


def _losses(axes: Axes, history: pd.DataFrame) -> None:
    step = history["step"].to_numpy(dtype=float)
    loss = history["metric_loss"].to_numpy(dtype=float)
    error = 2 * history["metric_loss_std"].to_numpy(dtype=float)
    flipped = history["metric_flipped"].to_numpy(dtype=bool)
    alone = "o" if len(step) == 1 else ""
    axes.plot(step, loss, color=COLOURS[0], linewidth=1.3, marker=alone, markersize=3)
    low = loss
    if (error > 0).any():
        low = loss - error
        axes.fill_between(
            step,
            low,
            loss + error,
            color=COLOURS[0],
            alpha=0.18,
            linewidth=0,
            label="± 2 standard errors",
        )
    if flipped.any():
        axes.plot(
            step[flipped],
            loss[flipped],
            color=COLOURS[1],
            linestyle="",
            marker="^",
            markersize=4,
            label=f"reversed step ({flipped.sum()} of {len(step)})",
        )
    finite = low[np.isfinite(low)]
    if finite.size and finite.min() >= 0:
        axes.set_ylim(bottom=0.0)

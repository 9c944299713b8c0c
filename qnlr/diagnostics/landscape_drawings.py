"""What to draw of a slice through a landscape."""

from __future__ import annotations

from typing import Any

import pandas as pd

from qnlr.diagnostics.directions import Directions
from qnlr.diagnostics.findings import Drawing, Lines, Map

TITLES = {"loss": "Loss around the run", "gradient": "Gradient norm around the run"}
PRECISE = 1.96  # standard errors on either side of a 95 % interval


def drawings(
    frame: pd.DataFrame,
    path: pd.DataFrame | None,
    found: Directions,
    dimensions: int,
    about: str,
) -> tuple[Drawing, ...]:
    """Return what to draw of a slice: lines, or a surface and heat maps.

    Args:
        frame: One row for each point.
        path: The run's way over it, or None.
        found: The directions.
        dimensions: 1 or 2.
        about: What has to be known to read them.

    Returns:
        Drawings of the loss, and of the gradient if it was measured.
    """
    quantities = [("loss", "loss L"), ("gradient", "gradient norm ‖∇L‖ (1/rad)")]
    quantities = [(name, label) for name, label in quantities if name in frame]
    if dimensions == 1:
        return tuple(_lines(frame, found, name, label, about) for name, label in quantities)
    axes: dict[str, Any] = {"x": "first", "y": "second"}
    axes |= {"xlabel": found.labels[0], "ylabel": found.labels[1]}
    if path is not None:
        about += " The path is that of the run, projected"
        if found.explained is not None:
            shares = [f"{share:.1%}" for share in found.explained["explained"]]
            about += f"; the directions hold {' and '.join(shares)} of the variance of its weights"
        about += "."
    surface = Map(
        frame,
        **axes,
        value="loss",
        label="loss L",
        surface=True,
        path=path,
        name="landscape_surface",
        title="Loss around the run",
        caption=about,
    )
    heats = (
        Map(
            frame,
            **axes,
            value=name,
            label=label,
            path=path,
            name=f"landscape_{name}",
            title=TITLES[name],
            caption=about,
        )
        for name, label in quantities
    )
    return (surface, *heats)


def _lines(frame: pd.DataFrame, found: Directions, name: str, label: str, about: str) -> Lines:
    low, high = None, None
    if name == "loss" and frame["loss_std"].any():
        half = PRECISE * frame["loss_std"]
        frame = frame.assign(low=frame["loss"] - half, high=frame["loss"] + half)
        low, high = "low", "high"
        about += " Bands are 95 % intervals of the shots."
    unit = found.labels[0][found.labels[0].index("(") :]
    return Lines(
        frame,
        x="distance",
        y=name,
        xlabel=f"distance along a direction {unit}",
        ylabel=label,
        low=low,
        high=high,
        by="direction",
        band=low is not None,
        name=f"landscape_{name}",
        title=TITLES[name],
        caption=about,
    )

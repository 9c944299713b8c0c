"""A cost with a plateau and a cave in it, and the magnitude of its gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from qnlr.errors import InputError
from qnlr.study.figures.style import SMALL, WIDTH, settled, styled
from qnlr.types import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def plateau(
    x: ArrayLike,
    y: ArrayLike,
    cost: ArrayLike,
    gradient: ArrayLike,
    centre: tuple[float, float],
    box: tuple[float, float, float, float],
) -> Figure:
    """Draw a cost over two weights as a surface, and the magnitude of its gradient as a heat map.

    Args:
        x: First weight, shape (N,), ascending.
        y: Second weight, shape (M,), ascending.
        cost: Cost, shape (M, N).
        gradient: Magnitude of the gradient, shape (M, N).
        centre: Where the cave is.
        box: The plateau: its left, right, lower and upper end.

    Returns:
        The figure.

    Raises:
        InputError: If the shapes do not fit.

    Example:
        >>> x = np.linspace(-4, 4, 9)
        >>> cost = 1 - np.exp(-(x + 2) ** 2 - (x[:, None] + 2) ** 2)
        >>> figure = plateau(x, x, cost, np.abs(cost), (-2, -2), (0, 4, 0, 4))
        >>> figure.axes[1].get_xlabel()
        'weight θ₁'
    """
    from matplotlib.figure import Figure

    weights = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    values, slope = np.asarray(cost, dtype=float), np.asarray(gradient, dtype=float)
    shape = weights[1].size, weights[0].size
    for name, given in (("cost", values), ("gradient", slope)):
        if given.shape != shape:
            raise InputError(f"{name} has shape {given.shape}; for this x and y it must be {shape}")
    with styled():
        figure = Figure(figsize=(WIDTH, 3.1), layout="constrained")
        columns = figure.add_gridspec(1, 2, width_ratios=(1.05, 1.0))
        _surface(figure.add_subplot(columns[0], projection="3d"), *weights, values, centre)
        _heat(figure, figure.add_subplot(columns[1]), *weights, slope, centre, box)
        return settled(figure)


def _surface(
    axes: Any, x: FloatArray, y: FloatArray, cost: FloatArray, centre: tuple[float, float]
) -> None:
    # a surface of polygons would make a file of megabytes
    axes.plot_surface(
        *np.meshgrid(x, y),
        cost,
        cmap="viridis",
        rcount=90,
        ccount=90,
        linewidth=0,
        rasterized=True,
        antialiased=False,
    )
    axes.set_title(
        f"(a) cost, with a cave at ({centre[0]:g}, {centre[1]:g})".replace("-", "−"), loc="left"
    )
    axes.set_xlabel("weight θ₁", labelpad=-4)
    axes.set_ylabel("weight θ₂", labelpad=-4)
    axes.set_zlabel("cost C(θ)", labelpad=-4)
    axes.tick_params(labelsize=7, pad=-2)
    axes.view_init(elev=32, azim=-125)


def _heat(
    figure: Figure,
    axes: Axes,
    x: FloatArray,
    y: FloatArray,
    gradient: FloatArray,
    centre: tuple[float, float],
    box: tuple[float, float, float, float],
) -> None:
    from matplotlib.patches import Rectangle
    from matplotlib.patheffects import Normal, Stroke

    mesh = axes.pcolormesh(x, y, gradient, cmap="magma", shading="nearest", rasterized=True)
    left, right, low, high = box
    corner = left, low
    axes.add_patch(
        Rectangle(corner, right - left, high - low, edgecolor="cyan", facecolor="none", lw=1.8)
    )
    axes.plot(*centre, marker="x", color="white", markersize=6, linestyle="none")
    outlined = [Stroke(linewidth=2, foreground="black"), Normal()]
    places = [
        ("plateau", ((left + right) / 2, high), "cyan"),
        ("cave", centre, "white"),
    ]
    for text, place, colour in places:
        axes.annotate(
            text,
            place,
            (0, 4),
            textcoords="offset points",
            color=colour,
            ha="center",
            path_effects=outlined,
        )
    axes.set_title("(b) gradient, which vanishes in the box")
    axes.set(xlabel="weight θ₁", ylabel="weight θ₂", aspect="equal")
    axes.locator_params(nbins=6)
    axes.tick_params(labelsize=SMALL, length=3)
    figure.colorbar(mesh, ax=axes, label="gradient magnitude ‖∇C(θ)‖")

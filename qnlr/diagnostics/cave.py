"""The landscape of the paper's Figure 1: a cave in a plateau."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from qnlr.diagnostics.findings import Findings, Map
from qnlr.errors import InputError, require_count, require_positive
from qnlr.types import FloatArray


@dataclass(frozen=True)
class Landscape:
    """A cost over two weights, on a square grid.

    Args:
        axis: Values of either weight, shape (N,).
        cost: Cost, shape (N, N), the second weight first.
        slope: Magnitude of its gradient, shape (N, N).
        centre: Where the cave is.
        box: The floor of the cave: left, right, lower and upper end.
    """

    axis: FloatArray
    cost: FloatArray
    slope: FloatArray
    centre: tuple[float, float]
    box: tuple[float, float, float, float]


def landscape(
    centre: Sequence[float] = (-2.0, -2.0),
    depth: float = 0.3,
    width: float = 1.5,
    tilt: float = 0.01,
    points: int = 121,
) -> Landscape:
    r"""Return a shallow cave with a flat floor in a slightly tilted plane.

    .. math:: C(θ) = 1 + t (θ_1 + θ_2) - d \, e^{-(‖θ - c‖ / w)^6}

    The paper shows such a cave at (−2, −2) and does not give its function.

    Source: NLR paper, Fig. 1.

    Args:
        centre: c, where the cave is, in [−4, 4]².
        depth: d > 0.
        width: w > 0, in radians.
        tilt: t, slope of the plane along either weight.
        points: N, points along an axis from −4 to 4, at least 2.

    Returns:
        The landscape.

    Raises:
        InputError: If a value lies outside its range.

    Example:
        >>> scene = landscape()
        >>> scene.cost.min().round(2), scene.slope[30, 30].round(3)
        (np.float64(0.65), np.float64(0.014))
    """
    if len(centre) != 2 or not all(abs(place) <= 4 for place in centre):
        raise InputError(f"centre = {centre!r} is not valid; it must be two numbers from -4 to 4")
    require_positive("depth", depth)
    require_positive("width", width)
    axis = np.linspace(-4.0, 4.0, require_count("points", points, low=2, high=2001))
    first, second = np.meshgrid(axis - centre[0], axis - centre[1])
    squared = (first**2 + second**2) / width**2
    fall = depth * np.exp(-(squared**3))
    cost = 1 + tilt * (first + second + sum(centre)) - fall
    steep = 6 * squared**2 * fall / width**2
    slope = np.hypot(tilt + steep * first, tilt + steep * second)
    half = width / 2
    box = (centre[0] - half, centre[0] + half, centre[1] - half, centre[1] + half)
    return Landscape(axis, cost, slope, (centre[0], centre[1]), box)


def cave(
    centre: tuple[float, ...] = (-2.0, -2.0),
    depth: float = 0.3,
    width: float = 1.5,
    tilt: float = 0.01,
    points: int = 121,
) -> Findings:
    """Show the synthetic plateau of the paper's Figure 1, with its shallow cave.

    See :func:`landscape` for its function.

    Source: NLR paper, Fig. 1.

    Args:
        centre: Where the cave is, two numbers from −4 to 4.
        depth: How deep the cave is, above 0.
        width: How wide the cave is, above 0, in radians.
        tilt: Slope of the plane along either weight.
        points: Points along an axis from −4 to 4, at least 2.

    Returns:
        One row for each point of the grid, a surface of the cost, and a map of its gradient.

    Raises:
        InputError: If a value lies outside its range.

    Example:
        >>> print(cave().says[0])
        The cost is lowest, 0.653, at (−2.40, −2.47); the gradient is steepest, 0.462, at the walls.
    """
    scene = landscape(centre, depth, width, tilt, points)
    theta = np.meshgrid(scene.axis, scene.axis)
    frame = pd.DataFrame(
        {
            "theta_1": theta[0].ravel(),
            "theta_2": theta[1].ravel(),
            "cost": scene.cost.ravel(),
            "gradient": scene.slope.ravel(),
        }
    )
    place = f"({centre[0]:g}, {centre[1]:g})"
    about = f"A cave at {place} in a plane of slope {tilt:g} along either weight."
    about = about.replace("-", "−")
    labels = ("θ₁ (rad)", "θ₂ (rad)")
    surface = Map(
        *(frame, "theta_1", "theta_2", "cost", *labels, "cost C"),
        surface=True,
        name="cave_cost",
        title="Cost of a plateau with a cave",
        caption=about,
    )
    heat = Map(
        *(frame, "theta_1", "theta_2", "gradient", *labels, "gradient magnitude ‖∇C‖ (1/rad)"),
        box=scene.box,
        name="cave_gradient",
        title="Gradient magnitude of a plateau with a cave",
        caption=f"{about} The box marks the floor of the cave.",
    )
    return Findings(
        title="A synthetic plateau with a cave",
        frame=frame,
        says=_says(frame, scene, tilt),
        drawings=(surface, heat),
        caveats=(
            "The paper does not give the function of its Figure 1; this is one that looks like it.",
        ),
    )


def _says(frame: pd.DataFrame, scene: Landscape, tilt: float) -> tuple[str, ...]:
    lowest = frame.iloc[int(frame["cost"].argmin())]
    place = f"({lowest['theta_1']:.2f}, {lowest['theta_2']:.2f})".replace("-", "−")
    left, right, low, high = scene.box
    inside = frame["theta_1"].between(left, right) & frame["theta_2"].between(low, high)
    steepest = frame["gradient"].max()
    floor, outside = frame.loc[inside, "gradient"], np.hypot(tilt, tilt)
    sentences = [
        f"The cost is lowest, {lowest['cost']:.3f}, at {place}; the gradient is steepest, "
        f"{steepest:.3f}, at the walls."
    ]
    if len(floor):
        sentences.append(
            f"In the box the gradient has a median of {floor.median():.3f} and reaches "
            f"{floor.max():.3f} in its corners; far from the cave it is {outside:.3f}."
        )
    return tuple(sentences)

"""The landscape of the paper's Figure 1: a cave in a plateau."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qnlr.types import FloatArray


@dataclass(frozen=True)
class Landscape:
    """A cost over two weights, on a square grid.

    Args:
        axis: Values of either weight, shape (N,).
        cost: Cost, shape (N, N), the second weight first.
        slope: Magnitude of its gradient, shape (N, N).
        centre: Where the cave is.
        box: What lies around the cave: left, right, lower and upper end.
    """

    axis: FloatArray
    cost: FloatArray
    slope: FloatArray
    centre: tuple[float, float]
    box: tuple[float, float, float, float]


def landscape(
    centre: tuple[float, float] = (-2.0, -2.0),
    depth: float = 0.3,
    width: float = 0.7,
    tilt: float = 0.01,
    points: int = 121,
) -> Landscape:
    r"""Return a Gaussian cave in a slightly tilted plane.

    .. math:: C(θ) = 1 + t (θ_1 + θ_2) - d \, e^{-‖θ - c‖² / 2w²}

    The paper shows such a cave at (−2, −2) and does not give its function.

    Source: NLR paper, Fig. 1.

    Args:
        centre: c, where the cave is, in [−4, 4]².
        depth: d > 0.
        width: w > 0, in radians.
        tilt: t, slope of the plane along either weight.
        points: N, points along an axis from −4 to 4.

    Returns:
        The landscape.

    Example:
        >>> scene = landscape()
        >>> row, column = np.unravel_index(scene.cost.argmin(), scene.cost.shape)
        >>> scene.axis[[column, row]].round(1)
        array([-2., -2.])
    """
    axis = np.linspace(-4.0, 4.0, points)
    first, second = np.meshgrid(axis - centre[0], axis - centre[1])
    cave = depth * np.exp(-(first**2 + second**2) / (2 * width**2))
    cost = 1 + tilt * (first + second + sum(centre)) - cave
    slope = np.hypot(tilt + cave * first / width**2, tilt + cave * second / width**2)
    box = (centre[0] - 1, centre[0] + 1, centre[1] - 1, centre[1] + 1)
    return Landscape(axis, cost, slope, centre, box)

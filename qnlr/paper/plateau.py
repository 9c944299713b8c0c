"""The landscape of the paper's Figure 1: a cave in a plateau."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from qnlr.errors import InputError, require_count, require_positive
from qnlr.study.figures import plateau, save
from qnlr.study.messages import Place, explain
from qnlr.study.parts import settings_table
from qnlr.study.spec import is_name
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
    cave = depth * np.exp(-(squared**3))
    cost = 1 + tilt * (first + second + sum(centre)) - cave
    steep = 6 * squared**2 * cave / width**2
    slope = np.hypot(tilt + steep * first, tilt + steep * second)
    half = width / 2
    box = (centre[0] - half, centre[0] + half, centre[1] - half, centre[1] + half)
    return Landscape(axis, cost, slope, (centre[0], centre[1]), box)


def is_landscape(config: Path) -> bool:
    """Return whether a config has a landscape instead of runs.

    Args:
        config: A TOML file; if it cannot be read, it has none.
    """
    try:
        return "landscape" in tomllib.loads(config.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return False


def draw_config(config: Path, results: Path) -> list[Path]:
    """Draw the landscape of a config.

    Args:
        config: A TOML file with ``name`` and a table ``[landscape]``, the arguments of
            :func:`landscape`.
        results: Folder of all results; the figure is written to a folder of that name in it.

    Returns:
        The figure as PNG, PDF and SVG.

    Raises:
        InputError: If a key or value is not valid; the message names the place.
    """
    name, scene = load_landscape(config)
    drawing = plateau(scene.axis, scene.axis, scene.cost, scene.slope, scene.centre, scene.box)
    return save(drawing, results / name, name)


def load_landscape(config: Path) -> tuple[str, Landscape]:
    """Read the landscape of a config.

    Args:
        config: A TOML file with ``name`` and a table ``[landscape]``.

    Returns:
        Its name and itself.

    Raises:
        InputError: If a key or value is not valid; the message names the place.
    """
    text = config.read_text(encoding="utf-8-sig")
    raw: dict[str, Any] = tomllib.loads(text)
    place = Place(config, text)
    name = raw.get("name", config.stem)
    if not is_name(name):
        raise InputError(
            f"{place.at('name')}name = {name!r} is not valid; a landscape needs a name of letters, "
            "digits, '.', '_' and '-', which names its results folder"
        )
    for key in raw.keys() - {"name", "landscape"}:
        raise InputError(f'{place.at(key)}unknown key "{key}" beside [landscape]; leave it out')
    table = {"landscape": raw["landscape"]}
    if not isinstance(raw["landscape"], dict):
        raise InputError(f"{place.at('landscape')}landscape must be a table")
    try:
        settings = settings_table("landscape", landscape).model_validate(raw["landscape"])
    except ValidationError as error:
        raise InputError(explain(error, table["landscape"], {}, place)) from error
    return name, landscape(**settings.model_dump())

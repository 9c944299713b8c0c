"""The config of the paper's Figure 1: a cave in a plateau."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from qnlr.diagnostics.cave import Landscape, landscape
from qnlr.errors import InputError
from qnlr.study.figures import plateau, save
from qnlr.study.messages import Place, explain
from qnlr.study.parts import settings_table
from qnlr.study.spec import is_name


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
            :func:`qnlr.diagnostics.cave.landscape`.
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

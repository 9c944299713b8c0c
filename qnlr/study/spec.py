"""A study: a config read from TOML, checked key by key, and expanded into its grid of runs."""

from __future__ import annotations

import copy
import itertools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from qnlr.errors import InputError, nearest
from qnlr.rng import content_hash
from qnlr.study.messages import Origin, Place, explain
from qnlr.study.schema import RunSpec, file_hash

STUDY_KEYS = ("name", "seeds", "grid")


@dataclass(frozen=True)
class Study:
    """A named list of runs.

    Args:
        name: Name of the study, and of its results folder.
        runs: Its runs, seeds innermost.
        folder: Folder that paths in the config are relative to.
        source: The config file, or None if the study was given as a dict.
    """

    name: str
    runs: tuple[RunSpec, ...]
    folder: Path
    source: Path | None = None


def run_id(spec: RunSpec) -> str:
    """Return the identity of a run: a short hash of its whole spec.

    Args:
        spec: The run.

    Returns:
        12 hexadecimal digits; the same run has the same in every study.
    """
    return content_hash(spec.model_dump(mode="json"))


def load_study(config: str | Path | Mapping[str, Any]) -> Study:
    """Read a study from a TOML file or a dict of the same shape.

    A table given as an array of tables, such as ``[[optimizer]]``, is an axis of the grid; so is
    every list in ``[grid]``, whose keys are dotted paths, such as ``"circuit.layers" = [2, 5]``;
    ``seeds`` is a list, or the number of them.

    Args:
        config: Path of a TOML file, or its content as a dict.

    Returns:
        The study.

    Raises:
        InputError: If the file cannot be read, or a key, name or type is not valid; the message
            names the place.

    Example:
        >>> study = load_study({
        ...     "name": "small", "seeds": 2,
        ...     "data": {"name": "digits", "features": 4},
        ...     "circuit": {"qubits": 2, "layers": 1},
        ...     "backend": {"name": "statevector"},
        ...     "training": {"steps": 5},
        ...     "optimizer": [{"name": "sgd"}, {"name": "nlr"}],
        ... })
        >>> [(spec.optimizer.name, spec.seed) for spec in study.runs]
        [('sgd', 0), ('sgd', 1), ('nlr', 0), ('nlr', 1)]
    """
    place, raw, folder = _read(config)
    name = raw.get("name")
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise InputError(
            f"{place.at('name')}name = {name!r} is not valid; a study needs a name of letters, "
            "digits, '.', '_' and '-', which names its results folder"
        )
    seeds = _seeds(raw.get("seeds", 1), place)
    specs = [
        _validated({**table, "seed": seed}, origin, place, folder)
        for (table, origin), seed in itertools.product(_grid(raw, place), seeds)
    ]
    ids = [run_id(spec) for spec in specs]
    if len(set(ids)) < len(ids):
        raise InputError(
            f"{place.file}the grid holds the same run twice; every entry of an axis must differ"
        )
    return Study(name, tuple(specs), folder, place.path)


def _read(config: str | Path | Mapping[str, Any]) -> tuple[Place, dict[str, Any], Path]:
    if isinstance(config, Mapping):
        return Place(None, ""), copy.deepcopy(dict(config)), Path()
    path = Path(config)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise InputError(f"config {path} cannot be read: {reason}") from error
    try:
        return Place(path, text), tomllib.loads(text), path.parent
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path} is not valid TOML: {error}") from error


def _seeds(given: Any, place: Place) -> list[int]:
    whole = isinstance(given, int) and not isinstance(given, bool)
    seeds = list(range(given)) if whole else given
    valid = isinstance(seeds, list) and seeds
    if not valid or not all(type(seed) is int and seed >= 0 for seed in seeds):
        raise InputError(
            f"{place.at('seeds')}seeds = {given!r} is not valid; it must be a number of seeds of "
            "at least 1, or a list of integers of at least 0"
        )
    if len(set(seeds)) < len(seeds):
        raise InputError(f"{place.at('seeds')}seeds = {given!r} holds a seed twice")
    return seeds


def _grid(raw: dict[str, Any], place: Place) -> list[tuple[dict[str, Any], Origin]]:
    """Expand arrays of tables and ``[grid]`` into a table a run, and where each came from."""
    base = {key: value for key, value in raw.items() if key not in STUDY_KEYS}
    if "seed" in base:
        raise InputError(f'{place.at("seed")}unknown key "seed"; did you mean "seeds"?')
    for key in base:
        if key not in RunSpec.model_fields:
            valid = [*STUDY_KEYS, *(name for name in RunSpec.model_fields if name != "seed")]
            close = nearest(key, valid)
            hint = f' did you mean "{close}"?' if close else ""
            raise InputError(
                f'{place.at(key)}unknown key "{key}";{hint} valid keys: {", ".join(valid)}'
            )
    axes: list[list[tuple[tuple[str, ...], Any, tuple[Any, ...]]]] = []
    for key, value in base.items():
        if isinstance(value, list):
            if not value:
                raise InputError(f"{place.at(key)}{key} is empty; it needs at least one entry")
            axes.append([((key,), entry, (key, i)) for i, entry in enumerate(value)])
    grid = raw.get("grid", {})
    if not isinstance(grid, dict):
        raise InputError(f"{place.at('grid')}grid must be a table of lists")
    for dotted, values in grid.items():
        if not isinstance(values, list) or not values:
            raise InputError(
                f"{place.at('grid', dotted)}grid.{dotted!r} = {values!r} is not valid; it must be "
                "a list of values for that key"
            )
        path = tuple(dotted.split("."))
        axes.append([(path, entry, ("grid", dotted)) for entry in values])
    cells: list[tuple[dict[str, Any], Origin]] = []
    for choice in itertools.product(*axes):
        table: dict[str, Any] = copy.deepcopy(base)
        origin: dict[tuple[str, ...], tuple[Any, ...]] = {}
        for path, entry, where in choice:
            _put(table, path, copy.deepcopy(entry), place.at(*where))
            origin[path] = where
        cells.append((table, origin))
    return cells


def _put(table: dict[str, Any], path: tuple[str, ...], value: Any, where: str) -> None:
    for key in path[:-1]:
        following = table.setdefault(key, {})
        if isinstance(following, str):
            following = table[key] = {"name": following}
        if not isinstance(following, dict):
            raise InputError(f'{where}grid path "{".".join(path)}" leads through no table')
        table = following
    table[path[-1]] = value


def _validated(table: dict[str, Any], origin: Origin, place: Place, folder: Path) -> RunSpec:
    try:
        spec = RunSpec.model_validate(table)
    except ValidationError as error:
        raise InputError(explain(error, table, origin, place)) from error
    noise = getattr(spec.backend, "noise", None)
    if noise is None or noise.name != "file" or noise.sha256 is not None:
        return spec
    file = folder / noise.path
    if not file.is_file():
        raise InputError(
            f"{place.at('backend', 'noise')}noise model {file} cannot be read: no such file"
        )
    hashed = noise.model_copy(update={"sha256": file_hash(file)})
    return spec.model_copy(update={"backend": spec.backend.model_copy(update={"noise": hashed})})

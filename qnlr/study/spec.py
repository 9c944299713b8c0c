"""A study: a config read from TOML, checked key by key, and expanded into its grid of runs."""

from __future__ import annotations

import copy
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from pydantic import ValidationError

from qnlr.errors import InputError
from qnlr.rng import content_hash
from qnlr.study.grid import Skips, expand, merged
from qnlr.study.messages import Origin, Place, explain, in_config
from qnlr.study.parts import BuildError
from qnlr.study.schema import RunSpec, file_hash, unpaid, with_defaults

TABLES = tuple(name for name in RunSpec.model_fields if name != "seed")
MAX_SEEDS = 10_000
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Study:
    """A named list of runs.

    Args:
        name: Name of the study, and of its results folder.
        runs: Its runs, seeds innermost.
        folder: Folder that paths in the config are relative to.
        place: The config, for messages.
        origins: For every run, where in the config the axes of the grid have set it.
        earlier: Runs that it lists, too, but does not execute: of earlier rounds.
        seeds_given: Whether its seeds were given in place of the config's. Its runs of other seeds
            that are listed in its results folder stay listed then.
        labels: What its runs are called while they go on; None for what sets them apart.
    """

    name: str
    runs: tuple[RunSpec, ...]
    folder: Path
    place: Place
    origins: tuple[Origin, ...]
    earlier: tuple[RunSpec, ...] = ()
    seeds_given: bool = False
    labels: tuple[str, ...] | None = None

    @property
    def source(self) -> Path | None:
        """The config file, or None if the study was given as a dict."""
        return self.place.path

    def misplaced(self, number: int, error: BuildError) -> InputError:
        """Return the error of a run that cannot be built, with its place in the config.

        Args:
            number: Which of the runs.
            error: What was raised while building it.
        """
        origin = self.origins[number]
        path = error.table if error.key is None else (*error.table, error.key)
        where = self.place.at(*in_config(path, origin))
        return InputError(f"{where}[{self.place.named(error.table, origin)}] {error}")


def run_id(spec: RunSpec) -> str:
    """Return the identity of a run: a short hash of its spec.

    How often checkpoints are written is left out, and how a run on a device is paid for: it does
    not change what the run gives.

    Args:
        spec: The run.

    Returns:
        12 hexadecimal digits; the same run has the same in every study.
    """
    exclude = {"training": {"checkpoint_every"}}
    return content_hash(unpaid(spec.model_dump(mode="json", exclude=exclude)))


def is_name(name: object) -> TypeGuard[str]:
    """Return whether a study, and so a folder of results, can have a name.

    Args:
        name: The name, as it was given.

    Example:
        >>> is_name("table_06"), is_name("../table_06")
        (True, False)
    """
    return isinstance(name, str) and NAME.fullmatch(name) is not None


def load_study(config: str | Path | Mapping[str, Any], seeds: int | None = None) -> Study:
    """Read a study from a TOML file or a dict of the same shape.

    A table given as an array of tables, such as ``[[optimizer]]``, is an axis of the grid; so is
    every list in ``[grid]``, whose keys are dotted paths, such as ``"circuit.layers" = [2, 5]``;
    so are the entries of ``[[variant]]``, each of which sets several things at once. Every
    ``[[skip]]`` leaves out the runs that have all of its dotted paths and values. ``extends`` names
    another config, relative to this one, that this one is laid over: tables are merged (those of
    another ``name`` replaced), everything else is replaced. ``seeds`` is a list, or the number of
    them.

    Args:
        config: Path of a TOML file, or its content as a dict.
        seeds: Number of seeds to take instead of the config's, or None. As a run's identity is its
            content, more seeds extend a study that is done.

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
    place, raw, folder = read_config(config)
    name = raw.get("name")
    if not is_name(name):
        raise InputError(
            f"{place.at('name')}name = {name!r} is not valid; a study needs a name of letters, "
            "digits, '.', '_' and '-', which names its results folder"
        )
    drawn = _seeds(raw.get("seeds", 1) if seeds is None else seeds, place)
    skips = Skips(raw, place)
    cells = []
    for table, origin in expand(raw, TABLES, place):
        first = validated({**table, "seed": drawn[0]}, origin, place, folder)
        if not skips.leave_out(with_defaults(first.model_dump(mode="json"))):
            cells += [(first.model_copy(update={"seed": seed}), origin) for seed in drawn]
    skips.require_used()
    if not cells:
        raise InputError(f"{place.at('skip')}skip leaves no run at all")
    ids = [run_id(spec) for spec, _ in cells]
    if len(set(ids)) < len(ids):
        raise InputError(
            f"{place.file}the grid holds the same run twice; every entry of an axis must differ "
            "(checkpoint_every does not make a run another one)"
        )
    specs, origins = zip(*cells, strict=True)
    return Study(name, specs, folder, place, origins, seeds_given=seeds is not None)


def read_config(config: str | Path | Mapping[str, Any]) -> tuple[Place, dict[str, Any], Path]:
    """Read a config, laid over what it extends, without looking at what it says.

    Args:
        config: Path of a TOML file, or its content as a dict.

    Returns:
        The config for messages, its content, and the folder that its paths are relative to.

    Raises:
        InputError: If a file cannot be read.

    Example:
        >>> read_config({"name": "small", "seeds": 2})[1]
        {'name': 'small', 'seeds': 2}
    """
    if isinstance(config, Mapping):
        return Place(None, ""), copy.deepcopy(dict(config)), Path()
    return _file(Path(config), ())


def has_table(config: Path, table: str) -> bool:
    """Return whether a config has a table, which makes it something else than a study.

    Args:
        config: A TOML file; if it cannot be read, it has none.
        table: The table.
    """
    try:
        return table in read_config(config)[1]
    except InputError:
        return False


def _file(path: Path, extending: tuple[Path, ...]) -> tuple[Place, dict[str, Any], Path]:
    """Read a config and what it extends."""
    if path.resolve() in extending:
        raise InputError(f"{path} extends itself; a config can only extend another one")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise InputError(f"config {path} cannot be read: {reason}") from error
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path} is not valid TOML: {error}") from error
    place = Place(path, text)
    if "extends" not in raw:
        return place, raw, path.parent
    below = raw["extends"]
    if not isinstance(below, str) or not below:
        raise InputError(
            f"{place.at('extends')}extends = {below!r} is not valid; it must be the path of "
            "another config, relative to this one"
        )
    base, base_raw, _ = _file(path.parent / below, (*extending, path.resolve()))
    return Place(path, text, base), merged(base_raw, raw), path.parent


def _seeds(given: Any, place: Place) -> list[int]:
    whole = isinstance(given, int) and not isinstance(given, bool)
    if whole and given > MAX_SEEDS:
        raise InputError(
            f"{place.at('seeds')}seeds = {given} is not valid; at most {MAX_SEEDS} seeds are taken"
        )
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


def validated(table: dict[str, Any], origin: Origin, place: Place, folder: Path) -> RunSpec:
    """Check the table of a run, and write into it what is in the files that it names.

    Args:
        table: The run.
        origin: Where in the config the axes of the grid have set it.
        place: The config, for messages.
        folder: Folder that paths in the config are relative to.

    Returns:
        The run; it holds the SHA-256 of a noise model's file, and of an optimizer's.

    Raises:
        InputError: If a key, name or type is not valid, or a file is not there.
    """
    try:
        spec = RunSpec.model_validate(table)
    except ValidationError as error:
        raise InputError(explain(error, table, origin, place)) from error
    noise = getattr(spec.backend, "noise", None)
    if noise is not None and noise.name == "file" and noise.sha256 is None:
        where = place.at(*in_config(("backend", "noise"), origin))
        hashed = _hashed(noise, folder, f"{where}noise model")
        spec = spec.model_copy(
            update={"backend": spec.backend.model_copy(update={"noise": hashed})}
        )
    if spec.optimizer.name == "file" and getattr(spec.optimizer, "sha256", None) is None:
        where = place.at(*in_config(("optimizer", "path"), origin))
        hashed = _hashed(spec.optimizer, folder, f"{where}optimizer file")
        spec = spec.model_copy(update={"optimizer": hashed})
    return spec


def _hashed(table: Any, folder: Path, what: str) -> Any:
    file = folder / table.path
    if not file.is_file():
        reason = "it is not a file" if file.exists() else "no such file"
        raise InputError(f"{what} {file} cannot be read: {reason}")
    return table.model_copy(update={"sha256": file_hash(file)})

"""What is tuned: a study with a table ``[tune]``, and the cells of its grid."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from qnlr.errors import InputError
from qnlr.rng import content_hash
from qnlr.study.costs import EVALUATED
from qnlr.study.messages import Origin, Place, explain
from qnlr.study.parts import Table
from qnlr.study.results import flatten, labels, settings
from qnlr.study.schema import RunSpec
from qnlr.study.spec import Study, load_study, read_config

EXAMPLE = """\
[tune]
parameter = "optimizer.learning_rate"
low = 0.003
high = 3.0
trials = 12
metric = "train_loss\""""


class TuneTable(Table):
    """``[tune]``: what is searched, where, how often, and for what."""

    parameter: str
    low: float = Field(gt=0)
    high: float = Field(gt=0)
    trials: int = Field(ge=1)
    metric: Literal["train_loss", "test_loss", "train_accuracy", "test_accuracy"]
    startup_trials: int = Field(default=5, ge=1)


class _Config(Table):
    tune: TuneTable


@dataclass(frozen=True)
class Cell:
    """All runs of a study that differ in their seed alone.

    Args:
        label: What sets the cell apart.
        setting: What sets it apart besides its optimizer.
        specs: Its runs, one a seed.
        origins: Where in the config they come from.
        path: Keys that lead to what is tuned.
        own_rate: What is tuned, as the config has it.
    """

    label: str
    setting: str
    specs: tuple[RunSpec, ...]
    origins: tuple[Origin, ...]
    path: tuple[str, ...]
    own_rate: float

    @property
    def identity(self) -> str:
        """A hash of all that sets the cell apart, but neither its seeds nor what is tuned."""
        return _identity(self.specs[0], self.path)

    def at(self, rate: float) -> tuple[RunSpec, ...]:
        """Return the runs with another value of what is tuned.

        Args:
            rate: The value.
        """
        plain = [spec.model_dump(mode="json") for spec in self.specs]
        return tuple(RunSpec.model_validate(put(one, self.path, rate)) for one in plain)


@dataclass(frozen=True)
class Tuning:
    """A study whose cells are tuned.

    Args:
        study: The study.
        table: How they are tuned.
        cells: They, in the order of the study.
    """

    study: Study
    table: TuneTable
    cells: tuple[Cell, ...]

    @property
    def lower_is_better(self) -> bool:
        """Whether a lower value of the metric is better."""
        return EVALUATED[self.table.metric] == "min"

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of every cell."""
        return tuple(spec.seed for spec in self.cells[0].specs)


def load_tuning(config: str | Path | Mapping[str, Any]) -> Tuning:
    """Read a study with a table ``[tune]`` from a TOML file or a dict of the same shape.

    Args:
        config: Path of a TOML file, or its content as a dict.

    Returns:
        The tuning.

    Raises:
        InputError: If the config is not valid; the message names the place.

    Example:
        >>> tuning = load_tuning({
        ...     "name": "small", "seeds": [1000, 1001],
        ...     "data": {"name": "digits", "features": 4},
        ...     "circuit": {"qubits": 2, "layers": 1},
        ...     "training": {"steps": 5},
        ...     "optimizer": [{"name": "sgd"}, {"name": "nlr"}],
        ...     "tune": {
        ...         "parameter": "optimizer.learning_rate", "low": 0.01, "high": 1.0, "trials": 3,
        ...         "metric": "train_loss",
        ...     },
        ... })
        >>> [(cell.label, cell.own_rate) for cell in tuning.cells], tuning.seeds
        ([('sgd', 0.01), ('nlr', 0.01)], (1000, 1001))
    """
    if not isinstance(config, (str, Path, Mapping)):
        raise InputError(
            f"config = {config!r} is not valid; it must be the path of a TOML file, or a dict"
        )
    study = load_study(config)
    place, raw, _ = read_config(config)
    if "tune" not in raw:
        raise InputError(
            f"{place.file}there is no table [tune]; it says what is tuned, such as\n{EXAMPLE}"
        )
    table = _table(raw, place)
    return Tuning(study, table, _cells(study, table))


def put(table: dict[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """Return a table with another value at a path.

    Args:
        table: Tables of tables.
        path: Keys that lead to the value.
        value: The value.

    Returns:
        A new table.

    Example:
        >>> put({"optimizer": {"name": "sgd"}}, ("optimizer", "learning_rate"), 0.3)
        {'optimizer': {'name': 'sgd', 'learning_rate': 0.3}}
    """
    changed = copy.deepcopy(table)
    inner = changed
    for key in path[:-1]:
        inner = inner.setdefault(key, {})
    inner[path[-1]] = value
    return changed


def _table(raw: dict[str, Any], place: Place) -> TuneTable:
    given = {"tune": raw["tune"]}
    try:
        table = _Config.model_validate(given).tune
    except ValidationError as error:
        raise InputError(explain(error, given, {}, place)) from error
    if not table.low < table.high:
        raise InputError(
            f"{place.at('tune', 'low')}tune.low = {table.low:g} is not valid; it must be below "
            f"tune.high = {table.high:g}"
        )
    return table


def _cells(study: Study, table: TuneTable) -> tuple[Cell, ...]:
    path = tuple(table.parameter.split("."))
    numbers: dict[str, list[int]] = {}
    for number, spec in enumerate(study.runs):
        numbers.setdefault(_identity(spec, path), []).append(number)
    groups = list(numbers.values())
    firsts = [study.runs[group[0]].model_dump(mode="json") for group in groups]
    rates = [_own_rate(one, table, study.place) for one in firsts]
    seeds = {spec.seed for spec in study.runs}
    if any(len(group) > len(seeds) for group in groups):
        raise InputError(
            f"{study.place.at('tune', 'parameter')}the grid holds runs that differ in "
            f"{table.parameter} alone, which is what is tuned; leave one of them"
        )
    plain = [put(one, path, None) for one in firsts]
    return tuple(
        Cell(
            label,
            setting,
            tuple(study.runs[number] for number in group),
            tuple(study.origins[number] for number in group),
            path,
            rate,
        )
        for label, setting, group, rate in zip(
            labels(plain), settings(plain), groups, rates, strict=True
        )
    )


def _own_rate(plain: Mapping[str, Any], table: TuneTable, place: Place) -> float:
    optimizer = plain["optimizer"]
    found = flatten(optimizer, ".", "optimizer.")
    valid = [key for key, value in found.items() if isinstance(value, float)]
    if table.parameter not in valid:
        raise InputError(
            f"{place.at('tune', 'parameter')}tune.parameter = {table.parameter!r} is not valid; it "
            f"must be a number of every optimizer, and {optimizer['name']} has "
            + (", ".join(valid) or "none")
        )
    return float(found[table.parameter])


def _identity(spec: RunSpec, path: tuple[str, ...]) -> str:
    plain = spec.model_dump(mode="json", exclude={"seed": True, "training": {"checkpoint_every"}})
    return content_hash(put(plain, path, None))

"""Reading a leaderboard from its config."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, create_model

from qnlr.errors import InputError, nearest, unknown_name
from qnlr.study.leaderboard.board import Board, BoardTable, Entry, Part, Positive
from qnlr.study.messages import explain
from qnlr.study.optimizer_file import file_and_class, optimizer_class
from qnlr.study.parts import Table
from qnlr.study.spec import TABLES, has_table, is_name, read_config
from qnlr.study.store import read_json

TABLE = "leaderboard"
ARRAYS = ("problem", "mode", "entry")
TOP = ("name", "extends", TABLE, *ARRAYS, *(name for name in TABLES if name != "problem"))
EXAMPLE = """\
[leaderboard]
reference = "adam"
rates = [0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0]
decades = [0.003, 0.03, 0.3, 3.0]

[[problem]]
name = "gaussian"
data = { name = "gaussian", features = 8 }
circuit = { qubits = 6, layers = 5 }

[[mode]]
name = "1000 shots"
backend = { name = "simulator", shots = 1000 }

[[entry]]
name = "adam"
optimizer = "adam"
sweep = "learning_rate\""""


_PART: dict[str, Any] = {
    name: (str | dict[str, Any] | None, None) for name in TABLES if name != "optimizer"
}


class _Entry(Table):
    name: str
    optimizer: str | dict[str, Any]
    gradient: str | dict[str, Any] | None = None
    sweep: str | None = None
    rates: list[Positive] | None = None
    decades: Annotated[list[Positive], Field(min_length=1)] | None = None
    decade_seeds: Annotated[int, Field(ge=1)] | None = None
    problems: list[str] | None = None
    modes: list[str] | None = None
    most_steps: Annotated[int, Field(ge=1)] | None = None


_Setting: Any = create_model("_Setting", __base__=Table, name=(str, ...), **_PART)


class _Config(Table):
    leaderboard: BoardTable
    problem: Annotated[list[_Setting], Field(min_length=1)]
    mode: Annotated[list[_Setting], Field(min_length=1)]
    entry: Annotated[list[_Entry], Field(min_length=2)]


def is_board(config: Path) -> bool:
    """Return whether a config is a leaderboard.

    Args:
        config: A TOML file; if it cannot be read, it is none.
    """
    return has_table(config, TABLE)


def require_no_board(folder: Path) -> None:
    """Refuse a results folder of a leaderboard, whose page is another one than that of a study.

    Args:
        folder: Results folder.

    Raises:
        InputError: If it is a leaderboard's.
    """
    config = (read_json(folder / "study.json") or {}).get("config")
    if config is not None and is_board(Path(config)):
        raise InputError(
            f"{folder.name} is a leaderboard; write its page with: qnlr leaderboard {config} "
            "--report-only"
        )


def load_board(
    config: str | Path | Mapping[str, Any], optimizers: Sequence[str | Path] = ()
) -> Board:
    """Read a leaderboard from a TOML file or a dict of the same shape.

    Besides the table ``[leaderboard]`` there are three arrays. ``[[problem]]`` and ``[[mode]]``
    have a ``name`` and the tables of a run that they set, such as ``data`` or ``backend``.
    ``[[entry]]`` has a ``name``, the table ``optimizer``, and optional ``gradient``, ``sweep`` (the
    key of the optimizer that is tuned), ``rates``, ``decades``, ``decade_seeds`` and ``most_steps``
    in place of those of all, and ``problems`` and ``modes`` if it does not take part in all. Tables
    such as ``[circuit]`` are what all runs have in common.

    Args:
        config: Path of a TOML file, or its content as a dict.
        optimizers: Python files, each with an optimizer that takes part as well, as ``FILE`` or as
            ``FILE:CLASS`` where there are several in it. They are executed.

    Returns:
        The leaderboard.

    Raises:
        InputError: If the config is not valid, or a file holds no optimizer; the message names the
            place.
    """
    place, raw, folder = read_config(config)
    if TABLE not in raw:
        raise InputError(
            f"{place.file}there is no table [{TABLE}]; it says how optimizers are compared, such as"
            f"\n{EXAMPLE}"
        )
    for key in raw:
        if key not in TOP:
            close = nearest(key, TOP)
            hint = f' did you mean "{close}"?' if close else ""
            raise InputError(
                f'{place.at(key)}unknown key "{key}";{hint} valid keys: {", ".join(TOP)}'
            )
    if not is_name(raw.get("name")):
        raise InputError(
            f"{place.at('name')}name = {raw.get('name')!r} is not valid; a leaderboard needs a "
            "name of letters, digits, '.', '_' and '-', which names its results folder"
        )
    given = {key: raw.get(key, []) for key in (TABLE, *ARRAYS)}
    try:
        read = _Config.model_validate(given)
    except ValidationError as error:
        raise InputError(explain(error, given, {}, place)) from error
    table = read.leaderboard
    board = Board(
        name=raw["name"],
        table=table,
        base={key: value for key, value in raw.items() if key in TABLES and key != "problem"},
        problems=tuple(_part(one, number) for number, one in enumerate(raw["problem"])),
        modes=tuple(_part(one, number) for number, one in enumerate(raw["mode"])),
        entries=(
            *(_entry(one, number, table) for number, one in enumerate(read.entry)),
            *(_from_file(file, folder, table) for file in optimizers),
        ),
        seeds=tuple(table.seeds if isinstance(table.seeds, list) else range(table.seeds)),
        folder=folder,
        place=place,
        extra=tuple(map(Path, optimizers)),
    )
    _require_sound(board)
    return board


def _require_sound(board: Board) -> None:
    """Require names that differ and are there, and seeds that no rate was chosen on."""
    place, table = board.place, board.table
    for what, parts in (
        ("problem", board.problems),
        ("mode", board.modes),
        ("entry", board.entries),
    ):
        names = [part.name for part in parts]
        for number, name in enumerate(names):
            if not name or name in names[:number]:
                raise InputError(
                    f"{place.at(what, number, 'name')}{what}[{number}].name = {name!r} is not "
                    "valid; every one needs a name of its own"
                )
    for entry in board.entries:
        for what, parts, wanted in (
            ("problems", board.problems, entry.problems),
            ("modes", board.modes, entry.modes),
        ):
            known = [part.name for part in parts]
            for name in wanted:
                if name not in known:
                    where = place.at("entry", entry.number, what)
                    raise InputError(f"{where}{unknown_name(f'{what}: name', name, known)}")
    names = [entry.name for entry in board.entries]
    judged = {"reference": [table.reference], "parameter_free": table.parameter_free}
    judged["subject"] = [] if table.subject is None else [table.subject]
    for key, entries in judged.items():
        for name in entries:
            if name not in names:
                raise InputError(
                    f"{place.at(TABLE, key)}{unknown_name(f'{key}: entry', name, names)}"
                )
    if not board.seeds or len(set(board.seeds)) < len(board.seeds):
        raise InputError(
            f"{place.at(TABLE, 'seeds')}seeds = {table.seeds!r} is not valid; it must be a number "
            "of seeds of at least 1, or a list of different ones"
        )
    if shared := set(board.seeds) & set(table.tuning_seeds):
        raise InputError(
            f"{place.at(TABLE, 'tuning_seeds')}tuning_seeds = {table.tuning_seeds} is not valid: "
            f"{min(shared)} is a seed of the comparison, and rates must not be chosen on what they "
            "are compared on"
        )


def _part(given: Mapping[str, Any], number: int) -> Part:
    tables = {key: value for key, value in given.items() if key != "name"}
    return Part(given["name"], tables, number)


def _entry(given: _Entry, number: int, table: BoardTable) -> Entry:
    tables = {"optimizer": given.optimizer}
    if given.gradient is not None:
        tables["gradient"] = given.gradient
    return Entry(
        given.name,
        tables,
        given.sweep,
        tuple(table.rates if given.rates is None else given.rates),
        tuple(given.decades or table.decades),
        given.decade_seeds or table.decade_seeds,
        number,
        tuple(given.problems or ()),
        tuple(given.modes or ()),
        given.most_steps,
    )


def _from_file(given: str | Path, folder: Path, table: BoardTable) -> Entry:
    """Return the entry of a file; its learning rate is tuned if its class takes one."""
    file, name = file_and_class(given)
    made = optimizer_class(file, name)
    path = Path(os.path.relpath(file.absolute(), folder.absolute())).as_posix()
    swept = "learning_rate" in inspect.signature(made).parameters
    return Entry(
        file.stem if name is None else name,
        {"optimizer": {"name": "file", "path": path, "class": made.__name__}},
        "learning_rate" if swept else None,
        tuple(table.rates),
        tuple(table.decades),
        table.decade_seeds,
        None,
    )

"""The grid of a config: one table for each run, from axes, variants and what is skipped."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from qnlr.errors import InputError, nearest
from qnlr.study.messages import Origin, Place

STUDY_KEYS = ("extends", "name", "seeds", "grid", "variant", "skip", "tune")
DIAGNOSIS = "diagnostic"
"""Table that makes a config ask for a diagnostic instead of runs."""
MISSING = object()
Path = tuple[str, ...]


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one table over another: tables are merged, everything else is replaced.

    A table with another ``name`` builds something else, so it replaces what was there.

    Args:
        base: The table below.
        over: The table above.

    Returns:
        A new table.

    Example:
        >>> merged({"data": {"name": "digits", "features": 4}, "seeds": 5}, {"seeds": 10})
        {'data': {'name': 'digits', 'features': 4}, 'seeds': 10}
        >>> merged({"data": {"name": "digits", "features": 4}}, {"data": {"name": "gaussian"}})
        {'data': {'name': 'gaussian'}}
    """
    result = copy.deepcopy(dict(base))
    for key, value in over.items():
        below = result.get(key)
        if isinstance(value, Mapping) and isinstance(below, str):
            below = {"name": below}
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            other = "name" in value and value["name"] != below.get("name")
            result[key] = copy.deepcopy(dict(value)) if other else merged(below, value)
        else:
            result[key] = copy.deepcopy(value)
    return result


def expand(
    raw: Mapping[str, Any], tables: Sequence[str], place: Place
) -> list[tuple[dict[str, Any], Origin]]:
    """Expand a config into a table for each run of one seed, and where each came from.

    The axes are the entries of ``[[variant]]``, the arrays of tables, and the lists in ``[grid]``,
    in this order, the last one innermost. A variant is laid over what the arrays give.

    Args:
        raw: The config.
        tables: Names of the tables that a run has.
        place: The config, for messages.

    Returns:
        Tables, and for each the origins of what the axes have set.

    Raises:
        InputError: If a key is not known, or an axis is empty.
    """
    base = {key: value for key, value in raw.items() if key not in STUDY_KEYS}
    if "seed" in base:
        raise InputError(f'{place.at("seed")}unknown key "seed"; did you mean "seeds"?')
    for key in base:
        _require_key(key, (*STUDY_KEYS, *tables), place.at(key), also=(DIAGNOSIS,))
    variants = _tables("variant", raw, place)
    for number, variant in enumerate(variants):
        for key in variant:
            _require_key(key, tables, place.at("variant", number, key))
    axes = [*_arrays(base, place), *_lists(raw.get("grid", {}), tables, place)]
    cells: list[tuple[dict[str, Any], Origin]] = []
    for (number, variant), choice in itertools.product(
        enumerate(variants or [{}]), itertools.product(*axes)
    ):
        table: dict[str, Any] = copy.deepcopy(base)
        origin: dict[Path, tuple[Any, ...]] = {}
        later = []
        for path, entry, where in choice:
            origin[path] = where
            if where[0] == "grid":
                later.append((path, entry, where))
            else:
                table[path[0]] = copy.deepcopy(entry)
        table = merged(table, variant)
        origin |= {leaf: ("variant", number, *leaf) for leaf in _leaves(variant)}
        for path, entry, where in later:
            _put(table, path, copy.deepcopy(entry), place.at(*where))
        cells.append((table, origin))
    return cells


class Skips:
    """What the entries of ``[[skip]]`` leave out of a grid.

    An entry has dotted paths and values, and leaves out the runs that have all of them; the name
    of a table stands for the table, ``false`` for a key that has no value.

    Args:
        raw: The config.
        place: The config, for messages.

    Example:
        >>> skips = Skips({"skip": [{"optimizer": "nlr", "backend.noise": False}]}, Place(None, ""))
        >>> skips.leave_out({"optimizer": {"name": "nlr"}, "backend": {"noise": None}})
        True
    """

    def __init__(self, raw: Mapping[str, Any], place: Place) -> None:
        self._entries = _tables("skip", raw, place)
        self._used = [False] * len(self._entries)
        self._place = place

    def leave_out(self, run: Mapping[str, Any]) -> bool:
        """Return whether an entry leaves this run out.

        Args:
            run: The whole run, as plain data.
        """
        found = [
            all(_is(_get(run, key), value) for key, value in entry.items())
            for entry in self._entries
        ]
        self._used = [used or new for used, new in zip(self._used, found, strict=True)]
        return any(found)

    def require_used(self) -> None:
        """Make sure that every entry has left something out.

        Raises:
            InputError: If one has not: a slip of the pen, most likely.
        """
        for number, used in enumerate(self._used):
            if not used:
                raise InputError(
                    f"{self._place.at('skip', number)}skip[{number}] = {self._entries[number]} "
                    "leaves no run out; correct its paths and values, or take it away"
                )


def _arrays(base: Mapping[str, Any], place: Place) -> Iterator[list[Any]]:
    for key, value in base.items():
        if isinstance(value, list):
            if not value:
                raise InputError(f"{place.at(key)}{key} is empty; it needs at least one entry")
            yield [((key,), entry, (key, number)) for number, entry in enumerate(value)]


def _lists(grid: Any, tables: Sequence[str], place: Place) -> Iterator[list[Any]]:
    if not isinstance(grid, dict):
        raise InputError(f"{place.at('grid')}grid must be a table of lists")
    for key, values in grid.items():
        path = tuple(key.split("."))
        _require_key(path[0], tables, place.at("grid", key))
        if not isinstance(values, list) or not values:
            hint = f'; a path is written in quotes: "{key}.…" = […]' if key in tables else ""
            raise InputError(
                f"{place.at('grid', key)}grid.{key!r} = {values!r} is not valid; it must be "
                f"a list of values for that key{hint}"
            )
        yield [(path, entry, ("grid", key)) for entry in values]


def _tables(key: str, raw: Mapping[str, Any], place: Place) -> list[dict[str, Any]]:
    """Return an array of tables that are no tables of a run."""
    given = raw.get(key, [])
    if not isinstance(given, list) or not all(isinstance(one, dict) and one for one in given):
        raise InputError(
            f"{place.at(key)}{key} = {given!r} is not valid; it must be an array of tables that "
            f"are not empty: [[{key}]]"
        )
    return given


def _leaves(table: Mapping[str, Any]) -> Iterator[Path]:
    for key, value in table.items():
        if isinstance(value, Mapping) and value:
            yield from ((key, *rest) for rest in _leaves(value))
        else:
            yield (key,)


def _require_key(key: str, valid: Sequence[str], where: str, also: Sequence[str] = ()) -> None:
    """Require a valid key; what is valid in configs of another kind may have been meant, too."""
    if key not in valid:
        close = nearest(key, [name for name in (*valid, *also) if name != key])
        hint = f' did you mean "{close}"?' if close else ""
        raise InputError(f'{where}unknown key "{key}";{hint} valid keys: {", ".join(valid)}')


def _put(table: dict[str, Any], path: Path, value: Any, where: str) -> None:
    for key in path[:-1]:
        following = table.setdefault(key, {})
        if isinstance(following, str):
            following = table[key] = {"name": following}
        if not isinstance(following, dict):
            raise InputError(f'{where}grid path "{".".join(path)}" leads through no table')
        table = following
    table[path[-1]] = value


def _get(run: Any, key: str) -> Any:
    for name in key.split("."):
        run = run.get(name, MISSING) if isinstance(run, Mapping) else MISSING
    return run


def _is(found: Any, wanted: Any) -> bool:
    if isinstance(found, Mapping) and isinstance(wanted, str):
        return bool(found.get("name") == wanted)
    if wanted is False:
        return found is None or found is False
    return bool(found == wanted)

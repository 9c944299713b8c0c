"""What is wrong in a config, and where in the file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from qnlr.errors import unknown_name

Origin = Mapping[tuple[str, ...], tuple[Any, ...]]
"""For paths of a run that an axis has set: the path of that axis in the config."""

MISFIT = "misfit"
"""Kind of the errors of tables that do not fit each other; their context says ``at`` which key."""

KINDS = {
    "model_type": "it must be a table",
    "model_attributes_type": "it must be a table",
    "dict_type": "it must be a table",
    "list_type": "it must be a list",
    "tuple_type": "it must be a list",
    "path_type": "it must be the path of a file",
    "is_instance_of": "it must be a list",
    "int_type": "it must be an integer",
    "int_from_float": "it must be an integer",
    "float_type": "it must be a number",
    "finite_number": "it must be a finite number",
    "string_type": "it must be a string",
    "bool_type": "it must be true or false",
}
"""Pydantic's kinds of errors, in the words of a config."""


@dataclass(frozen=True)
class Place:
    """A config file that places can be named in.

    Args:
        path: The file, or None for a config given as a dict.
        text: Its text.
        base: The config that it extends, or None.
    """

    path: Path | None
    text: str
    base: Place | None = None

    @property
    def file(self) -> str:
        """The file as the beginning of a message."""
        return f"{self.path}: " if self.path else ""

    def at(self, *path: Any) -> str:
        r"""Return file and line of a key as the beginning of a message.

        Args:
            *path: Keys from the top, and indices of arrays of tables.

        Returns:
            ``"file:line: "``, or the file alone if the key is nowhere in it.

        Example:
            >>> place = Place(Path("a.toml"), '[backend]\nname = "aer"\nshots = 0\n')
            >>> place.at("backend", "shots"), place.at("backend", "noise", "rate")
            ('a.toml:3: ', 'a.toml:1: ')
        """
        length, line, file = self._found(path)
        return f"{file}:{line}: " if file and length else self.file

    def named(self, path: Sequence[Any], origin: Origin) -> str:
        """Name a key of a run: where no line says which, with the index of the array entry.

        Args:
            path: Keys from the top of the run.
            origin: Where the axes of the grid have set it.

        Returns:
            The keys with points between them.

        Example:
            >>> origin = {("optimizer",): ("optimizer", 1)}
            >>> Place(None, "").named(["optimizer", "trigger", "tau"], origin)
            'optimizer[1].trigger.tau'
        """
        arrays = {
            prefix: source
            for prefix, source in origin.items()
            if self.path is None and source[0] != "grid"
        }
        text = ""
        for item in in_config(path, arrays):
            text += f"[{item}]" if isinstance(item, int) else f".{item}" if text else str(item)
        return text

    def _found(self, path: tuple[Any, ...]) -> tuple[int, int, Path | None]:
        """Find a key here or in what this extends: how much of it, on which line, in which file."""
        own = (*self._line(path), self.path)
        below = self.base._found(path) if self.base else own
        return below if below[0] > own[0] else own

    def _line(self, path: tuple[Any, ...]) -> tuple[int, int]:
        """Find the line of a key, or else of the innermost table around it."""
        best = best_length = 0
        table: tuple[Any, ...] = ()
        arrays: dict[tuple[str, ...], int] = {}
        for number, text in enumerate(self.text.splitlines(), start=1):
            header = re.match(r"\s*(\[\[?)\s*([^\[\]#]+?)\s*\]", text)
            key = re.match(r"""\s*(?:"([^"]+)"|'([^']+)'|([A-Za-z0-9_.-]+))\s*=""", text)
            if header:
                names = tuple(part.strip(" \"'") for part in header[2].split("."))
                table = names
                if header[1] == "[[":
                    arrays[names] = arrays.get(names, -1) + 1
                    table = (*names, arrays[names])
                elif names[:1] in arrays:
                    table = (names[0], arrays[names[:1]], *names[1:])
                found = table
            elif key:
                quoted = key[1] or key[2]
                found = (*table, *((quoted,) if quoted else key[3].split(".")))
            else:
                continue
            length = len(found)
            if found == path[:length] and length > best_length:
                best, best_length = number, length
        return best_length, best


def explain(error: ValidationError, table: Any, origin: Origin, place: Place) -> str:
    """Turn Pydantic's errors on a run into sentences that name place, value and what is valid.

    Args:
        error: What Pydantic raised.
        table: The run as it was given.
        origin: Where the axes of the grid have set it.
        place: The config.

    Returns:
        A line for every place that is wrong.
    """
    sentences: dict[tuple[Any, ...], str] = {}
    for problem in error.errors(include_url=False):
        path = where = _config_path(problem["loc"], table)
        if problem["type"] == "unknown_key":
            where = (*where, problem["ctx"]["key"])
        elif problem["type"] == "union_tag_invalid":
            where = (*where, "name")
        elif problem["type"] == MISFIT:
            path = where = tuple(problem["ctx"]["at"].split("."))
        sentence = _sentence(problem, place.named(path, origin))
        sentences.setdefault(path, place.at(*in_config(where, origin)) + sentence)
    return "\n".join(sentences.values())


def in_config(path: Sequence[Any], origin: Origin) -> tuple[Any, ...]:
    """Return where a key of a run stands in its config.

    Args:
        path: Keys from the top of the run.
        origin: Where the axes of the grid have set it.

    Returns:
        Keys from the top of the config, and indices of arrays of tables.

    Example:
        >>> in_config(["optimizer", "trigger", "tau"], {("optimizer",): ("optimizer", 1)})
        ('optimizer', 1, 'trigger', 'tau')
    """
    for prefix in sorted(origin, key=len, reverse=True):
        if tuple(path[: len(prefix)]) == prefix:
            return (*origin[prefix], *path[len(prefix) :])
    return tuple(path)


def _sentence(problem: Mapping[str, Any], key: str) -> str:
    kind, context = problem["type"], problem.get("ctx", {})
    if kind == "unknown_key":
        return f"in [{key}]: {problem['msg']}" if key else str(problem["msg"])
    if kind == MISFIT:
        return str(problem["msg"])
    if kind == "union_tag_invalid":
        valid = re.findall(r"'([^']*)'", context["expected_tags"])
        return str(unknown_name(key, str(context["tag"]), valid))
    if kind == "union_tag_not_found":
        return f'[{key}] needs a key "name"'
    if kind == "missing":
        return f"{key} is missing"
    message = KINDS.get(kind) or str(problem["msg"]).replace("Input should be", "it must be")
    return f"{key} = {problem['input']!r} is not valid; {message[0].lower()}{message[1:]}"


def _config_path(loc: tuple[Any, ...], table: Any) -> tuple[Any, ...]:
    """Drop from Pydantic's location what is no key of the config: the tags of unions."""
    path: list[Any] = []
    here, tag_due = table, False
    for item in loc:
        name = (
            here if isinstance(here, str) else here.get("name") if isinstance(here, dict) else None
        )
        if tag_due and item == name:
            tag_due = False
            continue
        if isinstance(here, str):
            here = {"name": here}
        if isinstance(here, dict):
            if item in here:
                here = here[item]
            elif item != loc[-1]:
                continue
            else:
                here = None
        elif isinstance(here, list) and isinstance(item, int) and item < len(here):
            here = here[item]
        else:
            continue
        path.append(item)
        tag_due = True
    return tuple(path)

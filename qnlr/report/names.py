"""Names within a document, which become parts of file names and links."""

from __future__ import annotations

import re
from collections.abc import Sequence

from qnlr.errors import InputError


def require_stem(what: str, name: str) -> None:
    """Make sure that a name can be the stem of a file on any system, and part of a link.

    Args:
        what: The kind of thing named, for the message.
        name: The name.

    Raises:
        InputError: If it has other characters than letters, digits, ``_`` and ``-``.

    Example:
        >>> require_stem("table", "table_06")
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
        raise InputError(
            f"name {name!r} of a {what} is not valid; it becomes part of file names and links, "
            "so it must be letters, digits, _ and -, such as table_06"
        )


def require_different(what: str, names: Sequence[str]) -> None:
    """Make sure that no two names are equal.

    Args:
        what: The kind of things named, for the message.
        names: The names.

    Raises:
        InputError: If two are equal.

    Example:
        >>> require_different("columns", ["loss", "accuracy"])
    """
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InputError(f'two {what} are called "{name}"; their names must differ')
        seen.add(name)

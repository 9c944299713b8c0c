"""What help and pages say of a function, out of its docstring in Google's style."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

SECTION = re.compile(r"(Args|Returns|Raises|Source|Example|Examples|Yields|Note|Notes):(.*)")


@dataclass(frozen=True)
class Described:
    """A docstring in its parts.

    Args:
        text: What comes before its sections, without mathematics.
        arguments: What each argument is.
        example: Its doctest, or "".
        body: The same as the text, paragraph by paragraph, with mathematics, which begins with
            ``.. math::``.
        source: Where it is from, or "".
    """

    text: str
    arguments: dict[str, str]
    example: str
    body: tuple[str, ...] = ()
    source: str = ""

    @property
    def summary(self) -> str:
        """Its first sentence."""
        return self.text.split("\n\n")[0].replace("\n", " ")


def described(docstring: str | None) -> Described:
    r"""Take a docstring apart.

    Args:
        docstring: The docstring; None counts as an empty one.

    Returns:
        Its parts.

    Example:
        >>> found = described("Add.\n\nArgs:\n    a: One\n        number.\n    b: Another.\n")
        >>> found.summary, found.arguments
        ('Add.', {'a': 'One number.', 'b': 'Another.'})
    """
    lines = inspect.cleandoc(docstring or "").splitlines()
    sections: dict[str, list[str]] = {"": []}
    here = ""
    for line in lines:
        if header := SECTION.fullmatch(line):
            here = header[1].removesuffix("s") if header[1] == "Examples" else header[1]
            sections.setdefault(here, [header[2].strip()] if header[2].strip() else [])
        else:
            sections[here].append(line)
    text = "\n\n".join(_paragraphs("\n".join(sections[""])))
    example = inspect.cleandoc("\n".join(["", *sections.get("Example", [])]))
    body = re.split(r"\n\s*\n", "\n".join(sections[""]).strip())
    return Described(
        text,
        dict(_arguments(sections.get("Args", []))),
        example,
        tuple(_plain(paragraph.strip()) for paragraph in body if paragraph.strip()),
        _plain(" ".join(" ".join(sections.get("Source", [])).split())),
    )


def summary_of(place: str) -> str:
    """Return the first sentence on a function without importing it, so that help is quick.

    Args:
        place: Its place, ``"module:function"``.

    Returns:
        The sentence; "" if there is no such function.

    Example:
        >>> summary_of("qnlr.diagnostics.docstrings:described")
        'Take a docstring apart.'
    """
    module, _, name = place.partition(":")
    file = _source(module)
    if file is None:
        return ""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef))
    docstring = next((ast.get_docstring(node) for node in functions if node.name == name), None)
    return described(docstring).summary


def _source(module: str) -> Path | None:
    """Find the file of a module; to look for it as Python does would import what it is in."""
    top, *rest = module.split(".")
    found = find_spec(top)
    if found is None or found.origin is None:
        return None
    beside = Path(found.origin).parent.joinpath(*rest)
    files = [beside.with_suffix(".py"), beside / "__init__.py"] if rest else [Path(found.origin)]
    return next((file for file in files if file.is_file()), None)


def described_function(function: Callable[..., Any]) -> Described:
    """Take the docstring of a function apart.

    Args:
        function: The function.

    Returns:
        Its parts.
    """
    return described(function.__doc__)


def _paragraphs(text: str) -> Iterator[str]:
    """Give paragraphs that a terminal can show: no mathematics, nor what goes on from there."""
    for paragraph in re.split(r"\n\s*\n", text):
        start = paragraph.lstrip()
        if start and not start.startswith(".. ") and not start[0].islower():
            yield _plain(paragraph.strip())


def _arguments(lines: list[str]) -> Iterator[tuple[str, str]]:
    for entry in re.split(r"\n(?=\S)", inspect.cleandoc("\n".join(["", *lines]))):
        name, colon, text = entry.partition(":")
        if colon:
            yield name.split("(")[0].strip("* "), _plain(" ".join(text.split()))


def _plain(text: str) -> str:
    """Return text without the roles of reStructuredText."""
    return re.sub(r":\w+:`~?([^`]*)`", r"`\1`", text).replace("``", "`")

"""Writing a document to a folder: page, Markdown, and each table and figure as a file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from qnlr.errors import InputError
from qnlr.files import replacing
from qnlr.report.csv import render_csv
from qnlr.report.document import Document
from qnlr.report.html import render_html
from qnlr.report.latex import render_latex
from qnlr.report.markdown import render_markdown

LISTED = "report_files.txt"


def write_document(document: Document, folder: Path) -> Path:
    """Write a document to a folder, each file whole or not at all.

    Written are ``report.html``, ``report.md``, ``tables/<name>.csv`` and ``.tex``,
    ``figures/<name>.svg`` and copies of the figures' other files, and ``report_files.txt``, which
    lists them all. Files that an earlier call listed there and that are no longer written are
    removed; no other file is.

    Args:
        document: The document.
        folder: Where to write; made if it is not there.

    Returns:
        The page, ``report.html``.

    Raises:
        InputError: If a figure's file is not there, or two files would have the same name.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     page = write_document(Document("Study", "", ()), Path(folder))
        ...     sorted(file.name for file in Path(folder).iterdir())
        ['report.html', 'report.md', 'report_files.txt']
    """
    contents = _contents(document)
    folder.mkdir(parents=True, exist_ok=True)
    stale = _listed(folder) - contents.keys()
    _write(folder / LISTED, _lines(contents.keys() | stale))  # nothing written goes unlisted
    for name, content in contents.items():
        _write(folder / name, content)
    for name in stale:
        (folder / name).unlink(missing_ok=True)
    _write(folder / LISTED, _lines(contents.keys()))
    return folder / "report.html"


def _contents(document: Document) -> dict[str, bytes]:
    """Return what to write where, all of it read and rendered before anything is written."""
    contents: dict[str, bytes] = {}

    def add(name: str, content: bytes) -> None:
        if name.lower() in map(str.lower, contents):
            raise InputError(
                f"two files of the report are {name}; rename one of the figure's files"
            )
        contents[name] = content

    for table in document.tables:
        add(f"tables/{table.name}.csv", render_csv(table).encode())
        add(f"tables/{table.name}.tex", render_latex(table).encode())
    for figure in document.figures:
        add(f"figures/{figure.name}.svg", figure.svg.encode())
        for file in figure.files:
            add(f"figures/{file.name}", _read(file, figure.name))
    add("report.md", render_markdown(document).encode())
    add("report.html", render_html(document).encode())
    return contents


def _read(file: Path, figure: str) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(
            f'file {file} of figure "{figure}" cannot be read ({error.strerror}); '
            "name files that are there"
        ) from error


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(exist_ok=True)
    with replacing(file) as beside:
        beside.write_bytes(content)


def _lines(names: Iterable[str]) -> bytes:
    return "".join(f"{name}\n" for name in sorted(names)).encode()


def _listed(folder: Path) -> set[str]:
    """Return the files that an earlier call wrote; a list edited by hand leads to no others."""
    try:
        names = (folder / LISTED).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return set()
    paths = [PurePosixPath(name) for name in names]
    return {str(path) for path in paths if str(path.parent) in ("tables", "figures")}

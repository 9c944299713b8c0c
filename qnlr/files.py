"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a path to write to, and move what was written into the file's place, flushed to disk.

    Whoever reads the file sees what was there before or what is there now, after a crash, too. If
    writing fails, the file stays as it was.

    Args:
        path: The file.

    Yields:
        A path beside it, with the same suffix.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder) / "note.txt"
        ...     with replacing(file) as beside:
        ...         _ = beside.write_text("whole")
        ...     beside.name, file.read_text(), beside.exists()
        ('note.tmp.txt', 'whole', False)
    """
    beside = path.with_name(f"{path.stem}.tmp{path.suffix}")
    try:
        yield beside
        with beside.open("rb+") as file:
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    flush_folder(path.parent)


def flush_folder(folder: Path) -> None:
    """Flush to disk which files a folder has.

    Args:
        folder: The folder.
    """
    if os.name == "posix":  # elsewhere a folder cannot be opened
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)

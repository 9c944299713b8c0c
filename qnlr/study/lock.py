"""Who writes to a study: one process at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from qnlr.errors import InputError


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a study, by a file beside its folder, so that the folder can be moved meanwhile.

    Args:
        folder: Results folder of the study, existing or not.

    Yields:
        Nothing.

    Raises:
        InputError: If another process holds it, or the file cannot be written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as results, held(Path(results) / "small"):
        ...     [file.name for file in Path(results).iterdir()]
        ['.small.lock']
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder.with_name(f".{folder.name}.lock"), timeout=0):
            yield
    except Timeout as error:
        raise InputError(
            f"another process is executing the study in {folder}; wait for it or stop it first"
        ) from error
    except (IsADirectoryError, PermissionError) as error:
        raise InputError(f"{error.filename} cannot be written: {error.strerror}") from error

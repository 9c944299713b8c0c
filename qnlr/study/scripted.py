"""Scripts that end as the command line does."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import typer

from qnlr.errors import QnlrError, told


@contextlib.contextmanager
def as_command() -> Iterator[None]:
    """End with a sentence instead of a traceback where the user made a mistake or pressed Ctrl-C.

    Raises:
        typer.Exit: With code 2 at a mistake of the user or a failing file, 130 at Ctrl-C.

    Example:
        >>> from qnlr.errors import InputError
        >>> try:
        ...     with as_command():
        ...         raise InputError("steps = 0 is not valid")
        ... except typer.Exit as end:
        ...     print(end.exit_code)
        2
    """
    try:
        yield
    except (QnlrError, OSError) as error:
        if (sentence := told(error)) is None:
            raise
        typer.echo(f"Error: {sentence}", err=True)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        typer.echo("Stopped at once.", err=True)
        raise typer.Exit(130) from None

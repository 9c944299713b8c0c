"""The command line. Commands import what they need when they are called, so help is quick."""

from __future__ import annotations

import os
import sys
import threading
from types import TracebackType

import typer

# isort: off
import qnlr.cli.runs  # first: help lists commands in this order
import qnlr.cli.diagnose
import qnlr.cli.board
import qnlr.cli.hardware
import qnlr.cli.remote
import qnlr.cli.suites  # noqa: F401

# isort: on
from qnlr.cli.app import app as app
from qnlr.errors import QnlrError, told


def main() -> None:
    """Run the command line; mistakes of the user end with a sentence and exit code 2."""
    sys.excepthook = _told_whole
    try:
        app()
    except (QnlrError, OSError) as error:
        if (sentence := told(error)) is None:
            raise
        typer.echo(f"Error: {_shown(sentence)}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        typer.echo("Stopped at once.", err=True)
        if threading.active_count() > 1:  # one may wait for a service that never answers
            sys.stdout.flush()
            os._exit(130)
        sys.exit(130)


def _shown(sentence: str) -> str:
    # Without a backend no service was spoken to, and importing them all would take a while.
    if "qnlr.backends" not in sys.modules:
        return sentence
    from qnlr.backends.ibm.secrets import redacted

    return redacted(sentence)


def _told_whole(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Tell of a mistake of the program's as Python would, but without API keys."""
    from qnlr.backends.ibm.secrets import redacted_traceback

    typer.echo(redacted_traceback(error), err=True, nl=False)

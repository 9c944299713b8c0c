"""The command line. Commands import what they need when they are called, so help is quick."""

from __future__ import annotations

import sys

import typer

import qnlr.cli.runs
import qnlr.cli.suites  # noqa: F401
from qnlr.cli.app import app as app
from qnlr.errors import QnlrError, told


def main() -> None:
    """Run the command line; mistakes of the user end with a sentence and exit code 2."""
    try:
        app()
    except (QnlrError, OSError) as error:
        if (sentence := told(error)) is None:
            raise
        typer.echo(f"Error: {sentence}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        typer.echo("Stopped at once.", err=True)
        sys.exit(130)

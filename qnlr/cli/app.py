"""The application, and the arguments that its commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="qnlr",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help=(
        "Train variational quantum circuits with a negative learning rate, and compare it.\n\n"
        "**Example**: `qnlr run configs/quickstart.toml`, then `qnlr show quickstart`."
    ),
)

Config = Annotated[Path, typer.Argument(metavar="CONFIG", help="A study as a TOML file.")]
RESULTS = Path("results")
Results = Annotated[Path, typer.Option(help="Folder of all results.")]
Jobs = Annotated[
    int | None,
    typer.Option(
        help="Processes that share the runs, 0 for none besides this one. "
        "By default one a core, if there are runs enough to be worth it."
    ),
]
Fresh = Annotated[
    bool, typer.Option("--fresh", help="Start over; earlier results are moved aside.")
]
Seeds = Annotated[
    int | None,
    typer.Option(help="Number of seeds, instead of the config's; more extend what is done."),
]
Scheduler = Annotated[
    str | None,
    typer.Option(help="Address of a Dask scheduler whose workers see the same files."),
]


@app.callback(invoke_without_command=True)
def _top(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)
    ] = False,
) -> None:
    if version:
        from qnlr import __version__

        typer.echo(f"qnlr {__version__}")
        raise typer.Exit


def again(command: str, results: Path) -> str:
    """Return how to call a command again, in words that can be pasted.

    Args:
        command: The command with its arguments.
        results: The results folder it was given.

    Example:
        >>> again("run a.toml", Path("results"))
        'qnlr run a.toml'
    """
    return f"qnlr {command}" + (f" --results {results}" if results != RESULTS else "")


def stopped(command: str, results: Path, signal: int) -> typer.Exit:
    """Say that a command was stopped in order, and how to go on; return the exit of a signal.

    Args:
        command: The command with its arguments.
        results: The results folder it was given.
        signal: The signal.
    """
    typer.echo(f"Stopped in order; the last step is saved. To go on: {again(command, results)}")
    return typer.Exit(128 + signal)

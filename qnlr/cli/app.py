"""The application, and the arguments that its commands share."""

from __future__ import annotations

import shlex
import sys
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
    typer.Option(
        help="Number of seeds, instead of the config's; more extend what is done, and fewer take "
        "nothing of it away."
    ),
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


def again() -> str:
    """Return how to call the present command again to go on, in words that can be pasted."""
    return shlex.join(["qnlr", *(word for word in sys.argv[1:] if word != "--fresh")])


def stopped(signal: int) -> typer.Exit:
    """Say that a command was stopped in order, and how to go on; return the exit of a signal.

    Args:
        signal: The signal.
    """
    typer.echo(f"Stopped in order; the last step is saved. To go on: {again()}")
    return typer.Exit(128 + signal)


def study_folder(study: str, results: Path) -> Path:
    """Return the results folder of a study.

    Args:
        study: Name of the study, or its results folder.
        results: Folder of all results.

    Example:
        >>> study_folder("quickstart", RESULTS).as_posix()
        'results/quickstart'
    """
    named = results / study
    return named if named.is_dir() or not Path(study).is_dir() else Path(study)

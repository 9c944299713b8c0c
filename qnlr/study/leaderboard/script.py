"""A leaderboard as a script: held as told on the command line, and shown."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from qnlr.study.configs import default_configs
from qnlr.study.display import Progress, console
from qnlr.study.leaderboard.board import Board
from qnlr.study.leaderboard.config import load_board
from qnlr.study.leaderboard.execute import hold
from qnlr.study.leaderboard.page import write_board
from qnlr.study.leaderboard.shown import show_board
from qnlr.study.scripted import as_command


def hold_and_show(
    board: Board,
    results: Path,
    *,
    jobs: int | None = None,
    scheduler: str | None = None,
    wanted: Board | None = None,
    report_only: bool = False,
    again: str,
) -> None:
    """Hold a leaderboard, with bars, write its page, and print what was found.

    Args:
        board: The leaderboard, whole.
        results: Folder of all results.
        jobs: Processes that share the runs; None for one a core if that is worth it.
        scheduler: Address of a Dask scheduler, or None.
        wanted: The part of it that is run; None for all. Entries are shown wherever they were run.
        report_only: Whether to run nothing, and write the page from what is there.
        again: How to go on if it is stopped, as a command.

    Raises:
        InputError: If a value is not valid, or the results folder cannot be written.
        CheckpointError: If a checkpoint cannot be used.
        typer.Exit: If it was stopped, or a run failed.
    """
    failed = 0
    if not report_only:
        report = hold(board, results, watch=Progress, jobs=jobs, scheduler=scheduler, wanted=wanted)
        if report.interrupted is not None:
            typer.echo(f"Stopped in order; the last step is saved. To go on: {again}")
            raise typer.Exit(128 + report.interrupted)
        failed = report.failed
    with console(stderr=True).status("writing the page"):
        shown = board if wanted is None else replace(wanted, entries=board.entries)
        page, document = write_board(shown, results)
    show_board(document)
    typer.echo(f"report: {page}")
    if failed:
        typer.echo(f"{failed} runs failed; the page names them")
        raise typer.Exit(1)


def main(name: str) -> None:
    """Hold a leaderboard of the package's configs, as told on the command line.

    It ends as the command line does: with code 1 if a run failed, 2 at a mistake of the user, 128
    and its number at a signal.

    Args:
        name: Name of its config, which is that of its script.
    """

    def run(
        results: Annotated[Path, typer.Option(help="Folder of all results.")] = Path("results"),
        jobs: Annotated[int | None, typer.Option(help="Processes that share the runs.")] = None,
        seeds: Annotated[int | None, typer.Option(help="So many of the config's seeds.")] = None,
    ) -> None:
        with as_command():
            board = load_board(default_configs() / f"{name}.toml")
            wanted = None if seeds is None else board.only(seeds=seeds)
            again = shlex.join(["python", *sys.argv])
            hold_and_show(board, results, jobs=jobs, wanted=wanted, again=again)

    run.__doc__ = f"Hold the leaderboard of configs/{name}.toml, and write its page."
    typer.run(run)

"""The command for a leaderboard of optimizers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qnlr.cli.app import RESULTS, Jobs, Results, Scheduler, again, app

BoardConfig = Annotated[
    Path, typer.Argument(metavar="CONFIG", help="A leaderboard as a TOML file.")
]


@app.command()
def leaderboard(
    config: BoardConfig,
    results: Results = RESULTS,
    jobs: Jobs = None,
    scheduler: Scheduler = None,
    optimizer: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE[:CLASS]",
            help="A Python file with an optimizer that takes part as well. It is executed; only "
            "give one that you would run.",
        ),
    ] = None,
    problem: Annotated[list[str] | None, typer.Option(help="This problem alone.")] = None,
    mode: Annotated[list[str] | None, typer.Option(help="This mode alone.")] = None,
    entry: Annotated[list[str] | None, typer.Option(help="This entry alone.")] = None,
    seeds: Annotated[int | None, typer.Option(help="So many of the config's seeds.")] = None,
    report_only: Annotated[
        bool, typer.Option("--report-only", help="Run nothing; write the page anew.")
    ] = False,
) -> None:
    """Compare optimizers within one budget, tuned and untuned, and write a page with their ranks.

    First every entry with an initial rate is tuned, on seeds that no comparison uses; then all are
    compared on paired seeds at their tuned rate, at their own, and at each decade. What is done is
    not done again, so the same command goes on after Ctrl-C. The page goes to
    results/leaderboard/report.

    **Examples**

    `qnlr leaderboard configs/leaderboard.toml`

    `qnlr leaderboard configs/leaderboard.toml --optimizer experiments/my_optimizer.py`

    `qnlr leaderboard configs/leaderboard.toml --problem gaussian --mode exact --seeds 3`, quickly

    `qnlr leaderboard configs/leaderboard.toml --report-only`
    """
    from qnlr.study.leaderboard import load_board
    from qnlr.study.leaderboard.script import hold_and_show

    board = load_board(config, optimizer or ())
    wanted = board.only(problem or (), mode or (), entry or (), seeds)
    hold_and_show(
        board,
        results,
        jobs=jobs,
        scheduler=scheduler,
        wanted=None if wanted == board else wanted,
        report_only=report_only,
        again=again(),
    )

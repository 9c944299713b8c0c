"""Commands for one study: run, show, report, repeat, validate."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from qnlr.cli.app import (
    RESULTS,
    Config,
    Fresh,
    Jobs,
    Results,
    Scheduler,
    Seeds,
    app,
    study_folder,
)


@app.command()
def run(
    config: Config,
    results: Results = RESULTS,
    fresh: Fresh = False,
    jobs: Jobs = None,
    scheduler: Scheduler = None,
    seeds: Seeds = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Submit to a device without asking.")
    ] = False,
    detach: Annotated[
        bool,
        typer.Option("--detach", help="Submit the next phase of every run to its device, and go."),
    ] = False,
) -> None:
    """Run a study, then show what it found, and write its report.

    Runs that are done are skipped and unfinished ones resumed from their last checkpoint, so
    running again after an interruption goes on where it stopped. Ctrl-C finishes the step in hand
    and writes a checkpoint. A config with a table `[diagnostic]` is a diagnosis, see
    `qnlr diagnose --help`.

    **Examples**

    `qnlr run configs/quickstart.toml`

    `qnlr run configs/quickstart.toml --results /tmp/results --fresh`

    `qnlr run configs/quickstart.toml --seeds 10`, five more if five are done

    `qnlr run configs/quickstart.toml --jobs 0`, in this process, for debugging

    `qnlr run configs/quickstart.toml --scheduler tcp://localhost:8786`, on a cluster

    `qnlr run configs/ibm_open_plan.toml`, on a device: shows the price, and asks
    """
    from qnlr.backends.ibm.orders import Orders
    from qnlr.cli.executing import execute_and_show
    from qnlr.errors import InputError
    from qnlr.paper.plateau import draw_config, is_landscape
    from qnlr.study.diagnosis import is_diagnosis, load_order, perform_and_show
    from qnlr.study.leaderboard import is_board
    from qnlr.study.spec import load_study

    if is_diagnosis(config):
        perform_and_show(load_order(config), results)
        return
    if is_board(config):
        raise InputError(f"{config} is a leaderboard; hold it with: qnlr leaderboard {config}")
    if is_landscape(config):
        for file in draw_config(config, results):
            typer.echo(f"figure: {file}")
        return
    execute_and_show(
        load_study(config, seeds),
        results,
        fresh=fresh,
        jobs=jobs,
        scheduler=scheduler,
        orders=Orders(detach=detach),
        yes=yes,
    )


@app.command()
def show(
    study: Annotated[str, typer.Argument(help="Name of a study, or its results folder.")],
    results: Results = RESULTS,
) -> None:
    """Show the results of a study: figures, table, and how its runs ended.

    **Examples**

    `qnlr show quickstart`

    `qnlr show results/quickstart`
    """
    from qnlr.study.display import show_study

    show_study(study_folder(study, results))
    elsewhere = ["--results", str(results)] if results != RESULTS else []
    typer.echo(f"for a report: {shlex.join(['qnlr', 'report', study, *elsewhere])}")


@app.command()
def validate(config: Config) -> None:
    """Check a study without running it: every key, every name, and whether it can be built.

    A table `[tune]`, `[landscape]`, `[diagnostic]` or `[leaderboard]` is checked as well.

    **Example**: `qnlr validate configs/quickstart.toml`
    """
    from qnlr.paper.plateau import is_landscape, load_landscape
    from qnlr.study.build import Builder
    from qnlr.study.build import validate as check
    from qnlr.study.diagnosis import is_diagnosis, load_order
    from qnlr.study.leaderboard import is_board, load_board
    from qnlr.study.leaderboard.plan import Plan
    from qnlr.study.spec import load_study, read_config
    from qnlr.study.tune_config import load_tuning

    if is_diagnosis(config):
        order = load_order(config)
        typer.echo(f"{config} is valid: diagnosis {order.name}, {order.verb}")
        return
    if is_landscape(config):
        name, scene = load_landscape(config)
        typer.echo(f"{config} is valid: landscape {name}, {len(scene.axis)} points along an axis")
        return
    if is_board(config):
        board = load_board(config)
        cells = Plan(board, Builder(board.folder, offline=True)).cells
        typer.echo(
            f"{config} is valid: leaderboard {board.name}, {len(board.entries)} entries in "
            f"{len(cells)} cells"
        )
        return
    study, also = load_study(config), ""
    if "tune" in read_config(config)[1]:
        tuning = load_tuning(config)
        study, also = tuning.study, f" in each of {tuning.table.trials} rounds of tuning"
    check(study, Builder(study.folder, offline=True))
    number = len(study.runs)
    runs = f"{number} run{'s' if number > 1 else ''}"
    typer.echo(f"{config} is valid: study {study.name}, {runs}{also}")


@app.command()
def report(
    study: Annotated[
        str | None,
        typer.Argument(help="Name of a study or of a table of the paper, or its results folder."),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="The report on the paper, over all of its studies.")
    ] = False,
    results: Results = RESULTS,
) -> None:
    """Write a report: a page that needs nothing beside it, Markdown, tables and figures.

    That of a study of the paper holds its numbers beside the paper's and a verdict on each claim
    that they decide; that of any other study its findings, figures and table. Tables are written as
    CSV and LaTeX, figures as SVG, PNG and PDF.

    **Examples**

    `qnlr report table_06_optimizers`, to results/table_06_optimizers/report

    `qnlr report --all`, to results/report
    """
    from qnlr.errors import InputError
    from qnlr.paper.reproduce import write_paper_report, write_study_report
    from qnlr.study.display import console
    from qnlr.study.leaderboard import require_no_board

    if everything == (study is not None):
        raise InputError("give the name of a study, or --all, and not both")
    with console(stderr=True).status("writing the report") as status:
        if study is None:
            page = write_paper_report(results, told=status.update)
        else:
            folder = study_folder(study, results)
            require_no_board(folder)
            page = write_study_report(folder)
    typer.echo(f"report: {page}")


@app.command()
def repeat(
    run: Annotated[
        str, typer.Argument(help="Identity of a run, or its first digits, or its folder.")
    ],
    results: Results = RESULTS,
) -> None:
    """Run one run again, and compare it with what is kept of it.

    Every number of a report names its runs. Nothing that is kept is changed.

    **Examples**

    `qnlr repeat 05aa5c307642`

    `qnlr repeat table_06_optimizers/05aa`
    """
    from rich.table import Table

    from qnlr.study.display import console
    from qnlr.study.repeat import repeat as execute_again

    out = console()
    with console(stderr=True).status("running it again") as status:
        found = execute_again(
            run,
            results,
            lambda progress: status.update(f"step {progress.done} of {progress.steps}"),
        )
    grid = Table(title=str(found.kept), title_justify="left", box=None, pad_edge=False)
    for head in ("number", "kept", "again"):
        grid.add_column(head, justify="left" if head == "number" else "right")
    for name, (kept, now) in found.numbers.items():
        grid.add_row(name, f"{kept:.10g}", f"{now:.10g}")
    out.print(grid)
    for when, ending in zip(("kept", "again"), found.endings, strict=True):
        out.print(f"{when}: {ending.status} ({ending.sentence})", markup=False, soft_wrap=True)
    out.print(
        "The same to the last bit."
        if found.identical
        else "The same but for rounding at 1e-9."
        if found.equal
        else "Not the same: the code, the data or the versions of libraries differ."
    )
    if not found.equal:
        raise typer.Exit(1)

"""A table or figure of the paper as a script: run its study, print numbers, judge claims."""

from __future__ import annotations

import shlex
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from qnlr.paper.document import paper_document
from qnlr.paper.reproduce import default_configs
from qnlr.paper.tables import tables
from qnlr.report import Claim, Document, Table, write_document
from qnlr.study.display import Progress, console
from qnlr.study.execute import Report, execute, worthwhile_jobs
from qnlr.study.scripted import as_command
from qnlr.study.spec import load_study

SHOWN = ("method", "evaluation", "training loss", "paper: loss", "test accuracy %", "‖g‖", "runs")


def main(name: str) -> None:
    """Run what a table of the paper needs, as told on the command line, and print what it shows.

    It ends as the command line does: with code 1 if a run failed, 2 at a mistake of the user, 128
    and its number at a signal.

    Args:
        name: Name of the table, which is that of its config and of its script.
    """

    def run(
        results: Annotated[Path, typer.Option(help="Folder of all results.")] = Path("results"),
        seeds: Annotated[int | None, typer.Option(help="Number of seeds.")] = None,
        jobs: Annotated[int | None, typer.Option(help="Processes that share the runs.")] = None,
    ) -> None:
        with as_command():
            report = _run(name, results, seeds, jobs)
            if report.interrupted is not None:
                again = shlex.join(["python", *sys.argv])
                typer.echo(f"Stopped in order; the last step is saved. To go on: {again}")
                raise typer.Exit(128 + report.interrupted)
            show(_write(name, results))
        typer.echo(f"report: {results / name / 'report' / 'report.html'}")
        if report.failed:
            typer.echo(f"{report.failed} runs failed; the report names them")
            raise typer.Exit(1)

    run.__doc__ = tables()[name].title
    typer.run(run)


def run_table(
    name: str, results: Path = Path("results"), seeds: int | None = None, jobs: int | None = None
) -> Document:
    """Run the studies of a table, and write the report on it.

    Args:
        name: Name of the table.
        results: Folder of all results; the report is written to ``<name>/report`` in it.
        seeds: Number of seeds to take instead of the config's, or None.
        jobs: Processes that share the runs; None for one a core, if there are runs enough.

    Returns:
        The report.

    Raises:
        InputError: If a setting is not valid, or the results folder cannot be written.
        KeyboardInterrupt: At Ctrl-C, once the last step is saved.
        SystemExit: At SIGTERM, with code 143, once the last step is saved.
    """
    report = _run(name, results, seeds, jobs)
    if report.interrupted == signal.SIGINT:
        raise KeyboardInterrupt
    if report.interrupted is not None:
        raise SystemExit(128 + report.interrupted)
    return _write(name, results)


def _run(name: str, results: Path, seeds: int | None, jobs: int | None) -> Report:
    configs = default_configs()
    studies = [load_study(configs / f"{study}.toml", seeds) for study in tables()[name].studies]
    if jobs is None:
        jobs = worthwhile_jobs(sum(len(study.runs) for study in studies))
    with Progress(name) as progress:
        return execute(studies, results, observer=progress, jobs=jobs)


def _write(name: str, results: Path) -> Document:
    folder = results / name / "report"
    document = paper_document(results, folder / "figures", [name])
    write_document(document, folder)
    return document


def show(document: Document) -> None:
    """Print the first table of a report, and the verdicts on its claims.

    Args:
        document: The report.
    """
    from rich.table import Table as Grid

    out = console()
    for claim in document.claims:
        out.print(_line(claim), markup=False)
    if not document.tables:
        return
    table = document.tables[0]
    chosen = _columns(table)
    grid = Grid(title=table.title, title_justify="left", box=None, pad_edge=False)
    for place in chosen:
        words = place < table.text_columns
        grid.add_column(table.columns[place], justify="left" if words else "right")
    for row in table.rows:
        grid.add_row(*(row[place].text for place in chosen))
    out.print(grid)


def _columns(table: Table) -> list[int]:
    axis = table.text_columns - 2
    return [place for place, head in enumerate(table.columns) if place < axis or head in SHOWN]


def _line(claim: Claim) -> str:
    return f"{claim.verdict.icon} {claim.verdict}: {claim.says} {claim.measured}"

"""Executing a study from the command line: priced first, watched, and shown at the end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from qnlr.cli.app import stopped

if TYPE_CHECKING:
    from qnlr.backends.ibm.orders import Orders
    from qnlr.study.build import Builder
    from qnlr.study.purse import Purse
    from qnlr.study.spec import Study


def execute_and_show(
    study: Study,
    results: Path,
    *,
    fresh: bool = False,
    jobs: int | None = None,
    scheduler: str | None = None,
    orders: Orders | None = None,
    yes: bool = False,
) -> None:
    """Execute a study, show what it found, and write its report.

    Args:
        study: The study.
        results: Folder of all results.
        fresh: Whether to start over.
        jobs: Processes that share the runs; None for one a core if that is worth it.
        scheduler: Address of a Dask scheduler, or None.
        orders: What may be done on devices that are paid for.
        yes: Whether to submit without asking.

    Raises:
        typer.Exit: If it was stopped, or a run failed.
        typer.Abort: If the price was not agreed to.
    """
    from qnlr.paper.reproduce import write_study_report
    from qnlr.study.build import Builder
    from qnlr.study.devices import is_paid
    from qnlr.study.display import Progress, console, show_study
    from qnlr.study.execute import execute, worthwhile_jobs
    from qnlr.study.results import load_results
    from qnlr.study.summary import summary

    if jobs is None:
        jobs = worthwhile_jobs(len(study.runs))
    submitting = orders is None or orders.submit
    builder = Builder(study.folder, submitting=submitting)
    if submitting and any(is_paid(spec) for spec in study.runs):
        agree_on_price(study, results, builder, fresh=fresh, yes=yes)
    with Progress(study.name) as progress:
        report = execute(
            study,
            results,
            fresh=fresh,
            observer=progress,
            jobs=jobs,
            scheduler=scheduler,
            orders=orders,
            builder=builder,
        )
    if report.interrupted is not None:
        raise stopped(report.interrupted)
    pictures = show_study(report.folder)
    if summary(load_results(report.folder)).empty:
        typer.echo("no report yet: no run has come to its end")
    else:
        with console(stderr=True).status("writing the report"):
            page = write_study_report(report.folder, pictures)
        typer.echo(f"report: {page}")
    if report.failed:
        raise typer.Exit(1)


def agree_on_price(
    study: Study, results: Path, builder: Builder, *, fresh: bool, yes: bool
) -> None:
    """Show what a study costs on its device, and ask whether to submit it.

    Args:
        study: The study.
        results: Folder of all results.
        builder: Builds its runs.
        fresh: Whether it starts over.
        yes: Whether not to ask.

    Raises:
        InputError: If it costs more than its budget, or than the account has left.
        typer.Abort: If it is not to be submitted.
    """
    from qnlr.backends.ibm.orders import Orders
    from qnlr.backends.ibm.service import account_warning
    from qnlr.study.display import console
    from qnlr.study.estimate import estimate
    from qnlr.study.estimate_display import show
    from qnlr.study.estimate_variants import variants
    from qnlr.study.execute import tasks_of
    from qnlr.study.hardware import split_paid
    from qnlr.study.purse import purses_for

    if warning := account_warning():
        typer.echo(f"Warning: {warning}", err=True)
    with console(stderr=True).status("asking the service for the device"):
        found = estimate(study, results=None if fresh else results, builder=builder)
    if not found.runs:
        return
    show(found, variants(study, found, builder=builder), console())
    tasks = [task for task in tasks_of(study, results / study.name) if not task.is_done]
    paid, _ = split_paid(tasks)
    if not fresh:
        for (_, device), purse in purses_for(paid, builder, Orders()).items():
            typer.echo(_account_text(device, purse))
    if not yes:
        typer.confirm("Submit?", abort=True)


def _account_text(device: str, purse: Purse) -> str:
    """Say whose time is spent, and in which mode."""
    plan = "" if purse.plan is None else f" on the {purse.plan} plan"
    left = "no limit" if purse.remaining is None else f"{purse.remaining:,.0f} QPU seconds left"
    return f"{device}{plan}, in mode {purse.modes.kind}: the account has {left}"

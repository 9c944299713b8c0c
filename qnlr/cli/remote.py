"""Commands for runs on a device: resume, attach, status, cancel."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qnlr.cli.app import RESULTS, Results, app, study_folder
from qnlr.cli.executing import execute_and_show

Study = Annotated[
    str, typer.Argument(metavar="STUDY", help="Name of a study, or its results folder.")
]
Budget = Annotated[
    float | None,
    typer.Option(help="QPU seconds that its runs may spend together, instead of the config's."),
]
MaxJobs = Annotated[
    int | None, typer.Option(help="Jobs that they may submit, instead of the config's.")
]
MaxTime = Annotated[
    int | None,
    typer.Option(help="QPU seconds after which the service ends a job, instead of the config's."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Submit without asking.")]
Detach = Annotated[
    bool, typer.Option("--detach", help="Submit the next phase of every run, and leave it.")
]


@app.command()
def resume(
    study: Study,
    results: Results = RESULTS,
    budget_seconds: Budget = None,
    max_jobs: MaxJobs = None,
    max_execution_time: MaxTime = None,
    yes: Yes = False,
    detach: Detach = False,
) -> None:
    """Go on with a study from its results folder, on this machine or another.

    What was submitted is collected, what was measured is not measured again, and a job is submitted
    once more only if it is known to have died. A run that spent its budget goes on with a larger
    one.

    **Examples**

    `qnlr resume ibm_open_plan`

    `qnlr resume ibm_open_plan --budget-seconds 400`
    """
    from qnlr.backends.ibm.orders import Orders
    from qnlr.study.kept import kept_study

    given = {
        "budget_seconds": budget_seconds,
        "max_jobs": max_jobs,
        "max_execution_time": max_execution_time,
    }
    caps = {name: value for name, value in given.items() if value is not None}
    folder = study_folder(study, results)
    kept = kept_study(folder, caps)
    execute_and_show(kept, folder.parent, orders=Orders(detach=detach), yes=yes)


@app.command()
def attach(study: Study, results: Results = RESULTS) -> None:
    """Collect the jobs that a study has left to run, and submit no new ones.

    Wait for them, or leave again with Ctrl-C: they go on.

    **Example**: `qnlr run configs/ibm_open_plan.toml --detach`, and later `qnlr attach
    ibm_open_plan`
    """
    from qnlr.backends.ibm.orders import Orders
    from qnlr.study.kept import kept_study

    folder = study_folder(study, results)
    execute_and_show(kept_study(folder), folder.parent, orders=Orders(submit=False))


@app.command()
def status(
    study: Study,
    results: Results = RESULTS,
    offline: Annotated[bool, typer.Option("--offline", help="Ask nobody.")] = False,
) -> None:
    """Show how the runs of a study on a device stand: jobs, queue, and what is spent.

    **Examples**

    `qnlr status ibm_open_plan`

    `qnlr status ibm_open_plan --offline`, from the journals alone
    """
    from qnlr.study.display import console, show_standing
    from qnlr.study.remote import standing

    folder = study_folder(study, results)
    with console(stderr=True).status("asking the service"):
        found = standing(folder, ask=not offline)
    show_standing(found)


@app.command()
def cancel(
    study: Study,
    results: Results = RESULTS,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Cancel without asking.")] = False,
) -> None:
    """Cancel all jobs of a study that are queued or running; what they used is charged.

    **Example**: `qnlr cancel ibm_open_plan`
    """
    from qnlr.study.remote import cancel as cancel_jobs

    folder = study_folder(study, results)
    if not yes:
        typer.confirm(f"Cancel all pending jobs of {folder.name}?", abort=True)
    ended = cancel_jobs(folder)
    for job in ended:
        typer.echo(f"job {job.record.job_id}: {job.state}")
    typer.echo(f"To go on: qnlr resume {Path(study).name}" if ended else "no job is pending")

"""The command line. Commands import what they need when they are called, so help is quick."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from qnlr.errors import QnlrError

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


@app.command()
def run(
    config: Config,
    results: Results = RESULTS,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start over; earlier results are moved aside.")
    ] = False,
    jobs: Jobs = None,
    scheduler: Scheduler = None,
    seeds: Annotated[
        int | None,
        typer.Option(help="Number of seeds, instead of the config's; more extend what is done."),
    ] = None,
) -> None:
    """Run a study, then show what it found.

    Runs that are done are skipped and unfinished ones resumed from their last checkpoint, so
    running again after an interruption goes on where it stopped. Ctrl-C finishes the step in hand
    and writes a checkpoint.

    **Examples**

    `qnlr run configs/quickstart.toml`

    `qnlr run configs/quickstart.toml --results /tmp/results --fresh`

    `qnlr run configs/quickstart.toml --seeds 10`, five more if five are done

    `qnlr run configs/quickstart.toml --jobs 0`, in this process, for debugging

    `qnlr run configs/quickstart.toml --scheduler tcp://localhost:8786`, on a cluster
    """
    from qnlr.study.display import Progress, show_study
    from qnlr.study.execute import execute, worthwhile_jobs
    from qnlr.study.spec import load_study

    study = load_study(config, seeds)
    if jobs is None:
        jobs = worthwhile_jobs(len(study.runs))
    with Progress(study.name) as progress:
        report = execute(
            study, results, fresh=fresh, observer=progress, jobs=jobs, scheduler=scheduler
        )
    if report.interrupted is not None:
        typer.echo(
            f"Stopped in order; the last step is saved. To go on: {_again('run', config, results)}"
        )
        raise typer.Exit(128 + report.interrupted)
    show_study(report.folder)
    if report.failed:
        raise typer.Exit(1)


@app.command()
def tune(
    config: Config,
    results: Results = RESULTS,
    jobs: Jobs = None,
    scheduler: Scheduler = None,
) -> None:
    """Find for each optimizer in each setting the learning rate that is best at the same shots.

    The config is a study with a table `[tune]`:

    ```
    [tune]
    parameter = "optimizer.learning_rate"
    low = 0.003
    high = 3.0
    trials = 12
    metric = "train_loss"
    ```

    Set `training.max_shots`, so that all trials cost the same, and `seeds` that no comparison uses,
    such as `[1000, 1001]`. Best rates are shown, and written to `best.csv` and, ready to paste into
    a config, to `best.toml`. Runs that are done are not done again, so tuning again after Ctrl-C
    goes on where it stopped.

    **Examples**

    `qnlr tune configs/tune.toml`

    `qnlr tune configs/tune.toml --jobs 0`, in this process, for debugging

    `qnlr tune configs/tune.toml --scheduler tcp://localhost:8786`, on a cluster
    """
    from qnlr.study.execute import worthwhile_jobs
    from qnlr.study.tune import execute_tuning
    from qnlr.study.tune_config import load_tuning
    from qnlr.study.tune_display import TuningProgress, show_tuning

    tuning = load_tuning(config)
    if jobs is None:
        jobs = worthwhile_jobs(len(tuning.study.runs))
    again = _again("tune", config, results)
    try:
        with TuningProgress(tuning.study.name) as progress:
            report = execute_tuning(
                tuning, results, observer=progress, jobs=jobs, scheduler=scheduler
            )
    except KeyboardInterrupt:
        typer.echo(f"Stopped at once; runs that are done are kept. To go on: {again}")
        raise typer.Exit(130) from None
    if report.interrupted is not None:
        typer.echo(f"Stopped in order; the last step is saved. To go on: {again}")
        raise typer.Exit(128 + report.interrupted)
    show_tuning(tuning, report)
    if report.best["rate"].isna().any():
        raise typer.Exit(1)


def _again(command: str, config: Path, results: Path) -> str:
    return f"qnlr {command} {config}" + (f" --results {results}" if results != RESULTS else "")


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

    named = results / study
    show_study(named if named.is_dir() else Path(study))


@app.command()
def validate(config: Config) -> None:
    """Check a study without running it: every key, every name, and whether it can be built.

    **Example**: `qnlr validate configs/quickstart.toml`
    """
    from qnlr.study.build import Builder
    from qnlr.study.build import validate as check
    from qnlr.study.spec import load_study

    study = load_study(config)
    check(study, Builder(study.folder))
    number = len(study.runs)
    typer.echo(f"{config} is valid: study {study.name}, {number} run{'s' if number > 1 else ''}")


def main() -> None:
    """Run the command line; mistakes of the user end with a sentence and exit code 2."""
    try:
        app()
    except QnlrError as error:
        typer.echo(f"Error: {error}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        typer.echo("Stopped at once.", err=True)
        sys.exit(130)

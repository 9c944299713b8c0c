"""Commands for many studies: reproduce the paper, tune rates, keep results in an archive."""

from __future__ import annotations

from pathlib import Path
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
    again,
    app,
    stopped,
)


@app.command()
def reproduce(
    only: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[STUDY]...", help="Names of studies, tables or figures, or how they begin."
        ),
    ] = None,
    results: Results = RESULTS,
    configs: Annotated[
        Path | None, typer.Option(help="Folder of the configs, instead of the package's own.")
    ] = None,
    fresh: Fresh = False,
    jobs: Jobs = None,
    scheduler: Scheduler = None,
    seeds: Seeds = None,
) -> None:
    """Reproduce the paper: every table and figure, and a verdict on each of its claims.

    Runs that tables share are computed once. What is done is not done again: after Ctrl-C, or
    whatever else stopped it, the same command goes on where it was. The report is written to
    results/report: a page that needs nothing beside it, Markdown, tables and figures.

    **Examples**

    `qnlr reproduce`, all of it

    `qnlr reproduce table_06 figure_02`, some of it

    `qnlr reproduce --seeds 2`, quickly and roughly

    `qnlr reproduce --scheduler tcp://localhost:8786`, on a cluster
    """
    from qnlr.paper.reproduce import (
        default_configs,
        draw_wanted,
        load_studies,
        write_paper_report,
    )
    from qnlr.study.display import Progress, console
    from qnlr.study.execute import execute, worthwhile_jobs

    configs = configs or default_configs()
    studies = load_studies(configs, only or (), seeds)
    for file in draw_wanted(configs, only or (), results):
        typer.echo(f"figure: {file}")
    if not studies:
        return
    if jobs is None:
        jobs = worthwhile_jobs(sum(len(study.runs) for study in studies))
    with Progress("reproduce") as progress:
        report = execute(
            studies, results, fresh=fresh, observer=progress, jobs=jobs, scheduler=scheduler
        )
    if report.interrupted is not None:
        raise stopped(report.interrupted)
    with console(stderr=True).status("writing the report") as status:
        page = write_paper_report(results, told=status.update)
    typer.echo(f"report: {page}")
    if report.failed:
        typer.echo(f"{report.failed} runs failed; the report names them")
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
    try:
        with TuningProgress(tuning.study.name) as progress:
            report = execute_tuning(
                tuning, results, observer=progress, jobs=jobs, scheduler=scheduler
            )
    except KeyboardInterrupt:
        typer.echo(f"Stopped at once; runs that are done are kept. To go on: {again()}")
        raise typer.Exit(130) from None
    if report.interrupted is not None:
        raise stopped(report.interrupted)
    show_tuning(tuning, report)
    if report.best["rate"].isna().any():
        raise typer.Exit(1)


@app.command()
def archive(
    folder: Annotated[Path, typer.Argument(help="Folder to write the archive to.")],
    results: Results = RESULTS,
    study: Annotated[
        list[str] | None,
        typer.Option(help="This study or leaderboard, in place of the paper's.", metavar="NAME"),
    ] = None,
    brief: Annotated[
        bool, typer.Option("--brief", help="Leave out steps without an evaluation.")
    ] = False,
) -> None:
    """Pack results into three small files: those of the paper's studies, or of others.

    An archive that is there is replaced, unless it holds a study that is not in the results.
    Mini-batch losses and gradient norms are kept to four digits. Left out are losses of the probe,
    standard errors of losses and the number of jobs of every step, checkpoints and tracebacks;
    everything else is whole. A brief archive keeps losses and costs of evaluations, of the first
    step and of the last, which is what a leaderboard is made from.

    **Examples**

    qnlr archive results/reference/paper

    qnlr archive results/reference/leaderboard --study leaderboard --brief
    """
    from qnlr.errors import InputError
    from qnlr.paper.reproduce import study_names
    from qnlr.study.archive import pack
    from qnlr.study.display import console

    known = [results / name for name in study_names() if (results / name).is_dir()]
    studies = known if study is None else [results / name for name in study]
    if not studies:
        raise InputError(
            f"there is no study of the paper in {results}; run qnlr reproduce, or give the folder "
            "of all results with --results"
        )
    with console(stderr=True).status("packing"):
        size = pack(studies, folder, brief=brief)
    typer.echo(f"{len(studies)} studies in {folder}, {size / 1e6:.1f} MB")


@app.command()
def restore(
    folder: Annotated[Path, typer.Argument(help="Folder of the archive.")],
    results: Results = RESULTS,
) -> None:
    """Unpack an archive, so that its studies can be shown, reported on and repeated.

    Runs that are there already are left alone, and stay listed.

    **Example**: `qnlr restore results/reference/paper`, then `qnlr report --all`
    """
    from qnlr.study.archive import unpack
    from qnlr.study.display import console

    with console(stderr=True).status("unpacking"):
        studies = unpack(folder, results)
    typer.echo(f"{len(studies)} studies in {results}")

"""Commands for devices: what a study costs there."""

from __future__ import annotations

from typing import Annotated

import typer

from qnlr.cli.app import RESULTS, Config, Results, Seeds, app


@app.command()
def estimate(
    config: Config,
    device: Annotated[
        str | None,
        typer.Option(help="Device to estimate all runs on, such as ibm_fez, whatever the config."),
    ] = None,
    results: Results = RESULTS,
    seeds: Seeds = None,
    server: Annotated[
        bool,
        typer.Option("--server", help="Also ask the service, by a dry run of the first job."),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print plain data, for scripts.")] = False,
) -> None:
    """Say what a study costs on a device, before anything is submitted.

    Without a network: QPU time per step and in all, its share of the open plan, wall-clock time by
    mode, limits that are passed, and cheaper variants with their price. What is done already is
    not counted.

    **Examples**

    `qnlr estimate configs/quickstart.toml --device ibm_fez`

    `qnlr estimate configs/ibm_open_plan.toml --json`

    `qnlr estimate configs/ibm_open_plan.toml --server`, with an account; nothing is charged
    """
    from json import dumps

    from qnlr.study.display import console
    from qnlr.study.estimate import estimate as priced
    from qnlr.study.estimate_display import as_plain, server_text, show
    from qnlr.study.estimate_server import server_estimate
    from qnlr.study.estimate_variants import variants
    from qnlr.study.spec import load_study

    study = load_study(config, seeds)
    with console(stderr=True).status("choosing circuits"):
        found = priced(study, device=device, results=results)
        cheaper = variants(study, found, device=device) if found.runs else []
    asked = server_estimate(study, device=device) if server else None
    if json:
        typer.echo(dumps(as_plain(found, cheaper, asked), indent=2, allow_nan=False))
        return
    show(found, cheaper, console())
    if asked is not None:
        typer.echo(f"\n{server_text(asked)}")

"""Diagnoses as scripts, and from the command line: performed, watched and shown."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qnlr.study.configs import default_configs
from qnlr.study.diagnosis.orders import Order, load_order
from qnlr.study.diagnosis.performing import perform
from qnlr.study.diagnosis.shown import Bar, show
from qnlr.study.scripted import as_command


def perform_and_show(order: Order, results: Path) -> Path:
    """Do what was asked for, with a bar, and print what was found.

    Args:
        order: What was asked for.
        results: Folder of all results.

    Returns:
        The page.

    Raises:
        InputError: If a value is not valid, or the folder holds other results.
    """
    with Bar(order.name) as bar:
        performed = perform(order, results, bar.told, bar.stage)
    show(performed)
    return performed.page


def main(name: str) -> None:
    """Perform a diagnosis of the package's configs, as told on the command line.

    It ends as the command line does: with code 2 at a mistake of the user, 130 at Ctrl-C. A check
    that does not hold is a finding, and no failure.

    Args:
        name: Name of its config, which is that of its script.
    """

    def run(
        results: Annotated[Path, typer.Option(help="Folder of all results.")] = Path("results"),
    ) -> None:
        with as_command():
            perform_and_show(load_order(default_configs() / f"{name}.toml"), results)

    run.__doc__ = f"Perform the diagnosis of configs/{name}.toml, and write its page."
    typer.run(run)

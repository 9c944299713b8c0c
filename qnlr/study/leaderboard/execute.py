"""Holding a leaderboard: tuning first, then the comparison, by the machinery of all studies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from qnlr.study.build import Builder
from qnlr.study.execute import execute, worthwhile_jobs
from qnlr.study.leaderboard.board import Board
from qnlr.study.leaderboard.config import load_board
from qnlr.study.leaderboard.exact import measure
from qnlr.study.leaderboard.outcomes import Kept, runs_frame, tuned_rates
from qnlr.study.leaderboard.plan import Plan, Planned
from qnlr.study.observer import Observer
from qnlr.study.spec import Study
from qnlr.study.store import RunFolder

PHASES = ("tuning", "comparison")
Watch = Callable[[str], AbstractContextManager[Observer]]


@dataclass(frozen=True)
class BoardReport:
    """How a leaderboard went.

    Args:
        folder: Its results folder.
        interrupted: The signal that stopped it, or None.
        failed: How many runs failed.
        runs: How many different runs the part that was asked for has, so far as known.
        executed: How many of them were not done before.
    """

    folder: Path
    interrupted: int | None
    failed: int
    runs: int
    executed: int


def hold(
    board: Board,
    results: str | Path = "results",
    *,
    watch: Watch | None = None,
    jobs: int | None = 0,
    scheduler: str | None = None,
    wanted: Board | None = None,
) -> BoardReport:
    """Execute the runs of a leaderboard that are not done: those of the tuning, then the others.

    Args:
        board: The leaderboard, whole: what was run of it earlier stays listed.
        results: Folder of all results; its runs are in it, under its name.
        watch: Gives who is told how a phase goes on, by the phase's name; None for nobody.
        jobs: Processes that share the runs, 0 for this one alone; None for one a core if that is
            worth it.
        scheduler: Address of a Dask scheduler, or None.
        wanted: The part of it that is run; None for all.

    Returns:
        How it went.

    Raises:
        InputError: If a value is not valid, or the results folder cannot be written.
        CheckpointError: If a checkpoint cannot be used.
    """
    builder = Builder(board.folder)
    plan = Plan(board if wanted is None else wanted, builder)
    whole = plan if wanted is None else Plan(board, builder)
    folder = Path(results) / board.name
    kept, failed, executed, seen = Kept(folder), 0, 0, set[str]()
    for phase in PHASES:
        runs = _runs(plan, kept, phase)
        seen |= {one.run for one in runs}
        left = [one for one in runs if not RunFolder(folder / one.run).is_done]
        if not left:
            continue
        with (watch or _nobody)(phase) as observer:
            report = execute(
                _study(board, left, _earlier(whole, kept, folder, left)),
                results,
                observer=observer,
                jobs=worthwhile_jobs(len(left)) if jobs is None else jobs,
                scheduler=scheduler,
                builder=builder,
            )
        failed += report.failed
        executed += len(left)
        if report.interrupted is not None:
            return BoardReport(folder, report.interrupted, failed, len(seen), executed)
    measure(plan, kept, builder)
    return BoardReport(folder, None, failed, len(seen), executed)


def leaderboard(
    config: str | Path | Mapping[str, Any],
    results: str | Path = "results",
    *,
    jobs: int = 0,
    optimizers: Sequence[str | Path] = (),
) -> pd.DataFrame:
    """Hold a leaderboard, and return all of its runs.

    Args:
        config: Path of a TOML file, or its content as a dict, see :func:`load_board`.
        results: Folder of all results.
        jobs: Processes that share the runs, 0 for this one alone.
        optimizers: Python files, each with an optimizer that takes part as well. They are executed.

    Returns:
        One row for each use of each run, see :func:`runs_frame`.

    Raises:
        InputError: If the config is not valid, or the results folder cannot be written.
        CheckpointError: If a checkpoint cannot be used.
        KeyboardInterrupt: At Ctrl-C, once the last step is saved.

    Example:
        >>> import tempfile
        >>> config = {
        ...     "name": "small",
        ...     "leaderboard": {
        ...         "reference": "sgd", "seeds": 2, "tuning_seeds": [9], "steps": 3,
        ...         "rates": [0.1, 0.3], "decades": [0.3],
        ...     },
        ...     "circuit": {"qubits": 2, "layers": 1},
        ...     "training": {"batch_size": 4},
        ...     "problem": [{"name": "digits", "data": {"name": "digits", "features": 4}}],
        ...     "mode": [{"name": "100 shots", "backend": {"name": "simulator", "shots": 100}}],
        ...     "entry": [
        ...         {"name": "sgd", "optimizer": "sgd", "sweep": "learning_rate"},
        ...         {"name": "spsa", "optimizer": "spsa"},
        ...     ],
        ... }
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     frame = leaderboard(config, folder)
        >>> frame.groupby(["entry", "use"]).size().to_dict()
        {('sgd', 'decade'): 2, ('sgd', 'tuned'): 2, ('sgd', 'tuning'): 2, ('sgd', 'untuned'): 2,
         ('spsa', 'tuned'): 2, ('spsa', 'untuned'): 2}
    """
    board = load_board(config, optimizers)
    report = hold(board, results, jobs=jobs)
    if report.interrupted is not None:
        raise KeyboardInterrupt
    return runs_frame(Plan(board, Builder(board.folder)), Kept(report.folder))


def _runs(plan: Plan, kept: Kept, phase: str) -> list[Planned]:
    """Return the different runs of a phase."""
    if phase == "tuning":
        runs = [one for cell in plan.cells for one in plan.tuning(cell)]
    else:
        rates = tuned_rates(plan, kept)
        runs = [one for cell in plan.cells for one in plan.comparison(cell, rates[cell.key])]
    return list({one.run: one for one in runs}.values())


def _earlier(whole: Plan, kept: Kept, folder: Path, runs: list[Planned]) -> tuple[Any, ...]:
    """Return what was run of the whole leaderboard, besides what is run now."""
    now = {one.run for one in runs}
    known = [one for phase in PHASES for one in _runs(whole, kept, phase)]
    return tuple(
        one.spec
        for one in known
        if one.run not in now and (folder / one.run / "spec.json").is_file()
    )


def _study(board: Board, runs: list[Planned], earlier: tuple[Any, ...]) -> Study:
    return Study(
        board.name,
        tuple(one.spec for one in runs),
        board.folder,
        board.place,
        tuple(one.cell.origin for one in runs),
        earlier=earlier,
        labels=tuple(one.label for one in runs),
    )


def _nobody(phase: str) -> AbstractContextManager[Observer]:
    import contextlib

    return contextlib.nullcontext(Observer())

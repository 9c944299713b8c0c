"""Tuning: for every cell of a study's grid the rate that is best; the only place with Optuna.

A cell is all that differs in a study but its seeds: an optimizer in a setting. In each round every
cell tries one rate, and all runs of the round are executed as one study. Nothing but the runs is
kept: suggestions depend on content alone, so tuning again asks the same ones, finds their runs
done, and goes on where it stopped.
"""

from __future__ import annotations

import contextlib
import math
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from qnlr.study.execute import execute
from qnlr.study.observer import Observer, RunProgress
from qnlr.study.schema import RunSpec
from qnlr.study.spec import Study, run_id
from qnlr.study.store import RunFolder
from qnlr.study.tune_config import Cell, Tuning, load_tuning
from qnlr.study.tune_results import Trial, best_rates, trial, trials_frame, write_tuning
from qnlr.training import Outcome

if TYPE_CHECKING:
    import optuna


@dataclass(frozen=True)
class TuningReport:
    """How a tuning went.

    Args:
        folder: Its results folder.
        trials: One row for each trial of each cell.
        best: One row for each cell.
        interrupted: The signal that stopped it, or None.
    """

    folder: Path
    trials: pd.DataFrame
    best: pd.DataFrame
    interrupted: int | None


def tune(
    config: str | Path | Mapping[str, Any],
    results: str | Path = "results",
    *,
    observer: Observer | None = None,
    jobs: int = 0,
    scheduler: str | None = None,
) -> pd.DataFrame:
    """Find for each cell of a study the learning rate that is best at the same budget of shots.

    The config is that of a study with a table ``[tune]``: ``parameter``, a number of every
    optimizer, such as ``"optimizer.learning_rate"``; the range from ``low`` to ``high``, searched
    evenly in its logarithm by the tree-structured Parzen estimator (Bergstra et al., NeurIPS 2011);
    ``trials``, and how many of them are drawn at random first, ``startup_trials``; ``metric``,
    whose mean over the seeds after the last step counts: ``train_loss``, ``test_loss``,
    ``train_accuracy`` or ``test_accuracy``. The first trial of a cell is the rate it has in the
    config, if that is in the range. Set ``training.max_shots``, so that trials cost the same; give
    NLR its negative rate as a ratio, so that it scales along; and tune on seeds that no comparison
    uses, or rates are chosen on what they are compared on.

    Ctrl-C and SIGTERM finish the step in hand, save it, and then take effect here: call again to go
    on from there.

    Args:
        config: Path of a TOML file, or its content as a dict.
        results: Folder of all results; ``trials.csv``, ``best.csv`` and ``best.toml`` go to that of
            the study, with its runs.
        observer: Told how it goes on.
        jobs: Processes of one thread each that share the runs; 0 for this process alone.
        scheduler: Address of a Dask scheduler whose workers see the same files, or None.

    Returns:
        One row for each cell: ``label``, ``setting``, ``optimizer``, the best ``rate`` and its
        ``value``; ``own_rate``, that of the config, and its value, NaN if it was not tried; the
        number of ``trials``, how many of them ``failed`` (a run failed or diverged), and the
        ``shots`` of all.

    Raises:
        InputError: If the config is not valid, or the results folder cannot be written.
        CheckpointError: If a checkpoint cannot be used.
        KeyboardInterrupt: At Ctrl-C, once the last step is saved.
        SystemExit: At SIGTERM, with code 143, once the last step is saved.

    Example:
        >>> import tempfile
        >>> config = {
        ...     "name": "small", "seeds": [1000],
        ...     "data": {"name": "digits", "features": 4},
        ...     "circuit": {"qubits": 2, "layers": 1},
        ...     "backend": {"name": "statevector"},
        ...     "training": {"steps": 3, "batch_size": 4},
        ...     "optimizer": [{"name": "sgd"}, {"name": "adam"}],
        ...     "tune": {
        ...         "parameter": "optimizer.learning_rate", "low": 0.01, "high": 1.0, "trials": 2,
        ...         "metric": "train_loss",
        ...     },
        ... }
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     best = tune(config, folder)
        >>> best[["label", "own_rate", "trials", "failed"]]
          label  own_rate  trials  failed
        0   sgd      0.01       2       0
        1  adam      0.01       2       0
    """
    tuning = load_tuning(config)
    report = execute_tuning(tuning, results, observer=observer, jobs=jobs, scheduler=scheduler)
    if report.interrupted == signal.SIGINT:
        raise KeyboardInterrupt
    if report.interrupted is not None:
        raise SystemExit(128 + report.interrupted)
    return report.best


def execute_tuning(
    tuning: Tuning,
    results: str | Path = "results",
    *,
    observer: Observer | None = None,
    jobs: int = 0,
    scheduler: str | None = None,
) -> TuningReport:
    """Execute a tuning round by round; write what is known behind each.

    Args:
        tuning: The tuning.
        results: Folder of all results.
        observer: Told how it goes on, of all rounds as one study.
        jobs: Processes, see :func:`qnlr.study.execute`.
        scheduler: Address of a Dask scheduler, or None.

    Returns:
        How it went.

    Raises:
        InputError: If a value is not valid, or the results folder cannot be written.
        CheckpointError: If a checkpoint cannot be used.
    """
    rounds, folder = tuning.table.trials, Path(results) / tuning.study.name
    watch = _Rounds(observer or Observer(), len(tuning.study.runs), rounds)
    earlier: tuple[RunSpec, ...] = ()
    tried: list[Trial] = []
    interrupted = None
    with _quiet():
        searches = [_search(tuning, cell) for cell in tuning.cells]
        for number in range(rounds):
            asked = [_ask(tuning, search) for search in searches]
            runs = [cell.at(rate) for cell, (_, rate) in zip(tuning.cells, asked, strict=True)]
            study = _round(tuning, runs, earlier)
            watch.number = number
            if number == rounds - 1 or not _done(study, folder):
                report = execute(study, results, observer=watch, jobs=jobs, scheduler=scheduler)
                interrupted = report.interrupted
            if interrupted is not None:
                break
            for cell, search, (question, rate), own in zip(
                tuning.cells, searches, asked, runs, strict=True
            ):
                folders = [RunFolder(folder / run_id(spec)) for spec in own]
                answer = trial(tuning, cell, number, rate, folders)
                search.tell(question, _told(answer.value, tuning))
                tried.append(answer)
            earlier += study.runs
            if watch.begun:
                write_tuning(tuning, tried, folder)
    trials = trials_frame(tuning, tried)
    return TuningReport(folder, trials, best_rates(tuning, trials), interrupted)


class _Rounds(Observer):
    """Tells of the studies of all rounds as of one."""

    def __init__(self, observer: Observer, runs: int, rounds: int) -> None:
        self._observer, self._runs, self._rounds = observer, runs, rounds
        self.number, self.begun = 0, False

    def begin_study(self, runs: int, done: int, dropped: int) -> None:
        if not self.begun:
            before = self.number * self._runs
            self._observer.begin_study(self._rounds * self._runs, before + done, dropped)
        self.begun = True
        self._observer.begin_round(self.number, self._rounds)

    def begin_run(self, progress: RunProgress) -> None:
        self._observer.begin_run(progress)

    def step(self, progress: RunProgress) -> None:
        self._observer.step(progress)

    def end_run(self, progress: RunProgress, outcome: Outcome) -> None:
        self._observer.end_run(progress, outcome)


def _search(tuning: Tuning, cell: Cell) -> optuna.Study:
    import optuna

    sampler = optuna.samplers.TPESampler(
        n_startup_trials=tuning.table.startup_trials, seed=int(cell.identity[:8], 16)
    )
    search = optuna.create_study(
        sampler=sampler, direction="minimize" if tuning.lower_is_better else "maximize"
    )
    if tuning.table.low <= cell.own_rate <= tuning.table.high:
        search.enqueue_trial({"rate": cell.own_rate})
    return search


def _ask(tuning: Tuning, search: optuna.Study) -> tuple[optuna.Trial, float]:
    """Ask for a rate, and round it, as it is to be written into configs."""
    low, high = tuning.table.low, tuning.table.high
    question = search.ask()
    rate = question.suggest_float("rate", low, high, log=True)
    return question, min(max(float(f"{rate:.3g}"), low), high)


def _told(value: float, tuning: Tuning) -> float:
    """Return what is told of a trial: the worst there is, where a run has failed or diverged."""
    worst = math.inf if tuning.lower_is_better else -math.inf
    return value if math.isfinite(value) else worst


def _round(tuning: Tuning, runs: list[tuple[RunSpec, ...]], earlier: tuple[RunSpec, ...]) -> Study:
    origins = [origin for cell in tuning.cells for origin in cell.origins]
    specs = tuple(spec for own in runs for spec in own)
    return replace(tuning.study, runs=specs, origins=tuple(origins), earlier=earlier)


def _done(study: Study, folder: Path) -> bool:
    return all(RunFolder(folder / run_id(spec)).is_done for spec in study.runs)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep Optuna from telling of every trial."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)

"""A run once more, with its weights kept on the way, for diagnostics that look around them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd

from qnlr.diagnostics.findings import Told, untold
from qnlr.diagnostics.recorded import Recorded
from qnlr.errors import InputError, require_count
from qnlr.study.build import Builder
from qnlr.study.devices import is_paid
from qnlr.study.parts import BuildError
from qnlr.study.repeat import ROUNDING, config_folder, find_run, kept_spec
from qnlr.study.results import labels
from qnlr.study.schema import RunSpec
from qnlr.study.spec import load_study
from qnlr.training import Training

POINTS = 100


def replay(run: str, results: Path, every: int | None = None, told: Told = untold) -> Recorded:
    """Make a run once more from its spec, and keep its weights on the way.

    Args:
        run: Identity of the run, or its first digits, with or without its study before a slash; or
            the path of its folder.
        results: Folder of all results.
        every: Steps from one kept weight vector to the next, at least 1; None for about a hundred
            vectors in all.
        told: Told of every step.

    Returns:
        Weights at the beginning, every so many steps, and at the end, with the whole history.

    Raises:
        InputError: If no run or several begin so, or it was on a device that is paid for, or cannot
            be built.
    """
    kept = find_run(run, results)
    spec, folder = kept_spec(kept), config_folder(kept)
    _require_free(spec, f"run {kept.run_id}")
    try:
        training = Builder(folder).run(spec)
    except BuildError as error:
        raise InputError(
            f"run {kept.run_id} cannot be built: {error}; paths in its config are taken relative "
            f"to {folder}, so call this from where it was run"
        ) from error
    return _recorded(training, _name(spec), every, told)


def beginning(config: Path) -> Recorded:
    """Return the first run of a config where it begins, before its first step.

    Args:
        config: A study as a TOML file.

    Returns:
        The initial weights alone, shape (1, P), and a history without rows.

    Raises:
        InputError: If the config is not valid, or the run is on a device that is paid for.
    """
    study = load_study(config)
    spec = study.runs[0]
    _require_free(spec, f"the first run of {config}")
    try:
        training = Builder(study.folder).run(spec)
    except BuildError as error:
        raise study.misplaced(0, error) from error
    weights = np.array([training.optimizer.state.x])
    training.optimizer.close()
    history = pd.DataFrame(training.history.state_dict())
    return Recorded(_name(spec), training, weights, (0,), history)


def strays(recorded: Recorded, run: str, results: Path) -> str:
    """Say whether a run that was made once more is another one than what is kept of it.

    Args:
        recorded: What :func:`replay` returned.
        run: The run, as it was given there.
        results: Folder of all results.

    Returns:
        A sentence, or ``""`` if losses agree but for rounding, or nothing is kept to compare with.
    """
    kept = find_run(run, results)
    file = kept.path / "history.parquet"
    if not file.is_file():
        return ""
    before = pd.read_parquet(file, columns=["metric_loss"])["metric_loss"].to_numpy(dtype=float)
    now = recorded.history["metric_loss"].to_numpy(dtype=float)[: len(before)]
    alike = len(now) == len(before) and np.allclose(
        now, before, rtol=ROUNDING, atol=ROUNDING, equal_nan=True
    )
    if alike:
        return ""
    return (
        f"Run {kept.run_id} was made once more, and its losses are not those that are kept: the "
        "code, the data or the versions of libraries differ. What is shown is the run of now."
    )


def _recorded(training: Training, name: str, every: int | None, told: Told) -> Recorded:
    total = training.total_steps
    if every is None:
        every = max(1, math.ceil(total / POINTS))
    require_count("every", every)
    weights, steps = [np.array(training.optimizer.state.x)], [0]

    def keep(training: Training) -> None:
        weights.append(np.array(training.optimizer.state.x))
        steps.append(training.steps_done)

    def on_step(training: Training) -> None:
        if training.steps_done % every == 0:
            keep(training)
        told(training.steps_done, total)

    try:
        training.run(on_step=on_step)
    finally:
        training.optimizer.close()
    if steps[-1] != training.steps_done:
        keep(training)
    history = pd.DataFrame(training.history.state_dict())
    return Recorded(name, training, np.array(weights), tuple(steps), history)


def _name(spec: RunSpec) -> str:
    return f"{labels([spec.model_dump(mode='json')])[0]}, seed {spec.seed}"


def _require_free(spec: RunSpec, what: str) -> None:
    if is_paid(spec):
        raise InputError(
            f"{what} is on a device, which would have to be paid for; give a run on a simulator"
        )

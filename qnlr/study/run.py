"""A study in one call."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from qnlr.errors import InputError
from qnlr.study.execute import execute
from qnlr.study.observer import Observer
from qnlr.study.results import load_results
from qnlr.study.spec import load_study


def run(
    config: str | Path | Mapping[str, Any],
    results: str | Path = "results",
    *,
    fresh: bool = False,
    observer: Observer | None = None,
    jobs: int = 0,
    scheduler: str | None = None,
    seeds: int | None = None,
) -> pd.DataFrame:
    """Execute a study and load its results; what is done already is not done again.

    Ctrl-C and SIGTERM finish the step in hand, save it, and then take effect here: call again to go
    on from there.

    Args:
        config: Path of a TOML file, or its content as a dict.
        results: Folder of all results.
        fresh: Whether to start over; what was there is moved aside.
        observer: Told how it goes on.
        jobs: Processes of one thread each that share the runs; 0 for this process alone. A script
            that asks for processes needs ``if __name__ == "__main__":`` around its doings.
        scheduler: Address of a Dask scheduler whose workers see the same files, or None.
        seeds: Number of seeds to take instead of the config's, or None. More extend what is done,
            and fewer take nothing of it away.

    Returns:
        One row for each run, see :func:`qnlr.load_results`.

    Raises:
        InputError: If the config is not valid, or the results folder cannot be written.
        CheckpointError: If a checkpoint cannot be used.
        KeyboardInterrupt: At Ctrl-C, once the last step is saved.
        SystemExit: At SIGTERM, with code 143, once the last step is saved.

    Example:
        >>> import tempfile
        >>> config = {
        ...     "name": "small", "seeds": 2,
        ...     "data": {"name": "digits", "features": 4},
        ...     "circuit": {"qubits": 2, "layers": 1},
        ...     "backend": {"name": "aer", "shots": 100},
        ...     "training": {"steps": 2, "batch_size": 4},
        ...     "optimizer": [{"name": "sgd"}, {"name": "nlr"}],
        ... }
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     frame = run(config, folder)
        >>> frame[["label", "spec_seed", "status", "cost_shots"]]
          label  spec_seed    status  cost_shots
        0   sgd          0  finished       10400
        1   sgd          1  finished       10400
        2   nlr          0  finished       11200
        3   nlr          1  finished       11200
    """
    if not isinstance(config, (str, Path, Mapping)):
        raise InputError(
            f"config = {config!r} is not valid; it must be the path of a TOML file, or a dict"
        )
    study = load_study(config, seeds)
    report = execute(study, results, fresh=fresh, observer=observer, jobs=jobs, scheduler=scheduler)
    if report.interrupted == signal.SIGINT:
        raise KeyboardInterrupt
    if report.interrupted is not None:
        raise SystemExit(128 + report.interrupted)
    return load_results(report.folder)

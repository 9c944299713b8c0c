"""Numbers of tables that were never run: what each cell's seeds gave is told."""

import numpy as np
import pandas as pd

from qnlr.paper.numbers import Numbers
from qnlr.paper.tables import tables

COLUMNS = (
    "flips",
    "last_train_loss",
    "last_test_accuracy",
    "gradient_norm",
    "gradient_norm_without_shots",
    "shots",
)
SEEDS = 5
CENTRED = np.array([-2.0, 1.0, 0.0, 2.0, -1.0])
"""Deviations of five seeds, with mean 0 and variance 2.5."""


def runs(cells, column="last_train_loss", mode="shots", status="finished"):
    """One row for each seed of each cell: {(setting, method): values by seed}."""
    return pd.DataFrame(
        [
            {
                "setting": setting,
                "method": method,
                "mode": mode,
                "status": status,
                "spec_seed": seed,
                "run_id": f"{setting}/{method}/{mode}/{seed}",
                **dict.fromkeys(COLUMNS, 0.5),
                column: value,
            }
            for (setting, method), values in cells.items()
            for seed, value in enumerate(values)
        ]
    )


def numbers(table, *frames):
    """A table's numbers from runs alone, without cells and comparisons."""
    return Numbers(tables()[table], pd.concat(frames, ignore_index=True), (), ())


def spread(mean, width=0.0, seeds=SEEDS):
    """Values of seeds with a mean and a standard deviation."""
    return mean + width * np.resize(CENTRED, seeds) / np.sqrt(2.5)

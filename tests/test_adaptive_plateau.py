"""The script on plateaus: when each method is seen to leave, and what is read at most."""

import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

SCRIPT = Path(__file__).parents[1] / "experiments" / "adaptive_plateau.py"
SMALL = """
name = "small"
seeds = 2

[training]
steps = 20
batch_size = 2
evaluate_every = 10

[data]
name = "gaussian"
features = 2
samples = 20

[circuit]
qubits = 2
layers = 2
observable = "global_z"

[[optimizer]]
name = "sgd"
learning_rate = 0.5

[[optimizer]]
name = "adaptive_nlr"
"""


@pytest.fixture(scope="module")
def departures():
    return runpy.run_path(str(SCRIPT))["departures"]


def read(losses):
    rows = [
        {
            "mode": "",
            "method": "sgd",
            "spec_seed": seed,
            "step": 10 * number + 9,
            "metric_train_loss": x,
        }
        for seed, row in enumerate(losses)
        for number, x in enumerate(row)
    ]
    return pd.DataFrame(rows)


def test_the_first_reading_below_counts(departures):
    (row,) = departures(read([[1.0, 0.8, 0.95], [0.85, 0.8, 0.5], [1.2, 1.0, 0.3]])).to_dict(
        "records"
    )
    assert row["left"] == "3 of 3"
    assert (row["least"], row["steps until left, median"], row["most"]) == (10, 20, 30)
    assert row["highest loss"] == 1.2
    assert row["final loss"] == pytest.approx(np.mean([0.95, 0.5, 0.3]))


def test_a_seed_that_stays_counts_as_never(departures):
    (row,) = departures(read([[1.0, 1.0], [0.8, 0.7], [1.0, 0.95]])).to_dict("records")
    assert row["left"] == "1 of 3"
    assert (row["least"], row["steps until left, median"], row["most"]) == (10, np.inf, np.inf)


def test_it_runs_a_config_and_writes_table_and_figure(tmp_path):
    config = tmp_path / "small.toml"
    config.write_text(SMALL, encoding="utf-8")
    command = [sys.executable, str(SCRIPT), "--config", str(config), "--results", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "small" / "departures.csv")
    assert table["method"].tolist() == ["sgd", "adaptive_nlr"]
    assert (table["final loss"] <= table["highest loss"]).all()
    assert (tmp_path / "small" / "departures.png").stat().st_size > 1000

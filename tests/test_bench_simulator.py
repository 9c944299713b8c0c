"""The benchmark runs, on a tiny scale, with whichever peers are installed."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

EXPERIMENTS = Path(__file__).parent.parent / "experiments"
TINY = """
seed = 0
output = "out"
work = { qubits = 3, layers = 1, features = 8, batch = 4, shots = 1000, noise_rate = 0.01 }
vqc = { qubits = 2, repetitions = 1, samples = 4, shots = 256 }
timing = { repeats = 2, least = 2, seconds = 0.1, rounds = 1, one_core_below = 0.01 }
fractions = { aer_run = 0.25, aer_estimator = 0.25, aer_density = 0.25, reference = 0.25 }
process = { starts = 1, calls = 10 }

[scaling]
exact_qubits = [2, 3]
noise_qubits = [2, 3]
layers = [1, 2]
batch = [1, 4]
weights = [1, 9]
repeats = 2
seconds = 0.1
longest = 1.0
aer_circuits = 2
"""
COLUMNS = [
    "mode", "peer", "setting", "first_ms", "median_ms", "iqr_ms", "ratio", "one_core_ms",
    "repeats", "fraction", "tried", "note", "missing",
]  # fmt: skip


@pytest.mark.slow
def test_every_row_has_a_time_or_the_reason_why_it_has_none(tmp_path):
    (tmp_path / "tiny.toml").write_text(TINY)
    command = [sys.executable, str(EXPERIMENTS / "bench_simulator.py"), "--config", "tiny.toml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "out" / "table.csv")
    assert table.columns.tolist() == COLUMNS
    assert set(table["mode"]) == {"exact", "shots", "noise", "vqc"}
    timed = (table["median_ms"] > 0) & (table["ratio"] > 0) & table["setting"].notna()
    assert (timed ^ table["missing"].notna()).all()
    assert timed[table["peer"].str.contains("qnlr|Aer|Qiskit")].all()
    assert (table.groupby("mode", sort=False)["ratio"].first() == 1).all()
    scaling = pd.read_csv(tmp_path / "out" / "scaling.csv")
    assert set(scaling["axis"]) == {"qubits", "layers", "batch", "weights"}
    assert (scaling["median_ms"] > 0).all()
    about = json.loads((tmp_path / "out" / "environment.json").read_text())
    assert set(about) == {"python", "versions", "cores", "processor"}
    assert (tmp_path / "out" / "bench_simulator.png").stat().st_size > 10_000
    assert (tmp_path / "out" / "table.md").read_text() in done.stdout

"""The benchmark of models runs, on a few samples, and compares what is equal."""

import sys
from pathlib import Path

import pandas as pd
import pytest

EXPERIMENTS = Path(__file__).parent.parent / "experiments"


@pytest.mark.slow
def test_every_row_is_timed(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(EXPERIMENTS), *sys.path])
    from bench_models import main

    table = main(tmp_path, repeats=1, seconds=0.0, samples=(2, 2))
    assert table.groupby("work", sort=False)["ratio"].first().tolist() == [1.0, 1.0]
    assert (table["median_ms"] > 0).all()
    assert (table["repeats"] >= 2).all()
    slow = table[table["on"].str.startswith(("reference", "default"))]
    assert (slow["ratio"] > 1).all()
    kept = pd.read_csv(EXPERIMENTS.parent / "results" / "bench_models" / "table.csv")
    assert kept["on"].tolist() == table["on"].tolist()
    assert kept["work"].tolist() == table["work"].tolist()

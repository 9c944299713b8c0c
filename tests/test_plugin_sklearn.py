"""The script that a user of scikit-learn copies runs, on a small scale."""

import runpy
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "experiments" / "plugin_sklearn.py"


def test_it_is_short_enough_to_be_copied():
    assert sum(bool(line.strip()) for line in SCRIPT.read_text().splitlines()) < 40


@pytest.mark.slow
def test_it_compares_with_a_classical_model():
    main = runpy.run_path(str(SCRIPT))["main"]
    table = main(steps=15, rates=(0.03, 0.3), folds=3, shots=100).set_index("model")
    assert [*table.index] == ["logistic regression", "NLR", "SGD", "Adam"]
    assert table.accuracy.between(table["95 % from"], table["to"]).all()
    assert table.accuracy["logistic regression"] > 0.95
    assert table.accuracy.min() > 0.75

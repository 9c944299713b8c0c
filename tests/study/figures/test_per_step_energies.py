import numpy as np
import pandas as pd
import pytest

from qnlr.study.figures import drawn_per_step, per_step
from qnlr.study.results import ABOVE


@pytest.fixture
def history():
    """SGD and Adam on two seeds, whose energies fall towards −9.8 over four decades."""
    rows = [
        (method, seed, step, -9.8 + 10.0 ** (-rate * step / 10) * (1 + 0.1 * seed))
        for method, rate in (("sgd", 0.5), ("adam", 1.0))
        for seed in range(2)
        for step in range(41)
    ]
    frame = pd.DataFrame(rows, columns=["label", "spec_seed", "step", "metric_loss"])
    return frame.assign(setting="", baseline="sgd", **{ABOVE: frame["metric_loss"] + 9.8})


def test_energies_are_drawn_in_decades_above_the_exact_one(history):
    column, label = drawn_per_step(history)["loss"]
    upper, lower = per_step(history, column, label).axes
    assert (column, upper.get_ylabel()) == (ABOVE, "energy above the exact one")
    assert (upper.get_yscale(), lower.get_yscale()) == ("log", "symlog")
    low, high = upper.get_ylim()
    assert low < 1e-4 < 1.0 < high


def test_energies_below_the_exact_one_are_seen_as_well(history):
    history[ABOVE] -= 0.01
    upper = per_step(history, ABOVE, "energy").axes[0]
    assert upper.get_yscale() == "symlog"
    assert upper.get_ylim()[0] < -0.009


def test_a_stage_that_minimises_something_else_has_no_exact_energy(history):
    history.loc[history["label"] == "adam", ABOVE] = np.nan
    column, label = drawn_per_step(history)["loss"]
    assert (column, label) == ("metric_loss", "loss of the stage")
    upper = per_step(history, column, label).axes[0]
    assert upper.get_ylim()[0] < -9.7
    assert drawn_per_step(history.drop(columns=ABOVE))["loss"][1] == "mini-batch loss"

import math

import numpy as np
import pytest

from qnlr.optimizers import StepRecord
from qnlr.problems import Evaluation
from qnlr.training import COLUMNS, History, evaluation_columns
from qnlr.types import Cost, Estimate

COST = Cost(circuits=5, shots=50, jobs=2)
EVALUATIONS = {
    "train": Evaluation(Estimate(0.5, 0.01), 0.75),
    "test": Evaluation(Estimate(0.6, 0.02), 0.5),
}


def record(step=0, **changes):
    fields = {
        "step": step,
        "parameters": np.zeros(2),
        "next_parameters": np.ones(2),
        "loss": Estimate(0.9, 0.1),
        "probe_loss": Estimate(0.8, 0.2),
        "gradient_norm": 1.5,
        "rate": -0.02,
        "flipped": True,
    }
    return StepRecord(**{**fields, **changes})


def test_a_row_holds_the_whole_step():
    history = History()
    history.append(record(), 0.3, COST, EVALUATIONS)
    row = {name: column[0] for name, column in history.columns.items()}
    assert row == {
        "step": 0,
        "metric_loss": 0.9,
        "metric_loss_std": 0.1,
        "metric_probe_loss": 0.8,
        "metric_probe_loss_std": 0.2,
        "metric_gradient_norm": 1.5,
        "metric_gradient_std": 0.3,
        "metric_rate": -0.02,
        "metric_flipped": True,
        "metric_train_loss": 0.5,
        "metric_train_loss_std": 0.01,
        "metric_train_accuracy": 0.75,
        "metric_test_loss": 0.6,
        "metric_test_loss_std": 0.02,
        "metric_test_accuracy": 0.5,
        "cost_circuits": 5,
        "cost_shots": 50,
        "cost_jobs": 2,
    }
    assert list(row) == list(COLUMNS)
    for name, kind in COLUMNS.items():
        assert type(row[name]) is kind


def test_what_was_not_measured_is_nan():
    history = History()
    history.append(record(probe_loss=None, flipped=False), math.nan, COST)
    missing = {name for name, (value,) in history.columns.items() if value != value}
    assert missing == {
        "metric_probe_loss",
        "metric_probe_loss_std",
        "metric_gradient_std",
        *(name for name in COLUMNS if "_train_" in name or "_test_" in name),
    }
    assert history.columns["metric_flipped"] == [False]


def test_a_loss_without_error_has_a_std_of_nan():
    history = History()
    history.append(record(loss=0.9, probe_loss=0.0), 0.3, COST)
    assert history.columns["metric_loss"] == [0.9]
    assert math.isnan(history.columns["metric_loss_std"][0])
    assert history.columns["metric_probe_loss"] == [0.0]
    assert math.isnan(history.columns["metric_probe_loss_std"][0])


def test_an_exact_loss_has_a_std_of_zero():
    history = History()
    history.append(record(loss=Estimate(0.9)), 0.0, COST)
    assert history.columns["metric_loss_std"] == [0.0]


@pytest.mark.parametrize("rows", [0, 1, 4])
def test_state_round_trip(rows):
    history = History()
    for step in range(rows):
        history.append(record(step, flipped=step % 2 == 0), 0.1 * step, COST, EVALUATIONS)
    state = history.state_dict()
    kinds = {int: "i", float: "f", bool: "b"}
    assert {name: array.dtype.kind for name, array in state.items()} == {
        name: kinds[kind] for name, kind in COLUMNS.items()
    }
    again = History.from_state(state)
    assert len(again) == rows
    assert again.columns == history.columns
    again.append(record(rows), 0.1, COST)
    assert (len(again), len(history), len(state["step"])) == (rows + 1, rows, rows)
    for name, kind in COLUMNS.items():
        assert all(type(value) is kind for value in again.columns[name])


def test_large_numbers_of_shots_are_exact():
    history = History()
    history.append(record(), 0.1, Cost(1, 2**53 + 1, 1))
    assert History.from_state(history.state_dict()).columns["cost_shots"] == [2**53 + 1]


def test_evaluation_columns():
    assert evaluation_columns("test", EVALUATIONS["test"]) == {
        "metric_test_loss": 0.6,
        "metric_test_loss_std": 0.02,
        "metric_test_accuracy": 0.5,
    }

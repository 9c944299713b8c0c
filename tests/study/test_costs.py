import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qnlr.errors import InputError
from qnlr.study.costs import (
    at_cost,
    common_cost,
    cost_to_target,
    last_and_best,
    target_summary,
)

LOSS = "metric_train_loss"
losses = st.lists(st.floats(0, 2), min_size=1, max_size=12)


def history_of(values, cost=100, run="run"):
    steps = range(1, len(values) + 1)
    return pd.DataFrame(
        {
            "run_id": run,
            "step": steps,
            "cost_shots": [cost * step for step in steps],
            "cost_circuits": [step**2 for step in steps],
            LOSS: values,
        }
    )


def sparse(values, gap=3):
    """Return a history with the values at every third step, and none at the others."""
    spread = np.full(gap * len(values), math.nan)
    spread[gap - 1 :: gap] = values
    return history_of(spread)


@given(losses)
def test_at_the_cost_of_an_evaluation_stands_what_was_measured(values):
    history = sparse(values)
    for number, value in enumerate(values, start=1):
        assert at_cost(history, LOSS, 300 * number) == pytest.approx(value)


@given(losses, st.floats(0, 4000))
def test_between_evaluations_is_a_line_and_outside_nothing(values, cost):
    found, last = at_cost(sparse(values), LOSS, cost), 300 * len(values)
    if not 300 <= cost <= last:
        assert math.isnan(found)
    else:
        left = min(int(cost // 300), len(values) - 1) if len(values) > 1 else 1
        low, high = values[left - 1], values[left if len(values) > 1 else 0]
        assert found == pytest.approx(low + (high - low) * (cost / 300 - left), abs=1e-9)


def test_order_of_rows_infinities_and_repeated_costs():
    history = sparse([0.9, 0.5, math.inf])
    assert at_cost(history.sample(frac=1.0, random_state=1), LOSS, 450) == pytest.approx(0.7)
    assert math.isnan(at_cost(history, LOSS, 700))
    free = history_of([0.9, 0.5]).assign(cost_shots=0)
    assert at_cost(free, LOSS, 0) == 0.5
    assert at_cost(history, LOSS, (9 + 36) / 2, "cost_circuits") == pytest.approx(0.7)


def test_a_run_without_evaluations_has_no_value_at_any_cost():
    history = history_of([math.nan] * 3)
    assert math.isnan(at_cost(history, LOSS, 200))
    assert cost_to_target(history, 0.5) == math.inf
    assert math.isnan(common_cost(history))


def test_the_common_cost_is_the_least_of_the_last_evaluations():
    evaluated_early = history_of([0.9, 0.8, math.nan, math.nan], run="b")
    both = pd.concat([history_of([0.9, 0.8, 0.7], cost=90, run="a"), evaluated_early])
    assert common_cost(both) == 200
    assert common_cost(both, "cost_circuits") == 4
    assert not any(math.isnan(at_cost(run, LOSS, 200)) for _, run in both.groupby("run_id"))
    assert math.isnan(common_cost(pd.concat([both, history_of([math.nan], run="c")])))
    assert math.isnan(common_cost(pd.DataFrame()))


@given(losses, st.floats(0, 2))
def test_the_cost_to_a_target_is_the_first_at_which_it_is_met(values, target):
    history = sparse(values)
    found = cost_to_target(history, target)
    met = [number for number, value in enumerate(values, start=1) if value <= target]
    assert math.isinf(found) == (not met)
    if met:
        assert 300 * max(met[0] - 1, 1) <= found <= 300 * met[0]
        if met[0] > 1:
            steep = (values[met[0] - 2] - values[met[0] - 1]) / 300
            assert abs(at_cost(history, LOSS, found) - target) <= 1e-9 * (1 + steep)


def test_costs_to_targets_by_hand():
    history = sparse([1.0, 0.5, 0.7, 0.2])
    assert cost_to_target(history, 1.5) == 300
    assert cost_to_target(history, 0.75) == pytest.approx(450)
    assert cost_to_target(history, 0.5) == 600
    assert cost_to_target(history, 0.45) == pytest.approx(1050)
    assert cost_to_target(history, 0.1) == math.inf
    assert cost_to_target(history, 0.75, cost_column="cost_circuits") == pytest.approx(22.5)


@given(st.lists(st.floats(1, 1e6) | st.just(math.inf), min_size=1, max_size=15))
def test_the_median_cost_counts_those_that_never_get_there(costs):
    found = target_summary(costs)
    assert (found.runs, found.reached) == (len(costs), sum(map(math.isfinite, costs)))
    assert math.isinf(found.median) == (2 * found.reached <= found.runs)
    with_nan = [math.nan if math.isinf(cost) else cost for cost in costs]
    assert target_summary(with_nan) == found
    if math.isfinite(found.median):
        assert sum(cost <= found.median for cost in costs) >= len(costs) / 2


def test_of_no_run_there_is_no_median_cost():
    found = target_summary([])
    assert (found.runs, found.reached) == (0, 0)
    assert math.isnan(found.median)


def test_last_and_best_are_of_evaluations():
    history = sparse([0.9, 0.3, 0.5]).assign(metric_test_loss=math.nan)
    history["metric_train_accuracy"] = 1.0 - history[LOSS]
    history["metric_test_accuracy"] = history[LOSS]
    found = last_and_best(history.sample(frac=1.0, random_state=0))
    known = {name: value for name, value in found.items() if not math.isnan(value)}
    assert known == pytest.approx(
        {
            "last_train_loss": 0.5,
            "best_train_loss": 0.3,
            "last_train_accuracy": 0.5,
            "best_train_accuracy": 0.7,
            "last_test_accuracy": 0.5,
            "best_test_accuracy": 0.9,
        }
    )
    assert found.keys() - known.keys() == {"last_test_loss", "best_test_loss"}


def test_what_cannot_be_answered_is_refused():
    history = history_of([0.9, 0.8])
    two = pd.concat([history, history_of([0.9], run="other")])
    for ask in (
        lambda: at_cost(two, LOSS, 100),
        lambda: cost_to_target(two, 0.5),
        lambda: last_and_best(two),
    ):
        with pytest.raises(InputError, match=r"has 2 runs|not known"):
            ask()
    with pytest.raises(InputError, match='did you mean "metric_train_loss"'):
        at_cost(history, "train_loss", 100)
    with pytest.raises(InputError, match="target = nan"):
        cost_to_target(history, math.nan)

"""Intervals of ratios hold the true ratio as often as they say, and verdicts are exclusive."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from qnlr.diagnostics.verdicts import (
    above,
    agrees,
    below,
    covers,
    median_interval,
    ratio_interval,
    slope_interval,
)
from qnlr.intervals import Interval


def test_intervals_hold_the_true_ratio():
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(200):
        size = rng.gamma(4.0, 1.0, 24)
        found = ratio_interval(
            2.5 * size + rng.normal(0, 1, 24), size + rng.normal(0, 0.2, 24), resamples=400
        )
        inside += found.low <= 2.5 <= found.high
    assert 0.85 <= inside / 200 <= 0.99


def test_slopes_hold_the_true_slope_though_points_of_a_group_go_together():
    rng = np.random.default_rng(0)
    x, group = np.tile(np.arange(4.0), 30), np.repeat(np.arange(30), 4)
    inside = 0
    for _ in range(100):
        y = 2.0 * x + np.repeat(rng.normal(0, 1, 30), 4) * x
        found = slope_interval(x, y, group)
        inside += found.low <= 2.0 <= found.high
    assert 0.85 <= inside / 100 <= 0.99
    assert math.isclose(found.mean, np.polyfit(x, y, 1)[0])


def test_a_single_group_has_no_slope_to_tell():
    one = slope_interval(np.arange(3.0), np.arange(3.0), np.zeros(3))
    assert one.mean == 1.0
    assert math.isnan(one.low)
    assert covers(one, 1.0) is None


@given(st.floats(-5, 5), st.floats(0, 3), st.floats(-5, 5))
def test_an_interval_covers_a_value_only_if_it_is_narrow(middle, half, predicted):
    interval = Interval(middle, middle - half, middle + half, 9)
    inside = interval.low <= predicted <= interval.high
    assert (covers(interval, predicted, 1.0) is False) == (not inside)
    if inside:
        assert covers(interval, predicted, 1.0) is (True if interval.half_width <= 1.0 else None)


def test_a_single_pair_has_no_interval():
    one = ratio_interval(np.array([3.0]), np.array([2.0]))
    assert one.mean == 1.5
    assert math.isnan(one.low)
    assert above(one, 1.0) is None
    assert agrees(one, 1.0) is None


@given(st.floats(-5, 5), st.floats(0, 3), st.floats(0.1, 5))
def test_verdicts_exclude_each_other(middle, half, predicted):
    interval = Interval(middle, middle - half, middle + half, 9)
    assert not (above(interval, predicted) is True and below(interval, predicted) is True)
    verdict = agrees(interval, predicted, 0.1)
    if verdict is True:
        assert abs(middle - predicted) <= 0.1 * predicted
    if verdict is False:
        assert interval.low > predicted or interval.high < predicted


def test_intervals_of_ranks_hold_the_median_of_heavy_tails_as_often_as_they_say():
    draws = np.random.default_rng(3).standard_cauchy((400, 60))
    inside = sum(found.low <= 0 <= found.high for found in map(median_interval, draws))
    assert 0.92 <= inside / 400 <= 0.995


def test_a_median_of_too_few_values_has_no_interval():
    assert math.isnan(median_interval([]).mean)
    few = median_interval([1.0, 2.0, 3.0, 4.0, 5.0])
    assert few.mean == 3.0
    assert math.isnan(few.low)

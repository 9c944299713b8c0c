"""Intervals of ratios hold the true ratio as often as they say, and verdicts are exclusive."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from qnlr.diagnostics.verdicts import above, agrees, below, ratio_interval
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

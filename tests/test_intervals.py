import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from qnlr.errors import InputError
from qnlr.intervals import Interval, bootstrap_interval, mean_interval, share_interval

numbers = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=20).filter(lambda x: np.ptp(x) > 1e-6)


def share_within(intervals, truth):
    return np.mean([interval.low <= truth <= interval.high for interval in intervals])


@given(numbers)
def test_intervals_are_those_of_scipy(values):
    interval = mean_interval(values)
    reference = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    assert interval.low == pytest.approx(reference.low, rel=1e-9, abs=1e-9)
    assert interval.high == pytest.approx(reference.high, rel=1e-9, abs=1e-9)


def test_intervals_cover_at_their_level():
    samples = np.random.default_rng(0).normal(size=(4000, 5))
    share = share_within([mean_interval(sample) for sample in samples], 0.0)
    assert abs(share - 0.95) < 3 * math.sqrt(0.95 * 0.05 / 4000)


def test_one_seed_and_none_have_no_interval():
    assert mean_interval([2.0]).mean == 2.0
    assert math.isnan(mean_interval([2.0]).half_width)
    assert math.isnan(mean_interval([]).mean)
    assert mean_interval([1.0, math.nan, 3.0]).count == 2
    assert mean_interval([2.0]).text(1) == "2.0"
    assert mean_interval([]).text() == "–"


@given(numbers, st.integers(0, 6))
def test_intervals_of_student_print_their_half_width(values, digits):
    interval = mean_interval(values)
    assert interval.text(digits) == f"{interval.mean:.{digits}f} ± {interval.half_width:.{digits}f}"


@given(st.floats(-10, 10), st.floats(0, 10), st.floats(0, 10), st.integers(0, 4))
def test_an_interval_printed_with_one_half_width_has_arms_like_it(mean, below, above, digits):
    interval = Interval(mean, mean - below, mean + above, 5)
    unit = 10.0**-digits
    if "±" in interval.text(digits):
        printed = float(interval.text(digits).split("±")[1])
        assert max(abs(printed - below), abs(printed - above)) <= 0.76 * unit
    else:
        assert abs(above - below) >= 0.49 * unit


@given(numbers, st.floats(-10, 10))
def test_in_another_unit_an_interval_is_that_of_the_values_there(values, factor):
    found, reference = mean_interval(values).times(factor), mean_interval(np.array(values) * factor)
    assert found.low <= found.high
    for name in ("mean", "low", "high", "half_width"):
        assert getattr(found, name) == pytest.approx(getattr(reference, name), abs=1e-7)
    assert found.count == reference.count


def test_an_asymmetric_interval_keeps_its_arms_in_another_unit():
    assert Interval(0.5, 0.3, 0.9, 5).times(100).text(0) == "50 [30, 90]"
    assert Interval(0.5, 0.3, 0.9, 5).times(-1).text(1) == "-0.5 [-0.9, -0.3]"


@given(numbers)
def test_a_bootstrap_interval_lies_within_the_values_and_is_the_same_each_time(values):
    interval = bootstrap_interval(values, resamples=200)
    assert min(values) - 1e-9 <= interval.low <= interval.high <= max(values) + 1e-9
    assert interval == bootstrap_interval(values, resamples=200)
    assert interval.mean == pytest.approx(np.mean(values))


def test_a_bootstrap_interval_moves_and_stretches_with_the_values():
    values = np.array([0.1, 0.4, 0.2, 0.9, 0.3])
    own, other = bootstrap_interval(values), bootstrap_interval(3 * values + 2)
    assert (other.low, other.high) == pytest.approx((3 * own.low + 2, 3 * own.high + 2))


def test_a_bootstrap_interval_is_that_of_all_resamples():
    """With 3 values there are 27 resamples, all as likely: the quantiles are known."""
    values = np.array([0.0, 1.0, 5.0])
    every = np.array(np.meshgrid(values, values, values)).reshape(3, -1).mean(axis=0)
    found = bootstrap_interval(values, level=0.8)
    expected = np.quantile(every, [0.1, 0.9], method="inverted_cdf")
    assert (found.low, found.high) == pytest.approx(tuple(expected))


@pytest.mark.parametrize(("count", "quoted"), [(5, 0.84), (10, 0.90)])
def test_bootstrap_intervals_cover_less_than_their_level_as_documented(count, quoted):
    samples = np.random.default_rng(0).normal(3.0, 2.0, size=(2000, count))
    share = share_within([bootstrap_interval(x, resamples=1000) for x in samples], 3.0)
    assert abs(share - quoted) < 0.005 + 3 * math.sqrt(quoted * (1 - quoted) / 2000)
    assert f"{100 * quoted:.0f} %" in bootstrap_interval.__doc__


def test_bootstrap_intervals_narrow_with_the_level():
    values = [0.1, 0.4, 0.2, 0.9, 0.3]
    wide, narrow = bootstrap_interval(values, 0.99), bootstrap_interval(values, 0.5)
    assert wide.low < narrow.low < narrow.mean < narrow.high < wide.high


def test_a_bootstrap_of_little_is_no_interval():
    assert bootstrap_interval([]).count == 0
    assert math.isnan(bootstrap_interval([math.nan]).mean)
    assert bootstrap_interval([2.0]).text(1) == "2.0"
    assert bootstrap_interval([2.0, math.nan]).count == 1
    assert bootstrap_interval([0.1] * 7) == Interval(0.1, 0.1, 0.1, 7)
    assert bootstrap_interval([1.0, math.nan, 2.0]) == bootstrap_interval([1.0, 2.0])


@pytest.mark.parametrize(("level", "resamples"), [(0.0, 10), (1.0, 10), (math.nan, 10), (0.9, 0)])
def test_a_bootstrap_outside_its_range_is_refused(level, resamples):
    with pytest.raises(InputError, match="is not valid"):
        bootstrap_interval([1.0, 2.0], level, resamples)


def test_the_global_generator_is_neither_used_nor_moved():
    np.random.seed(1)
    first, state = bootstrap_interval([1.0, 2.0, 4.0]), np.random.get_state()[1].copy()
    np.random.seed(2)
    assert bootstrap_interval([1.0, 2.0, 4.0]) == first
    np.random.seed(1)
    assert (np.random.get_state()[1] == state).all()


@given(st.integers(1, 60), st.data())
def test_shares_have_the_interval_of_scipy(count, data):
    number = data.draw(st.integers(0, count))
    found = share_interval(number, count)
    reference = stats.binomtest(number, count).proportion_ci(0.95, method="wilson")
    assert (found.low, found.high) == pytest.approx((reference.low, reference.high), abs=1e-12)
    assert found.mean == number / count


def test_half_a_seed_lies_between_its_neighbours():
    ends = [(share_interval(number, 5).low, share_interval(number, 5).high) for number in (2, 2.5)]
    assert ends[0][0] < ends[1][0]
    assert ends[1] == pytest.approx((1 - ends[1][1], 1 - ends[1][0]))


def test_a_share_of_no_seed_is_unknown_and_one_of_too_many_refused():
    assert math.isnan(share_interval(0, 0).mean)
    with pytest.raises(InputError, match="number of seeds = 6"):
        share_interval(6, 5)

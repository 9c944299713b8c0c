"""The watch over losses: it bounds the rate where they rise, seldom elsewhere, and is exact."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qnlr.errors import InputError
from qnlr.optimizers import AdaptiveNLR, Told, adaptive_rate
from qnlr.optimizers.rises import RiseWatch

WATCH = RiseWatch(1.96)
losses = st.lists(
    st.integers(-(10**6), 10**6).map(lambda count: count / 1024),  # squares do not underflow
    min_size=20,
    max_size=20,
)


def after(watch, values, rate=0.4):
    state = watch.initial_state()
    for value in values:
        state = watch(value, rate, state)
    return state


@given(losses)
def test_means_and_errors_are_those_of_the_stretches(values):
    first, second = np.reshape(values, (2, 10))
    state = after(WATCH, values)
    assert state["before"] == pytest.approx(second.mean(), abs=1e-9)
    error = second.std(ddof=1) / math.sqrt(10)
    assert state["error"] == pytest.approx(error, abs=1e-6)
    rise = second.mean() - first.mean()
    enough = 1.96 * math.hypot(error, first.std(ddof=1) / math.sqrt(10))
    if abs(rise - enough) > 1e-6:
        assert state["most"] == (pytest.approx(0.1) if rise > enough else math.inf)


@given(losses, st.sampled_from([-8, 3, 20]))
def test_it_asks_for_no_units(values, scale):
    scaled = after(WATCH, np.array(values) * 2.0**scale)
    assert scaled["most"] == after(WATCH, values)["most"]


def test_losses_that_stay_bound_the_rate_as_seldom_as_the_level_says():
    """A little more often than 2.5 %, for the scatter of ten losses is itself uncertain."""
    rng = np.random.default_rng(0)
    bound = [math.isfinite(after(WATCH, rng.normal(size=20))["most"]) for _ in range(3000)]
    assert 0.015 < np.mean(bound) < 0.045


def test_a_bound_falls_with_each_rise_and_grows_again():
    rng = np.random.default_rng(0)
    levels = np.repeat([0.5, 0.7, 0.9, 0.9, 0.6, 0.3], 10)
    state, bounds = WATCH.initial_state(), []
    for number, loss in enumerate(levels + 0.01 * rng.normal(size=levels.size)):
        state = WATCH(loss, min(0.4, state["most"]), state)
        if number % 10 == 9:
            bounds.append(state["most"])
    assert bounds == pytest.approx([math.inf, 0.1, *(0.025 * np.sqrt([1, 2, 8, 32]))])


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_losses_that_are_not_finite_do_not_count(value):
    values = list(np.random.default_rng(0).normal(size=20))
    assert after(WATCH, [value, *values[:5], value, *values[5:]]) == after(WATCH, values)


def test_a_bound_that_comes_of_chance_does_not_last():
    """Over long stretches of losses that stay, it is seldom far below where it began."""
    rng, bounds = np.random.default_rng(0), []
    state = WATCH.initial_state()
    for loss in rng.normal(size=20_000):
        state = WATCH(loss, min(0.4, state["most"]), state)
        bounds.append(state["most"])
    assert min(bounds) < 0.4
    assert np.mean(np.array(bounds) < 0.4) < 0.25
    assert min(bounds) > 0.4 / 64


@pytest.mark.parametrize(
    ("settings", "named"), [({"z": 0.0}, "z"), ({"stretch": 1}, "stretch"), ({"cut": 1.0}, "cut")]
)
def test_what_is_out_of_range_is_told(settings, named):
    with pytest.raises(InputError, match=f"^{named} = "):
        RiseWatch(**{"z": 1.96, **settings})


def test_it_keeps_training_from_climbing_where_mini_batches_differ_more_than_the_loss_falls(
    monkeypatch,
):
    """Each mini-batch has a minimum of its own; the mean loss is lowest between them."""
    ends = {}
    for watch in (WATCH, RiseWatch(1e12)):
        monkeypatch.setattr(adaptive_rate, "WATCH", watch)
        rng, found = np.random.default_rng(1), []
        optimizer = AdaptiveNLR()
        optimizer.start(None, np.full(1000, 0.3))
        while optimizer.state.nit < 200:
            if optimizer.state.pending is None:
                middle = rng.normal(size=1000)
            asked = optimizer.ask()
            loss = float(((asked.x_fun - middle) ** 2).mean())
            told = {"eval_fun": loss}
            if asked.x_jac is not None:
                told["eval_jac"] = 2 * (asked.x_jac - middle) / 1000
                found.append(float((asked.x_jac**2).mean()))
            optimizer.tell(asked, Told(**told))
        ends[watch] = np.mean(found[-50:])
    assert ends[WATCH] < 0.5 * ends[RiseWatch(1e12)]
    assert ends[WATCH] < 2 * 0.3**2

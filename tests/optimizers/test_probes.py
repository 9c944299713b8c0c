"""Rules with several probes in a step, and all that they are told."""

import json
import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from walking import START, STDS, Shortened, Walking, loss, phase, run, slope, started

from qnlr.optimizers import (
    NLR,
    AdaptiveMoments,
    HeavyBall,
    Plain,
    Probe,
    SignedRateOptimizer,
    Told,
)
from qnlr.optimizers.rates import Constant
from qnlr.optimizers.schedules import Cosine, Scheduled

signed = st.floats(-1.5, 1.5).filter(lambda rate: abs(rate) > 1e-3)


@given(rates=st.lists(signed, min_size=1, max_size=5))
def test_signed_probes_are_made_and_told_in_order(rates):
    rule = Walking(tuple(rates))
    optimizer = started(rule)
    first, *probes = run(optimizer, 1 + len(rates))
    np.testing.assert_array_equal(first.x_jac, START)
    for ask, rate in zip(probes, rates, strict=True):
        assert ask.x_jac is None
        np.testing.assert_array_equal(ask.x_fun, START - rate * slope(START))
    (told,) = rule.seen
    assert told.probes == tuple(
        Probe(rate, loss(ask.x_fun)) for ask, rate in zip(probes, rates, strict=True)
    )
    assert all(one.loss.std == 0.01 for one in told.probes)
    assert told.probe_loss == told.probes[-1].loss
    assert [asked.probes for asked, _ in rule.asked] == [
        told.probes[: made + 1] for made in range(len(rates))
    ]
    assert optimizer.state.nit == 1
    record = optimizer.state.record
    assert record.probe_loss == told.probe_loss
    assert record.flipped == (record.rate < 0)
    if record.rate >= 0:
        expected = START - record.rate * slope(START)
        np.testing.assert_array_equal(optimizer.state.x, expected)
    best = min([loss(START), *(one.loss for one in told.probes)])
    assert optimizer.state.fun_best == best
    assert loss(optimizer.state.x_best) == best


def test_the_rule_is_asked_with_the_state_of_the_step():
    rule = Walking((0.4, -0.2))
    run(started(rule), 6)
    assert [state["steps"] for _, state in rule.asked] == [0, 0, 1, 1]
    assert [told.step for told in rule.seen] == [0, 1]


def test_a_negative_rate_is_the_reversal():
    rule = Walking((0.5, -0.5))
    optimizer = SignedRateOptimizer(Shortened(Plain(), -1.0), rule)  # the direction points uphill
    optimizer.start(None, START)
    run(optimizer, 3)
    assert optimizer.state.record.rate == -0.5
    assert optimizer.state.flips == 1
    np.testing.assert_array_equal(optimizer.state.x, START - 0.5 * slope(START))


def test_a_rate_of_zero_leaves_the_weights():
    rule = Walking((-0.3, -0.6))  # both lie up the gradient
    optimizer = started(rule)
    for step in range(3):
        run(optimizer, 3)
        np.testing.assert_array_equal(optimizer.state.x, START)
        record = optimizer.state.record
        assert (record.rate, record.flipped, record.step) == (0.0, False, step)
    assert (optimizer.state.nit, optimizer.state.flips) == (3, 0)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Constant(0.1), (1, 0)),
        (NLR(0.1).rate, (1, 1)),
        (Walking((0.1, 0.2, -0.1)), (1, 3)),
        (Scheduled(Constant(0.1), Cosine(4)), (1, 0)),
        (Scheduled(NLR(0.1).rate, Cosine(4)), (1, 1)),
        (Scheduled(Walking((0.1, 0.2, -0.1)), Cosine(4)), (1, 3)),
    ],
)
def test_evaluations_of_a_step_are_the_most_there_can_be(rule, expected):
    assert started(rule).evaluations_per_step == expected


@pytest.mark.parametrize("stop", range(1, 13))
@pytest.mark.parametrize("scheduled", [False, True])
def test_a_state_saved_between_probes_continues_bit_for_bit(scheduled, stop):
    def make():
        walking = Walking((0.7, -0.3, 0.2))
        rule = Scheduled(walking, Cosine(5)) if scheduled else walking
        return walking, started(rule, AdaptiveMoments(), seed=4)

    (seen, whole), (_, first), (later, second) = make(), make(), make()
    run(whole, 12)
    run(first, stop)
    pending = first.state.pending
    assert (pending is None) == (stop % 4 == 0)
    assert pending is None or len(pending.probes) == stop % 4 - 1
    saved = first.state_dict()
    second.load_state_dict(saved)
    np.testing.assert_equal(second.state_dict(), saved)
    run(second, 12 - stop)
    np.testing.assert_equal(second.state_dict(), whole.state_dict())
    assert later.seen == seen.seen[len(seen.seen) - len(later.seen) :]
    assert len(later.seen) == 3 - stop // 4


def test_a_saved_state_is_plain_and_stays_as_it_was():
    optimizer = started(Walking((0.7, -0.3, 0.2)))
    run(optimizer, 3)
    saved = optimizer.state_dict()
    before = repr(saved)
    plain = {**saved["pending"], "direction": None, "probe": None}
    assert json.loads(json.dumps(plain))["probes"] == [
        [rate, float(loss(START - rate * slope(START))), 0.01] for rate in (0.7, -0.3)
    ]
    run(optimizer, 4)
    assert repr(saved) == before


def test_a_state_from_before_there_were_several_probes_loads():
    whole, later = (NLR(0.6, seed=3) for _ in range(2))
    whole.start(None, START)
    run(whole, 5)  # in the third step, its probe is still to come
    old = whole.state_dict()
    for name in ("origin", "point", "average"):
        old.pop(name, None)
    new = ("probes", "probe_rate", "slope", "slope_std", "gradient_std")
    old["pending"] = {name: one for name, one in old["pending"].items() if name not in new}
    later.start(None, np.zeros(3))
    later.load_state_dict(old)
    np.testing.assert_array_equal(later.state.origin, whole.state.x)
    run(whole, 5)
    run(later, 5)
    np.testing.assert_array_equal(later.state.x, whole.state.x)
    assert (later.state.nit, later.state.flips) == (whole.state.nit, whole.state.flips) == (5, 0)


@pytest.mark.parametrize("direction", [Plain(), HeavyBall(0.5), AdaptiveMoments()])
@pytest.mark.parametrize("stds", [STDS, None])
def test_what_a_rule_is_told_of_the_direction(stds, direction):
    rule = Walking((0.5,))
    optimizer = started(rule, direction)
    state = direction.initial_state(3)
    for step in range(4):
        at = optimizer.state.x
        phase(optimizer, stds)
        found, state = direction(slope(at), state)
        phase(optimizer, stds)
        told = rule.seen[step]
        assert told.step == step
        assert told.loss == loss(at)
        assert told.gradient_norm == pytest.approx(math.sqrt(sum(slope(at) ** 2)))
        assert told.slope == pytest.approx(sum(slope(at) * found))
        assert told.direction_norm == pytest.approx(math.sqrt(sum(found**2)))
        assert told.distance == pytest.approx(math.sqrt(sum((at - START) ** 2)))
        if stds is None:
            assert math.isnan(told.gradient_std)
            assert math.isnan(told.slope_std)
        else:
            assert told.gradient_std == pytest.approx(math.sqrt(0.01 + 0.04 + 0.0025))
            assert told.slope_std == pytest.approx(math.sqrt(sum((stds * found) ** 2)))
    assert rule.seen[0].distance == 0 < rule.seen[1].distance


def test_the_slope_is_the_derivative_along_the_direction():
    rule = Walking((1e-6, -1e-6))
    run(started(rule, AdaptiveMoments()), 3)
    (told,) = rule.seen
    forth, back = (one.loss for one in told.probes)
    assert (back - forth) / 2e-6 == pytest.approx(told.slope, rel=1e-6)


def test_the_slope_spreads_as_its_error_says(fits_variance):
    """Of gradients with noise, along a direction that does not depend on it."""

    @dataclass(frozen=True)
    class Fixed:
        def initial_state(self, size):
            return {}

        def __call__(self, gradient, state):
            return np.array([0.3, -2.0, 1.0]), state

    rng, truth = np.random.default_rng(2), slope(START) @ [0.3, -2.0, 1.0]
    rule = Walking((-1e-9,))
    optimizer = started(rule, Fixed())
    for _ in range(500):
        optimizer.start(None, START)
        ask = optimizer.ask()
        optimizer.tell(ask, Told(loss(START), slope(START) + STDS * rng.normal(size=3), STDS))
        phase(optimizer)
    away = np.array([told.slope for told in rule.seen]) - truth
    assert fits_variance(away, rule.seen[0].slope_std ** 2)


def test_the_distance_goes_on_from_the_start_after_a_move():
    rule = Walking((-0.1,))
    optimizer = started(rule)
    run(optimizer, 2)
    optimizer.move_to(np.add(START, [3.0, 0.0, 4.0]))
    run(optimizer, 2)
    assert [told.distance for told in rule.seen] == pytest.approx([0.0, 5.0])
    optimizer.start(None, START)
    run(optimizer, 2)
    assert rule.seen[-1].distance == 0


def test_plain_functions_have_no_standard_errors():
    rule = Walking((0.5, -0.5, 0.1))
    optimizer = SignedRateOptimizer(Plain(), rule, maxiter=3)
    result = optimizer.minimize(lambda x: float(loss(x)), START, slope)
    assert (result.nit, result.njev, result.nfev) == (3, 3, 3 * 4 + 1)
    assert all(math.isnan(told.slope_std + told.gradient_std) for told in rule.seen)
    assert result.fun < float(loss(START))

"""Rules with several probes under a schedule: they see a scaled direction, not scaled rates."""

from dataclasses import dataclass

import numpy as np
import pytest
from walking import START, Shortened, Walking, run, started

from qnlr.optimizers import NLR, SGD, AdaptiveMoments, HeavyBall, Plain
from qnlr.optimizers.schedules import Cosine, Scheduled


@dataclass(frozen=True)
class Always:
    """A schedule of one factor."""

    value: float

    def initial_state(self):
        return {}

    def factor(self, state):
        return self.value

    def following(self, feedback, state):
        return state


@pytest.mark.parametrize("factor", [0.5, 0.3, 4.0])
@pytest.mark.parametrize("direction", [Plain(), HeavyBall(0.9), AdaptiveMoments()])
def test_a_scheduled_rule_is_the_rule_on_a_scaled_direction(direction, factor):
    rates = (0.7, -0.3, 0.1)
    under, scaled = Walking(rates), Walking(rates)
    first = started(Scheduled(under, Always(factor)), direction)
    second = started(scaled, Shortened(direction, factor))
    for one, other in zip(run(first, 20), run(second, 20), strict=True):
        np.testing.assert_allclose(one.x_fun, other.x_fun, rtol=1e-12)
    np.testing.assert_allclose(first.state.x, second.state.x, rtol=1e-12)
    assert len(under.seen) == len(scaled.seen) == 5
    told = [*under.seen, *(feedback for feedback, _ in under.asked)]
    expected = [*scaled.seen, *(feedback for feedback, _ in scaled.asked)]
    for one, other in zip(told, expected, strict=True):
        assert numbers(one) == pytest.approx(numbers(other), rel=1e-9)
    records = first.state.record, second.state.record
    assert records[0].rate == pytest.approx(factor * records[1].rate)


def numbers(told):
    return [
        *(told.step, told.loss, told.probe_loss, told.gradient_norm, told.gradient_std),
        *(told.slope, told.slope_std, told.direction_norm, told.distance),
        *(one.rate for one in told.probes),
        *(one.loss for one in told.probes),
    ]


def test_a_schedule_at_zero_stays_where_it_is():
    optimizer = started(Scheduled(Walking((0.7, -0.3)), Cosine(steps=1)))
    run(optimizer, 3)
    there = optimizer.state.x
    assert not np.array_equal(there, START)
    for ask in run(optimizer, 6):
        np.testing.assert_array_equal(ask.x_fun, there)
    np.testing.assert_array_equal(optimizer.state.x, there)


def test_a_rule_without_a_next_probe_makes_one():
    optimizer = NLR(0.2)
    optimizer.start(None, START)
    run(optimizer, 2)
    scheduled = NLR(0.2)
    scheduled.rate = Scheduled(scheduled.rate, Cosine(3))
    scheduled.start(None, START)
    run(scheduled, 2)
    assert optimizer.state.nit == scheduled.state.nit == 1
    np.testing.assert_array_equal(optimizer.state.x, scheduled.state.x)
    assert not hasattr(SGD(0.1).rate, "next_probe")

"""Schedules: what they make of a rate, of its sign and of its probe."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit_machine_learning.optimizers import TellData

from qnlr.errors import InputError
from qnlr.optimizers import NLR, SGD
from qnlr.optimizers.rates import Constant, Feedback, NegativeRate
from qnlr.optimizers.schedules import Cosine, OnPlateau, Pulse, Scheduled

losses = st.lists(st.floats(-5, 5), min_size=1, max_size=60)


def factors(schedule, seen):
    """Return the factor of each step, given the losses that the steps see."""
    state, found = schedule.initial_state(), []
    for step, loss in enumerate(seen):
        found.append(schedule.factor(state))
        state = schedule.following(Feedback(step, loss, None, 1.0), state)
    return found


def test_cosine_is_the_published_one():
    found = factors(Cosine(steps=8, floor=0.2), [1.0] * 12)
    expected = 0.2 + 0.4 * (1 + np.cos(np.pi * np.arange(8) / 8))
    assert found == pytest.approx([*expected, *[0.2] * 4])


@given(seen=losses, reduction=st.floats(0.1, 0.9), patience=st.integers(1, 9))
def test_a_plateau_lowers_the_rate_by_whole_reductions(seen, reduction, patience):
    schedule = OnPlateau(reduction, patience, smallest=1e-3, memory=0.5)
    found = np.array(factors(schedule, seen))
    assert found[0] == 1.0
    assert (np.diff(found) <= 0).all()
    assert found.min() >= 1e-3
    changes = np.flatnonzero(np.diff(found))
    assert (np.diff(changes) >= patience).all()
    unclipped = found[found > 1e-3]
    powers = np.log(unclipped) / np.log(reduction)
    np.testing.assert_allclose(powers, powers.round(), atol=1e-9)


def test_a_falling_loss_keeps_the_rate():
    falling = list(np.linspace(1, 0, 50))
    assert factors(OnPlateau(patience=1), falling) == [1.0] * 50
    assert factors(Pulse(patience=1), falling) == [1.0] * 50
    assert factors(OnPlateau(patience=1, threshold=0.5, memory=0.0), falling)[-1] < 1


@given(seen=losses, length=st.integers(1, 4), patience=st.integers(1, 5))
def test_pulses_have_their_length_and_their_patience_between_them(seen, length, patience):
    schedule = Pulse(increase=3.0, length=length, patience=patience, memory=0.0)
    found = factors(schedule, seen)
    assert set(found) <= {1.0, 3.0}
    text = "".join("p" if factor > 1 else "." for factor in found)
    whole = [run for run in text.rstrip("p").split(".") if run]
    assert all(len(run) == length for run in whole)
    assert all(len(run) >= patience for run in text.split("p")[1:-1] if run)


def test_sign_and_probe_are_scaled():
    rule = Scheduled(NegativeRate(0.1, 0.3), Cosine(steps=4))
    state = rule.initial_state()
    for step, factor in enumerate((1.0, (1 + 0.5**0.5) / 2, 0.5)):
        assert rule.probe_rate(state) == pytest.approx(0.1 * factor)
        signed, state = rule(Feedback(step, 1.0, 2.0, 1.0), state)  # the probe is worse
        assert signed == pytest.approx(-0.3 * factor)


def test_an_optimizer_under_a_schedule_makes_scaled_steps():
    optimizer = SGD(0.1)
    optimizer.rate = Scheduled(Constant(0.1), Cosine(steps=3))
    optimizer.start(None, np.zeros(1))
    moved = []
    for _ in range(3):
        ask = optimizer.ask()
        optimizer.tell(ask, TellData(eval_fun=1.0, eval_jac=np.ones(1)))
        moved.append(optimizer.state.record.rate)
    assert moved == pytest.approx([0.1, 0.075, 0.025])


def test_a_rule_without_a_probe_has_none_under_a_schedule():
    rule = Scheduled(Constant(0.1), Cosine(steps=4))
    assert rule.probe_rate(rule.initial_state()) is None
    assert NLR(0.1).rate.probe_rate(NLR(0.1).rate.initial_state()) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Cosine(0), "steps = 0"),
        (lambda: Cosine(3, floor=1.5), "floor = 1.5"),
        (lambda: OnPlateau(reduction=1.0), "reduction = 1.0"),
        (lambda: OnPlateau(patience=0), "patience = 0"),
        (lambda: OnPlateau(memory=1.0), "memory = 1.0"),
        (lambda: Pulse(increase=1.0), "increase = 1.0"),
        (lambda: Pulse(length=0), "length = 0"),
    ],
)
def test_settings_out_of_range_are_refused(make, words):
    with pytest.raises(InputError, match=words):
        make()

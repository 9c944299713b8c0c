"""The adaptive rate: what it finds on exact losses, what it asks for, and that it never fails."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qnlr.errors import InputError
from qnlr.optimizers import (
    AVERAGES,
    DIRECTIONS,
    AdaptiveMoments,
    AdaptiveNLR,
    AdaptiveRate,
    Feedback,
    HeavyBall,
    LastPoint,
    NaturalGradient,
    Plain,
    Probe,
    SignedRateOptimizer,
    Told,
)
from qnlr.optimizers.schedules import Cosine, Scheduled
from qnlr.types import Estimate

curvatures = st.lists(st.floats(0.1, 100.0), min_size=1, max_size=5).map(np.array)
initial_rates = st.floats(math.log(0.003), math.log(3.0)).map(math.exp)
losses = st.floats(-1e3, 1e3) | st.sampled_from([math.nan, math.inf, -math.inf])


def minimised(optimizer, curved, start=1.0):
    return optimizer.minimize(
        lambda x: float(curved @ x**2) / 2, np.full(len(curved), start), lambda x: curved * x
    )


@pytest.mark.parametrize("direction", [Plain(), HeavyBall(), AdaptiveMoments()])
@given(curved=curvatures, initial_rate=initial_rates)
def test_it_converges_on_convex_quadratics_from_any_initial_rate(direction, curved, initial_rate):
    optimizer = AdaptiveNLR(initial_rate, direction=direction, maxiter=300)
    assert minimised(optimizer, curved).fun < 1e-3 * curved.sum() / 2


@given(curved=curvatures, scale=st.sampled_from([-6, -2, 3, 8]))
def test_scaling_the_loss_scales_the_rate_and_leaves_the_path(curved, scale):
    """With the gradient as direction; by powers of two, so that rounding is the same."""
    paths = []
    for factor in (1.0, 2.0**scale):
        rule, records = AdaptiveRate(0.125 / factor), []
        optimizer = SignedRateOptimizer(Plain(), rule, maxiter=30, callback=records.append)
        minimised(optimizer, factor * curved)
        paths.append([(list(one.parameters), one.rate * factor) for one in records])
    assert paths[0] == paths[1]


@given(curved=curvatures, rates=st.tuples(initial_rates, initial_rates))
def test_the_search_finds_the_same_rate_from_any_initial_rate(curved, rates):
    found = []
    for rate in rates:
        optimizer = SignedRateOptimizer(Plain(), AdaptiveRate(rate, largest_move=1e6), maxiter=1)
        minimised(optimizer, curved)
        found.append(optimizer.state.record.rate)
    assert 0.25 - 1e-9 < found[0] / found[1] < 4 + 1e-9
    slope = curved
    assert max(found) < (slope @ slope) / (slope @ (curved * slope))  # where half is predicted
    assert 4 * min(found) > 0.99 * (slope @ slope) / (slope @ (curved * slope)) / 4


@pytest.mark.parametrize("direction", [Plain(), AdaptiveMoments()])
@pytest.mark.parametrize("seed", range(3))
def test_pure_noise_blows_nothing_up(direction, seed):
    rng, moves = np.random.default_rng(seed), []
    optimizer = AdaptiveNLR(
        direction=direction,
        average=LastPoint(),
        callback=lambda record: moves.append(record.next_parameters - record.parameters),
    )
    optimizer.start(None, np.zeros(4))
    while optimizer.state.nit < 2000:
        loss = Estimate(rng.normal(scale=0.1), 0.1)
        optimizer.tell(optimizer.ask(), Told(loss, rng.normal(scale=0.05, size=4)))
        assert optimizer.state.rate["least"] <= optimizer.state.rate["rate"] < math.inf
    steps = np.sqrt(np.mean(np.square(moves), axis=1))
    assert np.isfinite(optimizer.state.x).all()
    assert np.quantile(steps, 0.9) <= 0.2
    assert steps.max() < 4  # a direction may be longer than the one that bounded the rate
    assert optimizer.state.flips <= 0.025 * 2000


def drive(rule, told, slope, searching):
    """Drive one step of the rule; return its probes and what it made of them."""
    state = {**rule.initial_state(), "searching": searching}
    loss, *rest = told
    rates, probes = [rule.probe_rate(state)], []
    while True:
        probes.append(Probe(rates[-1], rest[len(probes) % len(rest)]))
        feedback = Feedback(
            *(0, loss, probes[-1].loss, 1.0),
            slope=slope,
            direction_norm=1.0,
            size=4,
            probes=tuple(probes),
        )
        another = rule.next_probe(feedback, state)
        if another is None:
            return [one.rate for one in probes], *rule(feedback, state)
        rates.append(another)


@given(
    told=st.lists(st.tuples(losses, st.sampled_from([0.0, 0.1, math.nan, math.inf])), min_size=2),
    slope=losses,
    rule=st.builds(
        AdaptiveRate, st.just(0.1), backtracks=st.integers(1, 6), search=st.integers(1, 9)
    ),
    searching=st.booleans(),
)
def test_any_losses_end_within_the_most_probes_and_leave_a_rate(told, slope, rule, searching):
    told = [Estimate(loss, std) for loss, std in told]
    rates, rate, state = drive(rule, told, slope, searching and rule.search > 1)
    assert len(rates) <= rule.most_probes
    assert 0 < state["rate"] <= 0.4 + 1e-12
    assert rate == 0 or rate in rates
    assert [one for one in rates if one < 0] in ([], [rates[-1]])


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("at", range(6))
def test_a_loss_that_is_not_finite_ends_in_a_state_not_in_an_error(bad, at):
    seen = []

    def loss(x):
        seen.append(x)
        return bad if len(seen) > at else float(x @ x)

    result = AdaptiveNLR(maxiter=10).minimize(loss, [1.0, -1.0], lambda x: 2 * x)
    assert result.nit == 10


def test_a_direction_that_goes_up_is_turned_round_at_once():
    rule = AdaptiveRate(0.1, search=1)
    rates, rate, state = drive(rule, [1.0, 2.0, 0.5], slope=-1.0, searching=False)
    assert (rates, rate, state["rate"]) == ([0.1, -0.1], -0.1, 0.1)
    rates, rate, state = drive(rule, [1.0, 2.0, 1.5], slope=-1.0, searching=False)
    assert (rates, rate, state["rate"]) == ([0.1, -0.1], 0.0, 0.1)
    rates, rate, _ = drive(rule, [1.0, 0.9], slope=-1.0, searching=False)
    assert (rates, rate) == ([0.1], 0.1)  # it goes down after all


def test_a_rate_is_halved_until_the_probe_is_not_worse_and_then_turned_round():
    rule = AdaptiveRate(0.8, search=1, backtracks=3)
    rates, rate, state = drive(rule, [1.0, 2.0, 1.5, 0.8], slope=1.0, searching=False)
    assert rates == [0.8, 0.4, 0.2]
    assert rate == 0.2
    assert state["rate"] == pytest.approx(1.1 * 0.2)  # all that was predicted was measured
    rates, rate, _ = drive(rule, [1.0, 2.0, 1.5, 1.2, 0.9], slope=1.0, searching=False)
    assert (rates, rate) == ([0.8, 0.4, 0.2, -0.2], -0.2)
    rates, rate, state = drive(rule, [1.0, 2.0], slope=1.0, searching=False)
    assert (rates, rate, state["rate"]) == ([0.8, 0.4, 0.2, -0.2], 0.0, 0.2)


@pytest.mark.parametrize(("share", "factor"), [(0.6, 1.1), (0.4, 1.0), (0.2, 0.7), (-1e-9, 0.5)])
def test_the_rate_follows_what_was_measured_of_what_was_predicted(share, factor):
    rule = AdaptiveRate(0.1, search=1, backtracks=1)
    _, _, state = drive(rule, [1.0, 1.0 - 0.1 * share], slope=1.0, searching=False)
    assert state["rate"] == pytest.approx(0.1 * (1.0 if share < 0 else factor))


def test_the_rate_is_bounded_by_the_largest_move():
    rule = AdaptiveRate(0.1, search=1, largest_move=0.05)
    _, rate, state = drive(rule, [1.0, 0.8], slope=1.0, searching=False)
    assert (rate, state["rate"]) == (0.1, 0.1)  # 0.05 rad for each of four weights, ‖d‖ = 1


def test_a_search_in_vain_goes_on_from_where_it_ended():
    rule = AdaptiveRate(0.4, search=3)
    rates, rate, state = drive(rule, [1.0, 2.0], slope=1.0, searching=True)
    assert (rates, rate) == ([0.4, 0.1, 0.025], 0.0)
    assert (state["rate"], state["searching"]) == (0.025, True)


def phase(optimizer):
    ask = optimizer.ask()
    noise = np.random.default_rng(ask.x_fun.view(np.uint64)).normal()
    loss = Estimate(float(np.cos(ask.x_fun).sum() + 0.1 * noise), 0.1)
    slope = None if ask.x_jac is None else -np.sin(ask.x_jac)
    optimizer.tell(ask, Told(loss, slope))


def through_json(plain):
    text = json.dumps(plain, default=lambda array: {"array": array.tolist()})
    return json.loads(text, object_hook=lambda d: np.array(d["array"]) if "array" in d else d)


@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize("stop", [1, 2, 3, 4, 5, 6, 12, 31])
def test_a_state_saved_anywhere_continues_bit_for_bit(stop, average):
    def make():
        optimizer = AdaptiveNLR(0.003, average=AVERAGES[average](), seed=3)
        optimizer.start(None, [1.0, -0.7, 0.4])
        return optimizer

    whole, first, second = make(), make(), make()
    for _ in range(stop):
        phase(first)
    assert stop > 4 or first.state.nit == 0  # the search of the first step
    saved = first.state_dict()
    second.load_state_dict(through_json(saved))
    for _ in range(40):
        phase(whole)
    for _ in range(40 - stop):
        phase(second)
    np.testing.assert_equal(second.state_dict(), whole.state_dict())
    assert whole.state.nit > 5


def test_the_state_is_plain_data():
    optimizer = AdaptiveNLR()
    minimised(optimizer, np.array([1.0, 3.0]))
    state = optimizer.state.rate
    assert json.loads(json.dumps(state)) == state
    values = [*state.values(), *state["watch"].values()]
    assert {type(value) for value in values} == {float, bool, int, dict}


@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize("name", DIRECTIONS)
def test_it_works_with_every_direction_and_average(name, average):
    direction = (
        NaturalGradient(metric=lambda x: np.diag([1.0, 4.0]))
        if name == "natural"
        else DIRECTIONS[name]()
    )
    optimizer = AdaptiveNLR(direction=direction, average=AVERAGES[average](), maxiter=200)
    assert minimised(optimizer, np.array([1.0, 4.0])).fun < 0.01 * 2.5
    again = AdaptiveNLR(**optimizer.settings)
    assert again.settings == optimizer.settings
    np.testing.assert_array_equal(minimised(again, np.array([1.0, 4.0])).x, optimizer.state.x)


def test_it_works_under_a_schedule():
    rule, records = Scheduled(AdaptiveRate(), Cosine(60)), []
    optimizer = SignedRateOptimizer(AdaptiveMoments(), rule, maxiter=60, callback=records.append)
    assert minimised(optimizer, np.array([1.0, 10.0])).fun < 0.05 * 5.5
    assert abs(records[-1].rate) < 0.01 * max(one.rate for one in records)
    assert optimizer.evaluations_per_step == (1, 8)


@pytest.mark.parametrize(
    "setting",
    [
        *({"initial_rate": bad} for bad in (0.0, -1.0, math.nan)),
        *({"level": bad} for bad in (0.0, 0.51, math.nan, "low")),
        *({"backtracks": 0}, {"search": 0}, {"largest_move": 0.0}),
    ],
)
def test_settings_must_be_valid(setting):
    (name,) = setting
    with pytest.raises(InputError, match=f"^{name} = "):
        AdaptiveRate(**setting)

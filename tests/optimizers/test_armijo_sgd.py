"""Stochastic Armijo line search: the condition, the growth of the rate, and what it costs."""

import json
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from qnlr.backends import statevector
from qnlr.errors import InputError
from qnlr.optimizers import ArmijoSGD, Backtracking, Feedback, Probe
from qnlr.types import Estimate

CURVATURES = st.lists(st.floats(0.01, 100.0), min_size=3, max_size=3)
POINTS = st.lists(st.floats(-10.0, 10.0), min_size=3, max_size=3)


class Quadratic:
    """A parabola whose calls are counted."""

    def __init__(self, curvatures):
        self.curvatures, self.calls = np.array(curvatures), 0

    def __call__(self, x):
        self.calls += 1
        return float(self.curvatures @ x**2) / 2

    def gradient(self, x):
        return self.curvatures * x


@given(
    CURVATURES,
    POINTS,
    st.floats(0.01, 50.0),
    st.floats(0.01, 0.9),
    st.sampled_from([0.3, 0.5, 0.9]),
    st.integers(1, 30),
)
def test_it_accepts_only_what_meets_the_condition(curvatures, start, rate, slope, shrink, probes):
    records = []
    optimizer = ArmijoSGD(rate, slope, shrink, 1.3, probes, maxiter=5, callback=records.append)
    fun = Quadratic(curvatures)
    optimizer.minimize(fun, start, fun.gradient)
    first = rate
    for record in records:
        before, after = record.parameters, record.next_parameters
        assert record.rate <= first
        if record.rate == 0:
            np.testing.assert_array_equal(after, before)
            tried = first * shrink ** (probes - 1)
        else:
            wanted = fun(before) - slope * record.rate * float(np.sum(fun.gradient(before) ** 2))
            assert fun(after) <= wanted
            assert record.probe_loss == fun(after)
            tried = record.rate
        first = min(rate, 1.3 * tried * (1 + 1e-12))


@given(st.floats(0.01, 50.0), st.floats(0.01, 0.9), st.floats(0.1, 10.0))
def test_the_rate_is_the_one_of_the_closed_form(rate, slope, curvature):
    # λx²/2 with g = λx: the condition is r ≤ 2(1 − c)/λ
    bound = 2 * (1 - slope) / curvature
    tried = rate * 0.5 ** np.arange(40)
    assume(np.min(np.abs(tried / bound - 1)) > 1e-6)
    expected = tried[tried <= bound][0]
    fun = Quadratic([curvature])
    optimizer = ArmijoSGD(rate, slope, most_probes=40, maxiter=1)
    optimizer.minimize(fun, [1.0], fun.gradient)
    assert optimizer.state.record.rate == pytest.approx(expected)
    probes = round(math.log2(rate / expected)) + 1
    assert fun.calls == 1 + probes + 1  # θ, the probes, and the result


def test_the_next_search_begins_above_the_last_rate_and_at_most_at_the_largest():
    rule = Backtracking(1.0, slope=0.5, growth=1.5)
    about = {"step": 0, "loss": 1.0, "gradient_norm": 1.0, "slope": 1.0}
    for rate, probe_loss, expected in [
        (0.5, 0.0, (0.5, 0.75)),
        (0.9, 0.0, (0.9, 1.0)),
        (0.5, 0.9, (0.0, 0.75)),
        (0.5, math.nan, (0.0, 0.75)),
    ]:
        told = Feedback(probe_loss=probe_loss, probes=(Probe(rate, probe_loss),), **about)
        signed, state = rule(told, rule.initial_state())
        assert (signed, rule.probe_rate(state)) == expected


def test_a_search_that_finds_nothing_stays():
    optimizer = ArmijoSGD(1.0, most_probes=3, growth=2.0, maxiter=2)
    result = optimizer.minimize(lambda x: float(x[0]), [0.0], lambda x: np.array([-1.0]))
    assert result.x.tolist() == [0.0]
    assert result.nfev == 2 * (1 + 3) + 1
    assert optimizer.state.rate == {"rate": 2 * 0.5 * 0.5**2}


@pytest.mark.parametrize("phases", range(9))
def test_a_resumed_run_goes_on_bit_for_bit(phases):
    """Some of these stand between two probes of one step."""

    def fun(x):
        noise = np.random.default_rng(x.view(np.uint64)).normal()
        return Estimate(x @ x + 0.5 * noise, 0.5)

    def phase(optimizer):
        asked = optimizer.ask()
        optimizer.tell(asked, optimizer.evaluate(asked))

    first, second = ArmijoSGD(2.0), ArmijoSGD(2.0)
    for optimizer in (first, second):
        optimizer.start(fun, [1.0, -2.0], lambda x: 2 * x)
    for _ in range(phases):
        phase(first)
    text = json.dumps(first.state_dict(), default=lambda array: {"array": array.tolist()})
    hook = lambda d: np.array(d["array"]) if "array" in d else d
    second.load_state_dict(json.loads(text, object_hook=hook))
    for _ in range(12):
        phase(first)
        phase(second)
    np.testing.assert_equal(second.state_dict(), first.state_dict())


def test_settings_rebuild_it():
    optimizer = ArmijoSGD(0.5, 0.2, 0.9, 1.4, 7, maxiter=3, seed=1)
    assert type(optimizer)(**optimizer.settings).settings == optimizer.settings


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        *(("learning_rate", 0), ("slope", 0), ("slope", 1.1), ("shrink", 1)),
        *(("growth", 0.9), ("growth", math.nan), ("most_probes", 0)),
    ],
)
def test_settings_outside_their_range_are_refused(setting, value):
    with pytest.raises(InputError, match=f"{setting} = "):
        ArmijoSGD(**{setting: value})


def test_a_training_counts_the_probes_that_were_made_and_keeps_its_budget(training, model):
    run = training(statevector(model, shots=50), ArmijoSGD(4.0), steps=30, max_shots=60_000)
    outcome = run.run()
    assert outcome.status.value == "budget_spent"
    spent = np.diff([0, *run.history.columns["cost_shots"]])
    probes = spent / (50 * 4) - 13
    assert set(probes) <= set(range(1, 11))
    assert len(set(probes)) > 1
    assert run.meter.cost.shots <= 60_000

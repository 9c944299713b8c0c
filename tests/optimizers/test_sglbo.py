"""SGLBO: the line, the norm test, the suffix average, and what it costs."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qnlr.backends import statevector
from qnlr.errors import InputError
from qnlr.optimizers import SGLBO, BayesianLine, Feedback, Probe, Told
from qnlr.optimizers.sglbo import NormTested
from qnlr.training import read_checkpoint, write_checkpoint
from qnlr.types import Estimate

START = np.array([1.5, -1.0, 0.5])


class Parabola:
    """x·x read with seeded noise that depends on the point alone; every point is written down."""

    def __init__(self, error=0.1):
        self.error, self.gradients_at, self.losses_at = error, [], []

    def __call__(self, x):
        self.losses_at.append(x)
        noise = np.random.default_rng(x.view(np.uint64)).normal()
        return Estimate(x @ x + self.error * noise, self.error)

    def gradient(self, x):
        self.gradients_at.append(x)
        return 2 * x


def phase(optimizer):
    asked = optimizer.ask()
    optimizer.tell(asked, optimizer.evaluate(asked))


def searched(rule, loss_at, slope, std=0.0, step=0):
    """Search a line, and return the rates that were probed and the signed rate."""
    state, probes = rule.initial_state(), ()
    rate = rule.probe_rate(state)
    while rate is not None:
        probes = (*probes, Probe(rate, Estimate(loss_at(rate), std)))
        about = Feedback(
            step, Estimate(loss_at(0.0), std), probes[-1].loss, 1.0, slope=slope, probes=probes
        )
        rate = rule.next_probe(about, state)
    return [one.rate for one in probes], rule(about, state)[0]


@given(st.floats(-0.9, 0.9), st.floats(0.1, 10.0), st.floats(0.1, 3.0), st.integers(0, 100))
def test_exact_losses_of_a_parabola_lead_to_its_minimum(place, curvature, largest, seed):
    rule = BayesianLine(largest, probes=10, seed=seed)
    minimum = place * largest
    rates, found = searched(rule, lambda r: curvature * (r - minimum) ** 2, 2 * curvature * minimum)
    assert len(rates) == 10
    assert rates[0] == largest
    assert all(abs(rate) <= largest for rate in rates)
    assert found == pytest.approx(minimum, abs=0.2 * largest)


def test_a_rate_may_go_up_the_gradient():
    rates, found = searched(BayesianLine(1.0, 8, seed=1), lambda r: (r + 0.6) ** 2, slope=0.1)
    assert min(rates) < 0
    assert found == pytest.approx(-0.6, abs=0.08)


def test_the_process_is_that_of_the_textbook():
    """Rasmussen and Williams, Eq. 2.25: mean k*ᵀ(K + Σ)⁻¹y, in units of the prior deviation."""
    rule = BayesianLine(2.0, 2, length=0.7, seed=0)
    losses = [Estimate(1.0, 0.1), Estimate(0.4, 0.2), Estimate(0.7, 0.3)]
    probes = (Probe(2.0, losses[1]), Probe(-1.0, losses[2]))
    about = Feedback(0, losses[0], losses[2], 0.9, slope=0.8, probes=probes)
    deviation, at = 0.8 * 2.0, np.array([0.0, 1.0, -0.5])
    kernel = lambda a, b: np.exp(-((a[:, None] - b) ** 2) / 2 / 0.7**2)
    noise = np.diag([(0.1 / deviation) ** 2, (0.2 / deviation) ** 2, (0.3 / deviation) ** 2])
    y = (np.array(losses) - np.mean(losses)) / deviation
    grid = np.linspace(-1, 1, 201)
    mean = kernel(grid, at) @ np.linalg.solve(kernel(at, at) + noise, y)
    assert rule(about, rule.initial_state())[0] == pytest.approx(2.0 * grid[np.argmin(mean)])


def test_a_diverged_loss_ends_the_search():
    rule = BayesianLine(0.5, 5, seed=0)
    about = Feedback(0, 1.0, math.nan, 1.0, slope=1.0, probes=(Probe(0.5, math.nan),))
    assert rule.next_probe(about, rule.initial_state()) is None
    assert rule(about, rule.initial_state())[0] == 0.5


@pytest.mark.parametrize("suffix", [0.1, 0.4, 1.0])
def test_what_it_finds_is_the_suffix_average_of_where_it_was(suffix):
    fun = Parabola()
    optimizer = SGLBO(0.8, probes=2, suffix=suffix, seed=0)
    optimizer.start(fun, START, fun.gradient)
    np.testing.assert_array_equal(optimizer.state.x, START)
    found = []
    for _ in range(25):
        optimizer.step()
        found.append(optimizer.state.x)
        np.testing.assert_array_equal(optimizer.state.record.next_parameters, found[-1])
    points = [*fun.gradients_at[1:], optimizer.state.here]
    for made, average in enumerate(found, start=1):
        last = points[made - math.ceil(suffix * made) : made]
        np.testing.assert_allclose(average, np.mean(last, axis=0), atol=1e-15)


def test_weights_are_the_average_in_the_midst_of_a_step_and_in_callbacks():
    fun, seen = Parabola(), []
    optimizer = SGLBO(0.8, suffix=1.0, seed=0, callback=lambda record: seen.append(state().x))
    state = lambda: optimizer.state
    optimizer.start(fun, START, fun.gradient)
    for number in range(18):
        before = optimizer.state.x
        phase(optimizer)
        if number % 6 != 5:
            np.testing.assert_array_equal(optimizer.state.x, before)
        else:
            np.testing.assert_array_equal(optimizer.state.x, seen[-1])
    assert len(seen) == 3


def test_it_goes_on_from_where_it_is_moved():
    fun = Parabola()
    optimizer = SGLBO(0.8, seed=0)
    optimizer.start(fun, START, fun.gradient)
    optimizer.step()
    optimizer.move_to(np.full(3, 0.25))
    np.testing.assert_array_equal(optimizer.ask().x_jac, np.full(3, 0.25))
    optimizer.step()
    np.testing.assert_array_equal(optimizer.state.x, optimizer.state.here)


def test_it_minimises_a_parabola_and_averages_noise_away():
    rng, errors = np.random.default_rng(0), {}
    for suffix in (0.01, 0.5):
        optimizer = SGLBO(0.6, suffix=suffix, seed=0, maxiter=60)
        found = optimizer.minimize(Parabola(), START, lambda x: 2 * x + rng.normal(size=3))
        errors[suffix] = np.sum(found.x**2)
    assert errors[0.5] < errors[0.01] < 0.5


@pytest.mark.parametrize("phases", [0, 1, 3, 6, 11, 13])
def test_a_resumed_run_goes_on_bit_for_bit(phases, tmp_path):
    first, second = SGLBO(0.7, suffix=0.5, seed=4), SGLBO(0.7, suffix=0.5, seed=5)
    for optimizer in (first, second):
        optimizer.start(Parabola(), START, lambda x: 2 * x)
    for _ in range(phases):
        phase(first)
    write_checkpoint(tmp_path / "checkpoint.npz", "run", first.state_dict())
    second.load_state_dict(read_checkpoint(tmp_path / "checkpoint.npz", "run"))
    for _ in range(13):
        phase(first)
        phase(second)
    np.testing.assert_equal(second.state_dict(), first.state_dict())


def test_without_a_gradient_it_takes_differences_about_its_point():
    fun = Parabola(error=0.0)
    optimizer = SGLBO(0.3, suffix=1.0, seed=0, maxiter=3)
    optimizer.minimize(fun, START)
    fun.losses_at.clear()
    point = optimizer.state.here
    optimizer.evaluate(optimizer.ask())
    np.testing.assert_array_equal(fun.losses_at, [point, *(point + 0.01 * np.eye(3))])


@given(
    st.lists(st.floats(-1e3, 1e3) | st.just(0.0), min_size=2, max_size=2),
    st.lists(st.floats(0, 1e3) | st.just(0.0), min_size=2, max_size=2),
    st.integers(2, 50),
    st.integers(0, 5000),
)
def test_shots_keep_within_their_bounds_and_the_norm_test(gradient, stds, least, more):
    rule = NormTested(0.5, least, least + more)
    gradient, stds = np.array(gradient), np.array(stds)
    _, state = rule(gradient, {**rule.initial_state(2), "stds": stds})
    shots = state["shots"]
    assert least <= shots <= least + more
    error, signal = least / shots * np.sum(stds**2), np.sum(gradient**2)
    if shots < least + more:
        assert error <= 0.25 * signal * (1 + 1e-9)
    if shots > least:
        assert error * shots / (shots - 1) >= 0.25 * signal * (1 - 1e-9)


def test_standard_errors_that_are_not_known_change_no_shots():
    rule = NormTested()
    assert rule(np.ones(2), {"shots": 17})[1] == {"shots": 17}


def test_shots_are_asked_for_only_where_there_are_any(training, model):
    exact = SGLBO(seed=0)
    run = training(statevector(model), exact, steps=2)
    assert exact.ask().shots is None
    assert exact.planned_shots is None
    run.run()
    assert run.meter.cost.shots == 0


def test_a_training_takes_the_shots_that_are_asked_for(training, model):
    optimizer = SGLBO(0.5, probes=3, min_shots=8, max_shots=200, seed=0)
    run = training(statevector(model, shots=50), optimizer, steps=8)
    expected = []
    while run.steps_done < 8:
        expected.append(4 * (13 * optimizer.ask().shots + 3 * 50))
        assert run._shots_of_a_step() == expected[-1]
        run.step()
    assert run.history.columns["cost_shots"] == np.cumsum(expected).tolist()
    assert len(set(expected)) > 2


def test_more_shots_are_asked_for_as_the_gradient_shrinks():
    optimizer = SGLBO(0.5, probes=2, seed=0)
    optimizer.base_shots = 100
    optimizer.start(None, np.full(4, 3.0))
    rng, asked = np.random.default_rng(0), []
    while optimizer.state.nit < 20:
        ask = optimizer.ask()
        x, told = ask.x_fun, Told(Estimate(ask.x_fun @ ask.x_fun, 0.01))
        if ask.x_jac is not None:
            asked.append(ask.shots)
            std = 1 / math.sqrt(ask.shots)
            told.eval_jac, told.stds = 2 * x + std * rng.standard_normal(4), np.full(4, std)
        optimizer.tell(ask, told)
    assert asked[0] == 10
    assert np.mean(asked[-5:]) > 10 * np.mean(asked[:2])


def test_settings_rebuild_it():
    optimizer = SGLBO(0.5, 4, 0.2, 0.3, 5, 50, 0.4, seed=1, maxiter=3)
    assert type(optimizer)(**optimizer.settings).settings == optimizer.settings


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        *(("learning_rate", 0), ("probes", 0), ("suffix", 0), ("suffix", 1.5), ("kappa", 0)),
        *(("min_shots", 1), ("max_shots", 9), ("length", 0), ("seed", -1)),
    ],
)
def test_settings_outside_their_range_are_refused(setting, value):
    with pytest.raises(InputError, match=f"{setting} = "):
        SGLBO(**{setting: value})

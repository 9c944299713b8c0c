"""Strategies that act beside the steps: restarts, resets, noise, schedules, sparsity, angles."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import approx_fprime
from scipy.stats import chi2
from settings_of_runs import BARE, CLASSIFIER, ISING, RUNS, TIED, built, setting_of

from qnlr.backends import Meter
from qnlr.errors import InputError
from qnlr.optimizers import StepRecord
from qnlr.strategies import ParameterNoise, Resets, Restarts, SmallAngles, Sparsity
from qnlr.strategies.sparsity import SparsityPenalty
from qnlr.training import Ended, Seen

RNG = np.random.default_rng


def seen_at(weights, gradient, step=1, steps=100):
    record = StepRecord(
        step=step - 1,
        parameters=weights,
        next_parameters=weights,
        loss=1.0,
        probe_loss=None,
        gradient_norm=1.0,
        rate=0.1,
        flipped=False,
    )
    return Seen(step, steps, weights, gradient, record)


def test_restarts_go_on_from_the_best():
    setting = setting_of(CLASSIFIER)
    *trials, last = Restarts(trials=4, search=0.5).plan(setting).stages
    assert [trial.steps for trial in trials] == [1] * 4
    assert np.array_equal(trials[0].start([], RNG(0), Meter()), setting.weights)
    rng = RNG(0)
    drawn = [trial.start([], rng, Meter()) for trial in trials[1:]]
    assert len({tuple(one) for one in drawn}) == 3
    for one in drawn:
        assert np.array_equal(one[-2:], setting.weights[-2:])  # of the head
        assert (np.abs(one[:-2]) <= np.pi).all()
    ended = [Ended(f"{n}", np.full(14, n), loss) for n, loss in enumerate([0.3, 0.1, 0.2])]
    assert np.array_equal(last.start(ended, RNG(0), Meter()), np.full(14, 1))


def test_restarts_choose_in_a_training():
    table = {"name": "restarts", "trials": 3, "search": 0.75}
    training = built(ISING, table, shots=None)
    training.run()
    columns = training.history.columns
    assert columns["stage"] == [0, 0, 1, 1, 2, 2, 3, 3]
    losses = np.reshape(columns["metric_loss"][:6], (3, 2)).mean(axis=1)
    assert [one.loss for one in training.course.ended] == pytest.approx(losses)
    best = training.course.ended[int(losses.argmin())]
    energy = training.problem.loss(best.weights, training.problem.train, training.backend, RNG(0))
    assert columns["metric_loss"][6] == pytest.approx(energy)


def test_resets_redraw_stuck_layers_alone():
    setting = setting_of(CLASSIFIER)
    (stage,) = Resets(threshold=0.1, patience=2, until=0.5).plan(setting).stages
    (move,) = stage.moves
    weights = np.arange(14.0)
    gradient = np.concatenate([np.full(6, 1.0), np.full(6, 0.05), np.zeros(2)])
    rng, state = RNG(0), move.initial_state()
    moved, state = move(seen_at(weights, gradient, 1), state, rng)
    assert moved is None
    moved, state = move(seen_at(weights, gradient, 2), state, rng)
    changed = moved != weights
    # root mean square of the whole first gradient is √(½(1 + 0.0025)) ≈ 0.71: 0.05 is stuck
    assert np.array_equal(np.flatnonzero(changed), np.arange(6, 12))
    assert (np.abs(moved[6:12]) <= np.pi).all()
    assert state["steps"] == 0

    above = np.concatenate([np.full(6, 1.0), np.full(6, 0.08), np.zeros(2)])
    state = move.initial_state()
    for step in (1, 2):
        moved, state = move(seen_at(weights, above, step), state, rng)
    assert moved is None

    state = move.initial_state()
    for step in (51, 52):  # beyond half of the steps
        moved, state = move(seen_at(weights, gradient, step), state, rng)
    assert moved is None

    moved, same = move(seen_at(weights, None), move.initial_state(), rng)
    assert moved is None
    assert same["first"] is None


def test_resets_wait_for_their_patience_in_a_training():
    table = {"name": "resets", "threshold": 1.0, "patience": 3, "until": 1.0}
    training = built(BARE, table, {"name": "sgd", "learning_rate": 1e-9}, shots=None)
    moved = []
    before = [training.course.weights.copy()] if training.course.has_begun else []

    def keep(one):
        before.append(one.course.weights.copy())
        if len(before) > 1:
            moved.append(np.abs(before[-1] - before[-2]).max() > 1e-6)

    training.run(on_step=keep)
    at = np.flatnonzero(moved) + 2  # steps made when it happened, from the second on
    assert set(at) <= {3, 6}
    assert at.size


@given(sigma=st.floats(0.01, 2), decay=st.floats(0, 1), step=st.integers(0, 500))
def test_noise_has_the_annealed_variance(sigma, decay, step):
    expected = sigma**2 / (1 + step) ** decay
    assert ParameterNoise(sigma, decay).deviation(step) ** 2 == pytest.approx(expected)


@pytest.mark.parametrize("step", [1, 30])
def test_weights_are_moved_by_noise_of_that_variance(step):
    noise, weights = ParameterNoise(sigma=0.3, decay=0.55), np.zeros(4000)
    moved, _ = noise(seen_at(weights, None, step), {}, RNG(0))
    variance = 0.3**2 / step**0.55  # the first noise is that of t = 0
    low, high = chi2.ppf([1e-4, 1 - 1e-4], 4000)
    assert low < (moved**2).sum() / variance < high


def test_noise_comes_on_top_of_the_step():
    still = built(ISING, "none", {"name": "sgd", "learning_rate": 0.1}, shots=None)
    noisy = built(
        ISING,
        {"name": "parameter_noise", "sigma": 1e-3},
        {"name": "sgd", "learning_rate": 0.1},
        shots=None,
    )
    for training in (still, noisy):
        training.run(interrupted=lambda one=training: one.steps_done == 1)
    away = noisy.course.weights - still.course.weights
    assert np.abs(away).min() > 0
    assert np.abs(away).max() < 5e-3


weights_of_penalty = arrays(float, 7, elements=st.floats(-7, 7))


@given(weights=weights_of_penalty, strength=st.floats(0.01, 5), smoothing=st.floats(0.05, 1))
def test_the_gradient_of_sparsity_is_that_of_finite_differences(weights, strength, smoothing):
    penalty = SparsityPenalty(Sparsity(strength, smoothing), weights=5)
    found = penalty.gradient(weights, 3)
    expected = approx_fprime(weights, lambda at: penalty.value(at, 3), 1e-7)
    np.testing.assert_allclose(found, expected, atol=1e-5 * strength)
    assert not found[5:].any()
    turned = penalty.value(weights + 2 * np.pi, 3)
    assert turned == pytest.approx(penalty.value(weights, 3))


def test_sparsity_counts_in_the_loss_and_not_in_evaluations():
    run = {**ISING, "training": {"steps": 1, "evaluate_every": 1}}
    still = {"name": "sgd", "learning_rate": 1e-12}
    plain, sparse = (
        built(run, strategy, still, shots=None)
        for strategy in ("none", {"name": "sparsity", "strength": 2.0})
    )
    for training in (plain, sparse):
        training.run()
    rows = [
        {name: column[0] for name, column in training.history.columns.items()}
        for training in (plain, sparse)
    ]
    weights = setting_of(ISING).weights
    penalty = SparsityPenalty(Sparsity(strength=2.0), weights.size).value(weights, 0)
    assert rows[1]["metric_loss"] == pytest.approx(rows[0]["metric_loss"] + penalty)
    assert rows[1]["metric_train_loss"] == pytest.approx(rows[0]["metric_train_loss"])
    assert rows[1]["cost_circuits"] == rows[0]["cost_circuits"]


@pytest.mark.parametrize("run", RUNS)
def test_small_angles_have_the_variance_of_the_theorem(run):
    setting = setting_of(RUNS[run])
    (stage,) = SmallAngles().plan(setting).stages
    head = 2 if run == "classifier" else 0
    rng = RNG(0)
    drawn = np.array([stage.start([], rng, Meter()) for _ in range(500)])
    own = drawn[:, : drawn.shape[1] - head]
    locality = 1 if run == "classifier" else 2
    variance = 1 / (4 * locality * (2 + 2))
    low, high = chi2.ppf([1e-4, 1 - 1e-4], own.size)
    assert low < (own**2).sum() / variance < high
    assert (drawn[:, own.shape[1] :] == setting.weights[own.shape[1] :]).all()
    (other,) = SmallAngles(locality=4).plan(setting).stages
    narrower = np.array([other.start([], rng, Meter()) for _ in range(500)])[:, : own.shape[1]]
    assert narrower.std() / own.std() == pytest.approx((locality / 4) ** 0.5, rel=0.1)


def test_a_schedule_scales_the_rates_of_a_training():
    for optimizer, signs in (("sgd", {1.0}), ("nlr", {1.0, -2.0})):
        table = {"name": optimizer, "learning_rate": 1.0}
        if optimizer == "nlr":
            table |= {"negative_rate": 2.0, "noise_scaling": False}
        training = built(TIED, {"name": "cosine", "floor": 0.1}, table)
        training.run()
        factors = 0.1 + 0.45 * (1 + np.cos(np.pi * np.arange(8) / 8))
        ratios = np.array(training.history.columns["metric_rate"]) / factors
        assert set(ratios.round(9)) == signs


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Restarts(trials=1), "trials = 1"),
        (lambda: Restarts(search=1.5), "search = 1.5"),
        (lambda: Resets(patience=0), "patience = 0"),
        (lambda: Resets(threshold=-1.0), "threshold = -1.0"),
        (lambda: ParameterNoise(sigma=0.0), "sigma = 0.0"),
        (lambda: ParameterNoise(decay=2.0), "decay = 2.0"),
        (lambda: Sparsity(strength=0.0), "strength = 0.0"),
        (lambda: SmallAngles(locality=0), "locality = 0"),
    ],
)
def test_settings_out_of_range_are_refused(make, words):
    with pytest.raises(InputError, match=words):
        make()

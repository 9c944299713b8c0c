"""iCANS and gCANS: formulas by hand and in exact arithmetic, bounds, and what they ask for."""

import copy
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit_machine_learning.optimizers import TellData

from qnlr.backends import statevector
from qnlr.errors import InputError
from qnlr.optimizers import GCANS, ICANS, Told
from qnlr.optimizers.coupled_shots import global_shots, individual_shots
from qnlr.training import read_checkpoint, write_checkpoint

KINDS = [ICANS, GCANS]
START = np.array([1.0, -0.5, 0.2])
NUMBERS = st.lists(st.integers(-40, 40), min_size=3, max_size=3)
SQUARES = st.lists(st.integers(1, 40), min_size=3, max_size=3)


def factor(rate, lipschitz):
    return 2 * lipschitz * rate / (2 - lipschitz * rate)


@given(NUMBERS, SQUARES, st.fractions(Fraction(1, 8), Fraction(15, 8), max_denominator=8))
def test_icans_is_its_formula_in_exact_arithmetic(means, variances, rate):
    lipschitz, bias = 1, Fraction(1, 1024)
    wanted = [
        math.ceil(factor(rate, lipschitz) * v / (Fraction(m) ** 2 + bias))
        for m, v in zip(means, variances, strict=True)
    ]
    half = Fraction(lipschitz) * rate**2 / 2
    gains = [
        ((rate - half) * m**2 - half * v / s) / s
        for m, v, s in zip(means, variances, wanted, strict=True)
    ]
    best = max(gains)
    if sum(gain == best for gain in gains) > 1:
        return  # rounding decides whose shots are the most
    most = wanted[gains.index(best)]
    found = individual_shots(
        np.array(means, dtype=float), np.array(variances, dtype=float), float(rate), 1.0, 1 / 1024
    )
    # a quotient that is whole but for rounding may be one shot off
    np.testing.assert_allclose(found, np.minimum(wanted, most), atol=1, rtol=1e-12)


def test_icans_by_hand():
    # 2Lα/(2 − Lα) = 2/3: 2/3·3/0.25 = 8, 2/3·6/1 = 4, 2/3·1/0.01 = 66.7 → 67 shots;
    # gains (0.375 χ² − 0.125 ξ/s)/s = 0.0059, 0.047, 0.00003: none is given more than 4
    means, variances = np.array([0.5, -1.0, 0.1]), np.array([3.0, 6.0, 1.0])
    assert individual_shots(means, variances, 0.5, 1.0, 0.0).tolist() == [4, 4, 4]
    means, variances = np.array([0.5, -1.0, 0.1]), np.array([0.3, 6.0, 1.0])
    # 2/3·0.3/0.25 = 0.8 → 1 and a gain of 0.056 per shot: that is the largest
    assert individual_shots(means, variances, 0.5, 1.0, 0.0).tolist() == [1, 1, 1]


def test_gcans_by_hand():
    # 2Lα/(2 − Lα) = 0.2/1.9·2, σ = (1, 2, 3), Σσ = 6, ‖χ‖² = 0.25
    found = global_shots(np.array([0.3, 0.4, 0.0]), np.array([1.0, 4.0, 9.0]), 0.1, 2.0, 0.0)
    assert found.tolist() == [math.ceil(0.4 / 1.8 * s * 6 / 0.25) for s in (1, 2, 3)] == [6, 11, 16]


@given(SQUARES, st.floats(0.01, 1.9))
def test_gcans_spends_no_more_than_equal_shots_do_for_the_same_error(variances, rate):
    """Σσ²/s at the shots of gCANS is what equal shots need at least as many for."""
    variances = np.array(variances, dtype=float)
    shots = global_shots(np.full(3, 1e-3), variances, rate, 1.0, 0.0)
    error = np.sum(variances / shots)
    assert shots.sum() <= 3 * np.sum(variances) / error + 3


@pytest.mark.parametrize("kind", KINDS)
def test_means_run_as_in_the_source(kind):
    """By hand: two steps of the recursions, on derivatives told with known errors."""
    mu, rate, lipschitz, bias = 0.5, 0.4, 1.5, 1e-3
    optimizer = kind(rate, lipschitz, mu, bias, min_shots=4, max_shots=10**6)
    optimizer.start(None, START)
    told = [(np.array([0.5, -0.2, 0.1]), np.array([0.1, 0.3, 0.2])) for _ in range(2)]
    told[1] = (np.array([0.4, -0.1, 0.3]), np.array([0.05, 0.1, 0.2]))
    mean, variance, shots, x = np.zeros(3), np.zeros(3), np.full(3, 4), START
    for t, (gradient, stds) in enumerate(told):
        asked = optimizer.ask()
        np.testing.assert_array_equal(asked.shots, shots)
        np.testing.assert_array_equal(asked.x_jac, x)
        optimizer.tell(asked, Told(0.3, gradient, stds))
        x = x - rate * gradient
        mean = mu * mean + (1 - mu) * gradient
        variance = mu * variance + (1 - mu) * stds**2 * shots
        chi, xi = mean / (1 - mu ** (t + 1)), variance / (1 - mu ** (t + 1))
        allocate = individual_shots if kind is ICANS else global_shots
        wanted = allocate(chi, xi, rate, lipschitz, bias * mu**t)
        shots = np.maximum(wanted, 4).astype(int)
    np.testing.assert_array_equal(optimizer.state.x, x)
    np.testing.assert_array_equal(optimizer.ask().shots, shots)


@given(
    st.sampled_from(KINDS),
    st.lists(st.floats(-1e3, 1e3) | st.just(0.0), min_size=2, max_size=2),
    st.lists(st.floats(0, 1e3) | st.just(0.0), min_size=2, max_size=2),
    st.integers(2, 50),
    st.integers(0, 5000),
    st.sampled_from([0.0, 0.9]),
    st.sampled_from([0.0, 1e-6]),
)
def test_shots_keep_within_their_bounds(kind, gradient, stds, least, more, decay, bias):
    optimizer = kind(0.3, 1.0, decay, bias, least, least + more)
    optimizer.start(None, np.zeros(2))
    for _ in range(3):
        asked = optimizer.ask()
        assert asked.shots.dtype == np.int64
        assert np.all((least <= asked.shots) & (asked.shots <= least + more))
        assert optimizer.planned_shots[0] is not asked.shots
        np.testing.assert_array_equal(optimizer.planned_shots[0], asked.shots)
        optimizer.tell(asked, Told(0.0, np.array(gradient), np.array(stds)))


def quadratic(x, shots, rng):
    """Return the loss x·x/2 and its gradient, read with errors of 1/√shots."""
    stds = 1 / np.sqrt(shots)
    return Told(float(x @ x) / 2, x + stds * rng.standard_normal(x.size), stds)


@pytest.mark.parametrize("kind", KINDS)
def test_more_shots_are_asked_for_as_the_gradient_shrinks(kind):
    rng = np.random.default_rng(0)
    optimizer = kind(0.2, decay=0.9, max_shots=10**7)
    optimizer.start(None, np.full(5, 3.0))
    asked = []
    for _ in range(100):
        ask = optimizer.ask()
        asked.append(ask.shots.sum())
        optimizer.tell(ask, quadratic(ask.x_jac, ask.shots, rng))
    early, middle, late = (np.mean(asked[part : part + 10]) for part in (0, 50, 90))
    assert early < middle / 2 < late / 4
    assert np.linalg.norm(optimizer.state.x) < 0.2


def test_a_limited_derivative_steps_at_the_rate_where_it_gains_nothing():
    optimizer = ICANS(1.0, 1.0, 0.0, 0.0, min_shots=4, limited=True)
    optimizer.start(None, np.zeros(2))
    optimizer.tell(optimizer.ask(), Told(0.0, np.array([0.5, 0.1]), np.array([0.1, 0.3])))
    # 2χ²/(χ² + ξ/s) is above α = 1 for the first; for the second it is 0.02/(0.01 + 0.09) = 0.2
    np.testing.assert_allclose(optimizer.state.x, [-0.5, -0.1 * 0.2])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("steps", [0, 1, 4])
def test_a_resumed_run_goes_on_bit_for_bit(kind, steps, tmp_path):
    first, second = kind(0.2, min_shots=5), kind(0.2, min_shots=5)
    first.start(None, START)
    rng = np.random.default_rng(3)

    def step(optimizer, rng):
        ask = optimizer.ask()
        optimizer.tell(ask, quadratic(ask.x_jac, ask.shots, rng))

    for _ in range(steps):
        step(first, rng)
    write_checkpoint(tmp_path / "checkpoint.npz", "run", first.state_dict())
    second.load_state_dict(read_checkpoint(tmp_path / "checkpoint.npz", "run"))
    np.testing.assert_equal(second.state_dict(), first.state_dict())
    again = copy.deepcopy(rng)
    for _ in range(5):
        step(first, rng)
        step(second, again)
    np.testing.assert_equal(second.state_dict(), first.state_dict())


@pytest.mark.parametrize("kind", KINDS)
def test_settings_rebuild_it(kind):
    optimizer = kind(0.3, 2.0, 0.5, 1e-3, 7, 70, maxiter=9, seed=3)
    assert kind(**optimizer.settings).settings == optimizer.settings
    assert repr(optimizer).startswith(f"{kind.__name__}(learning_rate=0.3, lipschitz=2.0")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"learning_rate": 0.0}, "learning_rate = 0.0"),
        ({"learning_rate": 2.0}, r"learning_rate = 2.0 .* below 2/lipschitz = 2"),
        ({"lipschitz": 30.0}, "with lipschitz = 30.0"),
        ({"decay": 1.0}, "decay = 1.0"),
        ({"bias": -1.0}, "bias = -1.0"),
        ({"min_shots": 1}, "min_shots = 1"),
        ({"max_shots": 5}, "max_shots = 5"),
    ],
)
def test_settings_outside_their_range_are_refused(kind, setting, words):
    with pytest.raises(InputError, match=words):
        kind(**setting)


@pytest.mark.parametrize("kind", KINDS)
def test_plain_functions_have_no_standard_errors(kind):
    with pytest.raises(InputError, match=r"standard errors of the derivatives.*Told\(loss"):
        kind().minimize(lambda x: float(x @ x), START, lambda x: 2 * x)
    optimizer = kind()
    optimizer.start(None, START)
    with pytest.raises(InputError, match="standard errors"):
        optimizer.tell(optimizer.ask(), TellData(eval_fun=1.0))


@pytest.mark.parametrize("kind", KINDS)
def test_exact_values_have_no_shots_to_choose(kind, training, model):
    with pytest.raises(InputError, match=f"{kind.__name__} chooses how many shots.* exact"):
        training(statevector(model), kind())


@pytest.mark.parametrize("kind", KINDS)
def test_a_diverged_run_is_told_so(kind):
    optimizer = kind()
    optimizer.start(None, START)
    nothing = np.full(3, np.nan)
    optimizer.tell(optimizer.ask(), TellData(eval_fun=math.nan, eval_jac=nothing))
    assert np.isnan(optimizer.state.x).all()
    assert optimizer.ask().shots.tolist() == [10, 10, 10]


@pytest.mark.parametrize("kind", KINDS)
def test_a_training_takes_the_shots_that_are_asked_for(kind, training, model):
    optimizer = kind(1.5, decay=0.5, min_shots=8, max_shots=300)
    run = training(statevector(model, shots=50), optimizer, steps=8)
    expected = []
    run._begin()
    while run.steps_done < 8:
        shots = optimizer.ask().shots
        expected.append(4 * int(2 * shots.sum() + shots.max()))
        assert run._shots_of_a_step() == expected[-1]
        run.step()
    assert run.history.columns["cost_shots"] == np.cumsum(expected).tolist()
    assert len(set(expected)) > 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_training_ends_within_its_budget(kind, training, model):
    optimizer = kind(1.5, decay=0.5, min_shots=8, max_shots=300)
    run = training(statevector(model, shots=50), optimizer, steps=50, max_shots=20_000)
    outcome = run.run()
    assert outcome.status.value == "budget_spent"
    assert run.meter.cost.shots <= 20_000 < run.meter.cost.shots + run._shots_of_a_step()

"""NLR against Algorithm 1 of the paper, written out below without the package."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit_machine_learning.optimizers import TellData

from qnlr.errors import InputError
from qnlr.optimizers import (
    NLR,
    SGD,
    AnyIncrease,
    Equation10,
    GaussianNoise,
    HeavyBall,
    PerturbedReversal,
    Plain,
    RandomReinitialisation,
    Ratio,
    Reversal,
    StandardErrors,
    Tolerance,
    UniformNoise,
)
from qnlr.types import Estimate, NoiseLevel

START = np.array([1.0, -0.5, 2.0])
ETA, STEPS, SEED = 0.12, 40, 17
VECTORS = st.lists(st.floats(-100, 100), min_size=1, max_size=5).map(np.array)
RATES = st.floats(1e-4, 10)


class NoisyLoss:
    """A smooth loss read with seeded Gaussian noise; every reading is kept."""

    def __init__(self, error=0.4):
        self.error, self.rng, self.readings = error, np.random.default_rng(5), []

    def __call__(self, x):
        exact = np.sum(np.sin(3 * x) + x**2 / 2)
        self.readings.append(Estimate(exact + self.error * self.rng.normal(), self.error))
        return self.readings[-1]

    def gradient(self, x):
        return 3 * np.cos(3 * x) + x


# The package's part beside what it stands for, as plain arithmetic.
NEGATIVE_RATES = {
    "number": (0.2, lambda step, loss, probe, norm: 0.2),
    "ratio": (Ratio(1.5), lambda step, loss, probe, norm: 1.5 * ETA),
    "equation_10": (
        Equation10(noise_rate=0.03, layers=4, variance=2.0),
        lambda step, loss, probe, norm: ETA * (1 + math.log(1 + 0.03 * 4)) * math.sqrt(2.0 / 4),
    ),
    "callable": (
        lambda seen: (0.1 + abs(seen.probe_loss - seen.loss)) / (seen.gradient_norm + seen.step),
        lambda step, loss, probe, norm: (0.1 + abs(probe - loss)) / (norm + step),
    ),
}
NOISE_LEVELS = {"unscaled": (None, 1.0), "scaled": (NoiseLevel(0.05, 6), 1 + 0.05 * 6)}
TRIGGERS = {
    "any_increase": (AnyIncrease(), lambda rise: rise > 0),
    "tolerance": (Tolerance(0.2), lambda rise: rise > 0.2),
    "standard_errors": (StandardErrors(0.5), lambda rise: rise > 0.5 * math.sqrt(2 * 0.4**2)),
}


def matched(reversal):
    return math.sqrt(sum(component**2 for component in reversal) / len(reversal))


CORRECTIVES = {
    "reversal": (Reversal(), lambda x, up, rng: x + up),
    "perturbed": (
        PerturbedReversal(0.1),
        lambda x, up, rng: x + up + rng.normal(0, 0.1, size=3),
    ),
    "gaussian": (GaussianNoise(), lambda x, up, rng: x + rng.normal(0, matched(up), size=3)),
    "gaussian_fixed": (GaussianNoise(0.3), lambda x, up, rng: x + rng.normal(0, 0.3, size=3)),
    "uniform": (
        UniformNoise(),
        lambda x, up, rng: x + (2 * rng.random(3) - 1) * math.sqrt(3) * matched(up),
    ),
    "uniform_fixed": (
        UniformNoise(0.3),
        lambda x, up, rng: x + (2 * rng.random(3) - 1) * math.sqrt(3) * 0.3,
    ),
    "reinitialisation": (
        RandomReinitialisation(-2.0, 2.0),
        lambda x, up, rng: -2.0 + 4.0 * rng.random(3),
    ),
}


def algorithm_1(loss, negative_rate, scaling, worse, corrective):
    """Return all points on the way, the signed rates, and which probes were worse."""
    x, rng = START, np.random.default_rng(SEED)
    points, rates = [x], []
    for step in range(STEPS):
        before, gradient = loss(x), loss.gradient(x)
        probe = x - ETA * gradient
        after = loss(probe)
        if worse(after - before):
            norm = math.sqrt(sum(component**2 for component in gradient))
            up = negative_rate(step, before, after, norm) / scaling
            x = corrective(x, up * gradient, rng)
            rates.append(-up)
        else:
            x = probe
            rates.append(ETA)
        points.append(x)
    return np.array(points), np.array(rates)


@pytest.mark.parametrize("corrective", CORRECTIVES)
@pytest.mark.parametrize("trigger", TRIGGERS)
@pytest.mark.parametrize("noise_level", NOISE_LEVELS)
@pytest.mark.parametrize("negative_rate", NEGATIVE_RATES)
def test_the_trajectory_is_that_of_algorithm_1(negative_rate, noise_level, trigger, corrective):
    (rule, rate), (level, scaling) = NEGATIVE_RATES[negative_rate], NOISE_LEVELS[noise_level]
    (fires, worse), (correct, step) = TRIGGERS[trigger], CORRECTIVES[corrective]
    expected_loss, loss, records = NoisyLoss(), NoisyLoss(), []
    points, rates = algorithm_1(expected_loss, rate, scaling, worse, step)
    assert 3 < np.sum(rates < 0) < STEPS - 3  # both branches are taken

    optimizer = NLR(
        ETA, rule, fires, correct, level, maxiter=STEPS, callback=records.append, seed=SEED
    )
    result = optimizer.minimize(loss, START, loss.gradient)
    np.testing.assert_allclose([r.parameters for r in records], points[:-1], rtol=1e-10)
    np.testing.assert_allclose(result.x, points[-1], rtol=1e-10)
    np.testing.assert_allclose([r.rate for r in records], rates, rtol=1e-10)
    np.testing.assert_allclose(loss.readings[:-1], expected_loss.readings, rtol=1e-10)
    assert [r.flipped for r in records] == list(rates < 0)
    assert result.flips == np.sum(rates < 0)


def test_two_steps_by_hand():
    """On x² + 4y² at η = 0.3, κ = 2: one descent, then an overshoot of y that is reversed."""
    records = []
    optimizer = NLR(0.3, maxiter=2, callback=records.append)
    fun, jac = lambda x: x[0] ** 2 + 4 * x[1] ** 2, lambda x: np.array([2, 8]) * x
    result = optimizer.minimize(fun, [4.0, 1.0], jac)
    down, up = records
    np.testing.assert_allclose((down.loss, down.probe_loss, down.rate), (20, 10.4, 0.3))
    np.testing.assert_allclose(down.next_parameters, [1.6, -1.4], rtol=1e-12)
    np.testing.assert_allclose((up.loss, up.probe_loss, up.rate), (10.4, 15.776, -0.6))
    np.testing.assert_allclose(result.x, [1.6 + 0.6 * 3.2, -1.4 - 0.6 * 11.2], rtol=1e-12)
    assert (down.flipped, up.flipped, result.flips) == (False, True, 1)


def test_a_direction_takes_the_place_of_the_gradient():
    loss, records = NoisyLoss(), []
    optimizer = NLR(0.05, 0.08, direction=HeavyBall(0.6), maxiter=STEPS, callback=records.append)
    optimizer.minimize(loss, START, loss.gradient)

    again, x, velocity, flips = NoisyLoss(), START, np.zeros(3), 0
    for record in records:
        before, velocity = again(x), 0.6 * velocity + again.gradient(x)
        probe = x - 0.05 * velocity
        worse = again(probe) > before
        x = x + 0.08 * velocity if worse else probe
        flips += worse
        np.testing.assert_allclose(record.next_parameters, x, rtol=1e-10)
    assert 3 < flips < STEPS - 3


def test_the_defaults_are_the_paper():
    spelled_out = NLR(
        learning_rate=0.01,
        negative_rate=Ratio(2.0),
        trigger=AnyIncrease(),
        corrective=Reversal(),
        noise_level=None,
        direction=Plain(),
        maxiter=100,
    )
    assert NLR().settings == spelled_out.settings


@given(VECTORS, st.lists(st.floats(0.1, 2), min_size=5, max_size=5), st.floats(0.01, 1))
def test_exact_descent_never_flips_and_is_sgd(start, curvatures, share):
    a = np.array(curvatures[: start.size])
    rate = share / a.max()
    fun, jac = lambda x: float(np.sum(a * x**2) / 2), lambda x: a * x
    nlr = NLR(rate, maxiter=10).minimize(fun, start, jac)
    sgd = SGD(rate, maxiter=10).minimize(fun, start, jac)
    assert nlr.flips == 0
    np.testing.assert_array_equal(nlr.x, sgd.x)
    assert nlr.nfev == sgd.nfev + 10


@given(VECTORS, st.floats(-5, 5), RATES, RATES, st.floats(-10, 10), st.floats(-10, 10))
def test_one_step_is_exactly_up_or_down(start, slope, rate, negative, loss, probe_loss):
    gradient, records = slope * start[::-1], []
    optimizer = NLR(rate, negative, callback=records.append)
    optimizer.start(None, start)
    optimizer.tell(optimizer.ask(), TellData(eval_fun=loss, eval_jac=gradient))
    np.testing.assert_array_equal(optimizer.ask().x_fun, start - rate * gradient)
    optimizer.tell(optimizer.ask(), TellData(eval_fun=probe_loss))
    up = probe_loss > loss
    expected = start + negative * gradient if up else start - rate * gradient
    np.testing.assert_array_equal(optimizer.state.x, expected)
    (record,) = records
    assert record.flipped is up
    assert (record.rate < 0) is up
    assert record.rate == (-negative if up else rate)


@pytest.mark.parametrize("value", [0, -0.1, math.nan, math.inf, "0.1"])
def test_bad_rates_are_refused(value):
    with pytest.raises(InputError, match=r"^learning_rate = .* above 0$"):
        NLR(value)
    with pytest.raises(InputError, match=r"^negative_rate = .* above 0"):
        NLR(0.1, value)


def test_a_callable_that_returns_no_rate_is_an_error_when_it_is_asked():
    optimizer = NLR(1.5, lambda feedback: -0.1, maxiter=1)
    with pytest.raises(InputError, match="returned by the callable"):
        optimizer.minimize(lambda x: x @ x, [1.0], lambda x: 2 * x)


@pytest.mark.parametrize("std", [None, math.nan])
def test_the_trigger_standard_errors_needs_an_objective_with_errors(std):
    def fun(x):
        return float(x @ x) if std is None else Estimate(x @ x, std)

    words = r"return qnlr\.Estimate" if std is None else "a single shot has none"
    with pytest.raises(InputError, match=words):
        NLR(0.1, trigger=StandardErrors()).minimize(fun, [1.0], lambda x: 2 * x)

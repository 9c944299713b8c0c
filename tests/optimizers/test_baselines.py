"""The baselines against their textbook formulas, one parameter at a time in plain Python."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qnlr.errors import InputError
from qnlr.optimizers import NLR, SGD, Adam, Momentum, RMSProp

START = np.array([1.0, -0.5, 2.0])
STEPS = 30


def loss(x):
    return float(np.sum(np.sin(3 * x) + x**2 / 2))


def gradient(x):
    return 3 * np.cos(3 * x) + x


def textbook_sgd(x, lr=0.05):
    for _ in range(STEPS):
        x -= lr * (3 * math.cos(3 * x) + x)
        yield x


def textbook_momentum(x, lr=0.02, beta=0.7):
    velocity = 0.0
    for _ in range(STEPS):
        velocity = beta * velocity + (3 * math.cos(3 * x) + x)
        x -= lr * velocity
        yield x


def textbook_rmsprop(x, lr=0.03, rho=0.8, epsilon=1e-4):
    square = 0.0
    for _ in range(STEPS):
        slope = 3 * math.cos(3 * x) + x
        square = rho * square + (1 - rho) * slope**2
        x -= lr * slope / (math.sqrt(square) + epsilon)
        yield x


def textbook_adam(x, lr=0.1, beta1=0.8, beta2=0.9, epsilon=1e-4, amsgrad=False):
    m = v = largest = 0.0
    for t in range(1, STEPS + 1):
        slope = 3 * math.cos(3 * x) + x
        m = beta1 * m + (1 - beta1) * slope
        v = beta2 * v + (1 - beta2) * slope**2
        largest = max(largest, v) if amsgrad else v
        m_hat, v_hat = m / (1 - beta1**t), largest / (1 - beta2**t)
        x -= lr * m_hat / (math.sqrt(v_hat) + epsilon)
        yield x


BASELINES = {
    "sgd": (SGD(0.05), textbook_sgd),
    "momentum": (Momentum(0.02, 0.7), textbook_momentum),
    "rmsprop": (RMSProp(0.03, 0.8, 1e-4), textbook_rmsprop),
    "adam": (Adam(0.1, 0.8, 0.9, 1e-4), textbook_adam),
    "amsgrad": (
        Adam(0.1, 0.8, 0.9, 1e-4, amsgrad=True),
        lambda x: textbook_adam(x, amsgrad=True),
    ),
}
CLASSES = [SGD, Momentum, RMSProp, Adam]


@pytest.mark.parametrize("name", BASELINES)
def test_the_trajectory_is_the_textbook_one(name):
    optimizer, textbook = BASELINES[name]
    expected = np.array([list(textbook(x)) for x in START]).T
    optimizer.start(loss, START, gradient)
    for point in expected:
        optimizer.step()
        np.testing.assert_allclose(optimizer.state.x, point, rtol=1e-11)


def test_adam_and_amsgrad_differ_here():
    adam, amsgrad = (
        BASELINES[name][0].minimize(loss, START, gradient).x for name in ("adam", "amsgrad")
    )
    assert np.max(np.abs(adam - amsgrad)) > 1e-6


@pytest.mark.parametrize(
    ("optimizer", "defaults"),
    [
        (SGD(), {}),
        (Momentum(), {"momentum": 0.9}),
        (RMSProp(), {"decay": 0.9, "epsilon": 1e-8}),
        (Adam(), {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "amsgrad": False}),
    ],
)
def test_the_defaults_are_the_usual_ones(optimizer, defaults):
    common = {"maxiter": 100, "callback": None, "seed": None, "perturbation": 0.01, "average": None}
    assert optimizer.settings == {"learning_rate": 0.01, **defaults, **common}


@given(st.floats(-10, 10), st.floats(0.01, 0.9))
def test_sgd_on_a_parabola_shrinks_geometrically(start, rate):
    result = SGD(rate, maxiter=7).minimize(lambda x: float(x @ x) / 2, [start], lambda x: x)
    np.testing.assert_allclose(result.x, [start * (1 - rate) ** 7], rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("name", BASELINES)
def test_the_nlr_twin_of_a_baseline_differs_in_the_rate_rule_alone(name):
    baseline, _ = BASELINES[name]
    records = []
    twin = NLR(
        baseline.learning_rate,
        direction=baseline.direction,
        maxiter=5,
        callback=records.append,
    )
    twin.minimize(lambda x: 0.0, START, gradient)  # a flat reading never fires
    baseline.start(loss, START, gradient)
    for record in records:
        baseline.step()
        np.testing.assert_array_equal(record.next_parameters, baseline.state.x)
    assert len(records) == 5


@pytest.mark.parametrize("value", [0, -0.1, math.nan, math.inf, "0.1"])
@pytest.mark.parametrize("kind", CLASSES)
def test_a_bad_rate_is_refused(kind, value):
    with pytest.raises(InputError, match=r"^learning_rate = .* above 0$"):
        kind(value)


@pytest.mark.parametrize("value", [0, -5, 2.5, math.nan])
@pytest.mark.parametrize("kind", [*CLASSES, NLR])
def test_a_bad_maxiter_is_refused(kind, value):
    with pytest.raises(InputError, match=r"^maxiter = .* at least 1$"):
        kind(maxiter=value)


@pytest.mark.parametrize("value", [0, -0.1, math.nan, math.inf])
@pytest.mark.parametrize("kind", [*CLASSES, NLR])
def test_a_bad_perturbation_is_refused(kind, value):
    with pytest.raises(InputError, match=r"^perturbation = .* above 0$"):
        kind(perturbation=value)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (Momentum, {"momentum": 1.0}),
        (Momentum, {"momentum": math.nan}),
        (RMSProp, {"decay": -0.1}),
        (RMSProp, {"epsilon": 0.0}),
        (Adam, {"beta1": 1.0}),
        (Adam, {"beta2": 1.5}),
        (Adam, {"epsilon": -1.0}),
    ],
)
def test_bad_settings_of_a_direction_are_refused(kind, settings):
    (name,) = settings
    with pytest.raises(InputError, match=rf"^{name} = "):
        kind(**settings)

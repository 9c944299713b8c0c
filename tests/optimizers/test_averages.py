"""Averages of points, and every optimizer that makes one."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from qnlr.errors import InputError
from qnlr.optimizers import (
    AVERAGES,
    GCANS,
    ICANS,
    SGD,
    Adam,
    AdaptiveNLR,
    ArmijoSGD,
    Constant,
    DoG,
    LastPoint,
    Momentum,
    Plain,
    PolynomialAverage,
    RMSProp,
    SignedRateOptimizer,
    SuffixAverage,
)

paths = st.integers(1, 30).flatmap(lambda t: arrays(float, (t, 2), elements=st.floats(-9, 9)))
WITH_AVERAGE = {
    "signed_rate": lambda **given: SignedRateOptimizer(Plain(), Constant(0.1), **given),
    "adaptive_nlr": AdaptiveNLR,
    "dog": lambda **given: DoG(0.1, **given),
}


def averaged(average, points):
    """Return the averages on the way."""
    state, means = average.initial_state(), []
    for point in points:
        mean, state = average(point, state)
        means.append(mean)
    return np.array(means)


def weights(gamma, steps):
    """Return the weight of each point in a polynomial average, in closed form.

    Point i has (γ + 1)/(i + γ) of the mean at i, and Π_{k=i+1}^{t} (k − 1)/(k + γ) of that is left.
    """
    found = [
        math.log((gamma + 1) / (i + gamma))
        + (math.lgamma(steps) - math.lgamma(i))
        - (math.lgamma(steps + gamma + 1) - math.lgamma(i + gamma + 1))
        for i in range(1, steps + 1)
    ]
    return np.exp(found)


@given(points=paths, gamma=st.floats(0, 20))
def test_the_polynomial_average_has_its_weights(points, gamma):
    found = averaged(PolynomialAverage(gamma), points)[-1]
    share = weights(gamma, len(points))
    assert share.sum() == pytest.approx(1)
    np.testing.assert_allclose(found, share @ points, atol=1e-9)


@given(points=paths)
def test_without_gamma_it_is_the_mean(points):
    np.testing.assert_allclose(
        averaged(PolynomialAverage(0.0), points)[-1], points.mean(axis=0), atol=1e-12
    )


@pytest.mark.parametrize("gamma", [0, 1, 3, 8])
def test_half_of_the_weight_lies_where_it_is_said_to(gamma):
    share, steps = weights(gamma, 20_000), 20_000
    last = round((1 - 2 ** (-1 / (gamma + 1))) * steps)
    assert share[-last:].sum() == pytest.approx(0.5, abs=1e-3)
    if gamma == 8:
        assert last / steps == pytest.approx(0.07, abs=0.005)


@given(points=paths, share=st.floats(0.01, 1.0))
def test_the_suffix_average_is_the_mean_of_the_last_points(points, share):
    for t, mean in enumerate(averaged(SuffixAverage(share), points), 1):
        expected = points[t - math.ceil(share * t) : t].mean(axis=0)
        np.testing.assert_allclose(mean, expected, atol=1e-12)


@given(points=paths)
def test_the_last_point_is_itself(points):
    np.testing.assert_array_equal(averaged(LastPoint(), points), points)


@pytest.mark.parametrize("name", AVERAGES)
def test_an_average_leaves_its_points_and_its_former_states_alone(name):
    average, points = AVERAGES[name](), np.arange(12.0).reshape(6, 2)
    kept, states = points.copy(), [average.initial_state()]
    for point in points:
        mean, state = average(point, states[-1])
        states.append(state)
        if name != "last":
            mean += 100.0
    np.testing.assert_array_equal(points, kept)
    again = averaged(average, points)
    assert np.abs(again).max() < 12


@pytest.mark.parametrize(
    "bad", [{"gamma": -0.1}, {"gamma": math.nan}, {"gamma": math.inf}, {"gamma": "8"}]
)
def test_gamma_must_be_a_number_at_least_0(bad):
    with pytest.raises(InputError, match=r"gamma = .* at least 0"):
        PolynomialAverage(**bad)


@pytest.mark.parametrize("bad", [0.0, 1.1, math.nan, "all"])
def test_a_share_must_be_one(bad):
    with pytest.raises(InputError, match=r"share = .* above 0 and at most 1"):
        SuffixAverage(bad)


def slope(x):
    return 2 * x * [1.0, 3.0]


def loss(x):
    return float(x @ (x * [1.0, 3.0]))


def started(kind, average, start=(1.0, -1.0)):
    optimizer = WITH_AVERAGE[kind](average=average, seed=1)
    optimizer.start(loss, np.array(start), slope)
    return optimizer


@pytest.mark.parametrize("kind", WITH_AVERAGE)
@pytest.mark.parametrize("name", [name for name in AVERAGES if name != "last"])
def test_gradients_are_measured_at_the_points_and_the_average_is_handed_out(kind, name):
    average = AVERAGES[name]()
    bare, with_it = started(kind, LastPoint()), started(kind, average)
    points = []
    for _ in range(15):
        np.testing.assert_array_equal(with_it.ask().x_jac, bare.state.x)
        bare.step()
        with_it.step()
        points.append(bare.state.x)
        np.testing.assert_array_equal(with_it.state.here, bare.state.x)
        np.testing.assert_array_equal(with_it.state.x, averaged(average, points)[-1])
        np.testing.assert_array_equal(with_it.state.record.next_parameters, with_it.state.x)
    assert not np.array_equal(with_it.state.x, bare.state.x)
    np.testing.assert_array_equal(with_it.create_result().x, with_it.state.x)


@pytest.mark.parametrize("kind", WITH_AVERAGE)
@pytest.mark.parametrize("name", AVERAGES)
def test_an_average_begins_anew_after_a_move(kind, name):
    optimizer = started(kind, AVERAGES[name]())
    for _ in range(5):
        optimizer.step()
    optimizer.move_to(np.array([3.0, 2.0]))
    np.testing.assert_array_equal(optimizer.ask().x_jac, [3.0, 2.0])
    np.testing.assert_array_equal(optimizer.state.x, [3.0, 2.0])
    points = []
    for _ in range(5):
        optimizer.step()
        points.append(optimizer.state.here)
        expected = averaged(AVERAGES[name](), points)[-1]
        np.testing.assert_array_equal(optimizer.state.x, expected)


@pytest.mark.parametrize("kind", WITH_AVERAGE)
@pytest.mark.parametrize("name", AVERAGES)
def test_settings_and_state_make_the_round_trip(kind, name):
    whole = started(kind, AVERAGES[name]())
    for _ in range(6):
        whole.step()
    again = type(whole)(**whole.settings)
    assert again.settings == whole.settings
    assert again.average == AVERAGES[name]()
    again.start(loss, np.zeros(2), slope)
    text = json.dumps(whole.state_dict(), default=lambda array: {"array": array.tolist()})
    again.load_state_dict(
        json.loads(text, object_hook=lambda d: np.array(d["array"]) if "array" in d else d)
    )
    for _ in range(6):
        whole.step()
        again.step()
    np.testing.assert_equal(again.state_dict(), whole.state_dict())


def test_an_average_must_be_one():
    with pytest.raises(InputError, match=r"^average = "):
        SignedRateOptimizer(Plain(), Constant(0.1), average="polynomial")


@pytest.mark.parametrize("kind", [SGD, Momentum, RMSProp, Adam, DoG, ArmijoSGD, ICANS, GCANS])
def test_no_copy_loses_its_average(kind):
    optimizer = kind(average=PolynomialAverage(gamma=3.0))
    assert type(optimizer)(**optimizer.settings).average == PolynomialAverage(gamma=3.0)

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qnlr.noise.mitigation import EXTRAPOLATIONS

FACTORS = np.array([1.0, 2.0, 3.5, 5.0])
SEEDS = st.integers(0, 10**6)


def some(seed, shape=(4, 3, 2)):
    rng = np.random.default_rng(seed)
    return rng.normal(size=shape), rng.uniform(0.05, 0.4, size=shape)


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_linear_is_the_weighted_least_squares_line(seed):
    values, stds = some(seed)
    found = EXTRAPOLATIONS["linear"](FACTORS, values, stds)
    for place in np.ndindex(3, 2):
        here = (slice(None), *place)
        line, covariance = np.polyfit(FACTORS, values[here], 1, w=1 / stds[here], cov="unscaled")
        assert found.values[place] == pytest.approx(line[1])
        assert found.stds[place] == pytest.approx(np.sqrt(covariance[1, 1]))


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_richardson_is_the_polynomial_through_all_values(seed):
    values, stds = some(seed)
    found = EXTRAPOLATIONS["richardson"](FACTORS, values, stds)
    expected = np.polyfit(FACTORS, values.reshape(4, -1), 3)[-1].reshape(3, 2)
    np.testing.assert_allclose(found.values, expected, atol=1e-8)


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.booleans())
def test_exponential_recovers_a_decay(seed, exact):
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(-1, 1, (2, 3, 2))
    values = a * np.exp(-np.abs(b) * FACTORS[:, None, None])
    stds = np.zeros_like(values) if exact else np.abs(values) * rng.uniform(0.01, 0.4, values.shape)
    found = EXTRAPOLATIONS["exponential"](FACTORS, values, stds)
    np.testing.assert_allclose(found.values, a)
    assert found.fallbacks == 0


def test_exponential_falls_back_to_the_line_where_it_cannot_be_fitted():
    values = np.array([[0.5, 0.5, 0.5, 0.0, -0.5], [0.2, -0.1, 0.01, 0.0, -0.3]])
    stds = np.full_like(values, 0.02)
    factors = np.array([1.0, 3.0])
    found = EXTRAPOLATIONS["exponential"](factors, values, stds)
    line = EXTRAPOLATIONS["linear"](factors, values, stds)
    assert found.fallbacks == 3
    same = np.isclose(found.values, line.values)
    assert same.tolist() == [False, True, True, True, False]
    assert found.stds[same] == pytest.approx(line.stds[same])
    assert found.values[0] == pytest.approx(0.5**1.5 * 0.2**-0.5)


@pytest.mark.parametrize("unknown", [0.0, np.nan])
def test_values_weigh_the_same_where_an_error_is_not_known(unknown):
    values, stds = some(3, (4,))
    stds[1] = unknown
    found = EXTRAPOLATIONS["linear"](FACTORS, values, stds)
    assert found.values == pytest.approx(np.polyfit(FACTORS, values, 1)[1])
    assert np.isnan(found.stds) == np.isnan(unknown)


@pytest.mark.parametrize("name", EXTRAPOLATIONS)
def test_standard_errors_are_the_spread_of_extrapolated_values(name):
    rng = np.random.default_rng(8)
    values = 0.9 * np.exp(-0.15 * FACTORS)
    stds = np.array([0.01, 0.02, 0.01, 0.03])[:, None] * np.ones((4, 4000))
    drawn = values[:, None] + stds * rng.normal(size=stds.shape)
    truth = EXTRAPOLATIONS[name](FACTORS, values, stds[:, 0]).values
    found = EXTRAPOLATIONS[name](FACTORS, drawn, stds)
    deviations = found.values - truth
    assert np.mean(deviations**2) == pytest.approx(np.mean(found.stds**2), rel=0.1)
    assert abs(deviations.mean()) < 5 * deviations.std() / np.sqrt(4000)

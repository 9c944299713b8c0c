import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qnlr.errors import InputError
from qnlr.optimizers import (
    CORRECTIVES,
    GaussianNoise,
    PerturbedReversal,
    RandomReinitialisation,
    Reversal,
    UniformNoise,
)

WEIGHTS = np.array([0.5, -1.0, 2.0])
REVERSAL = np.array([0.2, -0.4, 0.4])  # root mean square 0.6/√3
RMS = 0.6 / math.sqrt(3)
VECTORS = st.lists(st.floats(-100, 100), min_size=1, max_size=6).map(np.array)


def make(corrective, seed=3, weights=WEIGHTS, reversal=REVERSAL):
    return corrective(weights, reversal, np.random.default_rng(seed))


@given(VECTORS, st.floats(-2, 2))
def test_the_reversal_is_the_sum_and_draws_nothing(weights, scale):
    rng = np.random.default_rng(0)
    reversal = scale * weights[::-1]
    np.testing.assert_array_equal(Reversal()(weights, reversal, rng), weights + reversal)
    assert rng.random() == np.random.default_rng(0).random()


def test_the_perturbed_reversal_adds_gaussian_noise():
    noise = np.random.default_rng(3).normal(0.0, 0.1, 3)
    np.testing.assert_allclose(make(PerturbedReversal(0.1)), WEIGHTS + REVERSAL + noise, rtol=1e-12)


@pytest.mark.parametrize(("sigma", "expected"), [(None, RMS), (0.3, 0.3)])
def test_gaussian_noise_replaces_the_reversal(sigma, expected):
    noise = np.random.default_rng(3).normal(0.0, expected, 3)
    np.testing.assert_allclose(make(GaussianNoise(sigma)), WEIGHTS + noise, rtol=1e-12)


@pytest.mark.parametrize(("sigma", "expected"), [(None, RMS), (0.3, 0.3)])
def test_uniform_noise_replaces_the_reversal(sigma, expected):
    width = math.sqrt(3) * expected
    noise = np.random.default_rng(3).uniform(-width, width, 3)
    np.testing.assert_allclose(make(UniformNoise(sigma)), WEIGHTS + noise, rtol=1e-12)


def test_reinitialisation_forgets_the_weights():
    expected = np.random.default_rng(3).uniform(-math.pi, math.pi, 3)
    np.testing.assert_array_equal(make(RandomReinitialisation()), expected)
    elsewhere = make(RandomReinitialisation(), weights=np.zeros(3), reversal=np.ones(3))
    np.testing.assert_array_equal(elsewhere, expected)


@pytest.mark.parametrize("noise", [GaussianNoise(), UniformNoise()])
@pytest.mark.parametrize("size", [1, 4, 90])
def test_matched_noise_is_as_long_as_the_reversal_in_the_mean_square(noise, size):
    reversal = np.random.default_rng(1).normal(size=size)
    rng, draws = np.random.default_rng(2), 40_000 // size
    steps = np.array([noise(np.zeros(size), reversal, rng) for _ in range(draws)])
    squares = np.sum(steps**2, axis=1)
    spread = squares.std() / math.sqrt(draws)
    assert abs(squares.mean() - reversal @ reversal) < 4 * spread
    assert np.all(np.abs(steps.mean(axis=0)) < 5 * steps.std(axis=0) / math.sqrt(draws))


@pytest.mark.parametrize("noise", [GaussianNoise, UniformNoise])
def test_a_fixed_sigma_is_the_standard_deviation(noise):
    steps = noise(0.7)(np.zeros(40_000), np.ones(40_000), np.random.default_rng(4))
    assert abs(steps.std() - 0.7) < 0.01


def test_uniform_noise_keeps_within_its_bounds():
    steps = UniformNoise(0.5)(np.zeros(10_000), np.ones(10_000), np.random.default_rng(4))
    bound = 0.5 * math.sqrt(3)
    assert 0.99 * bound < np.abs(steps).max() <= bound


@pytest.mark.parametrize("noise", [GaussianNoise(), UniformNoise()])
def test_matched_noise_of_a_zero_reversal_stays(noise):
    np.testing.assert_array_equal(make(noise, reversal=np.zeros(3)), WEIGHTS)


@given(st.floats(-10, 10), st.floats(0.001, 10), st.integers(0, 2**32))
def test_reinitialisation_keeps_within_its_bounds(low, width, seed):
    drawn = make(RandomReinitialisation(low, low + width), seed)
    assert np.all((low <= drawn) & (drawn <= low + width))


@pytest.mark.parametrize("corrective", [kind() for kind in CORRECTIVES.values()])
def test_the_arguments_are_left_alone(corrective):
    weights, reversal = WEIGHTS.copy(), REVERSAL.copy()
    moved = make(corrective, weights=weights, reversal=reversal)
    assert moved.shape == weights.shape
    assert not np.shares_memory(moved, weights)
    np.testing.assert_array_equal(weights, WEIGHTS)
    np.testing.assert_array_equal(reversal, REVERSAL)


@pytest.mark.parametrize("value", [0, -0.1, math.nan, math.inf, "0.1"])
@pytest.mark.parametrize("kind", [PerturbedReversal, GaussianNoise, UniformNoise])
def test_a_bad_sigma_is_refused(kind, value):
    with pytest.raises(InputError, match=r"^sigma = .* above 0$"):
        kind(sigma=value)


@pytest.mark.parametrize(
    ("low", "high"),
    [(1.0, 1.0), (2.0, 1.0), (math.nan, 1.0), (0.0, math.nan), (-math.inf, 1.0), (0.0, math.inf)],
)
def test_bad_bounds_are_refused(low, high):
    with pytest.raises(InputError, match=r"^(low|high) = "):
        RandomReinitialisation(low, high)


def test_every_corrective_step_has_a_name():
    assert list(CORRECTIVES) == [
        "reversal",
        "perturbed_reversal",
        "gaussian",
        "uniform",
        "random_reinitialisation",
    ]

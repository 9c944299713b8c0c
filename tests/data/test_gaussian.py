import math
from functools import partial

import numpy as np
import pytest

from qnlr.data import gaussian as draw
from qnlr.errors import InputError

N = 20_000


def gaussian(data_seed=0, split_seed=1, **settings):
    return draw(np.random.default_rng(data_seed), np.random.default_rng(split_seed), **settings)


def of_class(data, label):
    rows = np.vstack([data.train.features, data.test.features])
    return rows[np.concatenate([data.train.labels, data.test.labels]) == label]


def assert_moments(rows, mean, covariance):
    """Within five standard errors: var(mean_i) = S_ii/n, var(S_ij) = (S_ii S_jj + S_ij^2)/n."""
    covariance, count = np.asarray(covariance, dtype=float), len(rows)
    variances = np.diag(covariance)
    errors = np.sqrt(variances / count)
    assert (np.abs(rows.mean(axis=0) - mean) <= 5 * errors).all()
    spread = np.sqrt((np.outer(variances, variances) + covariance**2) / count)
    assert (np.abs(np.cov(rows.T) - covariance) <= 5 * spread).all()


@pytest.mark.parametrize(
    ("features", "separation", "c"),
    [(8, None, 2.0), (8, 3.0, 3 / math.sqrt(8)), (2, 1.0, 1 / math.sqrt(2)), (4, 0.5, 0.25)],
)
def test_default_means_and_separation(features, separation, c):
    data = gaussian(features=features, separation=separation, samples=N)
    half = features // 2
    high = np.repeat([c, 0.0], half)
    assert_moments(of_class(data, 1), high, np.eye(features))
    assert_moments(of_class(data, -1), high[::-1], np.eye(features))


@pytest.mark.parametrize("features", [2, 3, 5, 8])
def test_without_variance_only_the_means_are_left(features):
    data = gaussian(features=features, covariance=0.0, samples=10, separation=3.0)
    low, high = of_class(data, -1)[0], of_class(data, 1)[0]
    assert np.linalg.norm(high - low) == pytest.approx(3.0, rel=1e-12)
    first = math.ceil(features / 2)
    c = 3.0 / math.sqrt(features)
    np.testing.assert_allclose(high, [c] * first + [0.0] * (features - first), atol=1e-15)
    np.testing.assert_allclose(low, [0.0] * first + [c] * (features - first), atol=1e-15)


@pytest.mark.parametrize(
    ("covariance", "matrix"),
    [
        (0.25, np.diag([0.25, 0.25, 0.25])),
        ([1.0, 4.0, 0.5], np.diag([1.0, 4.0, 0.5])),
        ([[2.0, 0.9, 0.0], [0.9, 1.0, -0.4], [0.0, -0.4, 0.5]],) * 2,
    ],
)
def test_a_variance_variances_and_a_full_covariance_matrix(covariance, matrix):
    means = [[-1.0, 0.0, 2.0], [3.0, 0.5, -2.0]]
    data = gaussian(features=3, means=means, covariance=covariance, samples=N)
    assert_moments(of_class(data, -1), means[0], matrix)
    assert_moments(of_class(data, 1), means[1], matrix)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e8])
def test_a_singular_covariance_matrix_is_valid_at_any_scale(scale):
    direction = np.array([1.0, 0.3, 0.7, 0.1])
    matrix = scale * np.outer(direction, direction)
    data = gaussian(features=4, means=np.zeros((2, 4)), covariance=matrix, samples=10)
    rows = of_class(data, 1)
    np.testing.assert_allclose(rows, rows[:, :1] * direction, atol=1e-6 * math.sqrt(scale))


@pytest.mark.parametrize(("samples", "low", "high"), [(10, 5, 5), (11, 6, 5), (1000, 500, 500)])
def test_classes_are_of_one_size(samples, low, high):
    data = gaussian(samples=samples)
    assert (len(of_class(data, -1)), len(of_class(data, 1))) == (low, high)
    assert data.classes == ("Gaussian -", "Gaussian +")


def test_the_split_generator_only_moves_samples_between_the_splits():
    first, second = gaussian(split_seed=1), gaussian(split_seed=2)
    assert not np.array_equal(first.test.features, second.test.features)
    for label in (-1, 1):
        rows = [np.sort(of_class(data, label)[:, 0]) for data in (first, second)]
        np.testing.assert_array_equal(*rows)


def test_the_data_generator_draws_the_samples():
    assert not np.intersect1d(gaussian(0).train.features, gaussian(1).train.features).size


def test_scaling_and_constant():
    data = gaussian(scaling="angle", constant=0.7, samples=100)
    assert data.features == 9
    for part in (data.train, data.test):
        np.testing.assert_array_equal(part.features[:, -1], 0.7)
    scaled = data.train.features[:, :-1]
    np.testing.assert_allclose(scaled.min(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(scaled.max(axis=0), np.pi, atol=1e-12)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"features": 1}, "features = 1"),
        ({"features": 2.5}, "features = 2.5"),
        ({"samples": 9}, "samples = 9"),
        ({"samples": 10, "test_fraction": 0.05}, "10 samples cannot be split"),
        ({"separation": 0.0}, "separation = 0.0"),
        ({"separation": -1.0}, "separation = -1.0"),
        ({"separation": math.nan}, "separation = nan"),
        ({"means": [[0, 1], [1, 0]], "separation": 1.0}, "either means or separation"),
        ({"means": [[0, math.nan], [1, 0]]}, "means .* not valid; two finite vectors"),
        ({"means": [[0, 1, 2], [1, 0, 2]]}, r"means of shape \(2, 3\)"),
        ({"means": [[0, 1]]}, r"means of shape \(1, 2\)"),
        ({"means": [[0, 1], [1]]}, "means"),
        ({"covariance": -1.0}, "covariance = -1.0"),
        ({"covariance": -1e-10}, "covariance = -1e-10"),
        ({"covariance": [1.0, -0.1]}, r"covariance = \[1.0, -0.1\]"),
        ({"covariance": math.nan}, "covariance = nan"),
        ({"covariance": [1.0, 1.0, 1.0]}, "covariance"),
        ({"covariance": [[1.0, 0.5], [0.0, 1.0]]}, "covariance"),
        ({"covariance": [[1.0, 2.0], [2.0, 1.0]]}, "covariance"),
        ({"covariance": [[1.0, 2.0], [2.0]]}, "covariance"),
        ({"scaling": "angel"}, 'scaling "angel" is not known; did you mean "angle"'),
        ({"test_fraction": 1.0}, "test_fraction = 1.0"),
        ({"constant": math.nan}, "constant = nan"),
        ({"constant": math.inf}, "constant = inf"),
    ],
)
def test_bad_settings_are_named(settings, message):
    with pytest.raises(InputError, match=message):
        partial(gaussian, features=2)(**settings)

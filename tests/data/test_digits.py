import math

import numpy as np
import pytest
from sklearn.datasets import load_digits

from qnlr.data import digits as load
from qnlr.errors import InputError

IMAGES, DIGITS = load_digits(return_X_y=True)


def digits(split_seed=1, **settings):
    return load(np.random.default_rng(0), np.random.default_rng(split_seed), **settings)


def rows_of(data):
    return np.vstack([data.train.features, data.test.features])


@pytest.mark.parametrize("classes", [(3, 8), (8, 3), (0, 1), (4, 9)])
def test_counts_and_labels_of_a_pair(classes):
    data = digits(classes=classes, features=64)
    for label, digit in zip((-1, 1), classes, strict=True):
        mine = np.concatenate([data.train.labels, data.test.labels]) == label
        theirs = IMAGES[digit == DIGITS]
        assert mine.sum() == len(theirs)
        order = lambda rows: rows[np.lexsort(rows.T)]
        np.testing.assert_array_equal(order(rows_of(data)[mine]), order(theirs))
    assert data.classes == (f"digit {classes[0]}", f"digit {classes[1]}")


def test_a_fifth_of_each_digit_is_for_testing():
    data = digits(classes=(3, 8))
    assert [np.sum(data.test.labels == label) for label in (-1, 1)] == [37, 35]
    assert [np.sum(data.train.labels == label) for label in (-1, 1)] == [146, 139]


@pytest.mark.parametrize(
    ("features", "rows", "columns"),
    [(1, 1, 1), (2, 2, 1), (4, 2, 2), (8, 4, 2), (16, 4, 4), (32, 8, 4), (64, 8, 8)],
)
def test_pooling_is_the_mean_of_each_block(features, rows, columns):
    whole, pooled = digits(features=64), digits(features=features)
    height, width = 8 // rows, 8 // columns
    for raw, part in ((whole.train, pooled.train), (whole.test, pooled.test)):
        expected = np.empty((len(raw), features))
        for sample, pixels in enumerate(raw.features):
            image = pixels.reshape(8, 8)
            for row in range(rows):
                for column in range(columns):
                    block = image[
                        row * height : (row + 1) * height, column * width : (column + 1) * width
                    ]
                    expected[sample, row * columns + column] = block.sum() / block.size
        np.testing.assert_allclose(part.features, expected, rtol=0, atol=1e-13)
        np.testing.assert_array_equal(part.labels, raw.labels)


@pytest.mark.parametrize("features", [1, 6, 16])
def test_pca_is_the_singular_vectors_of_the_training_split(features):
    raw, reduced = digits(features=64), digits(features=features, reduction="pca")
    mean = raw.train.features.mean(axis=0)
    _, _, axes = np.linalg.svd(raw.train.features - mean, full_matrices=False)
    expected_train = (raw.train.features - mean) @ axes[:features].T
    expected_test = (raw.test.features - mean) @ axes[:features].T
    signs = np.sign((expected_train * reduced.train.features).sum(axis=0))
    np.testing.assert_allclose(reduced.train.features * signs, expected_train, rtol=0, atol=1e-9)
    np.testing.assert_allclose(reduced.test.features * signs, expected_test, rtol=0, atol=1e-9)


def test_scaling_is_fitted_on_the_training_split():
    raw, scaled = digits(features=8), digits(features=8, scaling="angle")
    low, high = raw.train.features.min(axis=0), raw.train.features.max(axis=0)
    expected = np.pi * (raw.test.features - low) / (high - low)
    np.testing.assert_allclose(scaled.test.features, expected, rtol=0, atol=1e-12)
    assert scaled.test.features.max() > np.pi or scaled.test.features.min() < 0


def test_a_constant_is_appended():
    data = digits(features=7, reduction="pca", scaling="standard", constant=1.5)
    assert data.features == 8
    np.testing.assert_array_equal(rows_of(data)[:, -1], 1.5)


def test_images_are_fixed_and_the_split_is_drawn():
    same, other = digits(1), digits(2)
    elsewhere = load(np.random.default_rng(99), np.random.default_rng(1))
    np.testing.assert_array_equal(elsewhere.train.features, same.train.features)
    assert not np.array_equal(other.train.features, same.train.features)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"classes": [3, 3]}, r"classes = \[3, 3\]"),
        ({"classes": [3]}, r"classes = \[3\]"),
        ({"classes": [1, 2, 3]}, r"classes = \[1, 2, 3\]"),
        ({"classes": [3, 10]}, r"classes = \[3, 10\]"),
        ({"classes": [-1, 3]}, r"classes = \[-1, 3\]"),
        ({"classes": [3.7, 8]}, r"classes = \[3.7, 8\]"),
        ({"classes": ["three", 8]}, r"classes = \['three', 8\]"),
        ({"features": 0}, "features = 0 is not valid for pooling"),
        ({"features": 12}, "features = 12 is not valid for pooling"),
        ({"features": 128}, "features = 128 is not valid for pooling"),
        ({"features": -4}, "features = -4 is not valid for pooling"),
        ({"features": 0, "reduction": "pca"}, "features = 0 is not valid for PCA"),
        ({"features": 65, "reduction": "pca"}, "features = 65 is not valid for PCA"),
        ({"features": 1.5, "reduction": "pca"}, "features = 1.5 is not valid"),
        ({"features": 64, "reduction": "pca", "test_fraction": 0.9}, "features = 64"),
        ({"reduction": "pooled"}, 'reduction "pooled" is not known; did you mean "pooling"'),
        ({"scaling": "minmax"}, 'scaling "minmax" is not known'),
        ({"test_fraction": math.nan}, "test_fraction = nan"),
        ({"test_fraction": 0.001}, "357 samples cannot be split"),
        ({"constant": math.nan}, "constant = nan"),
    ],
)
def test_bad_settings_are_named(settings, message):
    with pytest.raises(InputError, match=message):
        digits(**settings)

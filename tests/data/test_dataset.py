import numpy as np
import pytest

from qnlr.data import Dataset, Samples, checked_samples
from qnlr.errors import InputError

GOOD = [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]


def test_checked_samples_hold_features_and_labels_as_floats():
    samples = checked_samples("mine", GOOD, [-1, 1])
    assert len(samples) == 2
    assert samples.features.dtype == samples.labels.dtype == np.float64
    np.testing.assert_array_equal(samples.features, GOOD)
    np.testing.assert_array_equal(samples.labels, [-1, 1])


def test_a_dataset_counts_its_features():
    train = Samples(np.zeros((5, 3)), np.ones(5))
    data = Dataset("mine", train, Samples(np.zeros((2, 3)), np.ones(2)), ("a", "b"), "made up")
    assert (data.features, len(data.train), len(data.test)) == (3, 5, 2)


@pytest.mark.parametrize(
    ("features", "labels", "message"),
    [
        ([1.0, 2.0], [-1, 1], r"features of shape \(2,\)"),
        (GOOD, [-1, 1, 1], r"labels of shape \(3,\)"),
        (GOOD, [[-1], [1]], r"labels of shape \(2, 1\)"),
        (np.zeros((2, 2, 2)), [-1, 1], r"features of shape \(2, 2, 2\)"),
        ([[0.0, 1.0], [1.0, np.nan]], [-1, 1], "row 1 holds a NaN or an infinity"),
        ([[np.inf, 1.0], [1.0, 0.0]], [-1, 1], "row 0 holds a NaN or an infinity"),
        (GOOD, [0, 1], "label 0 is not valid"),
        (GOOD, [-1, 2.5], "label 2.5 is not valid"),
        (GOOD, [-1, np.nan], "label nan is not valid"),
        (GOOD, [1, 1], r"only label \+1 occurs"),
        (GOOD, [-1, -1], "only label -1 occurs"),
        (np.zeros((0, 3)), [], "there are no samples"),
    ],
)
def test_bad_samples_are_named(features, labels, message):
    with pytest.raises(InputError, match=f"^mine: .*{message}"):
        checked_samples("mine", features, labels)

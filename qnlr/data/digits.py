"""The handwritten digits of UCI that scikit-learn ships: real data without a download."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from qnlr.data.dataset import Dataset
from qnlr.data.preprocess import Fit, Transform, fit_chain, split
from qnlr.data.preprocess import constant as append_constant
from qnlr.data.preprocess import scaling as fit_scaling
from qnlr.errors import InputError, unknown_name
from qnlr.types import FloatArray

SIDE = 8


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
    pair = list(classes)
    if len(pair) != 2 or len(set(pair)) != 2 or not set(pair) <= set(range(10)):
        raise InputError(f"classes = {list(classes)} is not valid; it must be two different digits")
    pair = [int(digit) for digit in pair]
    if reduction not in REDUCTIONS:
        raise unknown_name("reduction", reduction, REDUCTIONS)
    images, digit = load_digits(return_X_y=True)
    chosen = np.isin(digit, pair)
    labels = np.where(digit[chosen] == pair[1], 1.0, -1.0)
    train, test = split("digits", images[chosen], labels, split_rng, test_fraction)
    steps = [REDUCTIONS[reduction](features), fit_scaling(scaling), append_constant(constant)]
    train, test = fit_chain(steps, train, test)
    source = (
        f"UCI digits {pair[0]} and {pair[1]} as shipped with scikit-learn, 8x8 pixels, "
        f"{reduction} to {features} features, scaling {scaling}"
        + ("" if constant is None else f", constant {constant:g} appended")
    )
    return Dataset("digits", train, test, (f"digit {pair[0]}", f"digit {pair[1]}"), source)


def _pooling(features: int) -> Fit:
    log2 = int(features).bit_length() - 1
    if features != 2**log2 or not 1 <= features <= SIDE**2:
        raise InputError(
            f"features = {features} is not valid for pooling; it must be 1, 2, 4, 8, 16, 32 or 64"
        )
    rows, columns = 2 ** ((log2 + 1) // 2), 2 ** (log2 // 2)

    def pool(images: FloatArray) -> FloatArray:
        blocks = images.reshape(-1, rows, SIDE // rows, columns, SIDE // columns)
        return np.asarray(blocks.mean(axis=(2, 4)).reshape(-1, features))

    return lambda train: pool


def _pca(features: int) -> Fit:
    if features not in range(1, SIDE**2 + 1):
        raise InputError(f"features = {features} is not valid for PCA; it must lie in 1 to 64")

    def fit(train: FloatArray) -> Transform:
        if features > len(train):
            raise InputError(
                f"features = {features} is not valid for PCA; it must be at most the number of "
                f"training samples, {len(train)}"
            )
        model = PCA(n_components=features, svd_solver="full").fit(train)
        return lambda images: model.transform(images)

    return fit


REDUCTIONS = {"pooling": _pooling, "pca": _pca}

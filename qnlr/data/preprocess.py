"""Splitting and preprocessing; whatever is fitted is fitted on the training split only."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from qnlr.data.dataset import Samples, checked_samples
from qnlr.errors import InputError, unknown_name
from qnlr.types import FloatArray

Transform = Callable[[FloatArray], FloatArray]
Fit = Callable[[FloatArray], Transform]


def split(
    what: str,
    features: FloatArray,
    labels: FloatArray,
    rng: np.random.Generator,
    test_fraction: float,
) -> tuple[Samples, Samples]:
    """Split samples for training and testing, stratified by label.

    Args:
        what: What the samples are, for messages.
        features: Shape (N, d).
        labels: −1 or +1, shape (N,).
        rng: Draws the split.
        test_fraction: Share of the test samples, between 0 and 1.

    Returns:
        Training and test samples.

    Raises:
        InputError: If the samples are not valid (see :func:`qnlr.data.checked_samples`), or too
            few of a class are there for both splits.

    Example:
        >>> x, y = np.arange(20.0).reshape(10, 2), np.repeat([-1.0, 1.0], 5)
        >>> train, test = split("mine", x, y, np.random.default_rng(0), test_fraction=0.2)
        >>> len(train), sorted(test.labels.tolist())
        (8, [-1.0, 1.0])
    """
    samples = checked_samples(what, features, labels)
    if not 0 < test_fraction < 1:
        raise InputError(f"test_fraction = {test_fraction!r} is not valid; it must lie in (0, 1)")
    try:
        x_train, x_test, y_train, y_test = train_test_split(
            samples.features,
            samples.labels,
            test_size=test_fraction,
            stratify=samples.labels,
            random_state=int(rng.integers(2**32)),
        )
    except ValueError as error:
        raise InputError(f"{what}: {len(samples)} samples cannot be split: {error}") from error
    return Samples(x_train, y_train), Samples(x_test, y_test)


def fit_chain(steps: Sequence[Fit], train: Samples, test: Samples) -> tuple[Samples, Samples]:
    """Fit preprocessing steps on the training features, one after another, and apply them to both.

    Args:
        steps: Functions that take training features and return a transform.
        train: Training samples.
        test: Test samples.

    Returns:
        Both, transformed.
    """
    x_train, x_test = train.features, test.features
    for fit in steps:
        transform = fit(x_train)
        x_train, x_test = transform(x_train), transform(x_test)
    return Samples(x_train, train.labels), Samples(x_test, test.labels)


def scaling(name: str) -> Fit:
    """Return a scaling of features, to be fitted on training features.

    Args:
        name: ``"none"``; ``"standard"``, zero mean and unit variance; or ``"angle"``, from the
            smallest to the largest training value onto [0, π].

    Returns:
        A function that takes training features and returns the transform.

    Raises:
        InputError: If the name is not known.

    Example:
        >>> scaling("angle")(np.array([[0.0], [2.0]]))(np.array([[1.0]])).round(4)
        array([[1.5708]])
    """
    if name not in SCALINGS:
        raise unknown_name("scaling", name, SCALINGS)
    return SCALINGS[name]


def constant(value: float | None) -> Fit:
    """Return a step that appends a constant feature, or none at all.

    Amplitude encoding cannot tell x from −x; a constant feature breaks that symmetry.

    Args:
        value: The constant, or None to append nothing.

    Returns:
        A function that takes training features and returns the transform.

    Example:
        >>> constant(1.0)(np.empty((0, 2)))(np.array([[3.0, 4.0]]))
        array([[3., 4., 1.]])
    """
    if value is not None and not math.isfinite(value):
        raise InputError(f"constant = {value!r} is not valid; it must be a finite number or None")

    def append(features: FloatArray) -> FloatArray:
        if value is None:
            return features
        return np.hstack([features, np.full((len(features), 1), value)])

    return lambda _: append


def _none(train: FloatArray) -> Transform:
    return lambda features: features


def _standard(train: FloatArray) -> Transform:
    scaler = StandardScaler().fit(train)
    return lambda features: scaler.transform(features)


def _angle(train: FloatArray) -> Transform:
    scaler = MinMaxScaler(feature_range=(0.0, math.pi)).fit(train)
    return lambda features: scaler.transform(features)


SCALINGS: dict[str, Fit] = {"none": _none, "standard": _standard, "angle": _angle}

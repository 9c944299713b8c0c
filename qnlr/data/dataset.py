"""What every dataset is: labelled features, split for training and testing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from qnlr.errors import InputError
from qnlr.types import FloatArray


@dataclass(frozen=True)
class Samples:
    """Features and labels of a number of samples.

    Args:
        features: Shape (N, d), finite.
        labels: −1 or +1, shape (N,).
    """

    features: FloatArray
    labels: FloatArray

    def __len__(self) -> int:
        """Return N."""
        return len(self.labels)


@dataclass(frozen=True)
class Dataset:
    """A binary classification task.

    Args:
        name: Name of the dataset.
        train: Training samples.
        test: Test samples.
        classes: What labels −1 and +1 stand for.
        source: One sentence on where the samples come from and what was done to them.
    """

    name: str
    train: Samples
    test: Samples
    classes: tuple[str, str]
    source: str

    @property
    def features(self) -> int:
        """The number of features d."""
        return int(self.train.features.shape[1])


def checked_samples(what: str, features: ArrayLike, labels: ArrayLike) -> Samples:
    """Check features and ±1 labels, and hold them together.

    Args:
        what: What the samples are, for messages.
        features: Shape (N, d).
        labels: −1 or +1, shape (N,), both of them present.

    Returns:
        The samples.

    Raises:
        InputError: If shapes differ, a feature is not finite, a label is not ±1, or one class is
            missing.

    Example:
        >>> len(checked_samples("mine", [[0.0, 1.0], [1.0, 0.0]], [-1, 1]))
        2
    """
    x, y = np.asarray(features, dtype=float), np.asarray(labels, dtype=float)
    if x.ndim != 2 or y.shape != (len(x),):
        raise InputError(
            f"{what}: features of shape {x.shape} and labels of shape {y.shape} do not fit; "
            "expected (N, d) and (N,)"
        )
    bad = np.flatnonzero(~np.isfinite(x).all(axis=1))
    if bad.size:
        raise InputError(
            f"{what}: sample row {bad[0]} holds a NaN or an infinity; features must be finite"
        )
    strange = np.setdiff1d(y, [-1.0, 1.0])
    if strange.size:
        raise InputError(f"{what}: label {strange[0]:g} is not valid; labels must be -1 or +1")
    if len(np.unique(y)) < 2:
        present = f"only label {y[0]:+g} occurs" if len(y) else "there are no samples"
        raise InputError(f"{what}: {present}; binary classification needs samples of both classes")
    return Samples(x, y)

"""Two Gaussians in R^d, the paper's synthetic data."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from qnlr.data.dataset import Dataset
from qnlr.data.preprocess import constant as append_constant
from qnlr.data.preprocess import fit_chain, split
from qnlr.data.preprocess import scaling as fit_scaling
from qnlr.errors import InputError, require_count, require_positive
from qnlr.types import FloatArray


def gaussian(
    data_rng: np.random.Generator,
    split_rng: np.random.Generator,
    *,
    features: int = 8,
    samples: int = 1000,
    separation: float | None = None,
    means: Sequence[Sequence[float]] | None = None,
    covariance: float | Sequence[float] | Sequence[Sequence[float]] = 1.0,
    scaling: str = "none",
    constant: float | None = None,
    test_fraction: float = 0.2,
) -> Dataset:
    """Draw two multivariate Gaussians, one for each class.

    .. math:: x | y ∼ N(μ_y, Σ)

    The paper leaves means and covariance open. Here, by default, the mean of class +1 has the same
    value c in its first half of coordinates and 0 in the rest, that of class −1 the reverse, with
    c = separation/√d; Σ is the identity. Means at ±μ would be at chance: amplitude encoding cannot
    tell x from −x (append a constant then).

    Source: NLR paper, section V-B.

    Args:
        data_rng: Draws the samples.
        split_rng: Draws the split.
        features: d, 2 to 4096.
        samples: Number of samples of both classes together, 10 to 10⁷.
        separation: Distance ‖μ₊ − μ₋‖ > 0; 2√d by default, that is c = 2. Not with ``means``.
        means: μ₋ and μ₊, each of length d, instead of a separation.
        covariance: Σ: a variance, d variances, or a d × d matrix.
        scaling: ``"none"``, ``"standard"`` or ``"angle"``.
        constant: A constant feature to append, or None.
        test_fraction: Share of the test samples.

    Returns:
        The dataset, 80/20 split by default.

    Raises:
        InputError: If a setting is not valid.

    Example:
        >>> data = gaussian(np.random.default_rng(0), np.random.default_rng(1), samples=100)
        >>> data.train.features.shape, data.test.features.shape
        ((80, 8), (20, 8))
    """
    features = require_count("features", features, low=2, high=4096)
    samples = require_count("samples", samples, low=10, high=10_000_000)
    low, high = _means(features, separation, means)
    matrix = _covariance(features, covariance)
    half = samples // 2
    drawn = np.vstack(
        [
            data_rng.multivariate_normal(low, matrix, size=samples - half),
            data_rng.multivariate_normal(high, matrix, size=half),
        ]
    )
    labels = np.repeat([-1.0, 1.0], [samples - half, half])
    train, test = split("gaussian data", drawn, labels, split_rng, test_fraction)
    train, test = fit_chain([fit_scaling(scaling), append_constant(constant)], train, test)
    distance = float(np.linalg.norm(high - low))
    source = (
        f"two Gaussians in R^{features}, {samples} samples, means {distance:.3g} apart, "
        f"scaling {scaling}" + ("" if constant is None else f", constant {constant:g} appended")
    )
    return Dataset("gaussian", train, test, ("Gaussian -", "Gaussian +"), source)


def _means(
    features: int, separation: float | None, means: Sequence[Sequence[float]] | None
) -> tuple[FloatArray, FloatArray]:
    if means is None:
        distance = 2.0 * np.sqrt(features) if separation is None else separation
        c = require_positive("separation", float(distance)) / np.sqrt(features)
        first = np.arange(features) < (features + 1) // 2
        return np.where(first, 0.0, c), np.where(first, c, 0.0)
    if separation is not None:
        raise InputError("give either means or separation, not both")
    array = _array("means", means)
    if array.shape != (2, features) or not np.isfinite(array).all():
        raise InputError(
            f"means of shape {array.shape} are not valid; two finite vectors of length "
            f"features = {features} are needed"
        )
    return array[0], array[1]


def _array(name: str, value: ArrayLike) -> FloatArray:
    try:
        return np.asarray(value, dtype=float)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} = {value!r} is not valid; {error}") from error


def _negative(matrix: FloatArray) -> bool:
    lowest = np.linalg.eigvalsh(matrix).min()
    return bool((np.diag(matrix) < 0).any() or lowest < -1e-9 * np.abs(matrix).max())


def _covariance(
    features: int, covariance: float | Sequence[float] | Sequence[Sequence[float]]
) -> FloatArray:
    array = _array("covariance", covariance)
    if array.ndim == 0:
        array = np.full(features, float(array))
    matrix = np.diag(array) if array.ndim == 1 else array
    valid = matrix.shape == (features, features) and np.isfinite(matrix).all()
    if not valid or not np.allclose(matrix, matrix.T) or _negative(matrix):
        raise InputError(
            f"covariance = {covariance!r} is not valid; it must be a variance >= 0, {features} of "
            f"them, or a symmetric positive semidefinite {features} x {features} matrix"
        )
    return matrix

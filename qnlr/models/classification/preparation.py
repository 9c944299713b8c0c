"""What is done to features before they are encoded, learned from training features alone."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from qnlr.data.preprocess import SCALINGS
from qnlr.errors import InputError, unknown_name
from qnlr.types import FloatArray

SUITABLE = {"amplitude": "standard", "angle": "angle", "zz": "angle"}


@dataclass(frozen=True)
class Preparation:
    r"""Features shifted and scaled, one by one, and a constant feature behind them.

    .. math:: x'_j = (x_j - s_j) / r_j, \qquad x'_{d+1} = c

    Args:
        shift: s, shape (d,).
        scale: r > 0, shape (d,).
        constant: c, or None for no constant feature.

    Example:
        >>> train = np.array([[0.0, 1.0], [2.0, 5.0]])
        >>> Preparation.learned(train, "standard", append=True)(train).round(4)
        array([[-1.    , -1.    ,  1.4142],
               [ 1.    ,  1.    ,  1.4142]])
    """

    shift: FloatArray
    scale: FloatArray
    constant: float | None

    @classmethod
    def learned(cls, features: FloatArray, scaling: str, append: bool) -> Preparation:
        """Learn a preparation from training features.

        The constant is as long as a scaled sample is on average, the root of the mean of ‖x'‖²: the
        terms of the model that are linear in the features then weigh as much as the quadratic ones.

        Args:
            features: Shape (N, d).
            scaling: ``"none"``, ``"standard"`` (zero mean and unit variance) or ``"angle"`` (from
                the smallest to the largest training value onto [0, π]).
            append: Whether to append a constant feature.

        Returns:
            The preparation.

        Raises:
            InputError: If the scaling is not known, or features are too large for it.
        """
        if not isinstance(scaling, str):
            raise InputError(
                f"scaling = {scaling!r} is not valid; it must be one of auto, {', '.join(SCALINGS)}"
            )
        if scaling not in SCALINGS:
            raise unknown_name("scaling", scaling, [*SCALINGS, "auto"])
        with np.errstate(all="ignore"):
            learned = cls._of(features, scaling, append)
        constant = 1.0 if learned.constant is None else learned.constant
        if not np.isfinite([*learned.shift, *learned.scale, constant]).all():
            raise _too_large(features)
        return learned

    @classmethod
    def _of(cls, features: FloatArray, scaling: str, append: bool) -> Preparation:
        shift, scale = np.zeros(features.shape[1]), np.ones(features.shape[1])
        if scaling == "standard":
            standard = StandardScaler().fit(features)
            shift, scale = standard.mean_, standard.scale_
        elif scaling == "angle":
            angle = MinMaxScaler(feature_range=(0.0, math.pi)).fit(features)
            shift, scale = angle.data_min_, 1.0 / angle.scale_
        if not append:
            return cls(shift, scale, None)
        squares = (((features - shift) / scale) ** 2).sum(axis=1)
        return cls(shift, scale, float(np.sqrt(squares.mean())) or 1.0)

    @property
    def features(self) -> int:
        """The number of features that are encoded, the constant one included."""
        return len(self.shift) + (self.constant is not None)

    def __call__(self, features: FloatArray) -> FloatArray:
        """Return the prepared features of shape (B, d), or (B, d + 1) with the constant.

        Raises:
            InputError: If features are too large.
        """
        with np.errstate(all="ignore"):
            scaled = (features - self.shift) / self.scale
        if not np.isfinite(scaled).all():
            raise _too_large(features)
        if self.constant is None:
            return np.asarray(scaled)
        return np.column_stack([scaled, np.full(len(scaled), self.constant)])


def _too_large(features: FloatArray) -> InputError:
    return InputError(
        f"features as large as {np.abs(features).max():.3g} overflow when they are scaled; give "
        "them in other units"
    )

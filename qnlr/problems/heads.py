"""Heads: what is made of an expectation value before the loss sees it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from qnlr.types import FloatArray


class Head(Protocol):
    """Turns an expectation value f into the output o of a model, with weights w of its own."""

    @property
    def num_weights(self) -> int:
        """The number of weights H."""

    def initial(self, rng: np.random.Generator) -> FloatArray:
        """Return initial weights, shape (H,)."""

    def value(self, f: FloatArray, w: FloatArray) -> FloatArray:
        """Return o for every f."""

    def slope(self, w: FloatArray) -> float:
        """Return ∂o/∂f."""

    def by_weights(self, f: FloatArray) -> FloatArray:
        """Return ∂o/∂w, shape (B, H)."""

    def mixed(self) -> FloatArray:
        """Return ∂²o/∂f∂w, shape (H,)."""


@dataclass(frozen=True)
class Bare:
    """No head: the output is the expectation value.

    .. math:: o = f

    Example:
        >>> Bare().value(np.array([0.5]), np.empty(0)), Bare().num_weights
        (array([0.5]), 0)
    """

    @property
    def num_weights(self) -> int:
        """None."""
        return 0

    def initial(self, rng: np.random.Generator) -> FloatArray:
        """Return no weights."""
        return np.empty(0)

    def value(self, f: FloatArray, w: FloatArray) -> FloatArray:
        """Return f."""
        return f

    def slope(self, w: FloatArray) -> float:
        """Return 1."""
        return 1.0

    def by_weights(self, f: FloatArray) -> FloatArray:
        """Return an array without columns."""
        return np.empty((len(f), 0))

    def mixed(self) -> FloatArray:
        """Return an empty array."""
        return np.empty(0)


@dataclass(frozen=True)
class ScaleBias:
    r"""A linear layer behind the expectation value, trained with the circuit.

    .. math:: o = a f + b

    The scale begins as Xavier initialisation draws it for one input and one output, a ∼ U[−√3, √3],
    the bias at 0.

    Source: the "classical layers" of the NLR paper, section V-A, which does not say which.

    Example:
        >>> ScaleBias().value(np.array([0.5]), np.array([4.0, 1.0]))
        array([3.])
    """

    @property
    def num_weights(self) -> int:
        """Two: a and b."""
        return 2

    def initial(self, rng: np.random.Generator) -> FloatArray:
        """Draw a, and set b to 0."""
        return np.array([rng.uniform(-math.sqrt(3.0), math.sqrt(3.0)), 0.0])

    def value(self, f: FloatArray, w: FloatArray) -> FloatArray:
        """Return a f + b."""
        return np.asarray(w[0] * f + w[1])

    def slope(self, w: FloatArray) -> float:
        """Return a."""
        return float(w[0])

    def by_weights(self, f: FloatArray) -> FloatArray:
        """Return (f, 1)."""
        return np.stack([f, np.ones_like(f)], axis=1)

    def mixed(self) -> FloatArray:
        """Return (1, 0)."""
        return np.array([1.0, 0.0])


HEADS: dict[str, type[Head]] = {"bare": Bare, "scale_bias": ScaleBias}

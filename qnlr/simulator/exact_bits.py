"""What classical registers read of a circuit without shots: probabilities instead of counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from qnlr.types import FloatArray


class ExactBits:
    """A classical register of exact probabilities, where a sampler's data has a ``BitArray``.

    As the data of qiskit-machine-learning's exact ``QMLSampler``, it says what share of the shots
    each bit string would have.

    Args:
        table: Probabilities of all outcomes of the circuit, shape (..., 2^m).
        read: What the register reads of each outcome, shape (2^m,).
        num_bits: Size of the register.

    Example:
        >>> bits = ExactBits(np.array([0.5, 0.0, 0.25, 0.25]), np.array([0, 1, 0, 1]), 1)
        >>> bits.get_counts()
        {'0': 0.75, '1': 0.25}
    """

    num_shots = None

    def __init__(self, table: FloatArray, read: np.ndarray, num_bits: int) -> None:
        self.table = table
        self.read = read
        self.num_bits = num_bits

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the PUB."""
        return self.table.shape[:-1]

    def get_int_counts(self, loc: int | tuple[int, ...] | None = None) -> dict[int, float]:
        """Return the share of each integer, of one element or the mean of all.

        Args:
            loc: Which element; None for all. A PUB without a shape has but one.

        Returns:
            Shares above 0, which add up to 1.
        """
        one = loc is not None and bool(self.shape)  # a single element may be asked for as 0
        row = self.table[loc] if one else self.table.reshape(-1, self.table.shape[-1]).mean(axis=0)
        values, where = np.unique(self.read, return_inverse=True)
        shares = np.bincount(where, weights=row)
        kept = np.flatnonzero(shares)
        return dict(zip(values[kept].tolist(), shares[kept].tolist(), strict=True))

    def get_counts(self, loc: int | tuple[int, ...] | None = None) -> dict[str, float]:
        """Return the share of each bit string, as :meth:`get_int_counts`."""
        found = self.get_int_counts(loc)
        return {format(number, f"0{self.num_bits}b"): share for number, share in found.items()}

    def get_probabilities(self, loc: int | tuple[int, ...] | None = None) -> Any:
        """Return the shares of one element, or of every one as an array of the PUB's shape."""
        if loc is not None or not self.shape:
            return self.get_counts(loc)
        found = np.empty(self.shape, dtype=object)
        for place in np.ndindex(*self.shape):
            found[place] = self.get_counts(place)
        return found

    @staticmethod
    def joined(registers: Sequence[ExactBits]) -> ExactBits:
        """Return registers of one circuit as one, the first of them in the lowest bits."""
        read, size = np.zeros_like(registers[0].read), 0
        for one in registers:
            read, size = read | one.read << size, size + one.num_bits
        return ExactBits(registers[0].table, read, size)

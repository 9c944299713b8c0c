"""How often a sampler saw each outcome, from bits or from exact probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.primitives import BitArray, DataBin

from qnlr.errors import InputError
from qnlr.types import FloatArray

WORD = 8
"""Bytes of the integers that outcomes are compared as."""


@dataclass(frozen=True, eq=False)
class Frequencies:
    """Shares of outcomes.

    Args:
        outcomes: Numbers of the U outcomes that were seen.
        shares: Share of each, shape (..., U).
        shots: What these are shares of, or None where they are exact probabilities.
    """

    outcomes: list[int]
    shares: FloatArray
    shots: int | None

    def variances(self) -> FloatArray:
        """Return the variances p(1 − p)/(N − 1) of the shares; 0 where exact.

        Example:
            >>> Frequencies([0, 3], np.array([0.2, 0.8]), 17).variances()
            array([0.01, 0.01])
        """
        if self.shots is None:
            return np.zeros_like(self.shares)
        return self.shares * (1 - self.shares) / max(self.shots - 1, 1)

    def read_as(self, numbers: list[int | None]) -> Frequencies:
        """Return shares of other numbers, to each of which several outcomes may go.

        Args:
            numbers: What each outcome goes to; None for nowhere.

        Returns:
            The shares.

        Example:
            >>> seen = Frequencies([0, 1, 2], np.array([0.1, 0.2, 0.7]), None)
            >>> both = seen.read_as([0, None, 0])
            >>> both.outcomes, both.shares.round(9)
            ([0], array([0.8]))
        """
        kept = sorted({number for number in numbers if number is not None})
        column = {number: place for place, number in enumerate(kept)}
        shares = np.zeros((*self.shares.shape[:-1], len(kept)))
        for place, number in enumerate(numbers):
            if number is not None:
                shares[..., column[number]] += self.shares[..., place]
        return Frequencies(kept, shares, self.shots)


def register_of(data: DataBin) -> Any:
    """Return the data of the register ``meas``, or ``c``, or the first: as qiskit-machine-learning.

    Args:
        data: Of a sampler's PUB.

    Returns:
        A ``BitArray``, or what has ``get_probabilities``.

    Raises:
        InputError: If it is something else.
    """
    names = [*(name for name in ("meas", "c") if name in data), *data]
    register = data[names[0]]
    if not isinstance(register, BitArray) and not hasattr(register, "get_probabilities"):
        raise InputError(
            f"the sampler gave {type(register).__name__} for its register {names[0]!r}; it must "
            "give bits (meas_type = 'classified') or probabilities"
        )
    return register


def frequencies(register: Any, place: int) -> Frequencies:
    """Return what was seen at one place of the last axis of a PUB.

    Args:
        register: Data of shape (..., E), as :func:`register_of` returns it.
        place: Below E.

    Returns:
        Shares of shape (..., U).

    Example:
        >>> bits = BitArray.from_samples(["11", "00", "11", "01"]).reshape(1, 4)
        >>> seen = frequencies(bits, 0)
        >>> seen.outcomes, seen.shares
        ([0, 1, 3], array([0.25, 0.25, 0.5 ]))
    """
    if isinstance(register, BitArray):
        return _counted(register.array[..., place, :, :])
    rows = register.get_probabilities()[..., place]
    numbers = [{int(key, 2): share for key, share in row.items()} for row in rows.ravel()]
    outcomes = sorted(set().union(*numbers))
    shares = [[row.get(outcome, 0.0) for outcome in outcomes] for row in numbers]
    table = np.array(shares, dtype=float).reshape(*rows.shape, len(outcomes))
    return Frequencies(outcomes, table, None)


def _counted(bits: np.ndarray) -> Frequencies:
    """Count rows of big-endian bytes, shape (..., shots, bytes)."""
    *shape, shots, size = bits.shape
    words = -(-size // WORD)
    padded = np.zeros((*bits.shape[:-1], words * WORD), dtype=np.uint8)
    padded[..., words * WORD - size :] = bits
    rows = padded.reshape(-1, words * WORD).view(">u8").astype(np.uint64)
    if words == 1:
        seen, which = np.unique(rows[:, 0], return_inverse=True)
        outcomes = seen.tolist()
    else:
        seen, which = np.unique(rows, axis=0, return_inverse=True)
        outcomes = [int.from_bytes(row.astype(">u8").tobytes(), "big") for row in seen]
    elements = np.arange(which.size) // shots
    counts = np.bincount(
        elements * len(outcomes) + which.ravel(), minlength=which.size // shots * len(outcomes)
    )
    return Frequencies(outcomes, counts.reshape(*shape, len(outcomes)) / shots, shots)


def read_numbers(outcomes: list[int], circuit: QuantumCircuit) -> list[int | None]:
    """Return the numbers that outcomes have in qiskit-machine-learning.

    Those beyond the qubits count for none. Where a circuit was transpiled before all of a device's
    qubits were measured, bit i of a number is that of the logical qubit i.

    Args:
        outcomes: As the register reads them.
        circuit: Before it is transpiled for the gradient.

    Returns:
        A number for each, or None.

    Example:
        >>> read_numbers([1, 4, 7], QuantumCircuit(2, 3))
        [1, None, None]
    """
    if circuit.layout is not None and _measures_each(circuit):
        where = circuit.layout.final_index_layout(filter_ancillas=True)
        return [
            sum((outcome >> qubit & 1) << place for place, qubit in enumerate(where))
            for outcome in outcomes
        ]
    return [outcome if outcome >> circuit.num_qubits == 0 else None for outcome in outcomes]


def _measures_each(circuit: QuantumCircuit) -> bool:
    """Return whether bit i of one register measures qubit i, for all qubits."""
    pairs = {
        circuit.find_bit(one.clbits[0]).index: circuit.find_bit(one.qubits[0]).index
        for one in circuit.data
        if one.name == "measure"
    }
    everything = {number: number for number in range(circuit.num_qubits)}
    return len(circuit.cregs) == 1 and pairs == everything

"""Read-out errors: what Pauli strings and outcome probabilities become under them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from qiskit.quantum_info import PauliList

from qnlr.types import FloatArray


class Readout(Protocol):
    """Confusion matrices of qubits: see :class:`qnlr.simulator.channels.GateNoise`."""

    def confusion(self, qubit: int) -> FloatArray:
        """Return P(read j | prepared i) at [i, j], shape (2, 2)."""


def misread(probabilities: FloatArray, confusion: Sequence[FloatArray]) -> FloatArray:
    """Apply read-out errors to outcome probabilities.

    Args:
        probabilities: Shape (E, 2^m); bit k of an outcome is measured qubit k.
        confusion: For every measured qubit, P(read j | prepared i) at [i, j].

    Returns:
        Probabilities of what is read, same shape.

    Example:
        >>> misread(np.array([[1.0, 0.0]]), [np.array([[0.9, 0.1], [0.2, 0.8]])])
        array([[0.9, 0.1]])
    """
    table = probabilities.reshape((-1,) + (2,) * len(confusion))
    for bit, matrix in enumerate(confusion):
        axis = table.ndim - 1 - bit
        table = np.moveaxis(np.moveaxis(table, axis, -1) @ matrix, -1, axis)
    return table.reshape(probabilities.shape)


def readings(
    paulis: PauliList, readout: Readout | None
) -> tuple[FloatArray, PauliList, FloatArray, np.ndarray]:
    r"""Return what Pauli strings read as under read-out errors: sums of other strings.

    .. math:: \bigotimes_q P_q → \bigotimes_q (a_q + b_q P_q), \qquad
              a = \tfrac12 (p_{00} - p_{01} + p_{10} - p_{11}), \quad
              b = \tfrac12 (p_{00} - p_{01} - p_{10} + p_{11})

    with p_ij = P(read j | prepared i).

    Args:
        paulis: T strings.
        readout: Confusion matrices of qubits, or None.

    Returns:
        The constant part of each, shape (T,); strings, their coefficients, and which of the T
        each is part of.

    Example:
        >>> constant, strings, weights, owner = readings(PauliList(["IZ", "II"]), None)
        >>> constant, strings.to_labels(), weights, owner
        (array([0., 1.]), ['IZ'], array([1.]), array([0]))
    """
    constant, masks, weights, owner = np.zeros(len(paulis)), [], [], []
    for number, (x, z) in enumerate(zip(paulis.x, paulis.z, strict=True)):
        for keep, weight in _subsets(np.flatnonzero(x | z), readout):
            if not keep:
                constant[number] += weight
                continue
            mask = np.zeros(len(x), dtype=bool)
            mask[list(keep)] = True
            masks.append(mask)
            weights.append(weight)
            owner.append(number)
    part = np.array(owner, dtype=np.int64)
    kept = np.array(masks, dtype=bool).reshape(len(masks), paulis.num_qubits)
    strings = PauliList.from_symplectic(paulis.z[part] & kept, paulis.x[part] & kept)
    return constant, strings, np.array(weights, dtype=float), part


def _subsets(support: np.ndarray, readout: Readout | None) -> list[tuple[tuple[int, ...], float]]:
    found: list[tuple[tuple[int, ...], float]] = [((), 1.0)]
    for qubit in support:
        a, b = 0.0, 1.0
        if readout is not None:
            p = readout.confusion(int(qubit))
            a = (p[0, 0] - p[0, 1] + p[1, 0] - p[1, 1]) / 2
            b = (p[0, 0] - p[0, 1] - p[1, 0] + p[1, 1]) / 2
        kept = [((*keep, int(qubit)), b * weight) for keep, weight in found]
        found = kept + ([(keep, a * weight) for keep, weight in found] if a else [])
    return found

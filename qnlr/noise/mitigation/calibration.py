"""Calibration of read-out errors, and the observables that undo them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from qiskit.quantum_info import SparsePauliOp

from qnlr.errors import InputError
from qnlr.types import FloatArray

LEAST_SCALE = 0.05
Term = tuple[str, list[int], complex]


@dataclass(frozen=True, eq=False)
class Calibration:
    r"""How qubits are read: Z of each as a + bZ, independently of the others.

    .. math:: a = \tfrac12 (m_0 + m_1), \qquad b = \tfrac12 (m_0 - m_1)

    with m_0 and m_1 what Z reads on average in |0⟩ and in |1⟩.

    Args:
        qubits: The m qubits.
        zeros: m_0 of each, shape (m,).
        ones: m_1 of each, shape (m,).
        zero_stds: Standard errors of m_0, shape (m,).
        one_stds: Standard errors of m_1, shape (m,).

    Raises:
        InputError: If a qubit reads nearly the same in both states.

    Example:
        >>> import numpy as np
        >>> known = Calibration((0,), np.array([0.9]), np.array([-0.7]), np.zeros(1), np.zeros(1))
        >>> known.offsets.round(6), known.scales.round(6)
        (array([0.1]), array([0.8]))
    """

    qubits: tuple[int, ...]
    zeros: FloatArray
    ones: FloatArray
    zero_stds: FloatArray
    one_stds: FloatArray

    def __post_init__(self) -> None:
        for qubit, b in zip(self.qubits, self.scales, strict=True):
            if not abs(b) >= LEAST_SCALE:
                raise InputError(
                    f"qubit {qubit} reads nearly the same in |0⟩ and in |1⟩, b = {b:.3g}, so that "
                    f"its read-out cannot be corrected; |b| must be at least {LEAST_SCALE}: take "
                    "another qubit, or more shots if they were few"
                )

    @property
    def offsets(self) -> FloatArray:
        """What is read of each qubit on average over both states, a."""
        return (self.zeros + self.ones) / 2

    @property
    def scales(self) -> FloatArray:
        """By how much reading shrinks Z of each qubit, b."""
        return (self.zeros - self.ones) / 2

    def corrected(self, observable: SparsePauliOp) -> SparsePauliOp:
        r"""Return the observable that reads as another one would without read-out errors.

        .. math:: \bigotimes_q P_q → \bigotimes_q \frac{P_q - a_q}{b_q}

        Source: the inverse of the tensored calibration matrix, Bravyi et al., Phys. Rev. A 103,
        042605 (2021), section II.

        Args:
            observable: A sum of Pauli strings on calibrated qubits.

        Returns:
            The sum of all the strings that they become.

        Example:
            >>> import numpy as np
            >>> known = Calibration(
            ...     (0,), np.array([0.9]), np.array([-0.7]), np.zeros(1), np.zeros(1)
            ... )
            >>> known.corrected(SparsePauliOp(["IZ"]))
            SparsePauliOp(['II', 'IZ'],
                          coeffs=[-0.125+0.j,  1.25 +0.j])
        """
        return self._sum(observable.to_sparse_list(), observable)

    def slopes(self, observable: SparsePauliOp) -> list[tuple[float, SparsePauliOp]]:
        """Return how a corrected observable hangs on what the calibration measured.

        Args:
            observable: A sum of Pauli strings on calibrated qubits.

        Returns:
            For m_0 and m_1 of every qubit that are not exact: their standard error, and the
            observable whose value is the derivative of the corrected one by them.
        """
        found = []
        stds = zip(self.zero_stds.tolist(), self.one_stds.tolist(), strict=True)
        for qubit, b, both in zip(self.qubits, self.scales.tolist(), stds, strict=True):
            terms = [term for term in observable.to_sparse_list() if qubit in term[1]]
            by_offset = [_without(term, qubit, -0.5 / b) for term in terms]
            by_scale = [(word, where, -0.5 / b * weight) for word, where, weight in terms]
            for std, sign in zip(both, (1.0, -1.0), strict=True):
                if std != 0.0:
                    signed = [(word, where, sign * weight) for word, where, weight in by_scale]
                    found.append((std, self._sum([*by_offset, *signed], observable)))
        return found

    def _sum(self, terms: Iterable[Term], like: SparsePauliOp) -> SparsePauliOp:
        a = dict(zip(self.qubits, self.offsets.tolist(), strict=True))
        b = dict(zip(self.qubits, self.scales.tolist(), strict=True))
        found: list[Term] = [("", [], 0.0)]
        for word, where, weight in terms:
            expanded: list[Term] = [("", [], weight)]
            for letter, qubit in zip(word, where, strict=True):
                kept = [(w + letter, [*q, qubit], c / b[qubit]) for w, q, c in expanded]
                lost = [(w, q, -c * a[qubit] / b[qubit]) for w, q, c in expanded]
                expanded = kept + (lost if a[qubit] else [])
            found += expanded
        both = SparsePauliOp.from_sparse_list(found, num_qubits=like.num_qubits)
        return both.simplify(atol=0.0, rtol=0.0)


def _without(term: Term, qubit: int, factor: float) -> Term:
    word, where, weight = term
    place = where.index(qubit)
    return word[:place] + word[place + 1 :], where[:place] + where[place + 1 :], factor * weight

"""Running a tape, noisy or not, on density matrices in the Pauli basis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from qiskit.quantum_info import PauliList

from qnlr.simulator import pauli
from qnlr.simulator.blocks import (
    Blocks,
    collect_blocks,
    shift_blocks,
    transfer_matrix,
    transfers,
)
from qnlr.simulator.running import (
    ALWAYS_THERE,
    Prepared,
    Threads,
    prepare,
    require_memory,
    require_table,
)
from qnlr.simulator.tape import BLOCK, FIXED, FLIP, NOISE, Tape
from qnlr.types import FloatArray

GENERAL = 2
CX = np.array([[1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0], [0, 1, 0, 0]], dtype=complex)
LARGEST_NEED = 1 << 26
LARGEST_STORE = 1 << 22
"""Bytes of a thread's store that are aimed at: as many elements at once as fit a cache."""


class Densities:
    """A tape ready to run on density matrices.

    Args:
        tape: The tape.
        threads: Threads that share the elements.
    """

    def __init__(self, tape: Tape, threads: Threads) -> None:
        self.tape = tape
        self.threads = threads
        self.blocks = collect_blocks(tape)
        self.strings = 1 << 2 * tape.num_qubits
        self.width = max(1, min(16, LARGEST_STORE // (8 * self.strings)))
        ops: list[tuple[int, ...]] = []
        qubits: list[int] = []
        sources: list[np.ndarray] = []
        factors: list[np.ndarray] = []
        dense: list[np.ndarray] = []
        number = 0
        for where, matrix in _transfer_steps(tape):
            start = len(qubits)
            qubits += where
            if matrix is None:
                ops.append((BLOCK, number, start, start + 1))
                number += 1
                continue
            source = _monomial(matrix)
            if source is None:
                ops.append((GENERAL, len(dense), start, len(qubits)))
                dense.append(matrix)
            else:
                ops.append((pauli.MONOMIAL, len(sources), start, len(qubits)))
                sources.append(source)
                factors.append(matrix[np.arange(len(matrix)), source])
        self._ops = np.array(ops, dtype=np.int64).reshape(-1, 4)
        self._step = np.flatnonzero(self._ops[:, 0] == BLOCK)
        self._qubits = np.array(qubits, dtype=np.int64)
        self._sources = _stacked(sources, 1, np.int64)
        self._factors = _stacked(factors, 1, float)
        self._dense = _stacked(dense, 2, float)
        self._unital = _unital_blocks(self.blocks)
        self._needed: dict[bytes, np.ndarray] = {}

    def strings_of(self, paulis: PauliList) -> np.ndarray:
        """Return the numbers of Pauli strings on the qubits of the tape, shape (T,)."""
        digits = np.where(paulis.x, np.where(paulis.z, 2, 1), np.where(paulis.z, 3, 0))
        return digits.astype(np.int64) @ (1 << 2 * np.arange(self.tape.num_qubits))

    def expectations(
        self, angles: FloatArray, observables: Sequence[tuple[np.ndarray, FloatArray]]
    ) -> FloatArray:
        """Return exact expectation values of observables.

        Args:
            angles: Rotation angles φ, shape (S, E).
            observables: For each, numbers of its strings and their coefficients.

        Returns:
            Shape (number of observables, E).
        """
        self._require_memory(0)
        out = np.zeros((len(observables), angles.shape[1]))
        ends = np.cumsum([0, *(len(strings) for strings, _ in observables)])
        terms = np.concatenate([strings for strings, _ in observables])
        weights = np.concatenate([weights for _, weights in observables]).astype(float)
        run, need = self._arguments(self._prepare(angles)), self._need(terms)
        self.threads.share(
            lambda lo, hi: pauli.values(
                *run, need, terms, weights, ends, lo, hi, self.strings, self.width, out
            ),
            angles.shape[1],
        )
        return out

    def probabilities(
        self, angles: FloatArray, measured: Sequence[int], bases: Sequence[int]
    ) -> FloatArray:
        r"""Return probabilities of the outcomes of measured qubits.

        .. math:: p(o) = 2^{-m} \sum_z (-1)^{o \cdot z} S_{P^z}

        Args:
            angles: Rotation angles φ, shape (S, E).
            measured: m qubits of the tape; the first is bit 0 of an outcome.
            bases: 1, 2 or 3 where a qubit is measured in the basis of X, Y or Z.

        Returns:
            Shape (E, 2^m).
        """
        self._require_memory(0)
        require_table(len(measured), angles.shape[1])
        outcomes = np.arange(1 << len(measured))
        strings = np.zeros_like(outcomes)
        for bit, (qubit, basis) in enumerate(zip(measured, bases, strict=True)):
            strings |= (outcomes >> bit & 1) * (basis << 2 * qubit)
        found = self.expectations(angles, [(strings[z : z + 1], np.ones(1)) for z in outcomes])
        table = found.T.reshape(-1, *(2,) * len(measured))
        for axis in range(1, table.ndim):
            plus, minus = np.split(table, 2, axis=axis)
            table = np.concatenate([plus + minus, plus - minus], axis=axis) / 2
        return np.clip(table.reshape(angles.shape[1], -1), 0.0, 1.0)

    def shifts(
        self, angles: FloatArray, strings: np.ndarray, weights: FloatArray, wanted: np.ndarray
    ) -> tuple[FloatArray, FloatArray, FloatArray] | None:
        """Return exact values of an observable, and with every wanted angle shifted by ±π/2.

        One sweep of the observable back, which all elements share, and one sweep of the states
        forward: where they meet at a block, ⟨O⟩ = Σ_ab R[a, b] T[a, b], for any matrix R of it.

        Args:
            angles: Rotation angles φ, shape (S, E).
            strings: Numbers of the observable's strings.
            weights: Their coefficients.
            wanted: Whether each angle is to be shifted, shape (S,).

        Returns:
            Values, shape (E,), and those at +π/2 and −π/2, shape (S, E) each, 0 where they are not
            wanted; None if elements differ behind a wanted block: O cannot be shared then.
        """
        prepared = self._prepare(angles)
        slot, stop = self._wanted_blocks(wanted)
        if (prepared.varies & (self._step >= stop)).any():
            return None
        count, size = int(slot.max(initial=-1)) + 1, angles.shape[1]
        self._require_memory(count)
        o = np.zeros(self.strings)
        np.add.at(o, strings, weights)
        behind, need = np.zeros((count, self.strings)), self._need(np.asarray(strings))
        pauli.pull_back(
            self._ops, self._qubits, self._sources, self._factors, self._dense,
            prepared.shared, need, slot, stop, o, behind,
        )  # fmt: skip
        meets, found = np.zeros((count, 12, size)), np.zeros(size)
        terms, c = np.asarray(strings), np.asarray(weights, dtype=float)
        run = self._arguments(prepared)
        self.threads.share(
            lambda lo, hi: pauli.meetings(
                *run, need, slot, behind, terms, c, lo, hi, self.strings, self.width, meets, found
            ),
            size,
        )
        plus, minus = (np.where(wanted[:, None], found, 0.0) for _ in range(2))
        b = self.blocks
        shift_blocks(
            b.start, b.kind, b.index, b.transfers, angles[:, 0].copy(), slot, wanted,
            prepared.shared, meets, found, plus, minus,
        )  # fmt: skip
        return found, plus, minus

    def _need(self, terms: np.ndarray) -> np.ndarray:
        """Return which groups of strings each step must be applied to, for some observables."""
        if self.strings * len(self._ops) > LARGEST_NEED:
            return np.ones((1, self.strings), dtype=bool)
        key = np.unique(terms).tobytes()
        need = self._needed.get(key)
        if need is None:
            need = np.zeros((max(1, len(self._ops)), self.strings), dtype=bool)
            marked = np.zeros(self.strings, dtype=bool)
            marked[terms] = True
            pauli.mark_needed(
                self._ops, self._qubits, self._sources, self._dense, self._unital, marked, need
            )
            self._needed = {key: need}
        return need

    def _wanted_blocks(self, wanted: np.ndarray) -> tuple[np.ndarray, int]:
        """Return the place of each wanted block, or −1, and the first step that is one."""
        found = np.zeros(len(self.blocks), dtype=bool)
        found[self.blocks.of_angle[wanted & (self.blocks.of_angle >= 0)]] = True
        stop = int(self._step[found].min(initial=len(self._ops)))
        return np.where(found, np.cumsum(found) - 1, -1), stop

    def _prepare(self, angles: FloatArray) -> Prepared:
        return prepare(self.blocks, angles, transfers, self.blocks.transfers, (4, 4))

    def _arguments(self, p: Prepared) -> tuple[np.ndarray, ...]:
        return (
            self._ops, self._qubits, self._sources, self._factors, self._dense,
            p.varies, p.place, p.shared, p.each,
        )  # fmt: skip

    def _require_memory(self, kept: int) -> None:
        needed = 8.0 * self.strings * (self.threads.number * (self.width + 2) + kept)
        if needed > ALWAYS_THERE:
            require_memory(f"a density matrix of {self.tape.num_qubits} qubits", needed)


def _transfer_steps(tape: Tape) -> list[tuple[tuple[int, ...], FloatArray | None]]:
    """Return the steps with transfer matrices, noise joined to the gate that it follows."""
    steps: list[tuple[tuple[int, ...], FloatArray | None]] = []
    for step in tape.steps:
        if step.kind == BLOCK:
            steps.append((step.qubits, None))
            continue
        if step.kind == NOISE:
            matrix = step.content
        else:
            matrix = transfer_matrix(CX if step.kind == FLIP else step.content)
        if steps and steps[-1][0] == step.qubits:
            matrix = matrix @ steps.pop()[1]
        steps.append((step.qubits, matrix))
    return steps


def _unital_blocks(blocks: Blocks) -> np.ndarray:
    """Return whether each block takes the identity to itself."""
    moved = np.array([np.any(matrix[1:, 0]) for matrix in blocks.transfers], dtype=bool)
    unital = np.ones(len(blocks), dtype=bool)
    for number in range(len(blocks)):
        parts = slice(blocks.start[number], blocks.start[number + 1])
        fixed = blocks.index[parts][blocks.kind[parts] == FIXED]
        unital[number] = not moved[fixed].any()
    return unital


def _monomial(matrix: FloatArray) -> np.ndarray | None:
    """Return where the only entry of each row stands, if there is one at most in every column."""
    rows, columns = np.nonzero(np.abs(matrix) > 1e-15)
    if len(set(rows)) < len(rows) or len(set(columns)) < len(columns):
        return None
    free = sorted(set(range(len(matrix))) - set(columns.tolist()))
    source = np.full(len(matrix), -1, dtype=np.int64)
    source[rows] = columns
    source[source < 0] = free
    return source


def _stacked(arrays: list[np.ndarray], rank: int, kind: type) -> np.ndarray:
    """Stack lists (rank 1) or square matrices (rank 2) of different sizes; what lacks is 0."""
    size = max((len(array) for array in arrays), default=1)
    out: np.ndarray = np.zeros((len(arrays), *(size,) * rank), dtype=kind)
    for place, array in enumerate(arrays):
        room = out[place, : len(array)]
        room[..., : array.shape[-1]] = array
    return out

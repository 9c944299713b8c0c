"""Running a noise-free tape on state vectors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from qiskit.quantum_info import PauliList

from qnlr.simulator import pure
from qnlr.simulator.blocks import along_axes, collect_blocks, unitaries
from qnlr.simulator.kernels import WIDTH
from qnlr.simulator.running import (
    ALWAYS_THERE,
    Prepared,
    Threads,
    prepare,
    require_memory,
    require_table,
)
from qnlr.simulator.tape import BLOCK, DENSE, FLIP, Tape
from qnlr.types import FloatArray


class Vectors:
    """A tape ready to run on state vectors.

    Args:
        tape: The tape, without noise.
        threads: Threads that share the elements.
    """

    def __init__(self, tape: Tape, threads: Threads) -> None:
        self.tape = tape
        self.threads = threads
        self.blocks = collect_blocks(tape)
        self._rows = 1 << tape.num_qubits
        self._require_memory(1, 1)
        self._pair = [1 << qubit for qubit in range(tape.num_qubits)]
        self._side = list(self._pair)
        ops: list[tuple[int, ...]] = []
        masks: list[tuple[int, int]] = []
        matrices: list[np.ndarray] = []
        number = 0
        for step in tape.steps:
            if step.kind == FLIP:
                control, target = step.qubits
                self._pair[control] ^= self._pair[target]
                self._side[target] ^= self._side[control]
                continue
            ops.append((step.kind, number, len(masks), len(masks) + len(step.qubits)))
            masks += [(self._pair[qubit], self._side[qubit]) for qubit in step.qubits]
            if step.kind == DENSE:
                ops[-1] = (DENSE, len(matrices), *ops[-1][2:])
                matrices.append(step.content)
            else:
                number += 1
        self._ops = np.array(ops, dtype=np.int64).reshape(-1, 4)
        self._step = np.flatnonzero(self._ops[:, 0] == BLOCK)
        self._masks = np.array(masks, dtype=np.int64).reshape(-1, 2)
        size = max((len(matrix) for matrix in matrices), default=1)
        self._dense = np.zeros((len(matrices), size, size), dtype=complex)
        for place, matrix in enumerate(matrices):
            self._dense[place, : len(matrix), : len(matrix)] = matrix

    def expectations(self, angles: FloatArray, paulis: PauliList) -> FloatArray:
        """Return exact expectation values of Pauli strings.

        Args:
            angles: Rotation angles φ, shape (S, E).
            paulis: T strings on the qubits of the tape.

        Returns:
            Shape (T, E).
        """
        self._require_memory(1, angles.shape[1])
        out = np.zeros((len(paulis), angles.shape[1]))
        terms, run = self._terms(paulis), self._arguments(self._prepare(angles))
        self.threads.share(
            lambda lo, hi: pure.expectations(*run, terms, lo, hi, self._rows, out), angles.shape[1]
        )
        return out

    def probabilities(self, angles: FloatArray, measured: Sequence[int]) -> FloatArray:
        """Return probabilities of the outcomes of measured qubits.

        Args:
            angles: Rotation angles φ, shape (S, E).
            measured: Qubits of the tape; the first is bit 0 of an outcome.

        Returns:
            Shape (E, 2^m).
        """
        self._require_memory(1, angles.shape[1])
        require_table(len(measured), angles.shape[1])
        out = np.zeros((angles.shape[1], 1 << len(measured)))
        sides = np.array([self._side[qubit] for qubit in measured], dtype=np.int64)
        run = self._arguments(self._prepare(angles))
        self.threads.share(
            lambda lo, hi: pure.probabilities(*run, sides, lo, hi, self._rows, out), angles.shape[1]
        )
        return out

    def states(
        self, angles: FloatArray, places: Sequence[int], qubits: int
    ) -> NDArray[np.complex128]:
        """Return state vectors, up to a phase that no angle changes.

        Args:
            angles: Rotation angles φ, shape (S, E).
            places: Bit of an outcome that each qubit of the tape is.
            qubits: n, number of bits of an outcome; those of no qubit are 0.

        Returns:
            Shape (E, 2^n).
        """
        size = 1 << qubits
        needed = 16.0 * size * angles.shape[1]
        if needed > ALWAYS_THERE:
            require_memory(f"a table of {angles.shape[1]} states of {qubits} qubits", needed)
        rows = np.arange(self._rows)
        outcomes = np.zeros(self._rows, dtype=np.int64)
        for side, place in zip(self._side, places, strict=True):
            outcomes |= (np.bitwise_count(rows & side).astype(np.int64) % 2) << place
        out = np.zeros((angles.shape[1], size), dtype=complex)
        run = self._arguments(self._prepare(angles))
        self.threads.share(
            lambda lo, hi: pure.amplitudes(*run, outcomes, lo, hi, self._rows, out), angles.shape[1]
        )
        return out

    def gradient(
        self, angles: FloatArray, paulis: PauliList, weights: FloatArray, wanted: np.ndarray
    ) -> tuple[FloatArray, FloatArray]:
        """Return exact values of an observable and their derivatives, by an adjoint sweep.

        Args:
            angles: Rotation angles φ, shape (S, E).
            paulis: Strings of the observable.
            weights: Their coefficients.
            wanted: Whether to differentiate by each angle, shape (S,).

        Returns:
            Values, shape (E,), and derivatives ∂f/∂φ, shape (S, E); 0 where they are not wanted.
        """
        self._require_memory(2, angles.shape[1])
        prepared = self._prepare(angles)
        found = np.zeros(angles.shape[1])
        turned = np.zeros((len(self.blocks), 3, angles.shape[1]))
        terms, run = self._terms(paulis), self._arguments(prepared)
        c = np.ascontiguousarray(weights, dtype=float)
        stop = self._first_wanted(wanted)
        self.threads.share(
            lambda lo, hi: pure.gradients(*run, terms, c, stop, lo, hi, self._rows, found, turned),
            angles.shape[1],
        )
        slopes = np.zeros_like(angles)
        b = self.blocks
        along_axes(
            b.start, b.kind, b.index, b.transfers, angles, prepared.varies, wanted, turned, slopes
        )
        return found, slopes

    def _prepare(self, angles: FloatArray) -> Prepared:
        return prepare(self.blocks, angles, unitaries, self.blocks.unitaries, (8,))

    def _arguments(self, p: Prepared) -> tuple[np.ndarray, ...]:
        return self._ops, self._masks, self._dense, p.varies, p.place, p.shared, p.each

    def _terms(self, paulis: PauliList) -> np.ndarray:
        terms = []
        for x, z in zip(paulis.x, paulis.z, strict=True):
            pairs = [self._pair[qubit] for qubit in np.flatnonzero(x)]
            sides = [self._side[qubit] for qubit in np.flatnonzero(z)]
            terms.append((_xor(pairs), _xor(sides), int((x & z).sum())))
        return np.array(terms, dtype=np.int64).reshape(-1, 3)

    def _first_wanted(self, wanted: np.ndarray) -> int:
        """Return the first step of which an angle is wanted."""
        steps = self._step[self.blocks.of_angle[wanted & (self.blocks.of_angle >= 0)]]
        return int(steps.min(initial=len(self._ops)))

    def _require_memory(self, states: int, elements: int) -> None:
        threads = min(self.threads.number, elements)
        width = min(WIDTH, -(-elements // max(threads, 1)))
        needed = 16.0 * states * self._rows * width * threads
        if needed > ALWAYS_THERE:
            require_memory(f"a state vector of {self.tape.num_qubits} qubits", needed)


def _xor(masks: list[int]) -> int:
    total = 0
    for mask in masks:
        total ^= mask
    return total

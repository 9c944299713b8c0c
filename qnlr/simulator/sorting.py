"""Outcomes sorted into a few outputs: their probabilities and derivatives, exact or with shots."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from qiskit.quantum_info import PauliList, SparsePauliOp
from scipy.sparse import csr_array

from qnlr.simulator.jacobian import exact_jacobian, sampled_jacobian, sampled_values
from qnlr.simulator.measurements import Measured
from qnlr.simulator.program import Basis, Program, shifted
from qnlr.simulator.shots import draw_counts
from qnlr.types import FloatArray

Z = 3
MOST_STRINGS = 1024
NOTHING = 1e-12


@dataclass(frozen=True, eq=False)
class Sorted:
    r"""A measured circuit whose outcomes o are sorted into K outputs k.

    .. math:: p_k(x) = \sum_{o \to k} p(o \mid x)

    Shots are drawn from the outputs' distribution, which is that of outcomes drawn and then sorted.

    Args:
        measured: The measurements of the circuit.
        program: What is before them.
        of_outcome: k for every outcome, shape (2^m,), or −1 where an outcome counts for none.
        outputs: K.

    Raises:
        InputError: If a qubit is measured into two classical bits and has read-out errors.

    Example:
        Three qubits, of which the number of ones is counted:

        >>> from qiskit import QuantumCircuit
        >>> from qnlr.simulator import Simulator
        >>> circuit = QuantumCircuit(3)
        >>> _ = circuit.h([0, 1]), circuit.measure_all()
        >>> ones = np.bitwise_count(np.arange(8)).astype(int)
        >>> counted = Sorted(*Simulator().measured(circuit), ones, 4)
        >>> counted.probabilities(np.zeros((1, 0)), None, np.random.default_rng(0)).round(9)
        array([[0.25, 0.5 , 0.25, 0.  ]])
    """

    measured: Measured
    program: Program
    of_outcome: np.ndarray
    outputs: int

    def __post_init__(self) -> None:
        self.measured.refuse_doubled(self.program.noise)

    def probabilities(
        self, values: FloatArray, shots: int | None, rng: np.random.Generator
    ) -> FloatArray:
        """Return the probability of each output, or the share of the shots that it got.

        Args:
            values: Parameter values, shape (E, D).
            shots: Shots of every element; None for exact probabilities.
            rng: Draws them.

        Returns:
            Shape (E, K).
        """
        if self.string is None:
            return self._drawn(self._table(self.program.angles(values)), shots, rng)
        if shots is None:
            angles, sign = self.program.angles(values), self.string.coeffs.real
            found = sign @ self.program.expectations(angles, self.string.paulis)
        else:
            found, _ = sampled_values(self.program, values, self.string, shots, rng)
        return np.stack([1 + found, 1 - found], axis=1) / 2

    def derivatives(
        self, values: FloatArray, wanted: np.ndarray, shots: int | None, rng: np.random.Generator
    ) -> FloatArray:
        """Return derivatives of the probabilities, exact or by the parameter-shift rule.

        Args:
            values: Parameter values, shape (E, D).
            wanted: Whether to differentiate by each parameter, shape (D,).
            shots: Shots of every element at every shift; None for exact derivatives.
            rng: Draws them.

        Returns:
            Shape (E, D, K); 0 where they were not wanted.
        """
        if self.string is not None:
            string = self.string
            if shots is None:
                slopes = exact_jacobian(self.program, values, string, wanted).derivatives
            else:
                drawn = sampled_jacobian(self.program, values, string, wanted, shots, rng)
                slopes = drawn.derivatives
            return np.stack([slopes, -slopes], axis=-1) / 2
        if shots is None and self._few_outputs(wanted):
            each = [
                exact_jacobian(self.program, values, one, wanted).derivatives
                for one in self._projectors
            ]
            return np.stack(each, axis=-1)
        return self._shifted(values, wanted, shots, rng)

    def _few_outputs(self, wanted: np.ndarray) -> bool:
        """Return whether a sweep for each output costs less than tables of all shifts."""
        shifted = int(self.program.tape.angles.reached(wanted).sum())
        return self.outputs <= shifted and len(self.of_outcome) <= MOST_STRINGS

    @cached_property
    def string(self) -> SparsePauliOp | None:
        """The string ±Z…Z = f that two outputs p₀ = (1 + f)/2, p₁ = (1 − f)/2 are, if any."""
        if self.outputs != 2 or (self.of_outcome < 0).any():
            return None
        first, size = self.of_outcome[0], len(self.of_outcome)
        acts = np.array([self.of_outcome[1 << bit] != first for bit in range(self._bits)])
        mask = int(acts @ (1 << np.arange(self._bits)))
        parity = np.bitwise_count(np.arange(size) & mask) & 1
        if not mask or ((parity ^ first) != self.of_outcome).any():
            return None
        return SparsePauliOp(self._strings(acts[None]), [1.0 - 2.0 * first])

    @cached_property
    def _projectors(self) -> list[SparsePauliOp]:
        """The observable of each output: its indicator as a sum of Z strings."""
        size = len(self.of_outcome)
        sums = self._summing.toarray()
        for bit in range(self._bits):  # the Walsh–Hadamard transform, bit by bit
            pairs = sums.reshape(-1, 2, 1 << bit, self.outputs)
            sums = np.stack([pairs[:, 0] + pairs[:, 1], pairs[:, 0] - pairs[:, 1]], axis=1)
        acts = np.arange(size)[:, None] >> np.arange(self._bits) & 1
        strings = self._strings(acts.astype(bool))
        found = []
        for column in (sums.reshape(size, self.outputs) / size).T:
            kept = np.flatnonzero(np.abs(column) > NOTHING)
            some = kept if kept.size else np.array([0])
            found.append(SparsePauliOp(strings[some], column[some]))
        return found

    @cached_property
    def _summing(self) -> csr_array:
        return summing(self.of_outcome, self.outputs)

    @property
    def _bits(self) -> int:
        return len(self.measured.qubits)

    def _strings(self, acts: np.ndarray) -> PauliList:
        """Return Z strings on the circuit's qubits from those on the measured ones."""
        z = np.zeros((len(acts), self.measured.circuit.num_qubits), dtype=bool)
        z[:, list(self.measured.qubits)] = acts
        return PauliList.from_symplectic(z, np.zeros_like(z))

    def _table(self, angles: FloatArray) -> FloatArray:
        basis = Basis(self.measured.qubits, (Z,) * self._bits)
        return np.asarray(self.program.distributions(angles, basis) @ self._summing)

    def _drawn(self, table: FloatArray, shots: int | None, rng: np.random.Generator) -> FloatArray:
        if shots is None:
            return table
        kept = np.clip(table, 0.0, None)
        rest = np.clip(1.0 - kept.sum(axis=1, keepdims=True), 0.0, None)
        return draw_counts(np.hstack([kept, rest]), shots, rng)[:, :-1] / shots

    def _swept(
        self, angles: FloatArray, slots: np.ndarray
    ) -> Iterator[tuple[np.ndarray, FloatArray]]:
        """Yield all shifts at once, as :func:`shifted`, with a sweep for each output."""
        some = np.flatnonzero(slots)
        table = np.empty((len(some), 2, angles.shape[1], self.outputs))
        for output, one in enumerate(self._projectors):
            _, up, down = self.program.shifts(angles, one.paulis, one.coeffs.real, slots)
            table[:, 0, :, output], table[:, 1, :, output] = up[some], down[some]
        yield some, table.reshape(-1, self.outputs)

    def _shifted(
        self, values: FloatArray, wanted: np.ndarray, shots: int | None, rng: np.random.Generator
    ) -> FloatArray:
        angles = self.program.angles(values)
        slots = self.program.tape.angles.reached(wanted)
        by_angle = np.zeros((self.outputs, *angles.shape))
        tables = (
            self._swept(angles, slots)
            if self.program.tape.has_noise and self._few_outputs(wanted)
            else ((some, self._table(both)) for some, both in shifted(angles, slots))
        )
        for some, table in tables:
            shares = self._drawn(table, shots, rng)
            split = shares.reshape(len(some), 2, len(values), self.outputs)
            by_angle[:, some] = np.moveaxis(split[:, 0] - split[:, 1], -1, 0) / 2
        chain = self.program.tape.angles.chain
        found = np.stack([chain(values, one) for one in by_angle], axis=-1)
        return np.where(wanted[:, None], found, 0.0)


def summing(of_outcome: np.ndarray, outputs: int) -> csr_array:
    """Return the matrix that sums over the outcomes of each output, from the right.

    Args:
        of_outcome: Output of each of U outcomes, −1 for none.
        outputs: K.

    Returns:
        1 where an outcome counts for an output, shape (U, K).

    Example:
        >>> np.array([0.1, 0.2, 0.7]) @ summing(np.array([1, -1, 1]), 2)
        array([0. , 0.8])
    """
    rows = np.flatnonzero(of_outcome >= 0)
    shape = len(of_outcome), outputs
    return csr_array((np.ones(len(rows)), (rows, of_outcome[rows])), shape=shape)

"""Read-out: which circuits measure an observable, and its expectation value from their outcomes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp

from qnlr.errors import InputError
from qnlr.types import Cost, Expectations, FloatArray

MAX_MEASURED_QUBITS = 16


@dataclass(frozen=True)
class Basis:
    """A circuit turned into the common basis of some terms of an observable.

    Args:
        circuit: The circuit with its basis change, not yet measured.
        qubits: The m qubits to measure, the first of them giving bit 0 of an outcome.
        eigenvalues: Value of the terms for every outcome, shape (2^m,).
    """

    circuit: QuantumCircuit
    qubits: tuple[int, ...]
    eigenvalues: FloatArray

    def measured(self) -> QuantumCircuit:
        """Return the circuit with the qubits measured into a register called ``meas``."""
        from qiskit.circuit import ClassicalRegister

        circuit = self.circuit.copy()
        register = ClassicalRegister(len(self.qubits), "meas")
        circuit.add_register(register)
        circuit.measure(self.qubits, register)
        return circuit


def bases(circuit: QuantumCircuit, observable: SparsePauliOp) -> tuple[list[Basis], float]:
    """Split an observable into bases that can be measured, one circuit for each.

    Only the qubits that the observable acts on are measured: for Z on one qubit that is one circuit
    and one bit.

    Args:
        circuit: The circuit.
        observable: A Hermitian observable on its qubits.

    Returns:
        The bases of its qubit-wise commuting groups, and the coefficient of the identity.

    Raises:
        InputError: If a group acts on too many qubits for a table of its outcomes.

    Example:
        >>> found, constant = bases(QuantumCircuit(2), SparsePauliOp(["II", "IZ", "ZZ", "IX"]))
        >>> [basis.eigenvalues.tolist() for basis in found], constant
        ([[1.0, -1.0], [2.0, -2.0, 0.0, 0.0]], 1.0)
    """
    simple = observable.simplify()
    acts = (simple.paulis.x | simple.paulis.z).any(axis=1)
    constant = float(np.sum(simple.coeffs[~acts].real))
    if not acts.any():
        return [], constant
    return [_basis(circuit, group) for group in simple[acts].group_commuting(qubit_wise=True)], (
        constant
    )


def _basis(circuit: QuantumCircuit, group: SparsePauliOp) -> Basis:
    x, z = group.paulis.x, group.paulis.z
    qubits = np.flatnonzero((x | z).any(axis=0))
    if len(qubits) > MAX_MEASURED_QUBITS:
        raise InputError(
            f"an observable on {len(qubits)} qubits at once is not supported; at most "
            f"{MAX_MEASURED_QUBITS}"
        )
    turned = circuit.copy()
    for qubit in qubits:
        if x[:, qubit].any():
            if z[:, qubit].any():
                turned.sdg(qubit)
            turned.h(qubit)
    outcomes = np.arange(2 ** len(qubits))
    bits = (outcomes[:, None] >> np.arange(len(qubits))) & 1
    parity = bits @ (x | z)[:, qubits].T.astype(int) % 2
    eigenvalues = (1.0 - 2.0 * parity) @ group.coeffs.real
    return Basis(turned, tuple(int(qubit) for qubit in qubits), eigenvalues)


def counts_table(counts: Iterable[Mapping[int, int]], size: int) -> FloatArray:
    """Turn counts into a table.

    Args:
        counts: For every circuit, how often each outcome was seen.
        size: Number of possible outcomes.

    Returns:
        Counts, shape (number of circuits, size).

    Example:
        >>> counts_table([{0: 3}, {1: 1, 0: 2}], size=2)
        array([[3., 0.],
               [2., 1.]])
    """
    rows = list(counts)
    table = np.zeros((len(rows), size))
    for row, seen in zip(table, rows, strict=True):
        row[list(seen)] = list(seen.values())
    return table


def expectations_from_counts(
    tables: Sequence[FloatArray], found: Sequence[Basis], constant: float, shape: tuple[int, ...]
) -> Expectations:
    r"""Estimate expectation values and their standard errors from counts.

    .. math:: f = \frac{1}{N} \sum_o n_o λ_o, \qquad s^2 = \frac{1}{N (N - 1)} \sum_o n_o
              (λ_o - f)^2

    summed over the bases; for a Pauli s² = (1 − f²)/(N − 1). A single shot has no standard error:
    it is NaN.

    Args:
        tables: For every basis, counts of shape (E, outcomes).
        found: The bases.
        constant: Coefficient of the identity.
        shape: Shape of the result, of E elements.

    Returns:
        Values and standard errors, of that shape, with the cost.
    """
    values, variances, shots = np.full(shape, constant), np.zeros(shape), 0
    for table, basis in zip(tables, found, strict=True):
        number = table.sum(axis=1)
        mean = table @ basis.eigenvalues / number
        spread = table @ basis.eigenvalues**2 / number - mean**2
        with np.errstate(divide="ignore", invalid="ignore"):
            variance = np.where(number > 1, np.maximum(spread, 0.0) / (number - 1), np.nan)
        values = values + mean.reshape(shape)
        variances = variances + variance.reshape(shape)
        shots += int(number.sum())
    circuits = len(found) * int(np.prod(shape))
    return Expectations(values, np.sqrt(variances), Cost(circuits, shots, jobs=1))


def expectations_from_probabilities(
    tables: Sequence[FloatArray], found: Sequence[Basis], constant: float, shape: tuple[int, ...]
) -> Expectations:
    """Compute exact expectation values from outcome probabilities.

    Args:
        tables: For every basis, probabilities of shape (E, outcomes).
        found: The bases.
        constant: Coefficient of the identity.
        shape: Shape of the result, of E elements.

    Returns:
        Values of that shape, with standard errors of 0, and the cost: circuits, but no shots.
    """
    values = np.full(shape, constant)
    for table, basis in zip(tables, found, strict=True):
        values = values + (table @ basis.eigenvalues).reshape(shape)
    circuits = len(found) * int(np.prod(shape))
    return Expectations(values, np.zeros(shape), Cost(circuits, 0, jobs=1))

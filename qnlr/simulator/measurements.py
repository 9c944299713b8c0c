"""Measurements at the end of a circuit, and how classical registers read them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from qiskit import QuantumCircuit

from qnlr.errors import InputError
from qnlr.simulator.channels import GateNoise
from qnlr.simulator.lowering import refuse_what_is_no_gate


@dataclass(frozen=True, eq=False)
class Measured:
    """A circuit without the measurements at its end, and what they were.

    Args:
        circuit: The circuit without them.
        qubits: The measured qubits; the first is bit 0 of an outcome.
        registers: For every classical register its size, and pairs of bit and place in
            ``qubits``.
        is_doubled: Whether a qubit is measured into more than one classical bit.
    """

    circuit: QuantumCircuit
    qubits: tuple[int, ...]
    registers: dict[str, tuple[int, tuple[tuple[int, int], ...]]]
    is_doubled: bool

    def numbers(self) -> np.ndarray:
        """Return the number of every outcome as its classical register reads it.

        That is the register ``meas`` or ``c``, as in qiskit-machine-learning, or else the first.

        Returns:
            Shape (2^m,).
        """
        names = [*(name for name in ("meas", "c") if name in self.registers), *self.registers]
        return self.read_by(names[0])

    def read_by(self, register: str) -> np.ndarray:
        """Return the number of every outcome as a classical register reads it, shape (2^m,)."""
        _, pairs = self.registers[register]
        outcomes = np.arange(1 << len(self.qubits))
        found = np.zeros_like(outcomes)
        for bit, place in pairs:
            found |= (outcomes >> place & 1) << bit
        return found

    def refuse_doubled(self, noise: GateNoise | None) -> None:
        """Refuse read-out errors where one qubit is read twice.

        Args:
            noise: What the read-out errors are part of, or None.

        Raises:
            InputError: If a qubit is measured into two classical bits and read with errors.
        """
        if not self.is_doubled or noise is None:
            return
        if any(np.any(noise.confusion(qubit) != np.eye(2)) for qubit in self.qubits):
            raise InputError(
                "a qubit is measured into two classical bits, which read-out errors would misread "
                "apart; measure it once, or use Aer"
            )

    def bit_arrays(self, outcomes: np.ndarray) -> dict[str, tuple[np.ndarray, int]]:
        """Return the bytes of every classical register, big-endian, and its size in bits.

        Args:
            outcomes: Shape (E, shots).

        Returns:
            By register, bytes of shape (E, shots, bytes), and the size.
        """
        found = {}
        for name, (size, pairs) in self.registers.items():
            array = np.zeros((*outcomes.shape, -(-size // 8)), dtype=np.uint8)
            for bit, place in pairs:
                array[..., -1 - bit // 8] |= ((outcomes >> place & 1) << bit % 8).astype(np.uint8)
            found[name] = array, size
        return found


def split_measurements(circuit: QuantumCircuit) -> Measured:
    """Split a circuit from the measurements at its end.

    Args:
        circuit: The circuit.

    Returns:
        Both.

    Raises:
        InputError: If it measures nothing, measures a qubit that it goes on with, or holds what is
            no gate.
    """
    kept = circuit.copy_empty_like()
    index = {bit: number for number, bit in enumerate(circuit.qubits)}
    where: dict[Any, int] = {}
    ended: set[int] = set()
    for instruction in circuit.data:
        operation = instruction.operation
        qubits = [index[bit] for bit in instruction.qubits]
        if operation.name == "measure":
            where[instruction.clbits[0]] = qubits[0]
            ended.add(qubits[0])
            continue
        if operation.name == "barrier":
            continue
        if ended & set(qubits):
            refuse_what_is_no_gate(operation)
            raise InputError(
                f"qubit {min(ended & set(qubits))} is measured in the midst of the circuit; "
                "measure at its end, or use Aer"
            )
        refuse_what_is_no_gate(operation)
        kept.append(instruction)
    if not where:
        raise InputError("the circuit measures nothing; add measurements, such as measure_all()")
    measured = tuple(sorted(ended))
    place = {qubit: number for number, qubit in enumerate(measured)}
    registers = {
        register.name: (
            register.size,
            tuple((bit, place[where[c]]) for bit, c in enumerate(register) if c in where),
        )
        for register in circuit.cregs
    }
    return Measured(kept, measured, registers, len(where) > len(measured))

"""Reading the entries of ``NoiseModel.to_dict``, the one public view into an Aer noise model."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Instruction, Reset
from qiskit.circuit.library import PauliGate, UnitaryGate, get_standard_gate_name_mapping
from qiskit_aer.noise import QuantumError


def quantum_error(entry: dict[str, Any]) -> QuantumError:
    """Rebuild a quantum error from its entry.

    Aer's own ``NoiseModel.from_dict`` is deprecated and does not read the complex numbers that
    ``to_dict(serializable=True)`` writes.

    Args:
        entry: An entry of type ``"qerror"``; complex numbers as such or as [real, imaginary].

    Returns:
        The error.

    Raises:
        ValueError: If the entry holds an instruction that is not known.

    Example:
        >>> from qiskit_aer.noise import NoiseModel, amplitude_damping_error
        >>> model = NoiseModel()
        >>> model.add_all_qubit_quantum_error(amplitude_damping_error(0.1), "x")
        >>> quantum_error(model.to_dict()["errors"][0]) == amplitude_damping_error(0.1)
        True
    """
    size = _size(entry)
    return QuantumError(
        [
            (_circuit(steps, size), probability)
            for steps, probability in zip(
                entry["instructions"], entry["probabilities"], strict=True
            )
        ]
    )


def _size(entry: dict[str, Any]) -> int:
    """Return the number of qubits: of where it acts, of its gate, or of what it touches."""
    if where := entry.get("gate_qubits"):
        return len(where[0])
    gates = _standard_gates()
    known = [gates[name].num_qubits for name in entry["operations"] if name in gates]
    touched = (
        qubit for circuit in entry["instructions"] for step in circuit for qubit in step["qubits"]
    )
    return int(max([*known, *(qubit + 1 for qubit in touched)]))


def _circuit(steps: list[dict[str, Any]], size: int) -> QuantumCircuit:
    circuit = QuantumCircuit(size)
    for step in steps:
        circuit.append(_instruction(step), step["qubits"])
    return circuit


def _instruction(step: dict[str, Any]) -> Instruction:
    name, parameters = step["name"], step.get("params", [])
    if name == "reset":
        return Reset()
    if name == "pauli":
        return PauliGate(parameters[0])
    if name == "kraus":
        return Instruction("kraus", len(step["qubits"]), 0, [_complex(m) for m in parameters])
    if name == "unitary":
        return UnitaryGate(_complex(parameters[0]))
    gates = _standard_gates()
    if name not in gates:
        raise ValueError(f'instruction "{name}" of a quantum error is not known')
    return gates[name].base_class(*parameters)


@cache
def _standard_gates() -> dict[str, Instruction]:
    return dict(get_standard_gate_name_mapping())


def _complex(matrix: Any) -> np.ndarray:
    array = np.asarray(matrix)
    return array if array.ndim == 2 else array[..., 0] + 1j * array[..., 1]

import json
import math

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit.library import PauliGate
from qiskit.quantum_info import SuperOp, random_quantum_channel, random_unitary
from qiskit_aer.noise import (
    NoiseModel,
    QuantumError,
    amplitude_damping_error,
    coherent_unitary_error,
    depolarizing_error,
    kraus_error,
    pauli_error,
    phase_damping_error,
    reset_error,
    thermal_relaxation_error,
)

from qnlr.entries import quantum_error


def circuit_error(qubits, probability, *steps):
    """With the given probability the gates of the steps act, else nothing does."""
    circuit = QuantumCircuit(qubits)
    for gate, *arguments in steps:
        getattr(circuit, gate)(*arguments)
    return QuantumError([(circuit, probability), (QuantumCircuit(qubits), 1 - probability)])


ERRORS = {
    "pauli on one": pauli_error([("X", 0.1), ("Y", 0.2), ("I", 0.7)]),
    "pauli on two": pauli_error([("XZ", 0.1), ("IY", 0.05), ("II", 0.85)]),
    "pauli gate": QuantumError([(PauliGate("YX"), 0.25), (PauliGate("II"), 0.75)]),
    "depolarizing on one": depolarizing_error(0.2, 1),
    "depolarizing on two": depolarizing_error(0.1, 2),
    "reset": reset_error(0.1, 0.05),
    "thermal, T2 < T1": thermal_relaxation_error(50, 30, 5),
    "thermal, T2 > T1": thermal_relaxation_error(50, 80, 5, 0.1),
    "thermal on two": thermal_relaxation_error(50, 80, 5).tensor(
        thermal_relaxation_error(40, 20, 5)
    ),
    "amplitude damping": amplitude_damping_error(0.3, 0.1),
    "phase damping": phase_damping_error(0.3),
    "unitary on one": coherent_unitary_error(random_unitary(2, seed=1)),
    "unitary on two": coherent_unitary_error(random_unitary(4, seed=2)),
    "kraus on one": kraus_error(
        [math.sqrt(0.9) * np.eye(2), math.sqrt(0.1) * np.array([[0, -1j], [1j, 0]])]
    ),
    "kraus on two": QuantumError(random_quantum_channel(4, seed=3)),
    "gates on one": circuit_error(1, 0.3, ("rx", 0.3, 0), ("u", 0.1, 0.2, 0.3, 0), ("sxdg", 0)),
    "gates on two": circuit_error(
        2, 0.3, ("cx", 1, 0), ("rzz", 0.3, 0, 1), ("h", 1), ("crx", 0.2, 0, 1)
    ),
    "first of two": circuit_error(2, 0.3, ("x", 0)),
    "second of two": circuit_error(2, 0.3, ("x", 1)),
    "relaxation of the first of two": QuantumError([(QuantumCircuit(1), 1.0)]).tensor(
        thermal_relaxation_error(50, 80, 5)
    ),
}


def entry_of(error, serializable, local):
    model, gate = NoiseModel(), {1: "x", 2: "cx"}[error.num_qubits]
    if local:
        model.add_quantum_error(error, gate, [3, 1][: error.num_qubits])
    else:
        model.add_all_qubit_quantum_error(error, gate)
    (entry,) = model.to_dict(serializable=serializable)["errors"]
    return json.loads(json.dumps(entry)) if serializable else entry


@pytest.mark.parametrize("local", [False, True])
@pytest.mark.parametrize("serializable", [False, True])
@pytest.mark.parametrize("name", sorted(ERRORS))
def test_an_error_is_rebuilt_from_its_entry(name, serializable, local):
    error = ERRORS[name]
    rebuilt = quantum_error(entry_of(error, serializable, local))
    assert rebuilt.num_qubits == error.num_qubits
    assert not np.allclose(SuperOp(error).data, np.eye(4**error.num_qubits))
    np.testing.assert_allclose(SuperOp(rebuilt).data, SuperOp(error).data, rtol=0, atol=1e-13)


def test_qubits_of_an_instruction_keep_their_order():
    entry = {
        "operations": ["cx"],
        "instructions": [[{"name": "cx", "qubits": [1, 0]}]],
        "probabilities": [1.0],
    }
    reversed_cx = np.eye(4)[[0, 1, 3, 2]]
    expected = np.kron(reversed_cx, reversed_cx)
    np.testing.assert_allclose(SuperOp(quantum_error(entry)).data, expected, rtol=0, atol=1e-15)


def test_an_unknown_instruction_is_named():
    entry = {
        "operations": ["x"],
        "instructions": [[{"name": "wobble", "qubits": [0]}]],
        "probabilities": [1.0],
    }
    with pytest.raises(ValueError, match='"wobble"'):
        quantum_error(entry)


def test_probabilities_must_match_the_circuits():
    entry = entry_of(ERRORS["pauli on one"], serializable=True, local=False)
    entry["probabilities"].pop()
    with pytest.raises(ValueError, match="zip"):
        quantum_error(entry)

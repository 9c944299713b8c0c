"""Ansätze: the trainable part of a circuit."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.circuit.library import efficient_su2 as qiskit_efficient_su2

from qnlr.circuits.evolution import hamiltonian_variational, qaoa
from qnlr.errors import require_count


def hardware_efficient(qubits: int, layers: int) -> QuantumCircuit:
    r"""Build the paper's ansatz: RX, RY, RZ on every qubit, then a linear chain of CX, L times.

    .. math:: U(θ) = \prod_{ℓ=1}^{L} \Big[\prod_{q=0}^{n-2} CX_{q,q+1}\Big]
              \bigotimes_q R_Z R_Y R_X(θ_{ℓ,q})

    Source: NLR paper, section V-A.

    Args:
        qubits: n, at least 1.
        layers: L, at least 1.

    Returns:
        A circuit with P = 3nL parameters θ, ordered by layer, qubit and rotation (x, y, z). Its
        metadata holds ``layers``.

    Raises:
        InputError: If qubits or layers is below 1.

    Example:
        >>> ansatz = hardware_efficient(qubits=6, layers=5)
        >>> ansatz.num_parameters, dict(ansatz.count_ops())["cx"]
        (90, 25)
    """
    require_count("qubits", qubits)
    require_count("layers", layers)
    theta = ParameterVector("θ", 3 * qubits * layers)
    circuit = QuantumCircuit(qubits, name="hardware_efficient", metadata={"layers": layers})
    angles = iter(theta)
    for _ in range(layers):
        for qubit in range(qubits):
            circuit.rx(next(angles), qubit)
            circuit.ry(next(angles), qubit)
            circuit.rz(next(angles), qubit)
        for qubit in range(qubits - 1):
            circuit.cx(qubit, qubit + 1)
    return circuit


def efficient_su2(qubits: int, layers: int) -> QuantumCircuit:
    """Build Qiskit's ``efficient_su2`` with linear entanglement.

    Args:
        qubits: n, at least 1.
        layers: L, at least 1: repetitions; a last layer of rotations follows them.

    Returns:
        A circuit with P = 2n(L + 1) parameters θ. Its metadata holds ``layers``.

    Raises:
        InputError: If qubits or layers is below 1.

    Example:
        >>> efficient_su2(qubits=4, layers=2).num_parameters
        24
    """
    require_count("qubits", qubits)
    require_count("layers", layers)
    circuit = qiskit_efficient_su2(qubits, entanglement="linear", reps=layers, parameter_prefix="θ")
    circuit.metadata = {"layers": layers}
    return circuit


ANSATZES: dict[str, Callable[..., QuantumCircuit]] = {
    "hardware_efficient": hardware_efficient,
    "efficient_su2": efficient_su2,
    "hamiltonian_variational": hamiltonian_variational,
    "qaoa": qaoa,
}


def needs_hamiltonian(name: str) -> bool:
    """Return whether an ansatz is made of a Hamiltonian, ``hamiltonian=`` beside its sizes.

    Args:
        name: A name in :data:`ANSATZES`.

    Returns:
        True for those that only a problem with a Hamiltonian can have.

    Example:
        >>> [name for name in ANSATZES if not needs_hamiltonian(name)]
        ['hardware_efficient', 'efficient_su2']
    """
    return "hamiltonian" in inspect.signature(ANSATZES[name]).parameters

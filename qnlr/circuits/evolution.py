"""Ansätze made of the Hamiltonian whose ground state they look for."""

from __future__ import annotations

from itertools import pairwise

from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector
from qiskit.circuit.library import hamiltonian_variational_ansatz, qaoa_ansatz
from qiskit.quantum_info import SparsePauliOp

from qnlr.circuits.untied import in_rotations, untied
from qnlr.errors import InputError, require_count, unknown_name

STARTS = ("plus", "zero", "singlets")


def hamiltonian_variational(
    qubits: int,
    layers: int,
    *,
    hamiltonian: SparsePauliOp,
    start: str = "plus",
    tied: bool = True,
) -> QuantumCircuit:
    r"""Build the Hamiltonian variational ansatz: evolve under the parts of H in turn, L times.

    .. math:: U(θ) = \prod_{ℓ=1}^{L} \prod_{k=1}^{K} e^{-iθ_{ℓk} H_k}, \qquad H = \sum_k H_k

    The terms of each part H_k commute with each other; for the transverse Ising chain they are the
    couplings and the field. A weight turns all gates of its part: such circuits are trained after
    :func:`qnlr.circuits.untied`.

    Source: Wecker, Hastings and Troyer, Phys. Rev. A 92, 042303 (2015); Wiersema et al., PRX
    Quantum 1, 020319 (2020).

    Args:
        qubits: n, that of the Hamiltonian.
        layers: L, at least 1.
        hamiltonian: H, of terms that do not all commute.
        start: The state before the first layer, best a ground state of one part: ``"plus"`` is |+⟩
            on every qubit, ``"zero"`` |0⟩, ``"singlets"`` (|01⟩ − |10⟩)/√2 on qubits 0 and 1, 2 and
            3, and so on.
        tied: Whether a weight turns all gates of its part, as in the equation. Otherwise each gate
            has a weight of its own, which is its angle: more weights, and fewer layers are needed.

    Returns:
        A circuit of Pauli rotations, CX and H with P = KL parameters θ, ordered by layer and part;
        with one for each rotation, in their order, where they are not tied. Its metadata holds
        ``layers``.

    Raises:
        InputError: If the Hamiltonian has another number of qubits or all its terms commute, or a
            setting is not valid.

    Example:
        >>> from qnlr.circuits import transverse_ising
        >>> ansatz = hamiltonian_variational(4, 3, hamiltonian=transverse_ising(4))
        >>> ansatz.num_parameters, ansatz.count_ops()["rzz"], ansatz.count_ops()["rx"]
        (6, 9, 12)
        >>> hamiltonian_variational(
        ...     4, 3, hamiltonian=transverse_ising(4), tied=False
        ... ).num_parameters
        21
    """
    evolving = _without_identity(qubits, layers, hamiltonian)
    if len(evolving.group_commuting()) < 2:
        raise InputError(
            "the Hamiltonian is not valid for the Hamiltonian variational ansatz: all its terms "
            "commute; use qaoa"
        )
    evolution = hamiltonian_variational_ansatz(evolving, reps=layers)
    circuit = in_rotations(_start(start, qubits).compose(evolution))
    if not tied:
        circuit = untied(circuit).circuit
    return _named(circuit, list(circuit.parameters), layers, "hamiltonian_variational")


def qaoa(qubits: int, layers: int, *, hamiltonian: SparsePauliOp) -> QuantumCircuit:
    r"""Build the quantum approximate optimisation ansatz of a diagonal Hamiltonian.

    .. math:: |ψ(γ, β)⟩ = \prod_{ℓ=1}^{p} e^{-iβ_ℓ \sum_q X_q} e^{-iγ_ℓ H} |+⟩^{⊗n}

    A weight turns many gates: such circuits are trained after :func:`qnlr.circuits.untied`.

    Source: Farhi, Goldstone and Gutmann, arXiv:1411.4028.

    Args:
        qubits: n, that of the Hamiltonian.
        layers: p, at least 1.
        hamiltonian: H, a sum of products of Z.

    Returns:
        A circuit with P = 2p parameters θ = (γ₁, β₁, …, γ_p, β_p). Its metadata holds ``layers``.

    Raises:
        InputError: If the Hamiltonian has another number of qubits or is not diagonal, or layers
            is below 1.

    Example:
        >>> from qnlr.circuits import maxcut, ring
        >>> ansatz = qaoa(4, 2, hamiltonian=maxcut(ring(4)))
        >>> [parameter.name for parameter in ansatz.parameters]
        ['θ[0]', 'θ[1]', 'θ[2]', 'θ[3]']
    """
    cost = _without_identity(qubits, layers, hamiltonian)
    if cost.paulis.x.any():
        raise InputError(
            "the Hamiltonian is not valid for qaoa: it must be a sum of products of Z; use "
            "hamiltonian_variational"
        )
    circuit = in_rotations(qaoa_ansatz(cost, reps=layers))
    mixing, evolving = circuit.parameters[:layers], circuit.parameters[layers:]
    order = [angle for pair in zip(evolving, mixing, strict=True) for angle in pair]
    return _named(circuit, order, layers, "qaoa")


def _without_identity(qubits: int, layers: int, hamiltonian: SparsePauliOp) -> SparsePauliOp:
    require_count("qubits", qubits)
    require_count("layers", layers)
    if hamiltonian.num_qubits != qubits:
        raise InputError(
            f"qubits = {qubits} is not valid; the Hamiltonian acts on {hamiltonian.num_qubits}"
        )
    simple = hamiltonian.simplify()
    kept = simple[(simple.paulis.x | simple.paulis.z).any(axis=1)]
    if not len(kept):
        raise InputError("the Hamiltonian is a constant; an ansatz needs one that is not")
    return kept


def _start(start: str, qubits: int) -> QuantumCircuit:
    circuit = QuantumCircuit(qubits)
    if start == "plus":
        circuit.h(range(qubits))
    elif start == "singlets":
        if qubits % 2:
            raise InputError(f'start = "singlets" is not valid; {qubits} qubits are not all in two')
        for low, high in list(pairwise(range(qubits)))[::2]:
            circuit.x([low, high])
            circuit.h(low)
            circuit.cx(low, high)
    elif start != "zero":
        raise unknown_name("start", start, STARTS)
    return circuit


def _named(
    circuit: QuantumCircuit, order: list[Parameter], layers: int, name: str
) -> QuantumCircuit:
    """Return the circuit with parameters θ in that order, without a global phase."""
    theta = ParameterVector("θ", len(order))
    circuit = circuit.assign_parameters(dict(zip(order, theta, strict=True)))
    circuit.global_phase = 0.0
    circuit.name = name
    circuit.metadata = {"layers": layers}
    return circuit

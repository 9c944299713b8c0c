"""Hamiltonians whose ground energy is looked for: spin chains and cuts; molecules stand beside."""

from __future__ import annotations

import math
from collections.abc import Callable

from qiskit.quantum_info import SparsePauliOp

from qnlr.circuits.graphs import Graph
from qnlr.circuits.molecules import h2, lih
from qnlr.errors import InputError, is_number, require_count


def transverse_ising(
    qubits: int, coupling: float = 1.0, field: float = 1.0, periodic: bool = False
) -> SparsePauliOp:
    r"""Return the Ising chain in a transverse field.

    .. math:: H = -J \sum_q Z_q Z_{q+1} - h \sum_q X_q

    It is solved by free fermions; at J = h = 1 the gap closes as n grows.

    Source: Pfeuty, Ann. Phys. 57, 79 (1970).

    Args:
        qubits: n, at least 2, and at least 3 where periodic.
        coupling: J.
        field: h.
        periodic: Whether the last spin is coupled to the first.

    Returns:
        The Hamiltonian.

    Raises:
        InputError: If there are too few qubits, a number is not finite, or all are 0.

    Example:
        >>> transverse_ising(2, field=0.5)
        SparsePauliOp(['ZZ', 'IX', 'XI'],
                      coeffs=[-1. +0.j, -0.5+0.j, -0.5+0.j])
    """
    bonds = _bonds(qubits, periodic)
    return _sum(
        qubits,
        [("ZZ", bond, -_finite("coupling", coupling)) for bond in bonds]
        + [("X", [qubit], -_finite("field", field)) for qubit in range(qubits)],
    )


def heisenberg(
    qubits: int,
    jx: float = 1.0,
    jy: float = 1.0,
    jz: float = 1.0,
    field: float = 0.0,
    periodic: bool = False,
) -> SparsePauliOp:
    r"""Return the Heisenberg chain, antiferromagnetic where the couplings are above 0.

    .. math:: H = \sum_q (J_x X_q X_{q+1} + J_y Y_q Y_{q+1} + J_z Z_q Z_{q+1}) + h \sum_q Z_q

    Source: Heisenberg, Z. Phys. 49, 619 (1928), in Pauli matrices rather than spins of ½.

    Args:
        qubits: n, at least 2, and at least 3 where periodic.
        jx: J_x.
        jy: J_y.
        jz: J_z.
        field: h.
        periodic: Whether the last spin is coupled to the first.

    Returns:
        The Hamiltonian.

    Raises:
        InputError: If there are too few qubits, a number is not finite, or all are 0.

    Example:
        >>> heisenberg(2, jz=0.5)
        SparsePauliOp(['XX', 'YY', 'ZZ'],
                      coeffs=[1. +0.j, 1. +0.j, 0.5+0.j])
    """
    couplings = {"XX": _finite("jx", jx), "YY": _finite("jy", jy), "ZZ": _finite("jz", jz)}
    bonds = _bonds(qubits, periodic)
    return _sum(
        qubits,
        [(paulis, bond, coupling) for bond in bonds for paulis, coupling in couplings.items()]
        + [("Z", [qubit], _finite("field", field)) for qubit in range(qubits)],
    )


def maxcut(graph: Graph) -> SparsePauliOp:
    r"""Return the Hamiltonian of a graph whose energy is minus the cut.

    .. math:: H = \sum_{(i, j)} \frac{w_{ij}}{2} (Z_i Z_j - 1)

    A basis state parts the nodes by their bits, node i on qubit i, and −⟨H⟩ is the expected cut.

    Source: Farhi, Goldstone and Gutmann, arXiv:1411.4028.

    Args:
        graph: The graph, with one edge or more.

    Returns:
        The Hamiltonian, its constant included.

    Raises:
        InputError: If no edge has a weight other than 0.

    Example:
        >>> from qnlr.circuits import listed
        >>> maxcut(listed(2, [[0, 1, 1.0]]))
        SparsePauliOp(['ZZ', 'II'],
                      coeffs=[ 0.5+0.j, -0.5+0.j])
    """
    terms = [("ZZ", [i, j], weight / 2) for i, j, weight in graph.edges]
    return _sum(graph.nodes, [*terms, ("", [], -graph.total_weight / 2)])


HAMILTONIANS: dict[str, Callable[..., SparsePauliOp]] = {
    "transverse_ising": transverse_ising,
    "heisenberg": heisenberg,
    "h2": h2,
    "lih": lih,
}


def _bonds(qubits: int, periodic: bool) -> list[list[int]]:
    require_count("qubits", qubits, low=3 if periodic else 2)
    chain = [[qubit, qubit + 1] for qubit in range(qubits - 1)]
    return [*chain, [qubits - 1, 0]] if periodic else chain


def _sum(qubits: int, terms: list[tuple[str, list[int], float]]) -> SparsePauliOp:
    kept = [term for term in terms if term[2] != 0]
    if not any(where for _, where, _ in kept):
        raise InputError("all coefficients are 0; a Hamiltonian needs one term that is not")
    return SparsePauliOp.from_sparse_list(kept, num_qubits=qubits)


def _finite(name: str, value: float) -> float:
    if not (is_number(value) and math.isfinite(value)):
        raise InputError(f"{name} = {value!r} is not valid; it must be a finite number")
    return float(value)

"""The exact ground energy of a Hamiltonian: what an ansatz is held to."""

from __future__ import annotations

import numpy as np
from qiskit.quantum_info import SparsePauliOp
from scipy.sparse.linalg import eigsh

from qnlr.errors import InputError

LARGEST_DIAGONALISED = 16


def ground_energy(hamiltonian: SparsePauliOp) -> float:
    """Return the lowest energy of a Hamiltonian, by sparse diagonalisation.

    Args:
        hamiltonian: A Hermitian operator on at most 16 qubits.

    Returns:
        Its smallest eigenvalue; of a diagonal operator the smallest entry, without rounding.

    Raises:
        InputError: If it acts on more than 16 qubits, or is not Hermitian.

    Example:
        >>> from qnlr.circuits import h2, heisenberg
        >>> round(ground_energy(heisenberg(2)), 12), round(ground_energy(h2()), 6)
        (-3.0, -1.137306)
    """
    qubits = hamiltonian.num_qubits
    if qubits > LARGEST_DIAGONALISED:
        raise InputError(
            f"qubits = {qubits} is not valid; the exact ground energy takes at most "
            f"{LARGEST_DIAGONALISED}: use fewer qubits, or give the reference energy"
        )
    operator = hamiltonian.simplify()
    if np.abs(operator.coeffs.imag).max() > 1e-12:
        raise InputError("the Hamiltonian is not Hermitian: a coefficient is not real")
    matrix = operator.to_matrix(sparse=True)
    if not operator.paulis.x.any():
        return float(matrix.diagonal().real.min())
    if not np.abs(matrix.data.imag).any():
        matrix = matrix.real
    if qubits <= 6:  # too small for Lanczos' method to be worth it, or to work at all
        return float(np.linalg.eigvalsh(matrix.toarray())[0])
    # ARPACK would draw its own start, and give other last digits each time.
    start = np.random.default_rng(0).normal(size=2**qubits)
    found = eigsh(matrix, k=1, which="SA", v0=start, return_eigenvectors=False)
    return float(found[0])

"""Observables: what is read out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from qiskit.quantum_info import SparsePauliOp

from qnlr.errors import InputError, require_count


def z(qubits: int, qubit: int = 0) -> SparsePauliOp:
    """Return Pauli Z on one qubit.

    Args:
        qubits: n, at least 1.
        qubit: The qubit that is read out, 0 to n − 1.

    Returns:
        Z on that qubit of n.

    Raises:
        InputError: If the qubit is not one of the n.

    Example:
        >>> z(qubits=3, qubit=0)
        SparsePauliOp(['IIZ'],
                      coeffs=[1.+0.j])
    """
    require_count("qubits", qubits)
    if not 0 <= qubit < qubits:
        raise InputError(f"qubit = {qubit} is not valid; it must lie in 0 to {qubits - 1}")
    return SparsePauliOp.from_sparse_list([("Z", [qubit], 1.0)], num_qubits=qubits)


def mean_z(qubits: int) -> SparsePauliOp:
    r"""Return the mean of Z over all qubits, a local observable.

    .. math:: O = \frac{1}{n} \sum_q Z_q

    Args:
        qubits: n, at least 1.

    Returns:
        The mean Z.

    Raises:
        InputError: If qubits is below 1.

    Example:
        >>> mean_z(qubits=2)
        SparsePauliOp(['IZ', 'ZI'],
                      coeffs=[0.5+0.j, 0.5+0.j])
    """
    require_count("qubits", qubits)
    terms = [("Z", [qubit], 1.0 / qubits) for qubit in range(qubits)]
    return SparsePauliOp.from_sparse_list(terms, num_qubits=qubits)


def global_z(qubits: int) -> SparsePauliOp:
    r"""Return the product of Z over all qubits, a global observable.

    .. math:: O = \bigotimes_q Z_q

    Args:
        qubits: n, at least 1.

    Returns:
        Z on every qubit.

    Raises:
        InputError: If qubits is below 1.

    Example:
        >>> global_z(qubits=3)
        SparsePauliOp(['ZZZ'],
                      coeffs=[1.+0.j])
    """
    require_count("qubits", qubits)
    return SparsePauliOp("Z" * qubits)


def variance(observable: SparsePauliOp) -> float:
    r"""Return the variance of an observable over a random state, σ_H² of Eq. 10.

    .. math:: σ_H^2 = \mathrm{tr}(H^2)/2^n - (\mathrm{tr}(H)/2^n)^2 = \sum_{P ≠ I} c_P^2

    Args:
        observable: A Hermitian observable H = Σ c_P P.

    Returns:
        The variance; 1 for a single Pauli.

    Example:
        >>> variance(global_z(4)), variance(mean_z(4))
        (1.0, 0.25)
    """
    simple = observable.simplify()
    identity = ~(simple.paulis.x | simple.paulis.z).any(axis=1)
    return float(np.sum(simple.coeffs[~identity].real ** 2))


OBSERVABLES: dict[str, Callable[..., SparsePauliOp]] = {
    "z": z,
    "mean_z": mean_z,
    "global_z": global_z,
}

"""Observables from text: a name, a Pauli string, or a sum of them."""

from __future__ import annotations

import re

from qiskit.quantum_info import SparsePauliOp

from qnlr.circuits import OBSERVABLES
from qnlr.errors import InputError

TERM = re.compile(
    r"\s*(?P<sign>[+-]?)\s*(?:(?P<factor>\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)\s*\*?)?"
    r"\s*(?P<string>[IXYZ]+)(?![A-Za-z])\s*"
)


def parse_observable(text: str, qubits: int) -> SparsePauliOp:
    """Read an observable.

    Args:
        text: A name, such as ``"global_z"``; a Pauli string, the last letter being qubit 0 as in
            Qiskit; or a sum of strings with real factors, such as ``"0.5*ZZI - IXX"``.
        qubits: n, the length of every string.

    Returns:
        The observable, equal strings added up.

    Raises:
        InputError: If the text is none of these, a string has another length, or nothing but the
            identity is left.

    Example:
        >>> parse_observable("0.5*ZZI - IXX", 3)
        SparsePauliOp(['ZZI', 'IXX'],
                      coeffs=[ 0.5+0.j, -1. +0.j])
    """
    if text in OBSERVABLES:
        return OBSERVABLES[text](qubits)
    terms: list[tuple[str, float]] = []
    place = 0
    while place < len(text):
        found = TERM.match(text, place)
        if not found or (terms and not found["sign"]):
            raise _not_understood(text)
        factor = float(found["factor"] or 1.0) * (-1.0 if found["sign"] == "-" else 1.0)
        if len(found["string"]) != qubits:
            raise InputError(
                f'"{found["string"]}" has {len(found["string"])} letters, but the circuit has '
                f"{qubits} qubits; give each its letter, I where nothing is read"
            )
        terms.append((found["string"], factor))
        place = found.end()
    if not terms:
        raise _not_understood(text)
    observable: SparsePauliOp = SparsePauliOp.from_list(terms).simplify()
    if not (observable.paulis.x | observable.paulis.z).any():
        raise InputError(f'observable "{text}" is a constant; it has no gradient')
    return observable


def locality(observable: SparsePauliOp) -> int:
    """Return the largest number of qubits that one string of an observable acts on.

    Example:
        >>> locality(SparsePauliOp(["IIZ", "XXI"]))
        2
    """
    return int((observable.paulis.x | observable.paulis.z).sum(axis=1).max())


def _not_understood(text: str) -> InputError:
    return InputError(
        f'observable "{text}" is not understood; give one of {", ".join(sorted(OBSERVABLES))}, a '
        'Pauli string such as "ZZI", or a sum such as "0.5*ZZI + 1.0*IXX"'
    )

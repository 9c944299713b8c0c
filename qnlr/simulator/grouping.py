"""Which of the circuits of a gradient can be run together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter

from qnlr.simulator.tape import content_key


def numbered(circuits: Sequence[QuantumCircuit]) -> list[int]:
    """Return a number for every circuit, the same for those of the same content.

    Args:
        circuits: The circuits; most are often one object.

    Returns:
        The numbers, from 0 on.

    Example:
        >>> circuit, other = QuantumCircuit(1), QuantumCircuit(2)
        >>> numbered([circuit, other, circuit.copy(), circuit])
        [0, 1, 0, 0]
    """
    by_content: dict[Any, int] = {}
    by_object: dict[int, int] = {}
    for circuit in circuits:
        if id(circuit) not in by_object:
            number = by_content.setdefault(content_key(circuit), len(by_content))
            by_object[id(circuit)] = number
    return [by_object[id(circuit)] for circuit in circuits]


def alike(keys: Sequence[Any]) -> Iterator[list[int]]:
    """Yield the numbers of those that have a key in common.

    Args:
        keys: One for each.

    Yields:
        Numbers, ascending; groups in the order of their first.

    Example:
        >>> list(alike("abcab"))
        [[0, 3], [1, 4], [2]]
    """
    numbers: dict[Any, list[int]] = {}
    for number, key in enumerate(keys):
        numbers.setdefault(key, []).append(number)
    yield from numbers.values()


def asked_columns(
    circuit: QuantumCircuit, asked: Sequence[Parameter]
) -> tuple[list[int], np.ndarray]:
    """Return the columns of parameters, and for every column whether it is among them.

    Args:
        circuit: Has D parameters.
        asked: Some of them.

    Returns:
        Places of those asked for among the circuit's parameters, and a mask of shape (D,).

    Example:
        >>> a, b = Parameter("a"), Parameter("b")
        >>> circuit = QuantumCircuit(1)
        >>> _ = circuit.rx(b, 0), circuit.ry(a, 0)
        >>> asked_columns(circuit, [b])
        ([1], array([False,  True]))
    """
    column = {parameter: number for number, parameter in enumerate(circuit.parameters)}
    columns = [column[parameter] for parameter in asked]
    wanted = np.zeros(len(column), dtype=bool)
    wanted[columns] = True
    return columns, wanted

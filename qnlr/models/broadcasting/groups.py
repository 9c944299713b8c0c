"""Circuits of one gradient job that share a PUB, and what is asked of them."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.exceptions import QiskitError
from qiskit.primitives import PubResult
from qiskit.primitives.containers import ObservablesArray

from qnlr.errors import InputError
from qnlr.models.broadcasting.circuits import ShiftCircuit, ShiftCircuits
from qnlr.simulator.checked_gradients import element_values
from qnlr.simulator.grouping import alike, asked_columns, numbered
from qnlr.types import FloatArray


@dataclass(frozen=True, eq=False)
class Group:
    """Elements of a gradient job that differ in their parameter values only.

    Args:
        numbers: Which they are, E of them.
        made: Their circuit, ready to be shifted.
        values: Their parameter values, shape (E, D).
        columns: Which of the D parameters are asked for, k of them, in order.
        slots: The rotations that these reach, shape (K,).
    """

    numbers: list[int]
    made: ShiftCircuit
    values: FloatArray
    columns: list[int]
    slots: np.ndarray

    def bindings(self) -> dict[tuple[Parameter, ...], FloatArray]:
        """Return what the PUB binds, of shape (2, K, E, parameters)."""
        return self.made.bindings(self.values, self.slots)

    def chain(self, by_slot: FloatArray, power: int = 1) -> FloatArray:
        """Return derivatives by the parameters asked for, or variances.

        Args:
            by_slot: By the rotations, shape (K, E).
            power: 1, or 2 for variances.

        Returns:
            Shape (E, k).
        """
        return self.made.chain(self.values, self.slots, by_slot, power)[:, self.columns]

    def chain_of(self, place: int, by_slot: FloatArray, power: int = 1) -> FloatArray:
        """Return derivatives of several functions at one element, or variances.

        Args:
            place: Of the element in the group.
            by_slot: By the rotations, shape (K, functions).
            power: 1, or 2 for variances.

        Returns:
            Shape (functions, k).
        """
        here = np.broadcast_to(self.values[place], (by_slot.shape[1], self.values.shape[1]))
        return self.made.chain(here, self.slots, by_slot, power)[:, self.columns]


def groups(
    circuits: Sequence[QuantumCircuit],
    parameter_values: Sequence[Any] | np.ndarray,
    parameters: Sequence[Sequence[Parameter]],
    others: Sequence[Hashable],
    made: ShiftCircuits,
) -> list[Group]:
    """Return the groups of a gradient job.

    Args:
        circuits: One for each element.
        parameter_values: D values for each.
        parameters: What is asked for of each.
        others: What else elements of a group have in common, such as the observable.
        made: Makes and keeps the shift circuits.

    Returns:
        Groups, in the order of their first elements.

    Raises:
        InputError: If values are not finite numbers, or a circuit cannot be shifted.

    Example:
        >>> from qiskit.circuit.library import real_amplitudes
        >>> circuit = real_amplitudes(2, reps=1)
        >>> asked = [circuit.parameters, [circuit.parameters[3]], circuit.parameters]
        >>> for one in groups([circuit] * 3, np.ones((3, 4)), asked, "ZZZ", ShiftCircuits()):
        ...     print(one.numbers, one.slots)
        [0, 2] [0 1 2 3]
        [1] [3]
    """
    keys = zip(numbered(circuits), others, map(tuple, parameters), strict=True)
    found = []
    for numbers in alike(list(keys)):
        first = numbers[0]
        columns, wanted = asked_columns(circuits[first], parameters[first])
        one = made.of(circuits[first])
        values = element_values(parameter_values, numbers)
        found.append(Group(numbers, one, values, columns, one.slots(wanted)))
    return found


def observable_keys(observables: Sequence[Any]) -> list[Hashable]:
    """Return what tells observables apart: their content, looked at once for each object.

    Args:
        observables: The observables.

    Returns:
        A key for each.

    Raises:
        InputError: If one of them is none of a PUB.
    """
    keys: dict[int, Hashable] = {}
    for observable in observables:
        if id(observable) not in keys:
            try:
                terms = ObservablesArray.coerce(observable).ravel().tolist()
            except (TypeError, ValueError, QiskitError) as error:
                raise InputError(
                    f"observable = {observable!r} is not valid; take a SparsePauliOp"
                ) from error
            keys[id(observable)] = tuple(tuple(sorted(one.items())) for one in terms)
    return [keys[id(observable)] for observable in observables]


def measurement_key(circuit: QuantumCircuit) -> Hashable:
    """Return how outcomes of a circuit are read.

    Args:
        circuit: The circuit.

    Returns:
        Its registers, and the places of the logical qubits if it was transpiled.

    Raises:
        InputError: If it measures nothing.
    """
    if not any(one.name == "measure" for one in circuit.data):
        raise InputError("the circuit measures nothing; add measurements, such as measure_all()")
    layout = circuit.layout
    where = () if layout is None else layout.final_index_layout(filter_ancillas=True)
    return tuple((one.name, one.size) for one in circuit.cregs), tuple(where)


def measured(
    primitive: Any, asked: list[Group], pubs: list[Any], **options: Any
) -> Iterator[tuple[Group, PubResult | None]]:
    """Run what has anything to shift as one job.

    Args:
        primitive: The primitive.
        asked: The groups.
        pubs: A PUB for each.
        options: Of ``run``; None for the primitive's own.

    Yields:
        Every group with its result; None where there was nothing to run.
    """
    run = [pub for one, pub in zip(asked, pubs, strict=True) if one.slots.size]
    given = {name: value for name, value in options.items() if value is not None}
    results = iter(primitive.run(run, **given).result() if run else ())
    for one in asked:
        yield one, next(results) if one.slots.size else None

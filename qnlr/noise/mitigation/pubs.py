"""PUBs of an estimator: what they observe, and how many circuits they take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.primitives import BaseEstimatorV2
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.quantum_info import PauliList, SparseObservable, SparsePauliOp

from qnlr.errors import InputError


def require_estimator(estimator: object) -> BaseEstimatorV2:
    """Return what is wrapped if it is an EstimatorV2.

    Raises:
        InputError: If it is not.
    """
    if not isinstance(estimator, BaseEstimatorV2):
        raise InputError(
            f"estimator = {estimator!r} is not valid; it must be an EstimatorV2, such as "
            "BatchedEstimator() or BackendEstimatorV2(backend=...)"
        )
    return estimator


def observables_of(pub: EstimatorPub) -> list[SparsePauliOp]:
    """Return the observables of a PUB as sums of Pauli strings, projectors multiplied out."""
    return [
        SparsePauliOp.from_sparse_observable(
            SparseObservable.from_list(list(observable.items()))
        ).simplify()
        for observable in pub.observables.ravel().tolist()
    ]


def split_constant(observable: SparsePauliOp) -> tuple[SparsePauliOp, float]:
    """Return an observable without its constant part, which takes no measurement, and that part.

    No PUB may ask for an observable of 0: a constant one becomes the identity, and what is left.

    Example:
        >>> rest, constant = split_constant(SparsePauliOp(["II", "IZ"], [0.5, 2.0]))
        >>> rest.to_list(), constant
        ([('IZ', (2+0j))], 0.5)
    """
    acts = (observable.paulis.x | observable.paulis.z).any(axis=1)
    constant = float(observable.coeffs[~acts].real.sum())
    if not acts.any():
        return SparsePauliOp("I" * observable.num_qubits), constant - 1.0
    return observable[acts], constant


def groups(observables: Sequence[SparsePauliOp]) -> int:
    """Return how many circuits measure observables: groups that commute qubit by qubit.

    Example:
        >>> groups([SparsePauliOp(["ZZ", "IZ", "II"]), SparsePauliOp(["IX"])])
        2
    """
    strings = np.vstack([np.hstack([one.paulis.z, one.paulis.x]) for one in observables])
    strings = np.unique(strings[strings.any(axis=1)], axis=0)
    if not len(strings):
        return 0
    paulis = PauliList.from_symplectic(*np.split(strings, 2, axis=1))
    return len(paulis.group_qubit_wise_commuting())


def circuits_per_value(
    estimator: BaseEstimatorV2, circuit: QuantumCircuit, observable: SparsePauliOp
) -> int:
    """Return how many circuits an estimator runs for one expectation value.

    Args:
        estimator: If it has a method of this name, what that says.
        circuit: The circuit.
        observable: The observable.

    Returns:
        The circuits: otherwise one for each group of strings that commute qubit by qubit, as
        Qiskit's ``BackendEstimatorV2`` runs them.
    """
    own = getattr(estimator, "circuits_per_value", None)
    return groups([observable]) if own is None else int(own(circuit, observable))


def spent(metadata: dict[str, Any], pubs: Sequence[EstimatorPub]) -> tuple[int, int]:
    """Return the circuits and jobs that an estimator took.

    Args:
        metadata: Of its result; its word is taken if it tells ``circuits``.
        pubs: What it ran.

    Returns:
        Circuits and jobs.
    """
    if "circuits" in metadata:
        return int(metadata["circuits"]), int(metadata.get("jobs", 1))
    return sum(_circuits(pub) for pub in pubs), 1


def _circuits(pub: EstimatorPub) -> int:
    """Return the circuits of a PUB: those of all observables that an element is asked for."""
    observables = observables_of(pub)
    if len(observables) == 1:
        return int(pub.parameter_values.size) * groups(observables)
    elements = np.arange(pub.parameter_values.size).reshape(pub.parameter_values.shape)
    numbers = np.arange(len(observables)).reshape(pub.observables.shape)
    where, which = np.broadcast_arrays(elements, numbers)
    asked: dict[int, set[int]] = {}
    for element, number in zip(where.ravel().tolist(), which.ravel().tolist(), strict=True):
        asked.setdefault(element, set()).add(number)
    alike: dict[frozenset[int], int] = {}
    for one in map(frozenset, asked.values()):
        alike[one] = alike.get(one, 0) + 1
    return sum(
        times * groups([observables[number] for number in some]) for some, times in alike.items()
    )

"""An EstimatorV2 that simulates whole parameter arrays at once, noise and shots included."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from qiskit.primitives import (
    BaseEstimatorV2,
    DataBin,
    PrimitiveJob,
    PrimitiveResult,
    PubResult,
)
from qiskit.primitives.containers import ObservableLike, ObservablesArray
from qiskit.primitives.containers.estimator_pub import EstimatorPub, EstimatorPubLike
from qiskit.quantum_info import PauliList, SparseObservable, SparsePauliOp
from qiskit_aer.noise import NoiseModel

from qnlr.errors import InputError, is_number
from qnlr.simulator.compiled import Simulator
from qnlr.simulator.program import Program, parameter_rows
from qnlr.simulator.shots import Seed, child, draw_group, generator, group, mean_and_error
from qnlr.types import FloatArray

LEAST_PRECISION = 1e-9


class BatchedEstimator(BaseEstimatorV2):  # type: ignore[misc]
    r"""Expectation values of parametrised circuits, thousands of elements at once.

    A drop-in EstimatorV2. A precision of 0 gives exact values; any other one stands for
    N = ⌈1/precision²⌉ real shots, as in Qiskit's ``BackendEstimatorV2``: strings that commute qubit
    by qubit are measured together, each group with N shots, and observables that are asked of the
    same parameter values share them. Errors of single strings are

    .. math:: s^2 = (1 - f^2)/(N - 1)

    Read-out errors of the noise model are part of the values; changes of basis before a measurement
    are without gate noise.

    Args:
        default_precision: Where a PUB and ``run`` give none, at least 0.
        noise_model: Aer's noise model, or None. Qubits of circuits are the model's: ISA circuits.
        seed: Seed or generator of the shots; all PUBs and elements draw from one stream, on and on.
        threads: Threads that share the elements; None for ``NUMBA_NUM_THREADS``, or all cores.

    Raises:
        InputError: If a setting is not valid, or the noise model holds what is not supported.

    Example:
        >>> from qiskit.circuit.library import real_amplitudes
        >>> estimator = BatchedEstimator(seed=0)
        >>> pub = (real_amplitudes(2, reps=1), "ZZ", np.linspace(0, 1, 12).reshape(3, 4))
        >>> estimator.run([pub]).result()[0].data.evs.round(4)
        array([0.9192, 0.5189, 0.3864])
        >>> estimator.run([pub], precision=0.1).result()[0].data.evs.round(4)
        array([0.86, 0.36, 0.5 ])
    """

    def __init__(
        self,
        *,
        default_precision: float = 0.0,
        noise_model: NoiseModel | None = None,
        seed: Seed = None,
        threads: int | None = None,
    ) -> None:
        self.default_precision = _require_precision(default_precision)
        self.simulator = Simulator(noise_model, threads)
        self.rng = generator(seed)

    def run(
        self, pubs: Iterable[EstimatorPubLike], *, precision: float | None = None
    ) -> PrimitiveJob[PrimitiveResult[PubResult]]:
        """Estimate expectation values.

        Args:
            pubs: (circuit, observables[, parameter values[, precision]]) each.
            precision: For PUBs that give none.

        Returns:
            A job; its result has ``evs`` and ``stds`` for every PUB.

        Raises:
            InputError: If a circuit holds what cannot be simulated.
            ValueError: If a PUB is not valid.
        """
        default = self.default_precision if precision is None else _require_precision(precision)
        coerced = [EstimatorPub.coerce(pub, default) for pub in pubs]
        prepared = [self._prepared(pub) for pub in coerced]
        draws = any(pub.precision for pub in coerced)
        rng = child(self.rng) if draws else self.rng
        job: PrimitiveJob[Any] = PrimitiveJob(self._run, coerced, prepared, rng)
        job._submit()
        return job

    def _prepared(self, pub: EstimatorPub) -> tuple[Program, list[SparsePauliOp]]:
        observables = [as_operator(one) for one in pub.observables.ravel().tolist()]
        support = [(one.paulis.x | one.paulis.z).any(axis=0) for one in observables]
        observed = np.flatnonzero(np.any(support, axis=0))
        return self.simulator.program(pub.circuit, observed.tolist()), observables

    def _run(
        self,
        pubs: list[EstimatorPub],
        prepared: list[tuple[Program, list[SparsePauliOp]]],
        rng: np.random.Generator,
    ) -> PrimitiveResult[PubResult]:
        return PrimitiveResult(
            [self._run_pub(pub, *one, rng) for pub, one in zip(pubs, prepared, strict=True)],
            metadata={"version": 2},
        )

    def _run_pub(
        self,
        pub: EstimatorPub,
        program: Program,
        observables: list[SparsePauliOp],
        rng: np.random.Generator,
    ) -> PubResult:
        parameters = pub.circuit.parameters
        angles = program.angles(parameter_rows(pub.parameter_values, parameters))
        elements = np.arange(angles.shape[1]).reshape(pub.parameter_values.shape)
        numbers = np.arange(len(observables)).reshape(pub.observables.shape)
        where, which = np.broadcast_arrays(elements, numbers)
        shots = shots_of(pub.precision)
        evs, stds = np.zeros(pub.shape), np.zeros(pub.shape)
        for asked, batch in _batches(where.ravel(), which.ravel()):
            here = [observables[number] for number in asked]
            paulis = _union(here)
            found = (
                self._exact(program, angles[:, batch], paulis, here)
                if shots is None
                else self._sampled(program, angles[:, batch], paulis, here, shots, rng)
            )
            column = {element: place for place, element in enumerate(batch)}
            row = {number: place for place, number in enumerate(asked)}
            inside = np.isin(where, batch)
            places = [row[n] for n in which[inside]], [column[e] for e in where[inside]]
            evs[inside], stds[inside] = found[0][places], found[1][places]
        data = DataBin(evs=evs, stds=stds, shape=pub.shape)
        about = {"target_precision": pub.precision, "circuit_metadata": pub.circuit.metadata}
        return PubResult(data, metadata=about if shots is None else {**about, "shots": shots})

    def _exact(
        self, program: Program, angles: FloatArray, paulis: PauliList, asked: list[SparsePauliOp]
    ) -> tuple[FloatArray, FloatArray]:
        found = _coefficients(paulis, asked) @ program.expectations(angles, paulis)
        return found, np.zeros_like(found)

    def _sampled(
        self,
        program: Program,
        angles: FloatArray,
        paulis: PauliList,
        asked: list[SparsePauliOp],
        shots: int,
        rng: np.random.Generator,
    ) -> tuple[FloatArray, FloatArray]:
        weights = _coefficients(paulis, asked)
        values, variances = np.zeros((2, len(asked), angles.shape[1]))
        for one in group(paulis):
            if not one.basis.qubits:
                values += weights[:, one.members].sum(axis=1, keepdims=True)
                continue
            counts = draw_group(program, angles, one, shots, rng)
            for number in range(len(asked)):
                mean, variance = mean_and_error(counts, weights[number, one.members] @ one.signs)
                values[number] += mean
                variances[number] += variance
        return values, np.sqrt(variances)


def _require_precision(precision: float) -> float:
    if not (is_number(precision) and math.isfinite(precision) and precision >= 0):
        raise InputError(
            f"precision = {precision!r} is not valid; it must be 0, for exact values, or above"
        )
    return float(precision)


def shots_of(precision: float) -> int | None:
    """Return the shots that a precision stands for, ⌈1/precision²⌉, or None for exact values.

    Args:
        precision: At least 0.

    Returns:
        The shots.

    Raises:
        InputError: If it is not valid.

    Example:
        >>> shots_of(0.1), shots_of(0.0)
        (100, None)
    """
    valid = _require_precision(precision)
    if valid == 0:
        return None
    if valid < LEAST_PRECISION:
        raise InputError(
            f"precision = {precision!r} is not valid; it takes more shots than can be "
            f"counted: take at least {LEAST_PRECISION:g}, or 0 for exact values"
        )
    return math.ceil(round(1.0 / valid**2, 6))


def operator_of(observable: ObservableLike) -> SparsePauliOp:
    """Return whatever a PUB takes as an observable as a sum of Pauli strings.

    Args:
        observable: One observable.

    Returns:
        The sum.

    Example:
        >>> operator_of("Z0")
        SparsePauliOp(['ZI', 'ZZ'],
                      coeffs=[0.5+0.j, 0.5+0.j])
    """
    return as_operator(ObservablesArray.coerce(observable).ravel().tolist()[0])


def as_operator(observable: Mapping[str, float]) -> SparsePauliOp:
    """Return an observable of a PUB as a sum of Pauli strings, projectors multiplied out.

    Args:
        observable: Coefficients by label.

    Returns:
        The sum.
    """
    return SparsePauliOp.from_sparse_observable(
        SparseObservable.from_list(list(observable.items()))
    ).simplify()


def _union(asked: list[SparsePauliOp]) -> PauliList:
    both = np.vstack([np.hstack([one.paulis.z, one.paulis.x]) for one in asked])
    return PauliList.from_symplectic(*np.split(np.unique(both, axis=0), 2, axis=1))


def _coefficients(paulis: PauliList, asked: list[SparsePauliOp]) -> FloatArray:
    """Return the coefficient of every string in every observable, shape (observables, T)."""
    column = {label: place for place, label in enumerate(paulis.to_labels())}
    weights = np.zeros((len(asked), len(paulis)))
    for number, one in enumerate(asked):
        for label, coefficient in zip(one.paulis.to_labels(), one.coeffs, strict=True):
            weights[number, column[label]] += coefficient.real
    return weights


def _batches(where: np.ndarray, which: np.ndarray) -> list[tuple[list[int], np.ndarray]]:
    """Return batches of elements that are asked for the same observables."""
    if not where.size:
        return []
    asked: dict[int, set[int]] = {}
    for element, number in zip(where.tolist(), which.tolist(), strict=True):
        asked.setdefault(element, set()).add(number)
    batches: dict[tuple[int, ...], list[int]] = {}
    for element, numbers in asked.items():
        batches.setdefault(tuple(sorted(numbers)), []).append(element)
    return [(list(numbers), np.array(elements)) for numbers, elements in batches.items()]

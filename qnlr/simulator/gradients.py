"""Gradients for qiskit-machine-learning that simulate all samples and shifts at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.primitives.containers import ObservablesArray
from qiskit.providers import Options
from qiskit_machine_learning.gradients import (
    BaseEstimatorGradient,
    BaseSamplerGradient,
    EstimatorGradientResult,
    SamplerGradientResult,
)

from qnlr.errors import InputError, require_count
from qnlr.simulator.estimator import BatchedEstimator, as_operator, shots_of
from qnlr.simulator.jacobian import exact_jacobian, sampled_jacobian
from qnlr.simulator.program import Basis, shifted
from qnlr.simulator.sampler import BatchedSampler, Z
from qnlr.simulator.shots import child, draw_counts
from qnlr.simulator.tape import content_key
from qnlr.types import FloatArray


class BatchedEstimatorGradient(BaseEstimatorGradient):
    """Gradients of expectation values, exact or with shots, on a :class:`BatchedEstimator`.

    With a precision of 0 they are exact, by an adjoint sweep; otherwise every shift of the
    parameter-shift rule has shots of its own. Any parameter expression is differentiated.

    Args:
        estimator: Gives noise, threads and the generator of the shots.
        precision: Of the values at the shifts; the estimator's default if None.

    Raises:
        InputError: If the estimator is another one.

    Example:
        >>> from qiskit.circuit.library import real_amplitudes
        >>> from qiskit.quantum_info import SparsePauliOp
        >>> gradient = BatchedEstimatorGradient(BatchedEstimator())
        >>> circuit, observable = real_amplitudes(2, reps=1), SparsePauliOp("ZZ")
        >>> job = gradient.run([circuit], [observable], [[0.1, 0.2, 0.3, 0.4]])
        >>> job.result().gradients[0].round(4)
        array([ 0.1219, -0.5376, -0.2069, -0.5114])
    """

    def __init__(self, estimator: BatchedEstimator, precision: float | None = None) -> None:
        if not isinstance(estimator, BatchedEstimator):
            raise InputError(f"estimator = {estimator!r} is not valid; it must be BatchedEstimator")
        super().__init__(estimator)
        self.precision = estimator.default_precision if precision is None else precision
        shots_of(self.precision)

    def _run(
        self,
        circuits: Sequence[QuantumCircuit],
        observables: Sequence[Any],
        parameter_values: Sequence[Sequence[float]] | np.ndarray,
        parameters: Sequence[Sequence[Parameter]],
        **options: Any,
    ) -> EstimatorGradientResult:
        shots = shots_of(options.get("precision", self.precision))
        rng = child(self._estimator.rng)
        gradients: list[FloatArray] = [np.empty(0)] * len(circuits)
        keys = [
            (known, id(observable), tuple(wanted))
            for known, observable, wanted in zip(
                _numbered(circuits), observables, parameters, strict=True
            )
        ]
        for numbers in _alike(keys):
            circuit, asked = circuits[numbers[0]], parameters[numbers[0]]
            observable = as_operator(
                ObservablesArray.coerce(observables[numbers[0]]).ravel().tolist()[0]
            )
            columns, wanted = _columns(circuit, asked)
            simulator = self._estimator.simulator
            support = (observable.paulis.x | observable.paulis.z).any(axis=0)
            program = simulator.program(circuit, np.flatnonzero(support).tolist())
            values = np.array([parameter_values[number] for number in numbers], dtype=float)
            if shots is None:
                found = exact_jacobian(program, values, observable, wanted)
            else:
                found = sampled_jacobian(program, values, observable, wanted, shots, rng)
            for place, number in enumerate(numbers):
                gradients[number] = found.derivatives[place, columns]
        metadata = [{"parameters": asked} for asked in parameters]
        return EstimatorGradientResult(gradients, metadata, Options(**options))


class BatchedSamplerGradient(BaseSamplerGradient):
    """Gradients of outcome probabilities with shots, on a :class:`BatchedSampler`.

    Every shift of the parameter-shift rule has shots of its own.

    Args:
        sampler: Gives noise, threads, shots and their generator.

    Raises:
        InputError: If the sampler is another one.

    Example:
        >>> from qiskit.circuit.library import real_amplitudes
        >>> circuit = real_amplitudes(2, reps=1)
        >>> circuit.measure_all()
        >>> gradient = BatchedSamplerGradient(BatchedSampler(seed=0, default_shots=10_000))
        >>> first, *_ = gradient.run([circuit], [[0.1, 0.2, 0.3, 0.4]]).result().gradients[0]
        >>> {outcome: round(slope, 2) for outcome, slope in sorted(first.items())}
        {0: -0.04, 1: -0.02, 2: -0.05, 3: 0.1}
    """

    def __init__(self, sampler: BatchedSampler) -> None:
        if not isinstance(sampler, BatchedSampler):
            raise InputError(f"sampler = {sampler!r} is not valid; it must be BatchedSampler")
        super().__init__(sampler)

    def _run(
        self,
        circuits: Sequence[QuantumCircuit],
        parameter_values: Sequence[Sequence[float]],
        parameters: Sequence[Sequence[Parameter]],
        **options: Any,
    ) -> SamplerGradientResult:
        shots = require_count("shots", options.get("shots", self._sampler.default_shots))
        rng = child(self._sampler.rng)
        gradients: list[list[dict[int, float]]] = [[]] * len(circuits)
        keys = [
            (known, tuple(wanted))
            for known, wanted in zip(_numbered(circuits), parameters, strict=True)
        ]
        for numbers in _alike(keys):
            circuit, asked = circuits[numbers[0]], parameters[numbers[0]]
            values = np.array([parameter_values[number] for number in numbers], dtype=float)
            slopes = self._slopes(circuit, values, asked, shots, rng)
            for place, number in enumerate(numbers):
                gradients[number] = [_distribution(row) for row in slopes[place]]
        metadata = [{"parameters": asked} for asked in parameters]
        return SamplerGradientResult(gradients, metadata, Options(**options))

    def _slopes(
        self,
        circuit: QuantumCircuit,
        values: FloatArray,
        asked: Sequence[Parameter],
        shots: int,
        rng: np.random.Generator,
    ) -> FloatArray:
        """Return ∂p(o)/∂p_i for every number o that the classical register can read.

        Returns:
            Shape (E, asked parameters, numbers).
        """
        measured, program = self._sampler.simulator.measured(circuit)
        basis = Basis(measured.qubits, (Z,) * len(measured.qubits))
        columns, wanted = _columns(measured.circuit, asked)
        angles = program.angles(values)
        slots = program.tape.angles.reached(wanted)
        size, outcomes = len(values), 1 << len(measured.qubits)
        by_angle = np.zeros((len(angles), size, outcomes))
        for some, both in shifted(angles, slots):
            counts = draw_counts(program.distributions(both, basis), shots, rng)
            split = counts.reshape(len(some), 2, size, outcomes)
            by_angle[some] = (split[:, 0] - split[:, 1]) / (2 * shots)
        chain = program.tape.angles.chain
        slopes = [chain(values, by_angle[:, :, outcome]) for outcome in range(outcomes)]
        found: FloatArray = np.stack(slopes, axis=-1)[:, columns]
        numbers = measured.numbers()
        read = np.zeros((int(numbers.max()) + 1, *found.shape[:2]))
        np.add.at(read, numbers, np.moveaxis(found, -1, 0))
        return np.moveaxis(read, 0, -1)


def _distribution(slopes: FloatArray) -> dict[int, float]:
    places = np.flatnonzero(slopes)
    return dict(zip(places.tolist(), slopes[places].tolist(), strict=True))


def _numbered(circuits: Sequence[QuantumCircuit]) -> list[int]:
    """Return a number for every circuit, the same for those of the same content."""
    by_content: dict[Any, int] = {}
    by_object: dict[int, int] = {}
    for circuit in circuits:
        if id(circuit) not in by_object:
            number = by_content.setdefault(content_key(circuit), len(by_content))
            by_object[id(circuit)] = number
    return [by_object[id(circuit)] for circuit in circuits]


def _alike(keys: Sequence[Any]) -> Iterator[list[int]]:
    """Yield the numbers of those that have a key in common."""
    numbers: dict[Any, list[int]] = {}
    for number, key in enumerate(keys):
        numbers.setdefault(key, []).append(number)
    yield from numbers.values()


def _columns(circuit: QuantumCircuit, asked: Sequence[Parameter]) -> tuple[list[int], np.ndarray]:
    """Return the columns of parameters, and for every column whether it is among them."""
    column = {parameter: number for number, parameter in enumerate(circuit.parameters)}
    columns = [column[parameter] for parameter in asked]
    wanted = np.zeros(len(column), dtype=bool)
    wanted[columns] = True
    return columns, wanted

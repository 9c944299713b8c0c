"""Gradients for qiskit-machine-learning that simulate all samples and shifts at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.providers import Options
from qiskit_machine_learning.gradients import (
    BaseEstimatorGradient,
    BaseSamplerGradient,
    EstimatorGradientResult,
    SamplerGradientResult,
)

from qnlr.errors import InputError, require_count
from qnlr.simulator.estimator import BatchedEstimator, operator_of, shots_of
from qnlr.simulator.grouping import alike, asked_columns, numbered
from qnlr.simulator.jacobian import exact_jacobian, sampled_jacobian
from qnlr.simulator.sampler import BatchedSampler
from qnlr.simulator.shots import child
from qnlr.simulator.sorting import Sorted
from qnlr.types import FloatArray


@dataclass(frozen=True, eq=False)
class Derivatives:
    """Derivatives by some parameters of a circuit.

    Args:
        values: Shape (E, k).
        stds: Their standard errors, same shape; 0 where exact.
        shifts: Shifts of the parameter-shift rule for each of the E elements.
    """

    values: FloatArray
    stds: FloatArray
    shifts: int


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
        precision = options.get("precision")
        gradients: list[FloatArray] = [np.empty(0)] * len(circuits)
        keys = [
            (known, id(observable), tuple(wanted))
            for known, observable, wanted in zip(
                numbered(circuits), observables, parameters, strict=True
            )
        ]
        for numbers in alike(keys):
            first = numbers[0]
            values = np.array([parameter_values[number] for number in numbers], dtype=float)
            found = self.derivatives(
                circuits[first], observables[first], values, parameters[first], precision
            )
            for place, number in enumerate(numbers):
                gradients[number] = found.values[place]
        metadata = [{"parameters": asked} for asked in parameters]
        return EstimatorGradientResult(gradients, metadata, Options(**options))

    def derivatives(
        self,
        circuit: QuantumCircuit,
        observable: Any,
        values: FloatArray,
        parameters: Sequence[Parameter],
        precision: float | None = None,
    ) -> Derivatives:
        """Measure derivatives for many parameter values of one circuit: what ``run`` is made of.

        Args:
            circuit: The circuit.
            observable: What its expectation value is taken of.
            values: Parameter values, shape (E, D).
            parameters: The k parameters to differentiate by.
            precision: Of the values at the shifts, 0 for exact derivatives; None for the default.

        Returns:
            Derivatives, shape (E, k).
        """
        shots = shots_of(self.precision if precision is None else precision)
        operator = operator_of(observable)
        columns, wanted = asked_columns(circuit, parameters)
        support = (operator.paulis.x | operator.paulis.z).any(axis=0)
        program = self._estimator.simulator.program(circuit, np.flatnonzero(support).tolist())
        if shots is None:
            found = exact_jacobian(program, values, operator, wanted)
        else:
            rng = child(self._estimator.rng)
            found = sampled_jacobian(program, values, operator, wanted, shots, rng)
        stds = np.sqrt(found.derivative_variances[:, columns])
        shifts = 2 * int(program.tape.angles.reached(wanted).sum())
        return Derivatives(found.derivatives[:, columns], stds, shifts)


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
        {0: -0.03, 1: -0.02, 2: -0.05, 3: 0.1}
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
            for known, wanted in zip(numbered(circuits), parameters, strict=True)
        ]
        for numbers in alike(keys):
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
        numbers = measured.numbers()
        columns, wanted = asked_columns(measured.circuit, asked)
        read = Sorted(measured, program, numbers, int(numbers.max()) + 1)
        return np.asarray(read.derivatives(values, wanted, shots, rng)[:, columns])


def _distribution(slopes: FloatArray) -> dict[int, float]:
    places = np.flatnonzero(slopes)
    return dict(zip(places.tolist(), slopes[places].tolist(), strict=True))

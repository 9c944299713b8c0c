"""Gradients for qiskit-machine-learning that simulate all samples and shifts at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.providers import Options
from qiskit_machine_learning.gradients import (
    EstimatorGradientResult,
    SamplerGradientResult,
)

from qnlr.errors import InputError, require_count
from qnlr.simulator.checked_gradients import (
    CheckedEstimatorGradient,
    CheckedSamplerGradient,
    element_values,
    option,
)
from qnlr.simulator.estimator import BatchedEstimator, operator_of, shots_of
from qnlr.simulator.grouping import alike, asked_columns, numbered
from qnlr.simulator.observing import Observed
from qnlr.simulator.sampler import BatchedSampler
from qnlr.simulator.shots import child
from qnlr.simulator.sorting import Sorted
from qnlr.types import FloatArray


class BatchedEstimatorGradient(CheckedEstimatorGradient):
    """Gradients of expectation values, exact or with shots, on a :class:`BatchedEstimator`.

    With a precision of 0 they are exact, by an adjoint sweep; otherwise every shift of the
    parameter-shift rule has shots of its own. Any parameter expression is differentiated. The
    metadata of each gradient has its standard errors as ``"stds"``.

    An ``EstimatorQNN`` asks its estimator for its ``default_precision``, which is 1/64 unless it is
    given, but tells its gradient none: give it here as well, or use :func:`qnlr.accelerate`.

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
        given = option(options, "precision", None)
        precision = self.precision if given is None else given
        rng = child(self._estimator.rng) if shots_of(precision) else self._estimator.rng
        gradients: list[FloatArray] = [np.empty(0)] * len(circuits)
        stds = list(gradients)
        keys = [
            (known, id(observable), tuple(wanted))
            for known, observable, wanted in zip(
                numbered(circuits), observables, parameters, strict=True
            )
        ]
        for numbers in alike(keys):
            first = numbers[0]
            found, errors = self._slopes(
                circuits[first],
                observables[first],
                element_values(parameter_values, numbers),
                parameters[first],
                precision,
                rng,
            )
            for place, number in enumerate(numbers):
                gradients[number], stds[number] = found[place], errors[place]
        metadata = [
            {"parameters": asked, "stds": errors}
            for asked, errors in zip(parameters, stds, strict=True)
        ]
        return EstimatorGradientResult(gradients, metadata, Options(**options))

    def _slopes(
        self,
        circuit: QuantumCircuit,
        observable: Any,
        values: FloatArray,
        asked: Sequence[Parameter],
        precision: float,
        rng: np.random.Generator,
    ) -> tuple[FloatArray, FloatArray]:
        """Return derivatives by the k parameters that are asked for and their errors, (E, k)."""
        operator = operator_of(observable)
        columns, wanted = asked_columns(circuit, asked)
        support = (operator.paulis.x | operator.paulis.z).any(axis=0)
        program = self._estimator.simulator.program(circuit, np.flatnonzero(support).tolist())
        observed = Observed(program, (operator,))
        (found,) = observed.jacobians(values, wanted, shots_of(precision), rng)
        return found.derivatives[:, columns], np.sqrt(found.derivative_variances[:, columns])


class BatchedSamplerGradient(CheckedSamplerGradient):
    """Gradients of outcome probabilities, on a :class:`BatchedSampler`.

    Every shift of the parameter-shift rule has shots of its own; without default shots of the
    sampler they are exact.

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
        shots = option(options, "shots", self._sampler.default_shots)
        rng = self._sampler.rng
        if shots is not None:
            rng = child(rng)
            require_count("shots", shots)
        gradients: list[list[dict[int, float]]] = [[]] * len(circuits)
        keys = [
            (known, tuple(wanted))
            for known, wanted in zip(numbered(circuits), parameters, strict=True)
        ]
        for numbers in alike(keys):
            circuit, asked = circuits[numbers[0]], parameters[numbers[0]]
            values = element_values(parameter_values, numbers)
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
        shots: int | None,
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

"""Networks of qiskit-machine-learning that know what they measured, and what it cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from importlib import import_module
from typing import Any

import numpy as np
from qiskit.circuit import Parameter
from qiskit.primitives import BitArray
from qiskit_machine_learning.neural_networks import EstimatorQNN, NeuralNetwork, SamplerQNN

from qnlr.errors import InputError
from qnlr.models.broadcasting.frequencies import frequencies, register_of
from qnlr.models.broadcasting.gradients import BroadcastSamplerGradient, standard_errors
from qnlr.models.interpretation import Interpretation
from qnlr.models.outputs import Outputs, shares
from qnlr.simulator import BatchedSampler
from qnlr.simulator.estimator import operator_of, shots_of
from qnlr.simulator.gradients import BatchedSamplerGradient
from qnlr.simulator.grouping import asked_columns
from qnlr.simulator.shots import child
from qnlr.simulator.sorting import Sorted, summing
from qnlr.types import Cost, FloatArray

Slopes = tuple[FloatArray | None, FloatArray | None]
DERIVED = ("_interpretation", "_sorting", "_sorted_on")
"""What a network works out again when it has changed, or was pickled or copied."""


class MeasuredEstimatorQNN(EstimatorQNN):
    """An ``EstimatorQNN`` that keeps standard errors and counts its cost.

    Its gradient has the precision of its forward pass, where the gradient can be told one.

    Args:
        **arguments: Those of ``EstimatorQNN``.

    Attributes:
        cost: Circuits, shots and jobs so far; exact values are circuits without shots. Gradients
            count if they are this package's.

    Example:
        >>> from qiskit.circuit.library import real_amplitudes
        >>> from qnlr import BatchedEstimator
        >>> ansatz = real_amplitudes(2, reps=1)
        >>> network = MeasuredEstimatorQNN(
        ...     circuit=ansatz, weight_params=ansatz.parameters, default_precision=0.1,
        ...     estimator=BatchedEstimator(seed=0),
        ... )
        >>> outputs = network.measure(None, [0.1, 0.2, 0.3, 0.4])
        >>> outputs.values, outputs.stds.round(3), network.cost
        (array([[0.72]]), array([[0.07]]), Cost(circuits=1, shots=100, jobs=1))
    """

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.cost = Cost()

    def measure(self, input_data: Any, weights: Any) -> Outputs:
        """Return outputs with their standard errors.

        Args:
            input_data: Samples, shape (N, inputs), or None.
            weights: Shape (weights,), or None.

        Returns:
            Outputs, shape (N, observables).
        """
        return self._measured(self._validate_input(input_data)[0], self._validate_weights(weights))

    def _forward(self, input_data: FloatArray | None, weights: FloatArray | None) -> FloatArray:
        return self._measured(input_data, weights).values

    def _measured(self, input_data: FloatArray | None, weights: FloatArray | None) -> Outputs:
        rows = _rows(self, input_data, weights)
        pubs = [(self._circuit, observable, rows) for observable in self._observables]
        results = self.estimator.run(pubs, precision=self._default_precision).result()
        self.cost += sum((self._price(len(rows), one) for one in self._bases), Cost(jobs=1))
        values = np.stack([np.reshape(one.data.evs, -1) for one in results], axis=1)
        stds = [np.reshape(standard_errors(self.estimator, one), -1) for one in results]
        return Outputs(values, np.stack(stds, axis=1))

    def _backward(self, input_data: FloatArray | None, weights: FloatArray | None) -> Any:
        derivatives = getattr(self.gradient, "derivatives", None)
        asked = _differentiated(self)
        if derivatives is None or not asked:
            return super()._backward(input_data, weights)
        rows = _rows(self, input_data, weights)
        each = []
        for observable, bases in zip(self._observables, self._bases, strict=True):
            one = derivatives(self._circuit, observable, rows, asked, self._default_precision)
            self.cost += self._price(len(rows) * one.shifts, bases) + Cost(jobs=1)
            each.append(one.values)
        return _split(self, np.stack(each, axis=1))

    def _backward_postprocess(self, num_samples: int, result: Any) -> Any:
        shifts = [shifts for shifts, _ in _spent(result)]
        bases = np.repeat(self._bases, num_samples)
        for one in zip(shifts, bases.tolist(), strict=True):
            self.cost += self._price(*one)
        self.cost += Cost(jobs=int(any(shifts)))
        return super()._backward_postprocess(num_samples, result)

    @cached_property
    def _bases(self) -> list[int]:
        """How many circuits each observable takes: one for each basis that is measured."""
        strings = [operator_of(one).paulis for one in self._observables]
        grouped = [one[(one.x | one.z).any(axis=1)] for one in strings]
        return [len(one.group_qubit_wise_commuting()) if len(one) else 0 for one in grouped]

    def _price(self, elements: int, bases: int) -> Cost:
        circuits = elements * bases
        return Cost(circuits, circuits * (shots_of(self._default_precision) or 0))


class MeasuredSamplerQNN(SamplerQNN):
    """A ``SamplerQNN`` that keeps standard errors and counts its cost.

    On a :class:`~qnlr.BatchedSampler` outcomes are sorted into outputs before shots are drawn, so
    that two classes cost two outcomes; without default shots it is exact. On any other sampler
    the outcomes of each sample are read on their own, whatever their register is called.

    Args:
        **arguments: Those of ``SamplerQNN``.

    Attributes:
        cost: Circuits, shots and jobs so far; exact values are circuits without shots. Gradients
            count if they are this package's.

    Example:
        >>> from qiskit.circuit.library import real_amplitudes
        >>> from qnlr import BatchedSampler
        >>> ansatz = real_amplitudes(2, reps=1)
        >>> network = MeasuredSamplerQNN(
        ...     circuit=ansatz, weight_params=ansatz.parameters,
        ...     interpret=lambda x: x.bit_count() % 2, output_shape=2,
        ...     sampler=BatchedSampler(default_shots=100, seed=0),
        ... )
        >>> outputs = network.measure(None, [0.1, 0.2, 0.3, 0.4])
        >>> outputs.values, outputs.stds.round(3), network.cost
        (array([[0.86, 0.14]]), array([[0.035, 0.035]]), Cost(circuits=1, shots=100, jobs=1))
    """

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.cost = Cost()

    def set_interpret(
        self,
        interpret: Callable[[int], Any] | None = None,
        output_shape: int | tuple[int, ...] | None = None,
    ) -> None:
        """Change ``interpret`` and the shape of the outputs, as in ``SamplerQNN``."""
        super().set_interpret(interpret, output_shape)
        for derived in DERIVED:
            self.__dict__.pop(derived, None)

    def __getstate__(self) -> dict[str, Any]:
        return {name: part for name, part in self.__dict__.items() if name not in DERIVED}

    def measure(self, input_data: Any, weights: Any) -> Outputs:
        """Return outputs with their standard errors.

        Args:
            input_data: Samples, shape (N, inputs), or None.
            weights: Shape (weights,), or None.

        Returns:
            Outputs, shape (N, outputs).
        """
        return self._measured(self._validate_input(input_data)[0], self._validate_weights(weights))

    def _forward(self, input_data: FloatArray | None, weights: FloatArray | None) -> Any:
        values = self._measured(input_data, weights).values
        return self._given(values.reshape(len(values), *self._output_shape))

    def _measured(self, input_data: FloatArray | None, weights: FloatArray | None) -> Outputs:
        rows = _rows(self, input_data, weights)
        if isinstance(self.sampler, BatchedSampler):
            shots, rng = self._shots()
            values = self._sorted.probabilities(rows, shots, rng)
        else:
            result = self.sampler.run([(self._circuit, rows)]).result()[0]
            values, shots = self._read(register_of(result.data), len(rows))
        self.cost += Cost(len(rows), len(rows) * (shots or 0), jobs=1)
        return shares(values, shots)

    def _shots(self) -> tuple[int | None, np.random.Generator]:
        """Return the shots of a batched sampler, and what draws them."""
        shots = self.sampler.default_shots
        return shots, self.sampler.rng if shots is None else child(self.sampler.rng)

    def _read(self, register: Any, size: int) -> tuple[FloatArray, int | None]:
        """Return the share of each output in what a register read, and the shots of a sample."""
        if isinstance(register, BitArray):
            seen = frequencies(register.reshape(size, 1), 0)
            return self._summed(self._interpretation.of(seen.outcomes), seen.shares), seen.shots
        values = np.zeros((size, self._interpretation.outputs))
        for row in range(size):  # the exact ones of qiskit-machine-learning
            where = np.unravel_index(row, register.shape) if register.shape else ()
            found = register.get_probabilities(*([where] if where else []))
            outputs = self._interpretation.of(int(outcome, 2) for outcome in found)
            values[row] = self._summed(outputs, np.fromiter(found.values(), float, len(found)))
        return values, None

    def _summed(self, outputs: np.ndarray, values: FloatArray) -> FloatArray:
        """Sum values of outcomes by the outputs that these count for, along the last axis."""
        return np.asarray(values @ summing(outputs, self._interpretation.outputs))

    def _backward(self, input_data: FloatArray | None, weights: FloatArray | None) -> Any:
        asked = _differentiated(self)
        if not asked:
            return None, None
        own = isinstance(self.gradient, BatchedSamplerGradient)
        if not own or self.gradient._sampler is not self.sampler:
            return super()._backward(input_data, weights)
        rows = _rows(self, input_data, weights)
        shots, rng = self._shots()
        columns, wanted = asked_columns(self._circuit, asked)
        found = self._sorted.derivatives(rows, wanted, shots, rng)[:, columns]
        shifts = 2 * int(self._sorted.program.tape.angles.reached(wanted).sum())
        circuits = len(rows) * shifts
        self.cost += Cost(circuits, circuits * (shots or 0), jobs=1)
        return self._slopes(found)

    def _postprocess_gradient(self, num_samples: int, results: Any) -> Any:
        picked = isinstance(self.gradient, BroadcastSamplerGradient)  # the virtual qubits' bits
        spent = _spent(results)
        circuits = sum(shifts for shifts, _ in spent)
        total = sum(shifts * shots for shifts, shots in spent)
        self.cost += Cost(circuits, total, jobs=int(circuits > 0))
        of = self._interpretation.of_numbers if picked else self._interpretation.of
        slopes = [
            [self._summed(of(found), np.fromiter(found.values(), float)) for found in by_parameter]
            for by_parameter in results.gradients
        ]
        return self._slopes(np.array(slopes))

    def _slopes(self, found: FloatArray) -> Any:
        """Return derivatives by inputs and weights from those of shape (N, asked, outputs)."""
        size, asked, _ = found.shape
        by_output = np.moveaxis(found, 1, 2).reshape(size, *self._output_shape, asked)
        by_inputs, by_weights = _split(self, by_output)
        return None if by_inputs is None else self._given(by_inputs), self._given(by_weights)

    def _given(self, dense: FloatArray | None) -> Any:
        """Return an array in the format that the network was asked to give."""
        if not self._sparse:
            return dense
        return import_module("sparse").COO.from_numpy(dense)

    @cached_property
    def _interpretation(self) -> Interpretation:
        interpret: Any = self._interpret
        return Interpretation(self._circuit, self.num_virtual_qubits, interpret, self._output_shape)

    @property
    def _sorted(self) -> Sorted:
        if self.__dict__.get("_sorted_on") is not self.sampler:
            measured, program = self.sampler.simulator.measured(self._circuit)
            output_of = self._interpretation.of(measured.numbers())
            self._sorting = Sorted(measured, program, output_of, self._interpretation.outputs)
            self._sorted_on = self.sampler
        return self._sorting


def _rows(
    network: NeuralNetwork, input_data: FloatArray | None, weights: FloatArray | None
) -> FloatArray:
    """Return inputs and weights of every sample, shape (N, inputs + weights)."""
    found, size = network._preprocess_forward(input_data, weights)
    rows = np.asarray(found, dtype=float)
    if not np.isfinite(rows).all():
        raise InputError("inputs or weights hold a NaN or an infinity; they must be finite")
    return rows if rows.ndim > 1 else rows.reshape(size or 1, -1)


def _differentiated(network: EstimatorQNN | SamplerQNN) -> Sequence[Parameter]:
    """Return the parameters that a network differentiates its outputs by: inputs come first."""
    parameters = network._circuit.parameters
    return list(parameters if network.input_gradients else parameters[network.num_inputs :])


def _split(network: EstimatorQNN | SamplerQNN, slopes: FloatArray) -> Slopes:
    """Return derivatives by inputs, if they are asked for, and by weights."""
    if not network.input_gradients:
        return None, slopes
    return slopes[..., : network.num_inputs], slopes[..., network.num_inputs :]


def _spent(results: Any) -> list[tuple[int, int]]:
    """Return the shifts of every gradient of a job, and the shots of each, as far as it tells."""
    abouts = [one if isinstance(one, dict) else {} for one in results.metadata]
    return [(one.get("shifts", 0), one.get("shots") or 0) for one in abouts]

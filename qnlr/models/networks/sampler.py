"""A network of probabilities that knows what it measured, and what it cost."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from importlib import import_module
from typing import Any

import numpy as np
from qiskit.primitives import BaseSamplerV2, BitArray
from qiskit_machine_learning.gradients import BaseSamplerGradient
from qiskit_machine_learning.neural_networks import SamplerQNN

from qnlr.models.broadcasting.frequencies import frequencies, register_of
from qnlr.models.broadcasting.gradients import BroadcastSamplerGradient
from qnlr.models.networks.interpretation import Interpretation
from qnlr.models.networks.outputs import Outputs, shares
from qnlr.models.networks.parts import differentiated, require_kind, rows_of, split
from qnlr.simulator import BatchedSampler
from qnlr.simulator.gradients import BatchedSamplerGradient
from qnlr.simulator.grouping import asked_columns
from qnlr.simulator.shots import child
from qnlr.simulator.sorting import Sorted, summing
from qnlr.types import Cost, FloatArray

DERIVED = ("_interpretation", "_sorting", "_sorted_on")
"""What a network works out again when it has changed, or was pickled or copied."""


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

    Raises:
        InputError: If sampler or gradient are of another kind.

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
        sampler, gradient = (arguments.get(name) for name in ("sampler", "gradient"))
        require_kind("sampler", sampler, BaseSamplerV2, "BatchedSampler()")
        require_kind("gradient", gradient, BaseSamplerGradient, "BatchedSamplerGradient(...)")
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
        rows = rows_of(self, input_data, weights)
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
        asked = differentiated(self)
        if not asked:
            return None, None
        own = isinstance(self.gradient, BatchedSamplerGradient)
        if not own or self.gradient._sampler is not self.sampler:
            return super()._backward(input_data, weights)
        rows = rows_of(self, input_data, weights)
        shots, rng = self._shots()
        columns, wanted = asked_columns(self._circuit, asked)
        found = self._sorted.derivatives(rows, wanted, shots, rng)[:, columns]
        shifts = 2 * int(self._sorted.program.tape.angles.reached(wanted).sum())
        circuits = len(rows) * shifts
        self.cost += Cost(circuits, circuits * (shots or 0), jobs=1)
        return self._slopes(found)

    def _postprocess_gradient(self, num_samples: int, results: Any) -> Any:
        picked = isinstance(self.gradient, BroadcastSamplerGradient)  # the virtual qubits' bits
        abouts = [one if isinstance(one, dict) else {} for one in results.metadata]
        spent = [(one.get("shifts", 0), one.get("shots") or 0) for one in abouts]
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
        by_inputs, by_weights = split(self, by_output)
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

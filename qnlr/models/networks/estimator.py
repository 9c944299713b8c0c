"""A network of expectation values that knows what it measured, and what it cost."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from qiskit.primitives import BaseEstimatorV2
from qiskit_machine_learning.gradients import BaseEstimatorGradient
from qiskit_machine_learning.neural_networks import EstimatorQNN

from qnlr.models.broadcasting.gradients import precision_of, standard_errors
from qnlr.models.networks.outputs import Outputs
from qnlr.models.networks.parts import differentiated, require_kind, rows_of, split
from qnlr.simulator import BatchedEstimator
from qnlr.simulator.estimator import operator_of, shots_of
from qnlr.simulator.gradients import BatchedEstimatorGradient
from qnlr.simulator.grouping import asked_columns
from qnlr.simulator.observing import Observed
from qnlr.simulator.shots import child
from qnlr.types import Cost, FloatArray

DERIVED = ("_observing", "_observed_on")
"""What a network works out again when it was pickled or copied."""


class MeasuredEstimatorQNN(EstimatorQNN):
    """An ``EstimatorQNN`` that keeps standard errors and counts its cost.

    On a :class:`~qnlr.BatchedEstimator` with its own gradient, that has the precision of the
    forward pass.

    Args:
        **arguments: Those of ``EstimatorQNN``.

    Attributes:
        cost: Circuits, shots and jobs so far; exact values are circuits without shots. Gradients
            count if they are this package's.

    Raises:
        InputError: If estimator or gradient are of another kind.

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
        estimator, gradient = (arguments.get(name) for name in ("estimator", "gradient"))
        require_kind("estimator", estimator, BaseEstimatorV2, "BatchedEstimator()")
        require_kind("gradient", gradient, BaseEstimatorGradient, "BatchedEstimatorGradient(...)")
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

    def __getstate__(self) -> dict[str, Any]:
        return {name: part for name, part in self.__dict__.items() if name not in DERIVED}

    def _forward(self, input_data: FloatArray | None, weights: FloatArray | None) -> FloatArray:
        return self._measured(input_data, weights).values

    def _measured(self, input_data: FloatArray | None, weights: FloatArray | None) -> Outputs:
        rows = rows_of(self, input_data, weights)
        if isinstance(self.estimator, BatchedEstimator):
            shots, rng = self._shots()
            values, variances = self._observed.values(rows, shots, rng)
            self._pay(len(rows), [self._default_precision] * len(self._bases))
            return Outputs(values, np.sqrt(variances))
        pubs = [(self._circuit, observable, rows) for observable in self._observables]
        results = self.estimator.run(pubs, precision=self._default_precision).result()
        self._pay(len(rows), [precision_of(one, self._default_precision) for one in results])
        found = np.stack([np.reshape(one.data.evs, -1) for one in results], axis=1)
        stds = [np.reshape(standard_errors(self.estimator, one), -1) for one in results]
        return Outputs(found, np.stack(stds, axis=1))

    def _shots(self) -> tuple[int | None, np.random.Generator]:
        """Return the shots of a batched estimator, and what draws them."""
        shots = shots_of(self._default_precision)
        return shots, self.estimator.rng if shots is None else child(self.estimator.rng)

    def _backward(self, input_data: FloatArray | None, weights: FloatArray | None) -> Any:
        asked = differentiated(self)
        own = isinstance(self.gradient, BatchedEstimatorGradient)
        if not asked or not own or self.gradient._estimator is not self.estimator:
            return super()._backward(input_data, weights)
        rows = rows_of(self, input_data, weights)
        columns, wanted = asked_columns(self._circuit, asked)
        observed, (shots, rng) = self._observed, self._shots()
        found = observed.jacobians(rows, wanted, shots, rng)
        elements = len(rows) * observed.shifts(wanted)
        self._pay(elements, [self._default_precision] * len(self._bases))
        return split(self, np.stack([one.derivatives[:, columns] for one in found], axis=1))

    def _backward_postprocess(self, num_samples: int, result: Any) -> Any:
        abouts = [one if isinstance(one, dict) else {} for one in result.metadata]
        circuits, shots = 0, 0
        for about, bases in zip(abouts, np.repeat(self._bases, num_samples), strict=True):
            here = int(bases) * about.get("shifts", 0)
            circuits += here
            shots += here * (shots_of(about.get("precision", self._default_precision)) or 0)
        self.cost += Cost(circuits, shots, jobs=int(circuits > 0))
        return super()._backward_postprocess(num_samples, result)

    def _pay(self, elements: int, precisions: list[float]) -> None:
        """Count a job that measures each observable for so many elements."""
        circuits = [elements * bases for bases in self._bases]
        shots = [shots_of(one) or 0 for one in precisions]
        total = sum(one * each for one, each in zip(circuits, shots, strict=True))
        self.cost += Cost(sum(circuits), total, jobs=1)

    @cached_property
    def _operators(self) -> tuple[Any, ...]:
        return tuple(operator_of(one) for one in self._observables)

    @cached_property
    def _bases(self) -> list[int]:
        """How many circuits each observable takes: one for each basis that is measured."""
        strings = [one.paulis for one in self._operators]
        grouped = [one[(one.x | one.z).any(axis=1)] for one in strings]
        return [len(one.group_qubit_wise_commuting()) if len(one) else 0 for one in grouped]

    @property
    def _observed(self) -> Observed:
        if self.__dict__.get("_observed_on") is not self.estimator:
            acts = [(one.paulis.x | one.paulis.z).any(axis=0) for one in self._operators]
            support = np.flatnonzero(np.any(acts, axis=0)).tolist()
            program = self.estimator.simulator.program(self._circuit, support)
            self._observing = Observed(program, self._operators)
            self._observed_on = self.estimator
        return self._observing

"""Models and networks of qiskit-machine-learning, rebuilt on another primitive or gradient."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from qiskit import QuantumCircuit, transpile
from qiskit.primitives import BaseEstimatorV2, BaseSamplerV2
from qiskit_machine_learning.algorithms.objective_functions import ObjectiveFunction
from qiskit_machine_learning.algorithms.trainable_model import TrainableModel
from qiskit_machine_learning.neural_networks import EstimatorQNN, SamplerQNN
from qiskit_machine_learning.optimizers import OptimizerResult
from scipy.sparse import issparse
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets

from qnlr.backends.isa import isa_circuit, require_noise
from qnlr.errors import InputError
from qnlr.models.networks import MeasuredEstimatorQNN, MeasuredSamplerQNN
from qnlr.models.objective import Objective, require_pairs
from qnlr.noise import Noise
from qnlr.simulator import BatchedEstimator

NOT_GATES = {"measure", "barrier", "delay", "reset"}
UNTRANSLATED = "_untranslated"
"""Where a network keeps what it had before it was translated for a noise model."""


class Measured:
    """A model of qiskit-machine-learning whose ``fit`` minimises an :class:`Objective`."""

    def fit(self, X: Any, y: Any) -> Any:
        """Fit as the model does; lists, frames and columns of frames are taken, too."""
        X, y = (one if issparse(one) else np.asarray(one) for one in (X, y))
        require_pairs(X, y)
        _require_numbers(X, y)
        if isinstance(self, ClassifierMixin) and not issparse(y):
            try:
                check_classification_targets(y)
            except ValueError as error:
                raise InputError(f"y does not hold classes: {error}") from None
        return super().fit(X, y)  # type: ignore[misc]

    def __reduce__(self) -> tuple[Any, ...]:
        own = type(self).__mro__[2]  # classes made while running are not found again by their name
        return _blank, (own,), self.__dict__

    def _minimize(self, function: ObjectiveFunction) -> OptimizerResult:
        objective = Objective.of(function)
        if objective.by_class and isinstance(self, RegressorMixin):
            outputs = objective.network.output_shape[0]
            raise InputError(
                f"y has shape {objective.y.shape}, but the network has {outputs} outputs; give "
                f"targets of shape ({len(objective)}, {outputs}), or one observable"
            )
        found: OptimizerResult = super()._minimize(objective)  # type: ignore[misc]
        return found


@cache
def _measured(kind: type[Any]) -> type[Any]:
    """Return a kind of model with :class:`Measured` before it, under the same name."""
    if issubclass(kind, Measured):
        return kind
    return type(kind.__name__, (Measured, kind), {"__doc__": kind.__doc__})


def _blank(kind: Any) -> Any:
    """Return a measured model of a kind, without content."""
    return object.__new__(_measured(kind))


def rebuilt(
    what: str,
    model: Any,
    estimator: Callable[[EstimatorQNN], EstimatorQNN],
    sampler: Callable[[SamplerQNN], SamplerQNN],
) -> Any:
    """Return a network made anew, or a model with its network made anew.

    Args:
        what: What is done to it, for the message.
        model: A model or network of qiskit-machine-learning.
        estimator: Makes a network on an estimator anew.
        sampler: Makes a network on a sampler anew.

    Returns:
        Another one of the same kind.

    Raises:
        InputError: If it is neither.
    """
    if type(model) in (EstimatorQNN, MeasuredEstimatorQNN):
        return estimator(model)
    if type(model) in (SamplerQNN, MeasuredSamplerQNN):
        return sampler(model)
    if not isinstance(model, TrainableModel):
        raise InputError(
            f"{what} takes a VQC, VQR, NeuralNetworkClassifier, NeuralNetworkRegressor, "
            f"EstimatorQNN or SamplerQNN, not {type(model).__name__}"
        )
    again: Any = copy.copy(model)
    again.__class__ = _measured(again.__class__)
    if hasattr(model, "_target_encoder"):  # it learns the labels when it is fitted
        again._target_encoder = copy.deepcopy(model._target_encoder)
    again._neural_network = rebuilt(what, model.neural_network, estimator, sampler)
    return again


def estimator_network(
    network: EstimatorQNN,
    estimator: BaseEstimatorV2,
    gradient: Any,
    precision: float,
    noise: Noise | None = None,
) -> EstimatorQNN:
    """Return a network of expectation values on an estimator, with a gradient.

    Args:
        network: The network that it is like.
        estimator: The estimator.
        gradient: Its gradient.
        precision: Of forward passes.
        noise: What the circuit is translated for, or None.

    Returns:
        The network.
    """
    given = getattr(network, UNTRANSLATED, (network.circuit, network.observables))
    circuit = given[0]
    if isinstance(estimator, BatchedEstimator):  # VQR measures what it has transpiled
        circuit = circuit.remove_final_measurements(inplace=False)
    circuit = _known_gates(circuit, noise)
    again = MeasuredEstimatorQNN(
        circuit=circuit,
        estimator=estimator,
        observables=[_on(circuit, one) for one in given[1]],
        input_params=network.input_params,
        weight_params=network.weight_params,
        gradient=gradient,
        input_gradients=network.input_gradients,
        default_precision=precision,
    )
    setattr(again, UNTRANSLATED, given)
    return again


def sampler_network(
    network: SamplerQNN,
    sampler: BaseSamplerV2,
    gradient: Any,
    noise: Noise | None = None,
) -> SamplerQNN:
    """Return a network of probabilities on a sampler, with a gradient.

    Args:
        network: The network that it is like.
        sampler: The sampler.
        gradient: Its gradient.
        noise: What the circuit is translated for, or None.

    Returns:
        The network.
    """
    given = getattr(network, UNTRANSLATED, network.circuit)
    again = MeasuredSamplerQNN(
        circuit=_known_gates(given, noise),
        sampler=sampler,
        input_params=network.input_params,
        weight_params=network.weight_params,
        sparse=network.sparse,
        interpret=network.interpret,
        output_shape=network.output_shape,
        gradient=gradient,
        input_gradients=network.input_gradients,
    )
    setattr(again, UNTRANSLATED, given)
    return again


def _known_gates(circuit: QuantumCircuit, noise: Noise | None) -> QuantumCircuit:
    """Return a circuit in gates that a noise model knows; a transpiled one is left alone."""
    if noise is None or circuit.layout is not None:
        return circuit
    if noise.device is not None:
        require_noise(noise, circuit.num_qubits)
        return isa_circuit(circuit, noise)
    basis = set(noise.model.basis_gates)
    if set(circuit.count_ops()) <= basis | NOT_GATES:
        return circuit
    return transpile(circuit, basis_gates=sorted(basis), optimization_level=0)


def _on(circuit: QuantumCircuit, observable: Any) -> Any:
    """Return an observable on the qubits of a circuit, if it is on those before transpiling."""
    if circuit.layout is None or observable.num_qubits == circuit.num_qubits:
        return observable
    return observable.apply_layout(circuit.layout)


def _require_numbers(X: Any, y: Any) -> None:
    if X.dtype.kind not in "biuf":
        raise InputError(f"X holds {X.dtype}; features must be real numbers")
    if y.dtype.kind == "f" and not issparse(y) and not np.isfinite(y).all():
        raise InputError("y holds a NaN or an infinity; drop those samples")

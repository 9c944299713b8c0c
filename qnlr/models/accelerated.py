"""The same model or network on the batched simulator, or with broadcast gradients on its own."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar, cast

import numpy as np
from qiskit import QuantumCircuit, transpile
from qiskit.primitives import BaseEstimatorV2, BaseSamplerV2
from qiskit_aer.noise import NoiseModel
from qiskit_machine_learning.algorithms.objective_functions import ObjectiveFunction
from qiskit_machine_learning.algorithms.trainable_model import TrainableModel
from qiskit_machine_learning.neural_networks import EstimatorQNN, NeuralNetwork, SamplerQNN
from qiskit_machine_learning.optimizers import OptimizerResult
from scipy.sparse import issparse

from qnlr.errors import InputError, require_count
from qnlr.models.broadcasting.gradients import BroadcastEstimatorGradient, BroadcastSamplerGradient
from qnlr.models.networks import MeasuredEstimatorQNN, MeasuredSamplerQNN
from qnlr.models.objective import Objective, require_pairs
from qnlr.simulator import BatchedEstimator, BatchedSampler
from qnlr.simulator.gradients import BatchedEstimatorGradient, BatchedSamplerGradient
from qnlr.simulator.shots import Seed, generator

Model = TypeVar("Model", TrainableModel, NeuralNetwork)
NOT_GATES = {"measure", "barrier", "delay", "reset"}
UNTRANSLATED = "_untranslated"
"""Where a network keeps the circuit that it had before it was translated for a noise model."""


def accelerate(
    model: Model,
    *,
    noise_model: NoiseModel | None = None,
    shots: int | None = None,
    seed: Seed = None,
    threads: int | None = None,
) -> Model:
    """Return the same model, running on the batched simulator.

    Forward passes and gradients of all samples and shifts are simulated at once, with the same
    noise and shots. ``fit`` minimises a loss that carries its standard error, so that
    :class:`~qnlr.optimizers.StandardErrors` works as a trigger.

    The model that is given is left as it is; a fitted one gives a fitted one.

    Args:
        model: A ``VQC``, ``VQR``, ``NeuralNetworkClassifier``, ``NeuralNetworkRegressor``,
            ``EstimatorQNN`` or ``SamplerQNN``.
        noise_model: Aer's noise model, or None. Where the circuit was not transpiled and holds
            gates that the model does not know, it is translated to the model's basis gates; qubits
            are the model's.
        shots: Shots of every circuit, at least 1; None for exact values.
        seed: Seed or generator of the shots.
        threads: Threads that share the samples; None for all cores.

    Returns:
        A model of the same kind.

    Raises:
        InputError: If the model is of another kind, or a setting is not valid.

    Example:
        >>> import numpy as np
        >>> from qiskit.circuit.library import real_amplitudes, zz_feature_map
        >>> from qiskit_machine_learning.algorithms import VQC
        >>> from qnlr import NLR
        >>> model = accelerate(VQC(
        ...     feature_map=zz_feature_map(2), ansatz=real_amplitudes(2), optimizer=NLR(0.1),
        ...     initial_point=np.zeros(8),
        ... ))
        >>> X, y = np.array([[0.1, 0.2], [1.0, 0.5], [0.3, 0.9]]), np.array([0, 1, 1])
        >>> model.fit(X, y).score(X, y), model.fit_result.nit
        (1.0, 100)
    """
    if shots is not None:
        require_count("shots", shots)
    rng = generator(seed)

    def estimator(network: EstimatorQNN) -> EstimatorQNN:
        precision = 0.0 if shots is None else shots**-0.5
        own = BatchedEstimator(
            default_precision=precision, noise_model=noise_model, seed=rng, threads=threads
        )
        gradient = BatchedEstimatorGradient(own)
        return _estimator_network(network, own, gradient, precision, noise_model)

    def sampler(network: SamplerQNN) -> SamplerQNN:
        own = BatchedSampler(
            default_shots=shots, noise_model=noise_model, seed=rng, threads=threads
        )
        return _sampler_network(network, own, BatchedSamplerGradient(own), noise_model)

    return cast(Model, _rebuilt("accelerate", model, estimator, sampler))


def broadcast(model: Model) -> Model:
    """Return the same model on its own primitive, with one PUB for all shifts of a gradient.

    For primitives that are not simulated here: Aer's, those of a device. ``fit`` minimises a loss
    that carries its standard error, and the gradient has the precision of the forward pass.

    Args:
        model: A ``VQC``, ``VQR``, ``NeuralNetworkClassifier``, ``NeuralNetworkRegressor``,
            ``EstimatorQNN`` or ``SamplerQNN``, on V2 primitives.

    Returns:
        A model of the same kind; the one that is given is left as it is.

    Raises:
        InputError: If the model is of another kind, or its primitive is not V2.

    Example:
        >>> import numpy as np
        >>> from qiskit.circuit.library import real_amplitudes
        >>> from qiskit_aer.primitives import EstimatorV2
        >>> ansatz = real_amplitudes(2, reps=1)
        >>> network = EstimatorQNN(
        ...     circuit=ansatz, weight_params=ansatz.parameters, default_precision=0.0,
        ...     estimator=EstimatorV2(),
        ... )
        >>> _, by_weights = broadcast(network).backward(None, [0.1, 0.2, 0.3, 0.4])
        >>> by_weights.round(4)
        array([[[ 0.1219, -0.5376, -0.2069, -0.5114]]])
    """

    def estimator(network: EstimatorQNN) -> EstimatorQNN:
        own = _require("estimator", network.estimator, BaseEstimatorV2)
        gradient = BroadcastEstimatorGradient(own, network.default_precision)
        return _estimator_network(network, own, gradient, network.default_precision)

    def sampler(network: SamplerQNN) -> SamplerQNN:
        own = _require("sampler", network.sampler, BaseSamplerV2)
        return _sampler_network(network, own, BroadcastSamplerGradient(own))

    return cast(Model, _rebuilt("broadcast", model, estimator, sampler))


class Measured:
    """A model of qiskit-machine-learning whose ``fit`` minimises an :class:`Objective`."""

    def fit(self, X: Any, y: Any) -> Any:
        """Fit as the model does; lists, frames and columns of frames are taken, too."""
        X, y = (one if issparse(one) else np.asarray(one) for one in (X, y))
        require_pairs(X, y)
        return super().fit(X, y)  # type: ignore[misc]

    def __reduce__(self) -> tuple[Any, ...]:
        own = type(self).__mro__[2]  # classes made while running are not found again by their name
        return _blank, (own,), self.__dict__

    def _minimize(self, function: ObjectiveFunction) -> OptimizerResult:
        found: OptimizerResult = super()._minimize(Objective.of(function))  # type: ignore[misc]
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


def _rebuilt(
    what: str,
    model: Any,
    estimator: Callable[[EstimatorQNN], EstimatorQNN],
    sampler: Callable[[SamplerQNN], SamplerQNN],
) -> Any:
    if type(model) in (EstimatorQNN, MeasuredEstimatorQNN):
        return estimator(model)
    if type(model) in (SamplerQNN, MeasuredSamplerQNN):
        return sampler(model)
    if not isinstance(model, TrainableModel):
        raise InputError(
            f"{what} takes a VQC, VQR, NeuralNetworkClassifier, NeuralNetworkRegressor, "
            f"EstimatorQNN or SamplerQNN, not {type(model).__name__}"
        )
    rebuilt: Any = copy.copy(model)
    rebuilt.__class__ = _measured(rebuilt.__class__)
    if hasattr(model, "_target_encoder"):  # it learns the labels when it is fitted
        rebuilt._target_encoder = copy.deepcopy(model._target_encoder)
    rebuilt._neural_network = _rebuilt(what, model.neural_network, estimator, sampler)
    return rebuilt


def _estimator_network(
    network: EstimatorQNN,
    estimator: BaseEstimatorV2,
    gradient: Any,
    precision: float,
    noise_model: NoiseModel | None = None,
) -> EstimatorQNN:
    given = getattr(network, UNTRANSLATED, network.circuit)
    rebuilt = MeasuredEstimatorQNN(
        circuit=_known_gates(given, noise_model),
        estimator=estimator,
        observables=network.observables,
        input_params=network.input_params,
        weight_params=network.weight_params,
        gradient=gradient,
        input_gradients=network.input_gradients,
        default_precision=precision,
    )
    setattr(rebuilt, UNTRANSLATED, given)
    return rebuilt


def _sampler_network(
    network: SamplerQNN,
    sampler: BaseSamplerV2,
    gradient: Any,
    noise_model: NoiseModel | None = None,
) -> SamplerQNN:
    given = getattr(network, UNTRANSLATED, network.circuit)
    rebuilt = MeasuredSamplerQNN(
        circuit=_known_gates(given, noise_model),
        sampler=sampler,
        input_params=network.input_params,
        weight_params=network.weight_params,
        sparse=network.sparse,
        interpret=network.interpret,
        output_shape=network.output_shape,
        gradient=gradient,
        input_gradients=network.input_gradients,
    )
    setattr(rebuilt, UNTRANSLATED, given)
    return rebuilt


def _known_gates(circuit: QuantumCircuit, noise_model: NoiseModel | None) -> QuantumCircuit:
    """Return a circuit in gates that a noise model knows; a transpiled one is left alone."""
    if noise_model is None or circuit.layout is not None:
        return circuit
    basis = set(noise_model.basis_gates)
    if set(circuit.count_ops()) <= basis | NOT_GATES:
        return circuit
    return transpile(circuit, basis_gates=sorted(basis), optimization_level=0)


def _require(what: str, primitive: Any, kind: type) -> Any:
    if not isinstance(primitive, kind):
        raise InputError(
            f"{what} = {type(primitive).__name__} is not a V2 primitive; take one that derives "
            f"from {kind.__name__}, such as Aer's or a Runtime primitive"
        )
    return primitive

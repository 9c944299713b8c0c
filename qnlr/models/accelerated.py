"""The same model or network on the batched simulator, or with broadcast gradients on its own."""

from __future__ import annotations

from typing import Any, TypeVar, cast

from qiskit.primitives import BaseEstimatorV2, BaseSamplerV2
from qiskit_aer.noise import NoiseModel
from qiskit_machine_learning.algorithms.trainable_model import TrainableModel
from qiskit_machine_learning.neural_networks import EstimatorQNN, NeuralNetwork, SamplerQNN

from qnlr.errors import InputError, require_count
from qnlr.models.broadcasting.gradients import BroadcastEstimatorGradient, BroadcastSamplerGradient
from qnlr.models.rebuilding import estimator_network, rebuilt, sampler_network
from qnlr.noise import Noise
from qnlr.simulator import BatchedEstimator, BatchedSampler
from qnlr.simulator.gradients import BatchedEstimatorGradient, BatchedSamplerGradient
from qnlr.simulator.shots import Seed, generator

Model = TypeVar("Model", TrainableModel, NeuralNetwork)


def accelerate(
    model: Model,
    *,
    noise_model: NoiseModel | Noise | None = None,
    shots: int | None = None,
    seed: Seed = None,
    threads: int | None = None,
) -> Model:
    """Return the same model, running on the batched simulator.

    Forward passes and gradients of all samples and shifts are simulated at once, with the same
    noise and shots. ``fit`` minimises a loss that carries its standard error, so that
    :class:`~qnlr.optimizers.StandardErrors` works as a trigger.

    The model that is given is left as it is; a fitted one gives a fitted one. Save it by its method
    ``to_dill``: a ``VQC`` cannot be pickled.

    Args:
        model: A ``VQC``, ``VQR``, ``NeuralNetworkClassifier``, ``NeuralNetworkRegressor``,
            ``EstimatorQNN`` or ``SamplerQNN``.
        noise_model: Aer's noise model, one of :mod:`qnlr.noise`, or None. A circuit that was not
            transpiled is transpiled to the device of :func:`qnlr.noise.from_device`; on other
            models its qubits are the model's, and gates that the model does not know are
            translated to its basis gates.
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
    rng, noise = generator(seed), _noise(noise_model)
    gates = None if noise is None else noise.model

    def estimator(network: EstimatorQNN) -> EstimatorQNN:
        precision = 0.0 if shots is None else shots**-0.5
        own = BatchedEstimator(
            default_precision=precision, noise_model=gates, seed=rng, threads=threads
        )
        return estimator_network(network, own, BatchedEstimatorGradient(own), precision, noise)

    def sampler(network: SamplerQNN) -> SamplerQNN:
        own = BatchedSampler(default_shots=shots, noise_model=gates, seed=rng, threads=threads)
        return sampler_network(network, own, BatchedSamplerGradient(own), noise)

    return cast(Model, rebuilt("accelerate", model, estimator, sampler))


def broadcast(model: Model) -> Model:
    """Return the same model on its own primitive, with one PUB for all shifts of a gradient.

    For primitives that are not simulated here: Aer's, those of a device. ``fit`` minimises a loss
    that carries its standard error, and the gradient has the precision of the forward pass.

    Nothing here says before what a device charges, or stops it: a step of NLR on N samples and P
    weights is (2P + 2) N circuits. Count them first, and stop with
    :class:`~qnlr.models.StopAt`; studies on devices have prices and caps.

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
        return estimator_network(network, own, gradient, network.default_precision)

    def sampler(network: SamplerQNN) -> SamplerQNN:
        own = _require("sampler", network.sampler, BaseSamplerV2)
        return sampler_network(network, own, BroadcastSamplerGradient(own))

    return cast(Model, rebuilt("broadcast", model, estimator, sampler))


def _noise(noise_model: Any) -> Noise | None:
    if noise_model is None or isinstance(noise_model, Noise):
        return noise_model
    if not isinstance(noise_model, NoiseModel):
        raise InputError(
            f"noise_model = {type(noise_model).__name__} is not valid; give Aer's NoiseModel, such "
            "as NoiseModel.from_backend(device), or one of qnlr.noise"
        )
    return Noise(noise_model, "Aer's noise model")


def _require(what: str, primitive: Any, kind: type) -> Any:
    if not isinstance(primitive, kind):
        raise InputError(
            f"{what} = {type(primitive).__name__} is not a V2 primitive; take one that derives "
            f"from {kind.__name__}, such as Aer's or a Runtime primitive"
        )
    return primitive

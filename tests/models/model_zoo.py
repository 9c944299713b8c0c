"""Every class that takes an optimizer, as a function of optimizer, ansatz and primitive."""

from functools import partial
from typing import NamedTuple

import numpy as np
from qiskit.circuit.library import real_amplitudes, zz_feature_map
from qiskit.primitives import StatevectorEstimator, StatevectorSampler
from qiskit.quantum_info import SparsePauliOp
from qiskit_algorithms import QAOA, VQE, SamplingVQE
from qiskit_algorithms.gradients import ParamShiftEstimatorGradient as AlgorithmsGradient
from qiskit_machine_learning.algorithms import (
    VQC,
    VQR,
    NeuralNetworkClassifier,
    NeuralNetworkRegressor,
)
from qiskit_machine_learning.gradients import ParamShiftEstimatorGradient
from qiskit_machine_learning.kernels import (
    TrainableFidelityQuantumKernel,
    TrainableFidelityStatevectorKernel,
)
from qiskit_machine_learning.kernels.algorithms import QuantumKernelTrainer
from qiskit_machine_learning.neural_networks import EstimatorQNN, SamplerQNN
from qiskit_machine_learning.state_fidelities import ComputeUncompute

from qnlr import BatchedEstimator, BatchedSampler
from qnlr.circuits import hardware_efficient

SAMPLES = np.array([[0.2, 0.4], [0.3, 0.1], [1.4, 1.6], [1.5, 1.3]])
SIGNS, LABELS, TARGETS = np.array([1, 1, -1, -1]), np.array([0, 0, 1, 1]), SAMPLES.sum(1) / 4
ISING = SparsePauliOp(["ZZ", "IX", "XI"], [1.0, 0.5, 0.4])
DIAGONAL = SparsePauliOp(["ZZ", "IZ", "ZI"], [1.0, 0.5, -0.3])
ANSATZES = {
    "hardware_efficient": partial(hardware_efficient, 2, 1),
    "real_amplitudes": partial(real_amplitudes, 2, reps=1),
}


class Trained(NamedTuple):
    """What each of these classes takes from its optimizer's result."""

    point: np.ndarray
    value: float
    evaluations: int


def start(ansatz):
    return np.linspace(0.4, 1.3, ansatz.num_parameters)


def fitted(kind, optimizer, point, targets, change=lambda model: model, **settings):
    model = change(kind(optimizer=optimizer, initial_point=point, **settings))
    result = model.fit(SAMPLES, targets).fit_result
    np.testing.assert_array_equal(model.weights, result.x)
    assert model.predict(SAMPLES).shape[0] == len(SAMPLES)
    return Trained(model.weights, result.fun, result.nfev)


def estimator_network(ansatz, estimator):
    features = zz_feature_map(2, reps=1)
    return EstimatorQNN(
        circuit=features.compose(ansatz),
        input_params=features.parameters,
        weight_params=ansatz.parameters,
        estimator=estimator,
        gradient=ParamShiftEstimatorGradient(estimator),
        default_precision=0.0,
    )


def sampler_network(ansatz, sampler):
    features = zz_feature_map(2, reps=1)
    return SamplerQNN(
        circuit=features.compose(ansatz),
        input_params=features.parameters,
        weight_params=ansatz.parameters,
        sampler=sampler,
        interpret=lambda outcome: outcome % 2,
        output_shape=2,
    )


def vqc(optimizer, ansatz, sampler, **change):
    parts = {"feature_map": zz_feature_map(2, reps=1), "ansatz": ansatz, "sampler": sampler}
    return fitted(VQC, optimizer, start(ansatz), LABELS, **parts, **change)


def vqr(optimizer, ansatz, estimator, **change):
    parts = {"feature_map": zz_feature_map(2, reps=1), "ansatz": ansatz, "estimator": estimator}
    return fitted(VQR, optimizer, start(ansatz), TARGETS, **parts, **change)


def estimator_classifier(optimizer, ansatz, estimator, **change):
    parts = {"neural_network": estimator_network(ansatz, estimator), **change}
    return fitted(NeuralNetworkClassifier, optimizer, start(ansatz), SIGNS, **parts)


def sampler_classifier(optimizer, ansatz, sampler, one_hot=False, **change):
    parts = {"neural_network": sampler_network(ansatz, sampler), "one_hot": one_hot, **change}
    return fitted(NeuralNetworkClassifier, optimizer, start(ansatz), LABELS, **parts)


def regressor(optimizer, ansatz, estimator, **change):
    parts = {"neural_network": estimator_network(ansatz, estimator), **change}
    return fitted(NeuralNetworkRegressor, optimizer, start(ansatz), TARGETS, **parts)


def kernel(optimizer, ansatz, sampler):
    circuit = ansatz.compose(zz_feature_map(2, reps=1))
    parts = {"feature_map": circuit, "training_parameters": [*ansatz.parameters]}
    if sampler is None:
        untrained = TrainableFidelityStatevectorKernel(**parts)
    else:
        untrained = TrainableFidelityQuantumKernel(fidelity=ComputeUncompute(sampler), **parts)
    trainer = QuantumKernelTrainer(untrained, optimizer=optimizer, initial_point=start(ansatz))
    result = trainer.fit(SAMPLES, LABELS)
    assert [*result.optimal_parameters.values()] == [*result.optimal_point]
    assert untrained.evaluate(SAMPLES).shape == (4, 4)
    return Trained(result.optimal_point, result.optimal_value, result.optimizer_evals)


def minimum(algorithm, operator):
    result = algorithm.compute_minimum_eigenvalue(operator)
    assert result.eigenvalue == result.optimal_value == result.optimizer_result.fun
    assert [*result.optimal_parameters.values()] == [*result.optimal_point]
    return Trained(result.optimal_point, result.optimal_value, result.cost_function_evals)


def vqe(optimizer, ansatz, estimator, gradient=None):
    found = None if gradient is None else gradient(estimator)
    parts = {"gradient": found, "initial_point": start(ansatz)}
    return minimum(VQE(estimator, ansatz, optimizer, **parts), ISING)


def sampling_vqe(optimizer, ansatz, sampler):
    algorithm = SamplingVQE(sampler, ansatz, optimizer, initial_point=start(ansatz))
    return minimum(algorithm, DIAGONAL)


def qaoa(optimizer, ansatz, sampler):
    return minimum(QAOA(sampler, optimizer, reps=1, initial_point=[0.4, 0.9]), DIAGONAL)


class Model(NamedTuple):
    """How a class is trained, the kind of its primitive, and what more is known of it."""

    train: object
    kind: str
    exact: bool = False
    trainable: bool = False  # a TrainableModel of qiskit-machine-learning, which accelerate() takes


MODELS = {
    "vqc": Model(vqc, "sampler", trainable=True),
    "vqr": Model(vqr, "estimator", trainable=True),
    "estimator_classifier": Model(estimator_classifier, "estimator", exact=True, trainable=True),
    "sampler_classifier": Model(sampler_classifier, "sampler", trainable=True),
    "one_hot_classifier": Model(
        partial(sampler_classifier, one_hot=True), "sampler", trainable=True
    ),
    "regressor": Model(regressor, "estimator", exact=True, trainable=True),
    "kernel": Model(kernel, "sampler"),
    "statevector_kernel": Model(kernel, "none", exact=True),
    "vqe": Model(vqe, "estimator", exact=True),
    "vqe_gradient": Model(partial(vqe, gradient=AlgorithmsGradient), "estimator", exact=True),
    "sampling_vqe": Model(sampling_vqe, "sampler"),
    "qaoa": Model(qaoa, "sampler"),
}
PRIMITIVES = {
    "batched": {
        "estimator": lambda: BatchedEstimator(seed=1),
        "sampler": lambda: BatchedSampler(seed=1, default_shots=200),
        "none": lambda: None,
    },
    "reference": {
        "estimator": lambda: StatevectorEstimator(seed=1),
        "sampler": lambda: StatevectorSampler(seed=1, default_shots=20),
        "none": lambda: None,
    },
}

"""What models and networks are rebuilt from: devices, measurements, layouts, and bad input."""

import numpy as np
import pytest
from qiskit.circuit.library import real_amplitudes, z_feature_map, zz_feature_map
from qiskit.quantum_info import SparsePauliOp
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_aer.noise import NoiseModel
from qiskit_aer.primitives import EstimatorV2
from qiskit_ibm_runtime.fake_provider import FakeManilaV2
from qiskit_machine_learning.algorithms import VQC, VQR, NeuralNetworkRegressor
from qiskit_machine_learning.gradients import LinCombSamplerGradient
from qiskit_machine_learning.neural_networks import EstimatorQNN
from qiskit_machine_learning.primitives import QMLSampler

from qnlr import NLR, SGD, BatchedEstimator, BatchedSampler, accelerate, broadcast
from qnlr.errors import InputError
from qnlr.models import MeasuredEstimatorQNN, MeasuredSamplerQNN
from qnlr.noise import from_device, from_rate
from qnlr.optimizers import StandardErrors
from qnlr.simulator.gradients import BatchedEstimatorGradient, BatchedSamplerGradient
from qnlr.types import Cost

FEATURES, ANSATZ = z_feature_map(2, reps=1), real_amplitudes(2, reps=1)
PARTS = {
    "circuit": FEATURES.compose(ANSATZ),
    "input_params": FEATURES.parameters,
    "weight_params": ANSATZ.parameters,
}
X = np.random.default_rng(0).uniform(size=(6, 2))
START = np.array([0.4, -0.3, 0.2, 0.5])


def transpiler():
    return generate_preset_pass_manager(1, backend=FakeManilaV2(), seed_transpiler=0)


def vqc(optimizer=None, **arguments):
    optimizer = optimizer or SGD(0.1, maxiter=2)
    parts = {"feature_map": FEATURES, "ansatz": ANSATZ, "initial_point": START}
    return VQC(**parts, optimizer=optimizer, **arguments)


def test_a_vqr_that_measures_what_it_has_transpiled():
    parts = {"feature_map": zz_feature_map(2), "ansatz": ANSATZ, "initial_point": START}
    y = np.linspace(-1, 1, 6)
    found = [
        accelerate(VQR(**parts, optimizer=SGD(0.1, maxiter=3), pass_manager=manager)).fit(X, y)
        for manager in (None, transpiler())
    ]
    np.testing.assert_allclose(found[0].weights, found[1].weights, atol=1e-9)
    np.testing.assert_allclose(found[0].predict(X), found[1].predict(X), atol=1e-9)


def test_a_regressor_has_a_column_of_targets_for_each_observable():
    observables = [SparsePauliOp("ZI"), SparsePauliOp("XX")]
    network = EstimatorQNN(**PARTS, observables=observables)
    optimizer = SGD(0.2, maxiter=4)
    model = NeuralNetworkRegressor(network, optimizer=optimizer, initial_point=START)
    model, y = accelerate(model), np.random.default_rng(1).uniform(-1, 1, (6, 2))
    model.fit(X, y)
    mean = np.mean(((model.neural_network.forward(X, model.weights) - y) ** 2).sum(axis=1))
    assert model.fit_result.fun == pytest.approx(mean)
    with pytest.raises(InputError, match=r"give targets of shape \(6, 2\), or one observable"):
        model.fit(X, y[:, 0])


@pytest.mark.parametrize("manager", [None, transpiler()])
def test_observables_on_the_qubits_before_transpiling(manager):
    observables = [SparsePauliOp("ZI"), SparsePauliOp(["XX", "IY"], [1.0, 0.5])]
    network = EstimatorQNN(**PARTS, observables=observables, pass_manager=manager)
    plain = accelerate(EstimatorQNN(**PARTS, observables=observables))
    for rebuilt in (accelerate(network), broadcast(network)):
        if rebuilt.default_precision:  # the exact default of qiskit-machine-learning has none
            assert rebuilt.cost.shots == 0
        np.testing.assert_allclose(rebuilt.forward(X, START), plain.forward(X, START), atol=1e-9)
        found, expected = rebuilt.backward(X, START)[1], plain.backward(X, START)[1]
        np.testing.assert_allclose(found, expected, atol=1e-9)


def test_noise_of_a_device_transpiles_to_it():
    noise, shots = from_device("fake_manila"), 200_000
    by_hand = vqc(pass_manager=transpiler())
    found = accelerate(vqc(), noise_model=noise, shots=shots, seed=0).neural_network
    expected = accelerate(by_hand, noise_model=noise.model, shots=shots, seed=1).neural_network
    assert found.circuit.layout is not None
    difference = found.forward(X, START) - expected.forward(X, START)
    assert np.abs(difference).max() < 0.02  # other qubits of the device may be chosen
    exact = accelerate(vqc()).neural_network.forward(X, START)
    assert np.abs(found.forward(X, START) - exact).max() > 0.005
    wide = VQC(feature_map=z_feature_map(8), ansatz=real_amplitudes(8), optimizer=SGD(0.1))
    with pytest.raises(InputError, match="8 qubits do not fit the device"):
        accelerate(wide, noise_model=noise)


def test_noise_with_and_without_its_description_is_the_same():
    noise = from_rate(0.02)
    both = [
        accelerate(vqc(), noise_model=one, shots=100, seed=3).neural_network.forward(X, START)
        for one in (noise, noise.model)
    ]
    np.testing.assert_array_equal(*both)
    for wrong in (FakeManilaV2(), 0.01, "fake_manila"):
        with pytest.raises(InputError, match=r"NoiseModel.from_backend\(device\), or one of"):
            accelerate(vqc(), noise_model=wrong)


def test_values_of_the_exact_default_estimator_cost_no_shots():
    network = broadcast(EstimatorQNN(**PARTS))
    network.forward(X, START)
    assert network.cost == Cost(6, 0, 1)
    network.backward(X, START)
    assert network.cost == Cost(6 + 6 * 8, 0, 2)
    assert not network.measure(X, START).stds.any()


def test_precision_is_paid_for_on_a_primitive_of_ones_own():
    network = broadcast(EstimatorQNN(**PARTS, estimator=EstimatorV2(), default_precision=0.1))
    network.forward(X, START)
    network.backward(X, START)
    assert network.cost == Cost(6 + 6 * 8, 100 * (6 + 6 * 8), 2)


BATCHED = BatchedEstimator(), BatchedSampler()
KINDS = {
    "estimator = BatchedSampler": (MeasuredEstimatorQNN, {"estimator": BATCHED[1]}),
    "sampler = BatchedEstimator": (MeasuredSamplerQNN, {"sampler": BATCHED[0]}),
    "gradient = BatchedSamplerGradient": (
        MeasuredEstimatorQNN,
        {"estimator": BATCHED[0], "gradient": BatchedSamplerGradient(BATCHED[1])},
    ),
    "gradient = BatchedEstimatorGradient": (
        MeasuredSamplerQNN,
        {"sampler": BATCHED[1], "gradient": BatchedEstimatorGradient(BATCHED[0])},
    ),
}


@pytest.mark.parametrize("sentence", KINDS)
def test_parts_of_another_kind_are_refused(sentence):
    network, wrong = KINDS[sentence]
    with pytest.raises(InputError, match=f"{sentence} is not valid; it must be a Base"):
        network(**PARTS, **wrong)


def test_a_gradient_of_qiskit_machine_learning_serves_a_measured_network():
    sampler = QMLSampler()
    ours = MeasuredSamplerQNN(**PARTS, sampler=sampler, gradient=LinCombSamplerGradient(sampler))
    exact = accelerate(MeasuredSamplerQNN(**PARTS))
    found, expected = ours.backward(X[:2], START)[1], exact.backward(X[:2], START)[1]
    np.testing.assert_allclose(found, expected, atol=1e-9)


LABELS = {
    "y holds a NaN": [0, 1, np.nan, 0, 1, 0],
    "y does not hold classes: Unknown label type: continuous": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
    "y does not hold classes": np.array([0, "a", 1, 0, 1, 0], dtype=object),
}


@pytest.mark.parametrize("sentence", LABELS)
def test_labels_of_the_wrong_kind_are_refused(sentence):
    with pytest.raises(InputError, match=sentence):
        accelerate(vqc()).fit(X, LABELS[sentence])


@pytest.mark.parametrize("wrong", [X.astype(str), X.astype(complex)])
def test_features_that_are_no_real_numbers_are_refused(wrong):
    with pytest.raises(InputError, match="features must be real numbers"):
        accelerate(vqc()).fit(wrong, [0, 1, 0, 1, 0, 1])


def test_what_a_trigger_needs_is_told_as_it_is():
    optimizer, y = NLR(0.1, trigger=StandardErrors(2.0), maxiter=2), np.array([0, 1, 0] * 2)
    with pytest.raises(InputError, match="a single shot has none: take two or more"):
        accelerate(vqc(optimizer), shots=1, seed=0).fit(X, y)
    with pytest.raises(InputError, match=r"or qnlr.broadcast\(model\)"):
        vqc(optimizer).fit(X, y)


def test_noise_of_aer_itself_is_taken():
    model = NoiseModel.from_backend(FakeManilaV2())
    network = accelerate(vqc(pass_manager=transpiler()), noise_model=model).neural_network
    assert network.forward(X, START).sum(axis=1) == pytest.approx(1.0)

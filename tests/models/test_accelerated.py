"""accelerate() and broadcast(), against the models of qiskit-machine-learning themselves."""

import copy
import functools
import math
import pickle

import numpy as np
import pandas
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit.library import real_amplitudes, zz_feature_map
from qiskit.primitives import StatevectorEstimator, StatevectorSampler
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import SparsePauliOp
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error
from qiskit_aer.primitives import EstimatorV2 as AerEstimator
from qiskit_machine_learning.algorithms import (
    VQC,
    VQR,
    NeuralNetworkClassifier,
    NeuralNetworkRegressor,
)
from qiskit_machine_learning.exceptions import QiskitMachineLearningError
from qiskit_machine_learning.neural_networks import EstimatorQNN, SamplerQNN
from qiskit_machine_learning.optimizers import ADAM, SLSQP
from qiskit_machine_learning.primitives import QMLEstimator, QMLSampler
from scipy.sparse import csr_array

from qnlr import NLR, SGD, Estimate
from qnlr.backends import SimulatorBackend
from qnlr.circuits import angle, hardware_efficient, variational_circuit, z
from qnlr.data import gaussian
from qnlr.errors import InputError
from qnlr.models.accelerated import accelerate, broadcast
from qnlr.models.networks import MeasuredEstimatorQNN, MeasuredSamplerQNN
from qnlr.optimizers import StandardErrors
from qnlr.problems import Classification
from qnlr.rng import stream
from qnlr.training import Streams, Training, TrainingSettings

X = np.array([[0.2, 0.4], [0.3, 0.1], [1.4, 1.6], [1.5, 1.3], [0.7, 0.9]])
LABELS, SIGNS = np.array([0, 0, 1, 1, 1]), np.array([1, 1, -1, -1, -1])
THREE, NAMES = np.array([0, 1, 2, 2, 1]), np.array(["cat", "cat", "dog", "dog", "dog"])
TARGETS = X.sum(axis=1) / 4
START = np.array([0.4, -0.3, 0.2, 0.5])
PARITY = {"interpret": lambda x: x.bit_count() % 2, "output_shape": 2}
OPTIMIZERS = {
    "nlr": lambda: NLR(0.8, negative_rate=0.3, maxiter=4),
    "sgd": lambda: SGD(0.2, maxiter=3),
    "adam": lambda: ADAM(maxiter=3, lr=0.1),
    "slsqp": lambda: SLSQP(maxiter=2),
}


def parts():
    features, ansatz = zz_feature_map(2, reps=1), real_amplitudes(2, reps=1)
    return {
        "circuit": features.compose(ansatz),
        "input_params": features.parameters,
        "weight_params": ansatz.parameters,
    }


def estimator_network(**change):
    settings = {"estimator": QMLEstimator(), "default_precision": 0.0, **parts(), **change}
    return EstimatorQNN(**settings)


def sampler_network(**change):
    return SamplerQNN(**{"sampler": QMLSampler(), **parts(), **PARITY, **change})


def circuits():
    return {"feature_map": zz_feature_map(2, reps=1), "ansatz": real_amplitudes(2, reps=1)}


def vqc(optimizer=None, **change):
    settings = {"optimizer": optimizer or SGD(0.2, maxiter=2), "initial_point": START.copy()}
    return VQC(**{**circuits(), **settings, **change})


def vqr(optimizer, **change):
    estimator = {"estimator": QMLEstimator(), "initial_point": START.copy()}
    return VQR(optimizer=optimizer, **{**circuits(), **estimator, **change})


def classifier(optimizer, network=estimator_network, **change):
    settings = {"optimizer": optimizer, "initial_point": START.copy(), **change}
    return NeuralNetworkClassifier(network(), **settings)


def regressor(optimizer, **change):
    settings = {"optimizer": optimizer, "initial_point": START.copy(), **change}
    return NeuralNetworkRegressor(estimator_network(), **settings)


three = functools.partial(sampler_network, interpret=lambda x: x % 3, output_shape=3)
MODELS = {
    "VQC": (vqc, LABELS),
    "VQC, names": (vqc, NAMES),
    "VQC, one-hot labels": (vqc, np.eye(2)[LABELS]),
    "VQC, three classes": (
        functools.partial(vqc, interpret=lambda x: x % 3, output_shape=3),
        THREE,
    ),
    "VQR": (vqr, TARGETS),
    "classifier": (classifier, SIGNS),
    "classifier, one-hot": (
        functools.partial(classifier, network=sampler_network, one_hot=True),
        LABELS,
    ),
    "classifier, integers": (functools.partial(classifier, network=three), THREE),
    "classifier, names": (functools.partial(classifier, network=sampler_network), NAMES),
    "regressor": (regressor, TARGETS),
}
FITS = [(name, "nlr") for name in MODELS] + [
    (name, optimizer)
    for name in ("VQC", "classifier, integers", "regressor")
    for optimizer in OPTIMIZERS
    if optimizer != "nlr"
]


@pytest.mark.parametrize(("name", "optimizer"), FITS)
def test_the_same_weights_and_predictions(name, optimizer):
    make, y = MODELS[name]
    plain = make(OPTIMIZERS[optimizer]()).fit(X, y)
    quick = accelerate(make(OPTIMIZERS[optimizer]()))
    assert isinstance(quick, type(plain))
    assert quick.fit(X, y) is quick
    np.testing.assert_allclose(quick.weights, plain.weights, rtol=0, atol=1e-8)
    assert np.abs(quick.weights - START).max() > 1e-3
    if y.dtype.kind == "f":
        np.testing.assert_allclose(quick.predict(X), plain.predict(X), rtol=0, atol=1e-8)
    else:
        np.testing.assert_array_equal(quick.predict(X), plain.predict(X))
    assert quick.score(X, y) == pytest.approx(plain.score(X, y), abs=1e-8)
    if name == "VQC":
        np.testing.assert_allclose(quick.predict_proba(X), plain.predict_proba(X), atol=1e-8)


def test_lists_and_frames_are_data():
    expected = accelerate(vqc()).fit(X, NAMES).weights
    frame = pandas.DataFrame(X, index=[7, 3, 1, 9, 2])
    for x, y in (
        (X.tolist(), NAMES.tolist()),
        (frame, pandas.Series(NAMES, index=frame.index)),
        (csr_array(X), NAMES),
    ):
        np.testing.assert_array_equal(accelerate(vqc()).fit(x, y).weights, expected)


def test_losses_of_the_original_are_chosen_by_their_names():
    for loss in ("absolute_error", "squared_error", "cross_entropy"):
        plain = vqc(SGD(0.2, maxiter=2), loss=loss).fit(X, LABELS)
        quick = accelerate(vqc(SGD(0.2, maxiter=2), loss=loss)).fit(X, LABELS)
        np.testing.assert_allclose(quick.weights, plain.weights, rtol=0, atol=1e-8)


@pytest.mark.parametrize("change", [accelerate, broadcast])
@pytest.mark.parametrize(("qubits", "layout"), [(2, [1, 0]), (4, [3, 2])])
def test_a_laid_out_vqc_is_fitted_as_one_that_is_not(qubits, layout, change):
    """The original reads other qubits: those where the measured bits would have been."""
    device = GenericBackendV2(qubits, basis_gates=["rz", "sx", "x", "cx"], seed=0)
    manager = generate_preset_pass_manager(1, backend=device, initial_layout=layout)
    laid = change(vqc(pass_manager=manager)).fit(X, LABELS)
    plain = accelerate(vqc()).fit(X, LABELS)
    np.testing.assert_allclose(laid.weights, plain.weights, rtol=0, atol=1e-8)
    np.testing.assert_array_equal(laid.predict(X), plain.predict(X))
    network = sampler_network(pass_manager=manager)
    np.testing.assert_allclose(
        change(network).backward(X, START)[1],
        accelerate(sampler_network()).backward(X, START)[1],
        atol=1e-9,
    )


# --- what happens to the model that was given ---


def test_a_fitted_model_gives_a_fitted_one():
    model = vqc().fit(X, NAMES)
    quick = accelerate(model)
    np.testing.assert_array_equal(quick.weights, model.weights)
    np.testing.assert_array_equal(quick.predict(X), model.predict(X))
    assert set(quick.predict(X)) <= {"cat", "dog"}


def test_the_original_is_left_as_it_is():
    model = vqc().fit(X, NAMES)
    network, result, weights = model.neural_network, model.fit_result, model.weights.copy()
    predicted, start = model.predict(X), model.initial_point.copy()
    quick = accelerate(model, shots=50, seed=0)
    quick.fit(X, np.array(["fox", "fox", "owl", "owl", "fox"]))
    assert model.neural_network is network
    assert type(network) is SamplerQNN
    assert type(model) is VQC
    assert isinstance(network.sampler, QMLSampler)
    assert model.fit_result is result
    np.testing.assert_array_equal(model.weights, weights)
    np.testing.assert_array_equal(model.initial_point, start)
    np.testing.assert_array_equal(model.predict(X), predicted)
    assert set(quick.predict(X)) <= {"fox", "owl"}


def test_the_network_of_the_copy_is_its_own():
    """VQC sets the interpretation of its network anew for the classes it is fitted to."""
    model = vqc(interpret=lambda x: x % 3, output_shape=3)
    quick = accelerate(model)
    quick.fit(X, THREE)
    other = accelerate(quick)
    other.fit(X, THREE)
    assert other.neural_network is not quick.neural_network
    assert model.neural_network.output_shape == (3,)


def test_accelerating_twice_changes_the_shots():
    once = accelerate(vqc(), shots=20, seed=0)
    exact = accelerate(once).fit(X, LABELS)
    np.testing.assert_allclose(exact.weights, accelerate(vqc()).fit(X, LABELS).weights)
    assert type(exact) is type(once)
    assert exact.neural_network.cost.shots == 0
    assert accelerate(accelerate(estimator_network()), shots=9).default_precision == 1 / 3


def test_warm_start_goes_on():
    def twice(model):
        model.warm_start = True
        return model.fit(X, LABELS).fit(X, LABELS).weights

    np.testing.assert_allclose(twice(accelerate(vqc())), twice(vqc()), rtol=0, atol=1e-8)
    fitted = vqc(warm_start=True).fit(X, LABELS)
    np.testing.assert_allclose(accelerate(fitted).fit(X, LABELS).weights, twice(vqc()), atol=1e-8)


@pytest.mark.parametrize("optimizer", ["nlr", "slsqp"])
def test_the_callback_of_the_model_is_called(optimizer):
    def heard(change):
        seen = []
        change(vqc(OPTIMIZERS[optimizer](), callback=lambda *told: seen.append(told))).fit(
            X, LABELS
        )
        return seen

    plain, quick = heard(lambda model: model), heard(accelerate)
    assert len(plain) == len(quick) > 2
    if optimizer == "slsqp":
        for one, other in zip(plain, quick, strict=True):
            np.testing.assert_allclose(one[0], other[0], atol=1e-8)
            assert float(one[1]) == pytest.approx(float(other[1]), abs=1e-8)


# --- copies ---


def through_dill(model, folder):
    model.to_dill(str(folder / "model.dill"))
    return type(model).from_dill(str(folder / "model.dill"))


COPIES = {
    "copy": lambda model, folder: copy.copy(model),
    "deepcopy": lambda model, folder: copy.deepcopy(model),
    "dill": through_dill,
    "pickle": lambda model, folder: pickle.loads(pickle.dumps(model)),
}


@pytest.mark.parametrize("fitted", [False, True])
@pytest.mark.parametrize("way", COPIES)
def test_copies_and_files(way, fitted, tmp_path):
    models = [(accelerate(classifier(SGD(0.2, maxiter=2)), shots=100, seed=1), SIGNS)]
    if way != "pickle":  # a VQC holds a function that pickle does not take
        models.append((accelerate(vqc(), shots=100, seed=1), NAMES))
    for model, y in models:
        if fitted:
            model.fit(X, y)
        other = COPIES[way](model, tmp_path)
        assert type(other) is type(model)
        if fitted:
            np.testing.assert_array_equal(other.weights, model.weights)
        if way == "copy":
            continue
        np.testing.assert_array_equal(other.fit(X, y).weights, model.fit(X, y).weights)
        np.testing.assert_array_equal(other.predict(X), model.predict(X))


def test_a_saved_model_is_loaded_by_the_class_of_the_original(tmp_path):
    model = accelerate(vqc()).fit(X, NAMES)
    model.to_dill(str(tmp_path / "model.dill"))
    np.testing.assert_array_equal(
        VQC.from_dill(str(tmp_path / "model.dill")).predict(X), model.predict(X)
    )


# --- shots ---


@pytest.mark.parametrize("network", [estimator_network, sampler_network])
def test_shots_reach_the_gradient(network, fits_variance):
    def slopes(shots, repeats=200):
        quick = accelerate(network(), shots=shots, seed=0)
        return np.array([quick.backward(X, START)[1] for _ in range(repeats)])

    exact = accelerate(network()).backward(X, START)[1]
    few, many = slopes(100), slopes(10_000)
    for found in (few, many):
        error = found.std(axis=0) / math.sqrt(len(found))
        assert (np.abs(found.mean(axis=0) - exact) < 5 * error + 1e-12).all()
    live = few.var(axis=0) > 1e-12
    ratio = few.var(axis=0)[live] / many.var(axis=0)[live]
    assert 80 < np.exp(np.log(ratio).mean()) < 120


@pytest.mark.parametrize("make", [vqc, lambda: classifier(SGD(0.2, maxiter=2))])
def test_a_seed_decides(make):
    y = LABELS if make is vqc else SIGNS
    fit = lambda seed: accelerate(make(), shots=50, seed=seed).fit(X, y).weights
    np.testing.assert_array_equal(fit(3), fit(3))
    assert np.abs(fit(3) - fit(4)).max() > 1e-6
    np.testing.assert_array_equal(fit(np.random.default_rng(3)), fit(3))


def test_threads_do_not_change_what_is_drawn():
    fit = lambda threads: accelerate(vqc(), shots=50, seed=3, threads=threads).fit(X, LABELS)
    np.testing.assert_allclose(fit(1).weights, fit(2).weights, rtol=0, atol=1e-12)


def test_the_trigger_sees_standard_errors():
    """At a rate at which nothing changes, half of all probes read higher, few by two errors."""

    def records(trigger):
        seen = []
        optimizer = NLR(1e-6, trigger=trigger, maxiter=150, callback=seen.append)
        accelerate(vqc(optimizer), shots=100, seed=0).fit(X, LABELS)
        return seen

    careful = records(StandardErrors(2.0))
    for record in careful:
        assert isinstance(record.loss, Estimate)
        assert min(record.loss.std, record.probe_loss.std) > 0
        error = math.hypot(record.loss.std, record.probe_loss.std)
        assert record.flipped == (record.probe_loss - record.loss > 2 * error)
    flips = sum(record.flipped for record in careful)
    assert flips < 0.1 * len(careful)
    assert sum(record.flipped for record in records(None)) > 0.3 * len(careful)


# --- noise ---


def noise_model(gates, basis=None):
    model = NoiseModel(basis_gates=basis)
    for gate, wires, rate in gates:
        model.add_all_qubit_quantum_error(depolarizing_error(rate, wires), [gate])
    return model


NOISES = {
    "gates that it does not know": noise_model([("cx", 2, 0.05), ("sx", 1, 0.02)]),
    "gates that it knows": noise_model(
        [("cx", 2, 0.05), ("ry", 1, 0.02), ("p", 1, 0.03), ("h", 1, 0.01)]
    ),
}
OBSERVABLE = SparsePauliOp(["ZZ", "XI", "IZ"], [1.0, 0.5, -0.3])


def aer_states(circuit, rows, noise):
    """Aer's density matrices, of the circuit as the model's basis gates have it, or as it is."""
    simulator = AerSimulator(method="density_matrix", noise_model=noise)
    for row in rows:
        bound = circuit.assign_parameters(row)
        bound.save_density_matrix()
        yield np.asarray(simulator.run(bound).result().data()["density_matrix"])


@pytest.mark.parametrize("name", NOISES)
def test_noise_is_that_of_aer(name):
    noise, made = NOISES[name], parts()
    circuit = made["circuit"]
    if "not" in name:
        circuit = transpile(circuit, basis_gates=noise.basis_gates, optimization_level=0)
        assert set(circuit.count_ops()) <= {"cx", "sx", "rz"}
    order = [*made["input_params"], *made["weight_params"]]
    rows = [dict(zip(order, [*x, *START], strict=True)) for x in X]
    states = np.array(list(aer_states(circuit, rows, noise)))
    expected = np.einsum("nij,ji->n", states, OBSERVABLE.to_matrix()).real
    quick = accelerate(estimator_network(observables=OBSERVABLE), noise_model=noise)
    np.testing.assert_allclose(quick.forward(X, START)[:, 0], expected, rtol=0, atol=1e-9)
    pure = accelerate(estimator_network(observables=OBSERVABLE)).forward(X, START)[:, 0]
    assert np.abs(pure - expected).max() > 0.01
    table = np.einsum("nii->ni", states).real
    sampled = accelerate(sampler_network(interpret=None), noise_model=noise).forward(X, START)
    np.testing.assert_allclose(sampled, table, rtol=0, atol=1e-9)
    step = 1e-5
    _, slopes = accelerate(sampler_network(), noise_model=noise).backward(X, START)
    quick = accelerate(sampler_network(), noise_model=noise)
    for weight in range(4):
        up, down = (quick.forward(X, START + s * step * np.eye(4)[weight]) for s in (1, -1))
        np.testing.assert_allclose(slopes[..., weight], (up - down) / (2 * step), atol=1e-7)


def test_read_out_errors_are_in_the_outputs():
    noise = NoiseModel()
    noise.add_all_qubit_readout_error(ReadoutError([[0.9, 0.1], [0.2, 0.8]]))
    one = np.array([[0.9, 0.1], [0.2, 0.8]])
    pure = accelerate(sampler_network(interpret=None)).forward(X, START)
    read = accelerate(sampler_network(interpret=None), noise_model=noise).forward(X, START)
    np.testing.assert_allclose(read, pure @ np.kron(one, one), atol=1e-10)


def test_noise_after_noise():
    """Accelerating again starts from the circuit as it was given, noise model for noise model."""
    first, second = NOISES.values()
    twice = accelerate(accelerate(estimator_network(), noise_model=first), noise_model=second)
    plain = accelerate(estimator_network())
    back = accelerate(accelerate(estimator_network(), noise_model=first))
    np.testing.assert_allclose(back.forward(X, START), plain.forward(X, START), atol=1e-10)
    once = accelerate(estimator_network(), noise_model=second)
    np.testing.assert_array_equal(twice.forward(X, START), once.forward(X, START))
    assert np.abs(twice.forward(X, START) - plain.forward(X, START)).max() > 0.01


# --- the same as this package's own training loop ---


def own_training(optimizer, steps):
    encoding = angle(features=2, qubits=2)
    model = variational_circuit(encoding, hardware_efficient(2, 2), z(2, qubit=0))
    data = gaussian(np.random.default_rng(0), np.random.default_rng(1), features=2, samples=20)
    problem = Classification(model, encoding, data)
    streams = Streams(
        batches=stream("batches", 0),
        shots=stream("shots", 0),
        evaluation=lambda step: stream("evaluation", 0, step),
        gradient=stream("gradient", 0),
    )
    settings = TrainingSettings(steps=steps, batch_size=len(problem.train))
    start = np.linspace(-1.0, 1.2, len(model.weights))
    training = Training(problem, SimulatorBackend(model), optimizer, settings, streams, start)
    training.run()
    return encoding, model, problem.train, start, optimizer.state


def test_a_vqc_is_trained_as_by_the_loop_of_this_package():
    """Parity of x % 2 is bit 0, so p₁ = (1 − ⟨Z₀⟩)/2, and label y = ±1 is class (1 − y)/2.

    The squared error of one-hot labels is then half of the squared error (⟨Z₀⟩ − y)², and so is
    its gradient: equal steps need rates that are twice as large.
    """
    steps = 12
    encoding, _, train, start, state = own_training(NLR(2.0, 0.4), steps)
    assert 0 < state.flips < steps
    optimizer = NLR(4.0, 0.8, maxiter=steps)
    quick = accelerate(
        VQC(
            feature_map=encoding.circuit,
            ansatz=hardware_efficient(2, 2),
            loss="squared_error",
            optimizer=optimizer,
            initial_point=start,
        )
    ).fit(train.angles, ((1 - train.labels) / 2).astype(int))
    np.testing.assert_allclose(quick.weights, state.x, rtol=0, atol=1e-8)
    assert quick.fit_result.flips == state.flips


def test_a_network_classifier_is_trained_as_by_the_loop_of_this_package():
    """⟨Z₀⟩ is the network's output and ±1 are its labels: nothing is to be converted."""
    steps = 12
    _, model, train, start, state = own_training(NLR(2.0, 0.4), steps)
    network = EstimatorQNN(
        circuit=model.circuit,
        observables=model.observable,
        input_params=model.angles,
        weight_params=model.weights,
        estimator=QMLEstimator(),
        default_precision=0.0,
    )
    quick = accelerate(
        NeuralNetworkClassifier(
            network, optimizer=NLR(2.0, 0.4, maxiter=steps), initial_point=start
        )
    ).fit(train.angles, train.labels)
    np.testing.assert_allclose(quick.weights, state.x, rtol=0, atol=1e-8)


# --- broadcast ---


class Counting(StatevectorEstimator):
    """Counts the PUBs of every job."""

    def __init__(self):
        super().__init__(seed=0)
        self.jobs = []

    def run(self, pubs, *, precision=None):
        pubs = list(pubs)
        self.jobs.append((len(pubs), precision))
        return super().run(pubs, precision=precision)


def test_one_pub_for_each_observable_with_the_precision_of_the_forward_pass():
    estimator = Counting()
    observables = [SparsePauliOp("ZZ"), SparsePauliOp("XI"), SparsePauliOp("IY")]
    quick = broadcast(
        estimator_network(estimator=estimator, observables=observables, default_precision=0.25)
    )
    assert quick.estimator is estimator
    quick.forward(X, START)
    quick.backward(X, START)
    assert estimator.jobs == [(3, 0.25), (3, 0.25)]


PRIMITIVES = {
    "statevector": StatevectorEstimator,
    "aer": AerEstimator,
    "qml": QMLEstimator,
}


@pytest.mark.parametrize("kind", PRIMITIVES)
def test_broadcast_on_exact_estimators_is_the_original(kind):
    observables = [OBSERVABLE, SparsePauliOp("YX")]
    quick = broadcast(estimator_network(estimator=PRIMITIVES[kind](), observables=observables))
    plain = estimator_network(observables=observables)
    assert isinstance(quick, MeasuredEstimatorQNN)
    np.testing.assert_allclose(quick.forward(X, START), plain.forward(X, START), atol=1e-7)
    np.testing.assert_allclose(
        quick.backward(X[:2], START)[1], plain.backward(X[:2], START)[1], atol=1e-7
    )


def test_broadcast_models_are_fitted_as_the_original():
    for make, y in (MODELS["VQC"], MODELS["regressor"], MODELS["classifier"]):
        plain = make(SGD(0.2, maxiter=2)).fit(X, y)
        quick = broadcast(make(SGD(0.2, maxiter=2))).fit(X, y)
        np.testing.assert_allclose(quick.weights, plain.weights, rtol=0, atol=1e-8)
        assert type(quick).__name__ == type(plain).__name__
        assert quick.neural_network.cost.circuits > 0


def test_a_broadcast_vqc_with_shots_carries_standard_errors():
    seen = []
    optimizer = NLR(0.1, trigger=StandardErrors(2.0), maxiter=3, callback=seen.append)
    model = vqc(optimizer, sampler=StatevectorSampler(default_shots=200, seed=1))
    quick = broadcast(model).fit(X, LABELS)
    assert all(record.loss.std > 0 for record in seen)
    assert isinstance(quick.neural_network, MeasuredSamplerQNN)
    assert quick.neural_network.cost.shots > 0


# --- what is not valid ---


class OwnNetwork(EstimatorQNN):
    """A network that may compute anything."""


@pytest.mark.parametrize("change", [accelerate, broadcast])
@pytest.mark.parametrize(
    "given",
    [
        QuantumCircuit(1),
        NLR(),
        None,
        VQC,
        OwnNetwork(**parts(), estimator=QMLEstimator()),
        NeuralNetworkRegressor(OwnNetwork(**parts(), estimator=QMLEstimator())),
    ],
    ids=lambda given: type(given).__name__,
)
def test_something_else_is_refused(change, given):
    with pytest.raises(
        InputError, match=rf"{change.__name__} takes a VQC, VQR, .* or SamplerQNN, not"
    ):
        change(given)


@pytest.mark.parametrize("shots", [0, -1, 1.5, "100", True])
def test_shots_that_are_none(shots):
    with pytest.raises(InputError, match="shots"):
        accelerate(vqc(), shots=shots)


@pytest.mark.parametrize("settings", [{"seed": "one"}, {"threads": 0}, {"noise_model": "cx"}])
def test_settings_that_are_none(settings):
    with pytest.raises(InputError):
        accelerate(vqc(), **settings)


class FirstVersion:
    """A primitive with the run method of the first version."""

    def run(self, circuits, observables=None, parameter_values=None):
        raise AssertionError("it is not to be run")


@pytest.mark.parametrize("primitive", [FirstVersion(), None])
def test_broadcast_takes_primitives_of_the_second_version(primitive):
    estimator, sampler = estimator_network(), sampler_network()
    estimator.estimator, sampler.sampler = primitive, primitive
    for network in (estimator, sampler, NeuralNetworkRegressor(estimator)):
        with pytest.raises(InputError, match=r"is not a V2 primitive; take one that derives from"):
            broadcast(network)


UNFIT = {
    "columns": (vqc, X[:, :1], LABELS, "number of inputs: 2, but got: 1"),
    "more labels": (vqc, X, np.array([*LABELS, 1]), "5 samples and 6 targets"),
    "more signs": (classifier, X, np.array([*SIGNS, 1]), "5 samples and 6 targets"),
    "more targets": (regressor, X, np.array([*TARGETS, 1]), "5 samples and 6 targets"),
    "more integers": (MODELS["classifier, integers"][0], X, [*THREE, 1], "5 samples and 6"),
    "nothing": (regressor, X[:0], TARGETS[:0], "0 samples and 0 targets"),
    "nothing at all": (vqc, X[:0], LABELS[:0], "0 samples and 0 targets"),
    "one number": (vqc, 1.0, 1, "0 samples and 0 targets"),
    "names as targets": (regressor, X, NAMES, "'cat'.* is not a number"),
    "weights": (
        functools.partial(vqc, initial_point=np.zeros(3)),
        X,
        LABELS,
        "there are 3 weights, but the network has 4",
    ),
    "three signs": (classifier, X, THREE - 1, "multi-classified"),
    "one class": (
        vqc,
        X,
        np.zeros(5, dtype=int),
        "does not match the shape of neural network output",
    ),
    "no numbers": (vqc, np.full((5, 2), np.inf), LABELS, "finite"),
    "not numbers": (regressor, np.full((5, 2), np.nan), TARGETS, "finite|NaN"),
    "more classes": (
        functools.partial(vqc, interpret=lambda x: x % 3, output_shape=3),
        X,
        LABELS,
        r"is not an index of outputs of shape \(2,\)",
    ),
}


@pytest.mark.parametrize("name", UNFIT)
def test_data_that_do_not_fit_are_said_in_one_sentence(name):
    make, x, y, said = UNFIT[name]
    model = accelerate(make(SGD(0.2, maxiter=2)))
    with pytest.raises((InputError, QiskitMachineLearningError), match=said):
        model.fit(x, y)

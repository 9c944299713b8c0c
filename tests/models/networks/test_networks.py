"""Measured networks, against those of qiskit-machine-learning and against counting."""

import copy
import pickle

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, transpile
from qiskit.circuit import Parameter
from qiskit.circuit.library import real_amplitudes, zz_feature_map
from qiskit.primitives import (
    BackendEstimatorV2,
    BaseSamplerV2,
    BitArray,
    DataBin,
    PrimitiveJob,
    PrimitiveResult,
    SamplerPubResult,
    StatevectorEstimator,
    StatevectorSampler,
)
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import SparsePauliOp
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, depolarizing_error
from qiskit_aer.primitives import SamplerV2 as AerSampler
from qiskit_machine_learning.gradients import (
    ParamShiftSamplerGradient,
)
from qiskit_machine_learning.neural_networks import EstimatorQNN, SamplerQNN
from qiskit_machine_learning.primitives import QMLEstimator, QMLSampler

from qnlr import BatchedEstimator, BatchedSampler
from qnlr.errors import InputError
from qnlr.models.broadcasting.gradients import BroadcastEstimatorGradient, BroadcastSamplerGradient
from qnlr.models.networks import MeasuredEstimatorQNN, MeasuredSamplerQNN
from qnlr.simulator.gradients import BatchedEstimatorGradient, BatchedSamplerGradient
from qnlr.types import Cost

QUBITS = 3
OBSERVABLES = [
    SparsePauliOp("ZIZ"),
    SparsePauliOp(["XXI", "IIY", "III"], [0.5, -1.2, 0.3]),
    SparsePauliOp("III"),
]
SIGMAS = 5


def parts(features=True, weights=True, qubits=QUBITS):
    circuit, arguments = QuantumCircuit(qubits), {}
    if features:
        encoding = zz_feature_map(qubits, reps=1)
        circuit.compose(encoding, inplace=True)
        arguments["input_params"] = encoding.parameters
    else:
        circuit.h(range(qubits))
    if weights:
        ansatz = real_amplitudes(qubits, reps=1)
        circuit.compose(ansatz, inplace=True)
        arguments["weight_params"] = ansatz.parameters
    return {"circuit": circuit, **arguments}


def data(features=True, weights=True, shape=(4, QUBITS), qubits=QUBITS):
    rng = np.random.default_rng(3)
    inputs = rng.uniform(-1, 1, shape) if features else None
    return inputs, rng.uniform(-3, 3, 2 * qubits) if weights else None


def ours_and_theirs_of_estimators(**arguments):
    own = BatchedEstimator()
    ours = MeasuredEstimatorQNN(
        estimator=own,
        gradient=BatchedEstimatorGradient(own),
        default_precision=0.0,
        **arguments,
    )
    return ours, EstimatorQNN(estimator=QMLEstimator(), default_precision=0.0, **arguments)


def ours_and_theirs_of_samplers(**arguments):
    own = BatchedSampler(default_shots=None)
    ours = MeasuredSamplerQNN(sampler=own, gradient=BatchedSamplerGradient(own), **arguments)
    return ours, SamplerQNN(sampler=QMLSampler(), **arguments)


def assert_same(ours, theirs, inputs, weights):
    found, expected = ours.forward(inputs, weights), theirs.forward(inputs, weights)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)
    for one, other in zip(
        ours.backward(inputs, weights), theirs.backward(inputs, weights), strict=True
    ):
        assert (one is None) == (other is None)
        if one is not None:
            assert one.shape == other.shape
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-10)


SHAPES = {
    "all": ({}, (3, QUBITS)),
    "no inputs": ({"features": False}, None),
    "no weights": ({"weights": False}, (2, QUBITS)),
    "one sample": ({}, (QUBITS,)),
    "batches of batches": ({}, (1, 2, QUBITS)),
}


@pytest.mark.parametrize("input_gradients", [False, True])
@pytest.mark.parametrize("case", SHAPES)
def test_an_estimator_network_gives_what_the_original_does(case, input_gradients):
    has, shape = SHAPES[case]
    ours, theirs = ours_and_theirs_of_estimators(
        **parts(**has), observables=OBSERVABLES, input_gradients=input_gradients
    )
    assert_same(ours, theirs, *data(**has, shape=shape))


INTERPRETS = {
    "identity": {},
    "parity": {"interpret": lambda x: x.bit_count() % 2, "output_shape": 2},
    "three": {"interpret": lambda x: x % 3, "output_shape": 3},
    "a table": {"interpret": lambda x: (x % 2, np.int64(x) // 2 % 3), "output_shape": (2, 3)},
    "one output": {"interpret": lambda x: 0, "output_shape": 1},
}


CASES = [("all", name, True) for name in INTERPRETS] + [
    (case, "a table", gradients) for case in SHAPES for gradients in (False, case != "all")
]


@pytest.mark.parametrize(("case", "interpret", "input_gradients"), CASES)
def test_a_sampler_network_gives_what_the_original_does(case, interpret, input_gradients):
    has, shape = SHAPES[case]
    ours, theirs = ours_and_theirs_of_samplers(
        **parts(**has), input_gradients=input_gradients, **INTERPRETS[interpret]
    )
    assert_same(ours, theirs, *data(**has, shape=shape))


def test_a_circuit_without_parameters_is_run_once():
    """The original makes an empty distribution of a single exact one."""
    made = parts(features=False, weights=False)
    for network in ours_and_theirs_of_estimators(**made, observables=OBSERVABLES):
        np.testing.assert_allclose(network.forward(None, None), [[0, 0.8, 1.0]], atol=1e-12)
        assert network.backward(None, None) == (None, None)
    for sampler in (BatchedSampler(default_shots=None), QMLSampler()):
        network = MeasuredSamplerQNN(**made, **INTERPRETS["three"], sampler=sampler)
        np.testing.assert_allclose(network.forward(None, None), [[3 / 8, 3 / 8, 2 / 8]])
        assert network.backward(None, None) == (None, None)


@pytest.mark.parametrize("interpret", ["identity", "a table"])
def test_a_sampler_network_on_the_original_s_own_sampler_and_gradient(interpret):
    settings = {**parts(), "input_gradients": True, **INTERPRETS[interpret]}
    ours = MeasuredSamplerQNN(sampler=QMLSampler(), **settings)
    assert_same(ours, SamplerQNN(sampler=QMLSampler(), **settings), *data(shape=(2, QUBITS)))
    broad = MeasuredSamplerQNN(
        sampler=QMLSampler(), gradient=BroadcastSamplerGradient(QMLSampler()), **settings
    )
    assert_same(broad, ours, *data(shape=(2, QUBITS)))


def test_an_estimator_network_on_the_original_s_own_estimator_and_gradient():
    settings = {**parts(), "input_gradients": True, "observables": OBSERVABLES[:2]}
    ours = MeasuredEstimatorQNN(estimator=QMLEstimator(), default_precision=0.0, **settings)
    assert_same(ours, EstimatorQNN(estimator=QMLEstimator(), **settings), *data())


def test_sparse_outputs():
    sparse = pytest.importorskip("sparse")
    for shots in (None, 50):
        own = BatchedSampler(default_shots=shots, seed=0)
        for gradient in (BatchedSamplerGradient(own), None):
            if shots is None and gradient is None:
                continue
            ours = MeasuredSamplerQNN(
                sampler=own,
                gradient=gradient,
                sparse=True,
                input_gradients=True,
                **parts(),
                **INTERPRETS["a table"],
            )
            inputs, weights = data()
            found = ours.forward(inputs, weights)
            assert isinstance(found, sparse.SparseArray)
            assert found.shape == (4, 2, 3)
            by_inputs, by_weights = ours.backward(inputs, weights)
            assert isinstance(by_inputs, sparse.SparseArray)
            assert by_inputs.shape == (4, 2, 3, QUBITS)
            assert by_weights.shape == (4, 2, 3, 2 * QUBITS)
            if shots is None:
                dense, _ = ours_and_theirs_of_samplers(
                    **parts(), input_gradients=True, **INTERPRETS["a table"]
                )
                np.testing.assert_allclose(found.todense(), dense.forward(inputs, weights))
                np.testing.assert_allclose(
                    by_weights.todense(), dense.backward(inputs, weights)[1], atol=1e-12
                )


# --- circuits that a pass manager laid out ---


def pass_manager(qubits, layout):
    device = GenericBackendV2(
        qubits, basis_gates=["rz", "sx", "x", "cx"], coupling_map=line(qubits), seed=0
    )
    return generate_preset_pass_manager(2, backend=device, initial_layout=layout, seed_transpiler=0)


def line(qubits):
    return [[a, a + 1] for a in range(qubits - 1)] + [[a + 1, a] for a in range(qubits - 1)]


LAYOUTS = {"wider": (5, [3, 1, 2]), "just as wide": (3, [2, 0, 1])}


def samplers(rng_seed=0):
    """Samplers with and without shots, each with the gradients that go with it."""
    own = BatchedSampler(default_shots=None)
    theirs = QMLSampler()
    return {
        "batched": (own, BatchedSamplerGradient(own)),
        "broadcast": (theirs, BroadcastSamplerGradient(theirs)),
        "original": (theirs, None),
    }


@pytest.mark.parametrize("where", ["in the network", "measured before", "measured after"])
@pytest.mark.parametrize("device", LAYOUTS)
@pytest.mark.parametrize("kind", samplers())
def test_a_laid_out_circuit_gives_what_it_gave_before(kind, device, where):
    """The original reads other qubits here, so the circuit before transpiling is the reference."""
    manager = pass_manager(*LAYOUTS[device])
    made = parts()
    interpret = {"interpret": lambda x: x % 4, "output_shape": 4}
    reference, _ = ours_and_theirs_of_samplers(**made, **interpret)
    sampler, gradient = samplers()[kind]
    circuit = made["circuit"].copy()
    extra = {}
    if where == "in the network":
        extra["pass_manager"] = manager
        if kind == "original":
            gradient = ParamShiftSamplerGradient(sampler)
    elif where == "measured before":
        circuit.measure_all()
        circuit = manager.run(circuit)
    else:
        circuit = manager.run(circuit)
        circuit.measure_all()
    ours = MeasuredSamplerQNN(
        **{**made, "circuit": circuit}, **interpret, sampler=sampler, gradient=gradient, **extra
    )
    inputs, weights = data(shape=(2, QUBITS))
    np.testing.assert_allclose(
        ours.forward(inputs, weights), reference.forward(inputs, weights), rtol=0, atol=1e-9
    )
    if kind == "original":  # it shifts no rz, sx, cx circuit that it has not translated itself
        return
    np.testing.assert_allclose(
        ours.backward(inputs, weights)[1], reference.backward(inputs, weights)[1], atol=1e-9
    )


@pytest.mark.parametrize("device", LAYOUTS)
@pytest.mark.parametrize("kind", ["batched", "broadcast"])
def test_a_laid_out_estimator_network_gives_what_it_gave_before(kind, device):
    manager, made = pass_manager(*LAYOUTS[device]), parts()
    reference, _ = ours_and_theirs_of_estimators(**made, observables=OBSERVABLES[:2])
    circuit = manager.run(made["circuit"])
    observables = [one.apply_layout(circuit.layout) for one in OBSERVABLES[:2]]
    estimator = BatchedEstimator() if kind == "batched" else StatevectorEstimator()
    gradient = (
        BatchedEstimatorGradient(estimator)
        if kind == "batched"
        else BroadcastEstimatorGradient(estimator, 0.0)
    )
    ours = MeasuredEstimatorQNN(
        **{**made, "circuit": circuit},
        observables=observables,
        estimator=estimator,
        gradient=gradient,
        default_precision=0.0,
    )
    assert_same(ours, reference, *data(shape=(2, QUBITS)))


# --- registers, samplers ---


def registered(name):
    """Read the qubits in another order, into a register of this name and one bit more."""
    made = parts()
    circuit = made["circuit"].copy()
    circuit.add_register(ClassicalRegister(QUBITS + 1, name))
    circuit.measure([2, 0, 1], [0, 1, 2])
    return {**made, "circuit": circuit}


def registered_probabilities(inputs, weights):
    """What the register of :func:`registered` reads, from the state's own probabilities."""
    found = np.zeros((len(inputs), 8))
    network = ours_and_theirs_of_samplers(**parts())[0]
    straight = network.forward(inputs, weights)
    for outcome in range(8):
        bits = [outcome >> qubit & 1 for qubit in range(3)]
        found[:, bits[2] | bits[0] << 1 | bits[1] << 2] += straight[:, outcome]
    return found


@pytest.mark.parametrize("name", ["c", "meas", "mine"])
@pytest.mark.parametrize("kind", ["batched", "broadcast"])
def test_any_register_is_read_sample_by_sample(kind, name):
    made = registered(name)
    inputs, weights = data(shape=(5, QUBITS))
    sampler, gradient = samplers()[kind]
    ours = MeasuredSamplerQNN(**made, sampler=sampler, gradient=gradient)
    expected = registered_probabilities(inputs, weights)
    np.testing.assert_allclose(ours.forward(inputs, weights), expected, rtol=0, atol=1e-9)
    slopes = ours.backward(inputs, weights)[1]
    step = 1e-5
    for weight in range(len(weights)):
        up, down = (
            registered_probabilities(inputs, weights + sign * step * np.eye(6)[weight])
            for sign in (1, -1)
        )
        np.testing.assert_allclose(slopes[..., weight], (up - down) / (2 * step), atol=1e-7)


SAMPLERS = {
    "statevector": lambda shots: StatevectorSampler(default_shots=shots, seed=7),
    "aer": lambda shots: AerSampler(default_shots=shots, seed=7),
    "batched": lambda shots: BatchedSampler(default_shots=shots, seed=7),
}


@pytest.mark.parametrize("register", ["meas", "c", "mine"])
@pytest.mark.parametrize("kind", SAMPLERS)
def test_any_sampler_has_the_distribution_of_the_state(kind, register):
    made, shots = registered(register), 5000
    if kind == "aer":
        circuit = transpile(made["circuit"], basis_gates=["rz", "sx", "x", "cx"])
        made = {**made, "circuit": circuit}
    inputs, weights = data(shape=(6, QUBITS))
    ours = MeasuredSamplerQNN(**made, sampler=SAMPLERS[kind](shots))
    outputs = ours.measure(inputs, weights)
    expected = registered_probabilities(inputs, weights)
    assert outputs.shots == shots
    error = np.sqrt(expected * (1 - expected) / shots)
    assert (np.abs(outputs.values - expected) < SIGMAS * error + 1e-9).all()
    np.testing.assert_allclose(
        outputs.stds**2, outputs.values * (1 - outputs.values) / (shots - 1), atol=1e-15
    )
    assert ours.cost == Cost(6, 6 * shots, 1)


class Wide(BaseSamplerV2):
    """A sampler of a device with very many qubits: each shot reads 1 on the first and the last."""

    def __init__(self, qubits):
        self.qubits = qubits

    def run(self, pubs, *, shots=None):
        job = PrimitiveJob(self._results, list(pubs))
        job._submit()
        return job

    def _results(self, pubs):
        outcome = 1 | 1 << (self.qubits - 1)
        one = np.frombuffer(outcome.to_bytes(-(-self.qubits // 8), "big"), dtype=np.uint8)
        shape = np.asarray(pubs[0][1]).shape[:-1]
        bits = BitArray(np.tile(one, (*shape, 10, 1)), self.qubits)
        return PrimitiveResult([SamplerPubResult(DataBin(meas=bits, shape=shape))])


def test_more_bits_than_an_integer_of_numpy_holds():
    qubits = 70
    device = GenericBackendV2(qubits, coupling_map=line(qubits), seed=0)
    manager = generate_preset_pass_manager(0, backend=device, initial_layout=[0, 69, 1])
    ansatz = QuantumCircuit(3)
    ansatz.rx(Parameter("a"), 0)
    network = MeasuredSamplerQNN(
        circuit=ansatz,
        weight_params=ansatz.parameters,
        sampler=Wide(qubits),
        pass_manager=manager,
    )
    np.testing.assert_allclose(network.forward(None, [0.3]), [np.eye(8)[0b011]])


# --- standard errors ---


def z_scores(network, exact, inputs, weights, repeats=300):
    found = [network.measure(inputs, weights) for _ in range(repeats)]
    return np.array([(one.values - exact) / one.stds for one in found])


ESTIMATORS = {
    "batched": lambda: BatchedEstimator(seed=0),
    "statevector": lambda: StatevectorEstimator(seed=np.random.default_rng(0)),
}


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_errors_of_an_estimator_network_are_calibrated(kind):
    made, (inputs, weights) = parts(), data(shape=(3, QUBITS))
    exact, _ = ours_and_theirs_of_estimators(**made, observables=OBSERVABLES[:2])
    noisy = MeasuredEstimatorQNN(
        **made, observables=OBSERVABLES[:2], estimator=ESTIMATORS[kind](), default_precision=0.05
    )
    repeats = 300 if kind == "batched" else 60
    z = z_scores(noisy, exact.forward(inputs, weights), inputs, weights, repeats)
    assert abs(z.mean()) < SIGMAS / z.size**0.5
    assert abs(z.std() - 1) < SIGMAS / (2 * z.size) ** 0.5 + 0.01


def test_errors_of_a_sampler_network_are_calibrated():
    made, (inputs, weights) = parts(), data(shape=(3, QUBITS))
    exact, _ = ours_and_theirs_of_samplers(**made, **INTERPRETS["three"])
    noisy = MeasuredSamplerQNN(
        **made, **INTERPRETS["three"], sampler=BatchedSampler(default_shots=400, seed=0)
    )
    z = z_scores(noisy, exact.forward(inputs, weights), inputs, weights)
    assert abs(z.mean()) < SIGMAS / z.size**0.5
    assert abs(z.std() - 1) < SIGMAS / (2 * z.size) ** 0.5 + 0.02


def test_a_constant_has_no_error_where_shots_are_counted():
    made, (inputs, weights) = parts(), data()
    for estimator in (BatchedEstimator(seed=0), BackendEstimatorV2(backend=AerSimulator())):
        network = MeasuredEstimatorQNN(
            **{**made, "circuit": transpile(made["circuit"], basis_gates=["rz", "sx", "cx"])},
            observables=OBSERVABLES[2],
            estimator=estimator,
            default_precision=0.1,
        )
        outputs = network.measure(inputs, weights)
        np.testing.assert_array_equal(outputs.values, 1.0)
        np.testing.assert_array_equal(outputs.stds, 0.0)


def test_the_noise_of_the_reference_estimator_has_an_error_that_it_does_not_tell():
    network = MeasuredEstimatorQNN(
        **parts(), estimator=StatevectorEstimator(seed=0), default_precision=0.1
    )
    assert (network.measure(*data()).stds == 0.1).all()


def test_exact_outputs_have_no_error():
    inputs, weights = data()
    estimator, _ = ours_and_theirs_of_estimators(**parts())
    sampler, _ = ours_and_theirs_of_samplers(**parts())
    original = MeasuredSamplerQNN(**parts(), sampler=QMLSampler())
    for network in (estimator, sampler, original):
        assert not network.measure(inputs, weights).stds.any()


# --- what it costs ---


def counting(kind):
    """Return a kind of primitive that counts what is submitted to it."""

    class Counting(kind):
        spent = Cost()

        def run(self, pubs, **options):
            pubs = list(pubs)
            result = super().run(pubs, **options).result()
            for pub, one in zip(pubs, result, strict=True):
                elements = int(np.prod(one.data.shape))
                shots = one.metadata.get("shots") or 0
                groups = 1
                if len(pub) > 2:  # of an estimator, a circuit for each basis
                    groups = len(pub[1].group_commuting(qubit_wise=True))
                self.spent += Cost(elements * groups, elements * groups * shots)
            self.spent += Cost(jobs=1)
            job = PrimitiveJob(lambda: result)
            job._submit()
            return job

    return Counting


@pytest.mark.parametrize("input_gradients", [False, True])
def test_the_cost_of_an_estimator_network_is_what_is_submitted(input_gradients):
    observables = [SparsePauliOp("ZIZ"), SparsePauliOp(["XXI", "IIY", "IZZ", "IIZ"])]
    estimator = counting(BackendEstimatorV2)(backend=AerSimulator(seed_simulator=0))
    made = parts()
    network = MeasuredEstimatorQNN(
        **{**made, "circuit": transpile(made["circuit"], basis_gates=["rz", "sx", "cx"])},
        observables=observables,
        estimator=estimator,
        gradient=BroadcastEstimatorGradient(estimator, 0.1),
        default_precision=0.1,
        input_gradients=input_gradients,
    )
    inputs, weights = data(shape=(2, QUBITS))
    network.forward(inputs, weights)
    assert network.cost == estimator.spent == Cost(6, 600, 1)
    network.backward(inputs, weights)
    assert network.cost == estimator.spent
    assert network.cost.circuits > 6


@pytest.mark.parametrize("input_gradients", [False, True])
def test_the_cost_of_a_sampler_network_is_what_is_submitted(input_gradients):
    sampler = counting(StatevectorSampler)(default_shots=50, seed=0)
    network = MeasuredSamplerQNN(
        **parts(),
        sampler=sampler,
        gradient=BroadcastSamplerGradient(sampler),
        input_gradients=input_gradients,
    )
    inputs, weights = data(shape=(2, QUBITS))
    network.forward(inputs, weights)
    assert network.cost == sampler.spent == Cost(2, 100, 1)
    network.backward(inputs, weights)
    assert network.cost == sampler.spent
    assert network.cost.shots > 100


def test_batched_networks_cost_what_broadcast_ones_do():
    """A shift up and one down for every rotation, sample and basis."""
    inputs, weights = data(shape=(2, QUBITS))
    own = BatchedSampler(default_shots=50, seed=0)
    network = MeasuredSamplerQNN(**parts(), sampler=own, gradient=BatchedSamplerGradient(own))
    network.forward(inputs, weights)
    network.backward(inputs, weights)
    shifts = 2 * 2 * len(weights)
    assert network.cost == Cost(2 + shifts, 50 * (2 + shifts), 2)
    estimator = BatchedEstimator(seed=0)
    observables = [SparsePauliOp("ZIZ"), SparsePauliOp(["XXI", "IIY", "IZZ"])]
    network = MeasuredEstimatorQNN(
        **parts(),
        observables=observables,
        estimator=estimator,
        gradient=BatchedEstimatorGradient(estimator),
        default_precision=0.1,
    )
    network.forward(inputs, weights)
    assert network.cost == Cost(6, 600, 1)
    network.backward(inputs, weights)
    assert network.cost == Cost(6 + 3 * shifts, 100 * (6 + 3 * shifts), 2)


def test_exact_networks_cost_circuits_and_no_shots():
    network, _ = ours_and_theirs_of_samplers(**parts())
    network.forward(*data())
    assert network.cost == Cost(4, 0, 1)


# --- changes after it was made ---


def test_another_interpret_another_sampler():
    network, _ = ours_and_theirs_of_samplers(**parts(), **INTERPRETS["parity"])
    inputs, weights = data()
    assert network.forward(inputs, weights).shape == (4, 2)
    network.set_interpret(lambda x: x % 3, 3)
    expected, _ = ours_and_theirs_of_samplers(**parts(), **INTERPRETS["three"])
    before = network.forward(inputs, weights)
    np.testing.assert_allclose(before, expected.forward(inputs, weights))
    noise = NoiseModel()
    noise.add_all_qubit_quantum_error(depolarizing_error(0.3, 2), ["cx"])
    network.sampler = BatchedSampler(default_shots=None, noise_model=noise)
    after = network.forward(inputs, weights)
    assert np.abs(after - before).max() > 0.01
    network.gradient = BatchedSamplerGradient(network.sampler)
    assert network.backward(inputs, weights)[1].shape == (4, 3, 6)


@pytest.mark.parametrize("through", [copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_copies_of_used_networks_go_on_by_themselves(through):
    inputs, weights = data()
    own, estimator = BatchedSampler(default_shots=100, seed=0), BatchedEstimator(seed=0)
    for network in (
        MeasuredSamplerQNN(
            **parts(),
            sampler=own,
            gradient=BatchedSamplerGradient(own),
            interpret=int,
            output_shape=8,
        ),
        MeasuredEstimatorQNN(
            **parts(),
            estimator=estimator,
            gradient=BatchedEstimatorGradient(estimator),
            default_precision=0.1,
        ),
    ):
        network.forward(inputs, weights)
        network.backward(inputs, weights)
        spent = network.cost
        other = through(network)
        assert other.cost == spent
        np.testing.assert_array_equal(
            other.forward(inputs, weights), network.forward(inputs, weights)
        )
        np.testing.assert_array_equal(
            other.backward(inputs, weights)[1], network.backward(inputs, weights)[1]
        )
        other.forward(inputs, weights)
        assert other.cost != network.cost


def test_an_interpret_that_does_not_fit_is_named():
    for interpret, shape in [(lambda x: x, 3), (lambda x: -1, 2), (lambda x: 0.5, 2)]:
        network, _ = ours_and_theirs_of_samplers(**parts(), interpret=interpret, output_shape=shape)
        with pytest.raises(InputError, match="is not an index of outputs"):
            network.forward(*data())

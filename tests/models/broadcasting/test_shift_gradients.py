"""Broadcast gradients against finite differences, qiskit-machine-learning's and closed forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import AnnotatedOperation, ClassicalRegister, ControlModifier, Gate, Parameter
from qiskit.circuit.library import RYGate, real_amplitudes, zz_feature_map
from qiskit.primitives import (
    BackendEstimatorV2,
    BackendSamplerV2,
    StatevectorEstimator,
    StatevectorSampler,
)
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import SparsePauliOp, Statevector
from qiskit.transpiler import CouplingMap, generate_preset_pass_manager
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error
from qiskit_aer.primitives import EstimatorV2, SamplerV2
from qiskit_machine_learning.gradients import ParamShiftEstimatorGradient
from qiskit_machine_learning.neural_networks import EstimatorQNN, SamplerQNN
from qiskit_machine_learning.primitives import QMLSampler

from qnlr.errors import InputError
from qnlr.models.broadcasting.circuits import KEPT
from qnlr.models.broadcasting.gradients import BroadcastEstimatorGradient, BroadcastSamplerGradient
from qnlr.simulator import BatchedEstimator, BatchedSampler
from qnlr.simulator.gradients import BatchedEstimatorGradient

A, B, C = Parameter("a"), Parameter("b"), Parameter("c")
SIGMAS = 5
OBSERVABLE = SparsePauliOp(["ZZ", "XI", "IY"], [0.5, -1.2, 0.3])
EXPRESSIONS = [
    lambda a, b: a,
    lambda a, b: 2 * a,
    lambda a, b: a - b / 3 + 0.1,
    lambda a, b: a * b,
    lambda a, b: a**2,
    lambda a, b: a.sin() + b,
    lambda a, b: 0.3 * a.exp(),
]
ONE = ["rx", "ry", "rz", "p"]
TWO = ["rxx", "ryy", "rzz", "rzx", "crx", "cry", "crz", "cp"]


def counting(primitive):
    """Return a subclass of a primitive that keeps what it was asked to run."""

    class Counting(primitive):
        def run(self, pubs, **options):
            self.jobs = [*getattr(self, "jobs", []), list(pubs)]
            self.options_given = options
            return super().run(pubs, **options)

    return Counting


def plain():
    circuit = QuantumCircuit(2)
    circuit.ry(A, 0)
    circuit.cx(0, 1)
    circuit.rx(B, 1)
    circuit.rz(C, 0)
    circuit.ry(0.4, 0)
    return circuit


def expressions():
    circuit = QuantumCircuit(2)
    circuit.global_phase = A * B
    circuit.h([0, 1])
    circuit.ry(2 * A - B, 0)
    circuit.cry(A * B, 0, 1)
    circuit.u(A, C**2, B, 1)
    circuit.rxx(C + 0.5 * A, 0, 1)
    circuit.ry(-C / 3 + 0.1, 0)
    return circuit


CIRCUITS = {
    "plain": plain,
    "expressions": expressions,
    "real amplitudes": lambda: real_amplitudes(2, reps=1),
    "feature map": lambda: zz_feature_map(2, reps=1).compose(real_amplitudes(2, reps=1)),
}


def measured(circuit):
    circuit = circuit.copy()
    circuit.measure_all()
    return circuit


def points(circuit, number=3):
    return np.random.default_rng(1).uniform(-1.5, 1.5, (number, circuit.num_parameters))


def differences(function, x, h=1e-5):
    steps = h * np.eye(len(x))
    return np.array([(function(x + step) - function(x - step)) / (2 * h) for step in steps])


def slopes(circuit, x, observable=OBSERVABLE):
    def value(at):
        return Statevector(circuit.assign_parameters(at)).expectation_value(observable).real

    return differences(value, np.asarray(x))


def outcome_slopes(circuit, x):
    """Return ∂p(o)/∂p_i, shape (D, outcomes)."""
    return differences(
        lambda at: Statevector(circuit.assign_parameters(at)).probabilities(), np.asarray(x)
    )


def as_rows(found, outcomes=4):
    rows = np.zeros((len(found), outcomes))
    for row, one in zip(rows, found, strict=True):
        row[list(one)] = list(one.values())
    return rows


def device():
    """Return a device without noise, to which errors of drawn values can be held."""
    return GenericBackendV2(4, seed=3, noise_info=False)


def passes(backend, level=1, **options):
    return generate_preset_pass_manager(level, backend, seed_transpiler=1, **options)


@pytest.mark.parametrize("make", CIRCUITS.values(), ids=CIRCUITS)
@pytest.mark.parametrize(
    "estimator",
    [
        lambda: StatevectorEstimator(default_precision=0.0),
        lambda: EstimatorV2(options={"default_precision": 0.0}),
        BatchedEstimator,
    ],
    ids=["statevector", "aer", "batched"],
)
def test_exact_gradients_are_those_of_finite_differences(make, estimator):
    circuit = make()
    x = points(circuit)
    result = BroadcastEstimatorGradient(estimator()).run([circuit] * 3, [OBSERVABLE] * 3, x)
    for found, about, at in zip(
        result.result().gradients, result.result().metadata, x, strict=True
    ):
        np.testing.assert_allclose(found, slopes(circuit, at), rtol=0, atol=1e-7)
        assert list(about["parameters"]) == list(circuit.parameters)
        np.testing.assert_array_equal(about["stds"], np.zeros_like(found))


@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_random_circuits_with_any_expressions_are_differentiated(data):
    circuit = QuantumCircuit(3)
    circuit.global_phase = A + C
    circuit.h([0, 1, 2])
    for _ in range(data.draw(st.integers(1, 6))):
        a, b = data.draw(st.permutations([A, B, C]))[:2]
        angle = data.draw(st.sampled_from(EXPRESSIONS))(a, b)
        qubits = data.draw(st.permutations(range(3)))
        name = data.draw(st.sampled_from([*ONE, *TWO]))
        getattr(circuit, name)(angle, *qubits[: 1 if name in ONE else 2])
        circuit.cx(*qubits[1:])
    labels = data.draw(st.lists(st.text("IXYZ", min_size=3, max_size=3), min_size=1, max_size=3))
    observable = SparsePauliOp(labels, np.linspace(0.5, 1.5, len(labels)))
    x = data.draw(
        st.lists(
            st.floats(-1.5, 1.5),
            min_size=circuit.num_parameters,
            max_size=circuit.num_parameters,
        )
    )
    gradient = BroadcastEstimatorGradient(BatchedEstimator())
    found = gradient.run([circuit], [observable], [x]).result().gradients[0]
    np.testing.assert_allclose(found, slopes(circuit, x, observable), rtol=0, atol=1e-6)
    batched = BatchedEstimatorGradient(BatchedEstimator())
    exact = batched.run([circuit], [observable], [x]).result().gradients[0]
    np.testing.assert_allclose(found, exact, rtol=0, atol=1e-11)
    shares = BroadcastSamplerGradient(QMLSampler()).run([measured(circuit)], [x])
    rows = as_rows(shares.result().gradients[0], 8)
    np.testing.assert_allclose(rows, outcome_slopes(circuit, x), rtol=0, atol=1e-6)


def test_several_circuits_observables_and_subsets_are_those_of_qiskit():
    made = [make() for make in CIRCUITS.values()]
    circuits = [made[k] for k in (0, 3, 1, 2, 1, 0, 0, 1)]
    observables = [(OBSERVABLE, SparsePauliOp("ZI"))[k] for k in (0, 1, 1, 0, 1, 1, 0, 0)]
    wanted = [[A], None, [C, A], None, [B], None, [A], [B, C, A]]
    x = [points(circuit)[k % 3] for k, circuit in enumerate(circuits)]
    arguments = (circuits, observables, x, wanted)
    ours = BroadcastEstimatorGradient(BatchedEstimator()).run(*arguments).result()
    theirs = ParamShiftEstimatorGradient(BatchedEstimator()).run(
        circuits, observables, x, parameters=wanted
    )
    for one, other in zip(ours.gradients, theirs.result().gradients, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-11)


def test_every_distinct_circuit_observable_and_choice_is_one_pub_of_one_job():
    estimator = counting(StatevectorEstimator)(default_precision=0.0)
    one, copy, other = plain(), plain(), expressions()
    equal = SparsePauliOp(OBSERVABLE.paulis, OBSERVABLE.coeffs)
    circuits = [one, copy, other, one, one, copy]
    observables = [OBSERVABLE, equal, OBSERVABLE, SparsePauliOp("ZI"), OBSERVABLE, OBSERVABLE]
    wanted = [None, None, None, None, [A], None]
    x = [points(circuit, 1)[0] for circuit in circuits]
    BroadcastEstimatorGradient(estimator).run(circuits, observables, x, parameters=wanted).result()
    (job,) = estimator.jobs
    shapes = [next(iter(bindings.values())).shape for _, _, bindings in job]
    assert shapes == [(2, 3, 3, 3), (2, 8, 1, 8), (2, 3, 1, 3), (2, 1, 1, 3)]


def test_only_rotations_of_wanted_parameters_are_shifted():
    estimator = counting(BatchedEstimator)()
    gradient = BroadcastEstimatorGradient(estimator)
    x = points(expressions(), 1)
    for wanted, rotations in ([C], 3), ([A], 5), ([B], 4), ([A, B, C], 8):
        estimator.jobs = []
        gradient.run([expressions()], [OBSERVABLE], x, parameters=[wanted]).result()
        ((_, _, bindings),) = estimator.jobs[0]
        assert next(iter(bindings.values())).shape[1] == rotations


def test_what_depends_on_no_rotation_has_no_slope_and_no_job():
    circuit = QuantumCircuit(2)
    circuit.ry(A, 0)
    circuit.global_phase = B
    estimator = counting(BatchedEstimator)()
    gradient = BroadcastEstimatorGradient(estimator)
    found = gradient.run([circuit] * 2, [OBSERVABLE] * 2, [[1, 2]] * 2, parameters=[[B], []])
    assert [one.tolist() for one in found.result().gradients] == [[0.0], []]
    assert not hasattr(estimator, "jobs")
    sampled = BroadcastSamplerGradient(BatchedSampler()).run(
        [measured(circuit)], [[1, 2]], parameters=[[B]]
    )
    assert sampled.result().gradients == [[{}]]


def test_one_gradient_takes_rebuilt_and_other_circuits_of_the_same_names():
    gradient = BroadcastEstimatorGradient(BatchedEstimator())
    for make in (plain, lambda: real_amplitudes(2, reps=1), plain):
        for _ in range(2):
            circuit = make()
            circuit.name = "ansatz"
            x = points(circuit, 1)
            found = gradient.run([circuit], [OBSERVABLE], x).result().gradients[0]
            np.testing.assert_allclose(found, slopes(circuit, x[0]), rtol=0, atol=1e-7)
    rebuilt = QuantumCircuit(2)
    rebuilt.ry(Parameter("a"), 0)
    again = QuantumCircuit(2)
    again.ry(Parameter("a"), 0)
    found = gradient.run([rebuilt, again], [SparsePauliOp("IZ")] * 2, [[0.3], [0.7]]).result()
    np.testing.assert_allclose(np.ravel(found.gradients), -np.sin([0.3, 0.7]), atol=1e-12)


def test_each_circuit_is_transpiled_once_and_a_bounded_number_kept():
    backend, runs = device(), []

    class Counted:
        def run(self, circuit):
            runs.append(circuit)
            return passes(backend).run(circuit)

    gradient = BroadcastEstimatorGradient(BatchedEstimator(), pass_manager=Counted())
    for _ in range(3):
        gradient.run([plain()] * 2, [OBSERVABLE] * 2, points(plain(), 2)).result()
    assert len(runs) == 1
    for number in range(KEPT + 5):
        circuit = plain()
        circuit.rx(0.01 * number, 0)
        gradient._made.of(circuit)
    assert len(gradient._made._made) == KEPT


def noisy():
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.1, 2), ["cx"])
    return model


def test_gradients_of_a_noisy_simulation_are_those_of_its_values():
    settings = {"default_precision": 0.0, "backend_options": {"noise_model": noisy()}}
    estimator, circuit = EstimatorV2(options=settings), plain()
    x = points(circuit, 1)[0]
    found = BroadcastEstimatorGradient(estimator).run([circuit], [OBSERVABLE], [x]).result()

    def value(at):
        return float(estimator.run([(circuit, OBSERVABLE, at)]).result()[0].data.evs)

    np.testing.assert_allclose(found.gradients[0], differences(value, x), rtol=0, atol=1e-7)
    assert np.abs(found.gradients[0] - slopes(circuit, x)).max() > 0.01


@pytest.mark.filterwarnings("ignore:.*has no QubitProperties")
@pytest.mark.parametrize("level", [0, 1, 3])
def test_gradients_on_a_device_lie_within_their_errors(level, fits_variance):
    backend = device()
    estimator = counting(BackendEstimatorV2)(backend=backend, options={"seed_simulator": 5})
    gradient = BroadcastEstimatorGradient(estimator, 0.02, passes(backend, level))
    circuit = expressions()
    x = points(circuit, 4)
    result = gradient.run([circuit] * 4, [OBSERVABLE] * 4, x).result()
    (((run, observable, _),),) = estimator.jobs
    assert run.num_qubits == observable.num_qubits == 4
    assert set(run.count_ops()) <= {*backend.operation_names, "barrier"}
    expected = np.array([slopes(circuit, at) for at in x])
    stds = np.array([about["stds"] for about in result.metadata])
    assert fits_variance(np.array(result.gradients) - expected, stds**2)


@pytest.mark.parametrize("before", [False, True])
def test_circuits_that_are_isa_already_stay_on_their_qubits(before):
    backend = device()
    layout = passes(backend, initial_layout=[2, 0])
    circuit = layout.run(plain())
    observable = OBSERVABLE.apply_layout(circuit.layout)
    estimator = counting(BatchedEstimator)()
    gradient = BroadcastEstimatorGradient(
        estimator, pass_manager=passes(backend) if before else None
    )
    x = points(circuit, 1)
    found = gradient.run([circuit], [observable], x).result().gradients[0]
    np.testing.assert_allclose(found, slopes(plain(), x[0]), rtol=0, atol=1e-7)
    ((run, asked, _),) = estimator.jobs[0]
    assert run.count_ops() == circuit.count_ops()
    assert asked == observable


def test_isa_circuits_with_other_gates_are_transpiled_again():
    backend = device()
    circuit = generate_preset_pass_manager(
        1, basis_gates=["u3", "cx"], coupling_map=CouplingMap.from_line(3), initial_layout=[2, 1]
    ).run(plain())
    observable = OBSERVABLE.apply_layout(circuit.layout)
    estimator = counting(BatchedEstimator)()
    gradient = BroadcastEstimatorGradient(estimator, pass_manager=passes(backend))
    x = points(circuit, 1)
    found = gradient.run([circuit], [observable], x).result().gradients[0]
    np.testing.assert_allclose(found, slopes(plain(), x[0]), rtol=0, atol=1e-7)
    ((run, _, _),) = estimator.jobs[0]
    assert set(run.count_ops()) <= {*backend.operation_names}


@pytest.mark.parametrize("given", ["constructor", "run"])
def test_precision_reaches_the_primitive_and_standard_errors_come_back(given):
    estimator = counting(BatchedEstimator)(seed=1)
    gradient = BroadcastEstimatorGradient(estimator, 0.1 if given == "constructor" else 0.5)
    circuit, number = expressions(), 1500
    x = points(circuit, 1)
    options = {"precision": 0.1} if given == "run" else {}
    result = gradient.run(
        [circuit] * number, [OBSERVABLE] * number, np.tile(x, (number, 1)), **options
    ).result()
    assert estimator.options_given == {"precision": 0.1}
    drawn = np.array(result.gradients)
    stds = np.array([about["stds"] for about in result.metadata])
    variance = (stds**2).mean(axis=0)
    assert drawn.var(axis=0) == pytest.approx(variance, rel=SIGMAS * np.sqrt(2 / number))
    pulls = (drawn.mean(axis=0) - slopes(circuit, x[0])) / np.sqrt(variance / number)
    assert np.abs(pulls).max() < SIGMAS


def test_the_primitives_own_default_holds_where_nothing_is_given():
    estimator = counting(StatevectorEstimator)(seed=np.random.default_rng(2), default_precision=0.2)
    job = BroadcastEstimatorGradient(estimator).run([plain()], [OBSERVABLE], points(plain(), 1))
    np.testing.assert_allclose(job.result().metadata[0]["stds"], 0.2 / np.sqrt(2))
    assert estimator.options_given == {}
    sampler = counting(BatchedSampler)(default_shots=77)
    BroadcastSamplerGradient(sampler).run([measured(plain())], points(plain(), 1)).result()
    assert sampler.options_given == {}


SAMPLERS = {
    "statevector": lambda: StatevectorSampler(seed=np.random.default_rng(1)),
    "aer": lambda: SamplerV2(seed=1),
    "batched": lambda: BatchedSampler(seed=1),
    "backend": lambda: BackendSamplerV2(backend=device(), options={"seed_simulator": 3}),
}


@pytest.mark.filterwarnings("ignore:.*has no QubitProperties")
@pytest.mark.parametrize("make", [plain, expressions])
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_drawn_slopes_of_outcomes_lie_within_their_errors(sampler, make, fits_variance):
    circuit = make()
    x = points(circuit)
    manager = passes(device()) if sampler == "backend" else None
    gradient = BroadcastSamplerGradient(SAMPLERS[sampler](), 4000, manager)
    result = gradient.run([measured(circuit)] * 3, x).result()
    found = np.array([as_rows(rows) for rows in result.gradients])
    stds = np.array([as_rows(about["stds"]) for about in result.metadata])
    expected = np.array([outcome_slopes(circuit, at) for at in x])
    np.testing.assert_allclose(found.sum(axis=-1), 0, atol=1e-12)
    known = stds > 1e-3
    assert known.sum() > 12
    assert np.abs(found - expected)[~known].max(initial=0.0) < 0.01
    for outcome in range(4):  # errors of several outcomes are not independent of each other
        some = known[..., outcome]
        assert fits_variance((found - expected)[..., outcome][some], stds[..., outcome][some] ** 2)


def test_slopes_of_outcomes_have_the_variance_of_a_multinomial():
    circuit, number, shots = plain(), 1500, 60
    x = points(circuit, 1)
    gradient = BroadcastSamplerGradient(BatchedSampler(seed=4), shots)
    job = gradient.run([measured(circuit)] * number, np.tile(x, (number, 1)))
    drawn = np.array([as_rows(rows) for rows in job.result().gradients])
    for k in range(3):
        shift = np.pi / 2 * np.eye(3)[k]
        p = np.array(
            [
                Statevector(circuit.assign_parameters(x[0] + sign * shift)).probabilities()
                for sign in (1, -1)
            ]
        )
        variance = (p * (1 - p)).sum(axis=0) / 4 / shots
        assert drawn[:, k].var(axis=0) == pytest.approx(
            variance, rel=SIGMAS * np.sqrt(2.2 / number), abs=1e-12
        )
        stds = np.array([as_rows(about["stds"])[k] for about in job.result().metadata])
        assert (stds**2).mean(axis=0) == pytest.approx(variance, rel=0.1, abs=1e-12)


def test_circuits_of_a_sampler_share_pubs_and_shots_reach_it():
    sampler = counting(BatchedSampler)(seed=1)
    circuits = [measured(plain()), measured(expressions()), measured(plain())]
    x = [points(circuit, 1)[0] for circuit in circuits]
    gradient = BroadcastSamplerGradient(sampler, 50)
    gradient.run(circuits, x).result()
    assert len(sampler.jobs) == 1
    assert len(sampler.jobs[0]) == 2
    assert sampler.options_given == {"shots": 50}
    gradient.run(circuits, x, shots=20).result()
    assert sampler.options_given == {"shots": 20}


def test_exact_probabilities_of_several_registers_are_read_from_the_right_one():
    circuit = QuantumCircuit(2)
    circuit.add_register(ClassicalRegister(1, "first"), ClassicalRegister(1, "c"))
    circuit.ry(A, 0)
    circuit.ry(B, 1)
    circuit.measure([0, 1], [0, 1])
    other = QuantumCircuit(2)
    other.add_register(ClassicalRegister(1, "first"), ClassicalRegister(1, "second"))
    other.ry(A, 0)
    other.ry(B, 1)
    other.measure([0, 1], [0, 1])
    half = np.sin(0.3) / 2
    for sampler in (QMLSampler(), BatchedSampler(seed=1, default_shots=10**6)):
        found = BroadcastSamplerGradient(sampler).run([circuit, other], [[1.2, 0.3], [0.3, 1.2]])
        for rows, expected in zip(
            found.result().gradients,
            ([[0, 0], [-half, half]], [[-half, half], [0, 0]]),
            strict=True,
        ):
            np.testing.assert_allclose(as_rows(rows, 2), expected, atol=0.005)


def test_outcomes_beyond_the_qubits_are_left_out():
    circuit = QuantumCircuit(1, 2)
    circuit.ry(A, 0)
    circuit.x(0)
    circuit.measure(0, 1)
    found = BroadcastSamplerGradient(BatchedSampler(seed=1)).run([circuit], [[0.5]])
    assert set(found.result().gradients[0][0]) == {0}


def test_a_register_wider_than_a_word_is_read():
    circuit = QuantumCircuit(70)
    circuit.ry(A, 69)
    circuit.measure_all()
    found = BroadcastSamplerGradient(BatchedSamplerOfWide()).run([circuit], [[0.5]])
    half = np.sin(0.5) / 2
    slopes = found.result().gradients[0][0]
    assert slopes == pytest.approx({0: -half, 1 << 69: half}, abs=SIGMAS / np.sqrt(4000))


class BatchedSamplerOfWide(SamplerV2):
    """Aer by matrix product states, which has no trouble with 70 qubits."""

    def __init__(self):
        options = {"backend_options": {"method": "matrix_product_state"}}
        super().__init__(default_shots=4000, seed=1, options=options)


def test_readout_errors_are_part_of_the_slopes():
    model = NoiseModel()
    model.add_all_qubit_readout_error(ReadoutError([[0.9, 0.1], [0.2, 0.8]]))
    circuit = QuantumCircuit(1)
    circuit.ry(A, 0)
    circuit.measure_all()
    sampler = SamplerV2(seed=2, options={"backend_options": {"noise_model": model}})
    found = BroadcastSamplerGradient(sampler, 40_000).run([circuit], [[0.5]]).result()
    slope = 0.7 * np.sin(0.5) / 2
    assert found.gradients[0][0] == pytest.approx({0: -slope, 1: slope}, abs=SIGMAS * 0.002)


def network_parts():
    features, ansatz = zz_feature_map(2, reps=1), real_amplitudes(2, reps=1)
    return {
        "circuit": features.compose(ansatz),
        "input_params": features.parameters,
        "weight_params": ansatz.parameters,
        "input_gradients": True,
    }


SAMPLES, WEIGHTS = np.array([[0.2, 0.4], [1.4, 1.6]]), np.array([0.4, -0.3, 0.2, 0.5])


def estimator_network(manager):
    estimator = BatchedEstimator()
    gradient = BroadcastEstimatorGradient(estimator, 0.0, manager)
    parts = {"gradient": gradient, "default_precision": 0.0, "pass_manager": manager}
    return EstimatorQNN(estimator=estimator, **parts, **network_parts())


def sampler_network(manager):
    sampler = QMLSampler()
    gradient = BroadcastSamplerGradient(sampler, pass_manager=manager)
    parts = {"gradient": gradient, "pass_manager": manager}
    return SamplerQNN(sampler=sampler, **parts, **network_parts())


@pytest.mark.parametrize("transpiled", [False, True])
@pytest.mark.parametrize("make", [estimator_network, sampler_network])
def test_networks_go_back_as_they_went_forward(make, transpiled):
    network = make(passes(device(), initial_layout=[3, 1]) if transpiled else None)
    by_input, by_weight = network.backward(SAMPLES, WEIGHTS)
    for found, samples, weights in (
        (by_input, np.eye(2), np.zeros((2, 4))),
        (
            by_weight,
            np.zeros((4, 2)),
            np.eye(4),
        ),
    ):
        for k, (in_x, in_w) in enumerate(zip(samples, weights, strict=True)):
            up, down = (
                network.forward(SAMPLES + h * in_x, WEIGHTS + h * in_w) for h in (1e-5, -1e-5)
            )
            np.testing.assert_allclose(found[..., k], (up - down) / 2e-5, rtol=0, atol=1e-6)


def test_closed_forms_of_one_rotation():
    circuit = QuantumCircuit(1)
    circuit.ry(A**2, 0)
    gradient = BroadcastEstimatorGradient(StatevectorEstimator())
    x = np.linspace(-2, 2, 9)[:, None]
    found = gradient.run([circuit] * 9, [SparsePauliOp("Z")] * 9, x).result().gradients
    np.testing.assert_allclose(np.ravel(found), (-2 * x * np.sin(x**2)).ravel(), atol=1e-12)


def controlled_flow():
    circuit = QuantumCircuit(2, 1)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.rx(A, 1)
    return circuit


def with_gate(gate, qubits):
    circuit = QuantumCircuit(2)
    circuit.append(gate, qubits)
    return circuit


def delayed():
    circuit = QuantumCircuit(2)
    circuit.rx(A, 0)
    circuit.delay(B, 1)
    return circuit


REFUSED = {
    "if_else": controlled_flow,
    "annotated": lambda: with_gate(AnnotatedOperation(RYGate(A), ControlModifier(1)), [0, 1]),
    "mine": lambda: with_gate(Gate("mine", 1, [A]), [0]),
    "rx": lambda: with_gate(Gate("rx", 2, [A]), [0, 1]),
    "delay": delayed,
}


@pytest.mark.parametrize("name", REFUSED)
def test_gates_that_do_not_obey_the_rule_are_refused(name):
    circuit = REFUSED[name]()
    gradient = BroadcastEstimatorGradient(StatevectorEstimator())
    job = gradient.run([circuit], [OBSERVABLE], np.ones((1, circuit.num_parameters)))
    with pytest.raises(InputError, match=name):
        job.result()


@pytest.mark.parametrize("make", [BroadcastEstimatorGradient, BroadcastSamplerGradient])
def test_what_is_no_v2_primitive_or_pass_manager_is_refused(make):
    good = StatevectorEstimator() if make is BroadcastEstimatorGradient else StatevectorSampler()
    bad = StatevectorSampler() if make is BroadcastEstimatorGradient else StatevectorEstimator()
    for primitive in (None, "aer", bad, type(good)):
        with pytest.raises(InputError, match="V2"):
            make(primitive)
    with pytest.raises(InputError, match="pass_manager"):
        make(good, pass_manager="fake_torino")


MISUSES = {
    "number of values": lambda run: run([plain()], [OBSERVABLE], [[0.1]]),
    "parameter value sets": lambda run: run([plain()] * 2, [OBSERVABLE] * 2, points(plain(), 1)),
    "number of observables": lambda run: run([plain()] * 2, [OBSERVABLE], points(plain(), 2)),
    "number of qubits": lambda run: run([plain()], [SparsePauliOp("ZZZ")], points(plain(), 1)),
    "not parameterised": lambda run: run([QuantumCircuit(2)], [OBSERVABLE], [[]]),
    "parameters of another circuit": lambda run: run(
        [plain()], [OBSERVABLE], points(plain(), 1), parameters=[[Parameter("x")]]
    ),
    "observable = 'ZZ'": lambda run: run([plain()], ["ZZ"], points(plain(), 1)),
    "nan": lambda run: run([plain()], [OBSERVABLE], [[0.1, np.nan, 0.2]]).result(),
    "numbers": lambda run: run([plain()], [OBSERVABLE], [[0.1, "x", 0.2]]).result(),
    "precision = -1": lambda run: run(
        [plain()], [OBSERVABLE], points(plain(), 1), precision=-1
    ).result(),
    'option "shots"': lambda run: run(
        [plain()], [OBSERVABLE], points(plain(), 1), shots=10
    ).result(),
}


@pytest.mark.parametrize("sentence", MISUSES)
def test_misuse_of_an_estimator_gradient_is_told_in_a_sentence(sentence):
    with pytest.raises(InputError, match=sentence):
        MISUSES[sentence](BroadcastEstimatorGradient(BatchedEstimator()).run)


SAMPLER_MISUSES = {
    "number of values": lambda run: run([measured(plain())], [[0.1]]),
    "measures nothing": lambda run: run([plain()], points(plain(), 1)).result(),
    "shots = 0": lambda run: run([measured(plain())], points(plain(), 1), shots=0).result(),
    'option "precision"': lambda run: run(
        [measured(plain())], points(plain(), 1), precision=0.1
    ).result(),
}


@pytest.mark.parametrize("sentence", SAMPLER_MISUSES)
def test_misuse_of_a_sampler_gradient_is_told_in_a_sentence(sentence):
    with pytest.raises(InputError, match=sentence):
        SAMPLER_MISUSES[sentence](BroadcastSamplerGradient(BatchedSampler()).run)


@pytest.mark.parametrize("wrong", [-0.1, np.nan, "high", np.inf])
def test_a_precision_that_is_not_valid_is_refused(wrong):
    with pytest.raises(InputError, match="precision"):
        BroadcastEstimatorGradient(BatchedEstimator(), wrong)


@pytest.mark.parametrize("wrong", [0, -3, 1.5, "many"])
def test_shots_that_are_not_valid_are_refused(wrong):
    with pytest.raises(InputError, match="shots"):
        BroadcastSamplerGradient(BatchedSampler(), wrong)

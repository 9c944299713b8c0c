"""BatchedEstimatorGradient and BatchedSamplerGradient, and what qiskit-machine-learning builds."""

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.circuit.library import real_amplitudes, z_feature_map, zz_feature_map
from qiskit.primitives import StatevectorEstimator, StatevectorSampler
from qiskit.quantum_info import Pauli, SparsePauliOp, Statevector
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error
from qiskit_machine_learning.algorithms import VQC, NeuralNetworkClassifier, NeuralNetworkRegressor
from qiskit_machine_learning.gradients import (
    ParamShiftEstimatorGradient,
    ParamShiftSamplerGradient,
)
from qiskit_machine_learning.kernels import FidelityQuantumKernel
from qiskit_machine_learning.neural_networks import EstimatorQNN, SamplerQNN
from qiskit_machine_learning.optimizers import COBYLA
from qiskit_machine_learning.state_fidelities import ComputeUncompute

from qnlr.errors import InputError
from qnlr.optimizers import NLR
from qnlr.simulator import BatchedEstimator, BatchedSampler
from qnlr.simulator.gradients import BatchedEstimatorGradient, BatchedSamplerGradient

A, B, C = Parameter("a"), Parameter("b"), Parameter("c")
SIGMAS = 5
SAMPLES = np.array([[0.2, 0.4], [0.3, 0.1], [1.4, 1.6], [1.5, 1.3]])
LABELS = np.array([1, 1, -1, -1])
START = np.array([0.4, -0.3, 0.2, 0.5])


def plain():
    circuit = QuantumCircuit(2)
    circuit.ry(A, 0)
    circuit.cx(0, 1)
    circuit.rx(B, 1)
    circuit.rz(C, 0)
    circuit.ry(0.4, 0)
    return circuit


def repeated():
    circuit = QuantumCircuit(2)
    for parameter in (A, B, A):
        circuit.ry(parameter, 0)
        circuit.cx(0, 1)
        circuit.rx(parameter, 1)
    circuit.rzz(C, 0, 1)
    circuit.h([0, 1])
    return circuit


def expressions():
    circuit = QuantumCircuit(2)
    circuit.ry(2 * A - B, 0)
    circuit.cx(0, 1)
    circuit.rx(A * B, 1)
    circuit.rxx(C + 0.5 * A, 0, 1)
    circuit.ry(-C / 3 + 0.1, 0)
    return circuit


CIRCUITS = {
    "plain": plain,
    "repeated": repeated,
    "expressions": expressions,
    "real amplitudes": lambda: real_amplitudes(2, reps=1),
    "feature map": lambda: zz_feature_map(2, reps=1).compose(real_amplitudes(2, reps=1)),
}
OBSERVABLES = [
    SparsePauliOp("ZI"),
    SparsePauliOp(["ZZ", "XI", "IY"], [0.5, -1.2, 0.3]),
    Pauli("XZ"),
]


def values(circuit, number=3):
    return np.random.default_rng(1).uniform(-2, 2, (number, circuit.num_parameters))


def qiskits():
    return ParamShiftEstimatorGradient(StatevectorEstimator())


def exact():
    return BatchedEstimatorGradient(BatchedEstimator())


def same_gradients(*arguments, **options):
    ours, theirs = (make().run(*arguments, **options).result() for make in (exact, qiskits))
    assert len(ours.gradients) == len(theirs.gradients)
    for one, other in zip(ours.gradients, theirs.gradients, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-11)
    assert [list(one["parameters"]) for one in ours.metadata] == [
        list(one["parameters"]) for one in theirs.metadata
    ]
    return True


@pytest.mark.parametrize("make", CIRCUITS.values(), ids=CIRCUITS)
@pytest.mark.parametrize("observable", OBSERVABLES[:2])
def test_exact_gradients_equal_qiskits(make, observable):
    circuit = make()
    x = values(circuit)
    assert same_gradients([circuit] * 3, [observable] * 3, x)


def test_several_circuits_and_observables_run_at_once():
    made = [make() for make in CIRCUITS.values()]
    circuits = [made[k] for k in (0, 3, 1, 4, 2, 0, 0, 3, 1)]
    observables = [OBSERVABLES[k] for k in (0, 1, 1, 0, 1, 1, 0, 0, 1)]
    x = [values(circuit)[k % 3] for k, circuit in enumerate(circuits)]
    assert same_gradients(circuits, observables, x)


@pytest.mark.parametrize("wanted", [[A], [C, A], [B, C, A], [A, B, C], [B]])
@pytest.mark.parametrize("make", [plain, repeated, expressions])
def test_a_subset_of_parameters_comes_in_the_order_asked_for(make, wanted):
    circuit = make()
    x = values(circuit, 2)
    assert same_gradients([circuit] * 2, [OBSERVABLES[1]] * 2, x, parameters=[wanted] * 2)


def test_every_circuit_may_ask_for_parameters_of_its_own():
    circuit = expressions()
    wanted = [[A], [B, A], None, [A]]
    assert same_gradients(
        [circuit] * 4, [OBSERVABLES[1]] * 4, values(circuit, 4), parameters=wanted
    )


def test_single_circuits_and_observables_need_no_list():
    assert same_gradients(plain(), OBSERVABLES[0], values(plain(), 1))


def test_gradients_by_no_parameter_are_empty():
    found = exact().run([plain()], [OBSERVABLES[0]], values(plain(), 1), parameters=[[]]).result()
    assert found.gradients[0].shape == (0,)


def test_gradients_under_noise_are_those_of_the_noisy_values():
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.05, 2), ["cx", "rxx"])
    model.add_all_qubit_readout_error(ReadoutError([[0.95, 0.05], [0.1, 0.9]]))
    estimator, circuit, observable = (
        BatchedEstimator(noise_model=model),
        expressions(),
        OBSERVABLES[1],
    )
    x, h = values(circuit, 1)[0], 1e-5
    gradient = BatchedEstimatorGradient(estimator).run([circuit], [observable], [x]).result()
    shifts = np.vstack([x + h * np.eye(3), x - h * np.eye(3)])
    plus, minus = np.split(estimator.run([(circuit, observable, shifts)]).result()[0].data.evs, 2)
    np.testing.assert_allclose(gradient.gradients[0], (plus - minus) / (2 * h), atol=1e-8)


@pytest.mark.parametrize("precision", ["estimator", "gradient", "run"])
def test_drawn_gradients_have_the_mean_and_spread_of_shots(precision):
    circuit, observable, number = plain(), SparsePauliOp("ZI"), 2000
    given = {"estimator": 0.3, "gradient": 0.3, "run": 0.3}[precision]
    estimator = BatchedEstimator(
        seed=2, default_precision=0.0 if precision != "estimator" else given
    )
    gradient = BatchedEstimatorGradient(estimator, given if precision == "gradient" else None)
    options = {"precision": given} if precision == "run" else {}
    x = values(circuit, 1)
    job = gradient.run(
        [circuit] * number, [observable] * number, np.tile(x, (number, 1)), **options
    )
    drawn = np.array(job.result().gradients)
    expected = exact().run([circuit], [observable], x).result().gradients[0]
    for k in range(3):
        step = np.pi / 2 * np.eye(3)[k]
        pair = [(circuit, observable, x[0] + sign * step) for sign in (1, -1)]
        f = np.array([one.data.evs for one in BatchedEstimator().run(pair).result()])
        variance = ((1 - f**2) / 12).sum() / 4
        assert abs(drawn[:, k].mean() - expected[k]) < SIGMAS * np.sqrt(variance / number) + 1e-12
        assert drawn[:, k].var() == pytest.approx(variance, rel=SIGMAS * np.sqrt(2 / number))


def test_gradients_draw_from_the_estimators_stream():
    circuit = plain()
    job = ([circuit], [OBSERVABLES[0]], values(circuit, 1))

    def drawn(seed):
        gradient = BatchedEstimatorGradient(BatchedEstimator(seed=seed, default_precision=0.1))
        return np.array([gradient.run(*job).result().gradients[0] for _ in range(2)])

    assert np.array_equal(drawn(1), drawn(1))
    assert not np.array_equal(drawn(1)[0], drawn(1)[1])
    assert not np.array_equal(drawn(1), drawn(2))


def slopes(circuit, x, h=1e-5):
    """Return ∂p(o)/∂p_i, shape (D, outcomes), by central differences."""

    def probabilities(at):
        return Statevector(circuit.assign_parameters(at)).probabilities()

    steps = h * np.eye(len(x))
    return np.array([(probabilities(x + s) - probabilities(x - s)) / (2 * h) for s in steps])


def as_rows(gradients, outcomes):
    rows = np.zeros((len(gradients), outcomes))
    for row, found in zip(rows, gradients, strict=True):
        for outcome, slope in found.items():
            row[outcome] = slope
    return rows


def measured(circuit):
    circuit = circuit.copy()
    circuit.measure_all()
    return circuit


def bound_of_errors(circuit, shots):
    """Return 5 standard errors of any slope: each rotation has two shifts, of at most 1/4 each."""
    rotations = sum(len(one.operation.params) for one in circuit.data) + circuit.num_parameters
    return SIGMAS * 2.5 * np.sqrt(rotations / 8 / shots)


@pytest.mark.parametrize("make", CIRCUITS.values(), ids=CIRCUITS)
def test_drawn_slopes_of_outcomes_agree_with_qiskits_and_with_theory(make):
    circuit, shots = make(), 20_000
    x = values(circuit, 2)
    theory = [slopes(circuit, one) for one in x]
    arguments = ([measured(circuit)] * 2, x)
    ours = BatchedSamplerGradient(BatchedSampler(seed=1, default_shots=shots))
    theirs = ParamShiftSamplerGradient(StatevectorSampler(seed=1, default_shots=shots))
    for gradient in (ours, theirs):
        for rows, expected in zip(gradient.run(*arguments).result().gradients, theory, strict=True):
            deviation = np.abs(as_rows(rows, 4) - expected)
            assert deviation.max() < bound_of_errors(circuit, shots)


def test_slopes_of_outcomes_of_several_circuits_and_parameters():
    circuits = [measured(one) for one in (plain(), expressions(), plain(), repeated())]
    x = [values(one)[k % 3] for k, one in enumerate(circuits)]
    wanted = [[C, A], [B], None, [A, B]]
    gradient = BatchedSamplerGradient(BatchedSampler(seed=1, default_shots=20_000))
    result = gradient.run(circuits, x, parameters=wanted).result()
    for number, rows in enumerate(result.gradients):
        circuit = circuits[number].remove_final_measurements(inplace=False)
        columns = [
            list(circuit.parameters).index(one) for one in wanted[number] or circuit.parameters
        ]
        expected = slopes(circuit, x[number])[columns]
        deviation = np.abs(as_rows(rows, 4) - expected)
        assert deviation.max() < bound_of_errors(circuit, 20_000)
        assert list(result.metadata[number]["parameters"]) == [
            circuit.parameters[k] for k in columns
        ]


def test_slopes_of_outcomes_have_the_spread_of_shots():
    circuit, number, shots = plain(), 2000, 50
    x = values(circuit, 1)
    sampler = BatchedSampler(seed=1)
    job = BatchedSamplerGradient(sampler).run(
        [measured(circuit)] * number, np.tile(x, (number, 1)), shots=shots
    )
    drawn = np.array([as_rows(rows, 4) for rows in job.result().gradients])
    assert drawn == pytest.approx(np.round(drawn * 2 * shots) / (2 * shots))
    for k in range(3):
        p = [
            Statevector(circuit.assign_parameters(x[0] + s * np.pi / 2 * np.eye(3)[k]))
            for s in (1, -1)
        ]
        variance = sum(one.probabilities() * (1 - one.probabilities()) for one in p) / 4 / shots
        ratio = drawn[:, k].var(axis=0)[variance > 1e-4] / variance[variance > 1e-4]
        assert ratio == pytest.approx(1, rel=SIGMAS * np.sqrt(2.2 / number))
        pulls = (drawn[:, k].mean(axis=0) - slopes(circuit, x[0])[k]) ** 2
        assert np.all(pulls <= SIGMAS**2 * variance / number + 1e-12)


def swapped():
    circuit = QuantumCircuit(2, 2)
    circuit.ry(A, 0)
    circuit.ry(B, 1)
    circuit.measure([0, 1], [1, 0])
    return circuit


def spread_out():
    circuit = QuantumCircuit(2, 3)
    circuit.ry(A, 0)
    circuit.ry(B, 1)
    circuit.measure([0, 1], [0, 1])
    circuit.measure(0, 1)
    return circuit


def in_part():
    circuit = QuantumCircuit(2, 1)
    circuit.ry(A, 0)
    circuit.cx(0, 1)
    circuit.rx(B, 1)
    circuit.measure(1, 0)
    return circuit


@pytest.mark.parametrize("make", [swapped, in_part, spread_out])
def test_outcomes_are_numbered_by_classical_bits_as_qiskits(make):
    arguments, shots = ([make()], [[0.3, 1.2]]), 20_000
    ours = BatchedSamplerGradient(BatchedSampler(seed=1, default_shots=shots))
    theirs = ParamShiftSamplerGradient(StatevectorSampler(seed=1, default_shots=shots))
    found = [as_rows(one.run(*arguments).result().gradients[0], 8) for one in (ours, theirs)]
    assert np.abs(found[0] - found[1]).max() < 2 * bound_of_errors(make(), shots)


@pytest.mark.parametrize("shots", [0, -3, 1.5, "many"])
def test_shots_of_a_gradient_that_are_not_valid_are_refused(shots):
    gradient = BatchedSamplerGradient(BatchedSampler())
    with pytest.raises(InputError, match="shots"):
        gradient.run([measured(plain())], values(plain(), 1), shots=shots).result()


@pytest.mark.parametrize("precision", [-0.1, np.nan, "high"])
def test_precisions_of_a_gradient_that_are_not_valid_are_refused(precision):
    with pytest.raises(InputError, match="precision"):
        BatchedEstimatorGradient(BatchedEstimator(), precision).run(
            [plain()], [OBSERVABLES[0]], values(plain(), 1)
        ).result()
    with pytest.raises(InputError, match="precision"):
        exact().run([plain()], [OBSERVABLES[0]], values(plain(), 1), precision=precision).result()


@pytest.mark.parametrize(
    ("build", "primitive", "match"),
    [
        (BatchedEstimatorGradient, StatevectorEstimator(), "BatchedEstimator"),
        (BatchedEstimatorGradient, BatchedSampler(), "BatchedEstimator"),
        (BatchedSamplerGradient, StatevectorSampler(), "BatchedSampler"),
        (BatchedSamplerGradient, None, "BatchedSampler"),
    ],
)
def test_other_primitives_are_refused(build, primitive, match):
    with pytest.raises(InputError, match=match):
        build(primitive)


MISUSES = {
    "fewer values": lambda run: run([plain()] * 2, [OBSERVABLES[0]] * 2, values(plain(), 1)),
    "fewer observables": lambda run: run([plain()] * 2, [OBSERVABLES[0]], values(plain(), 2)),
    "short values": lambda run: run([plain()], [OBSERVABLES[0]], [[0.1]]),
    "other qubits": lambda run: run([plain()], [SparsePauliOp("ZZZ")], values(plain(), 1)),
    "no parameters": lambda run: run([QuantumCircuit(2)], [OBSERVABLES[0]], [[]]),
    "other parameters": lambda run: run(
        [plain()], [OBSERVABLES[0]], values(plain(), 1), parameters=[[Parameter("x")]]
    ),
}


@pytest.mark.parametrize("misuse", MISUSES.values(), ids=MISUSES)
def test_misuse_is_refused_as_qiskit_refuses_it(misuse):
    for gradient in (qiskits(), exact()):
        with pytest.raises(ValueError):
            misuse(lambda *given, gradient=gradient, **options: gradient.run(*given, **options))


def test_a_gradient_of_what_is_not_measured_is_refused():
    with pytest.raises(InputError, match="measures nothing"):
        BatchedSamplerGradient(BatchedSampler()).run([plain()], values(plain(), 1)).result()


def estimator_network(estimator, gradient, **options):
    features, ansatz = z_feature_map(2, reps=1), real_amplitudes(2, reps=1)
    return EstimatorQNN(
        circuit=features.compose(ansatz),
        input_params=features.parameters,
        weight_params=ansatz.parameters,
        estimator=estimator,
        gradient=gradient,
        default_precision=0.0,
        **options,
    )


@pytest.mark.parametrize("input_gradients", [False, True])
@pytest.mark.parametrize("observables", [None, [SparsePauliOp("ZI"), SparsePauliOp(["XX", "IZ"])]])
def test_an_estimator_network_goes_forward_and_back_as_with_qiskits(observables, input_gradients):
    ours, theirs = BatchedEstimator(), StatevectorEstimator()
    options = {"observables": observables, "input_gradients": input_gradients}
    networks = [
        estimator_network(ours, BatchedEstimatorGradient(ours), **options),
        estimator_network(theirs, ParamShiftEstimatorGradient(theirs), **options),
        estimator_network(ours, ParamShiftEstimatorGradient(ours), **options),
    ]
    forward = [one.forward(SAMPLES, START) for one in networks]
    backward = [one.backward(SAMPLES, START) for one in networks]
    for found, (of_inputs, of_weights) in zip(forward, backward, strict=True):
        np.testing.assert_allclose(found, forward[1], atol=1e-12)
        np.testing.assert_allclose(of_weights, backward[1][1], atol=1e-12)
        if input_gradients:
            np.testing.assert_allclose(of_inputs, backward[1][0], atol=1e-12)


@pytest.mark.parametrize("input_gradients", [False, True])
@pytest.mark.parametrize("parity", [False, True])
def test_a_sampler_network_goes_forward_and_back_as_with_qiskits(parity, input_gradients):
    features, ansatz = z_feature_map(2, reps=1), real_amplitudes(2, reps=1)
    options = {
        "circuit": features.compose(ansatz),
        "input_params": features.parameters,
        "weight_params": ansatz.parameters,
        "input_gradients": input_gradients,
    }
    if parity:
        options |= {"interpret": lambda x: x.bit_count() % 2, "output_shape": 2}
    ours = BatchedSampler(seed=1, default_shots=5000)
    theirs = StatevectorSampler(seed=1, default_shots=5000)
    networks = [
        SamplerQNN(sampler=ours, gradient=BatchedSamplerGradient(ours), **options),
        SamplerQNN(sampler=theirs, gradient=ParamShiftSamplerGradient(theirs), **options),
    ]
    forward = [one.forward(SAMPLES, START) for one in networks]
    backward = [one.backward(SAMPLES, START) for one in networks]
    assert forward[0].shape == forward[1].shape
    assert np.abs(forward[0] - forward[1]).max() < SIGMAS * np.sqrt(2 * 0.25 / 5000)
    for one, other in list(zip(*backward, strict=True))[0 if input_gradients else 1 :]:
        assert one.shape == other.shape
        assert np.abs(one - other).max() < SIGMAS * np.sqrt(8 / 5000)


def classifier(optimizer, ours=True):
    if ours:
        estimator = BatchedEstimator()
        gradient = BatchedEstimatorGradient(estimator)
    else:
        estimator = StatevectorEstimator()
        gradient = ParamShiftEstimatorGradient(estimator)
    network = estimator_network(estimator, gradient)
    return NeuralNetworkClassifier(network, optimizer=optimizer, initial_point=START)


@pytest.mark.parametrize(
    "make", [lambda: NLR(learning_rate=0.2, maxiter=4), lambda: COBYLA(maxiter=7)]
)
def test_a_classifier_is_trained_as_with_qiskits(make):
    ours, theirs = (classifier(make(), ours=which).fit(SAMPLES, LABELS) for which in (True, False))
    np.testing.assert_allclose(ours.weights, theirs.weights, atol=1e-7)
    assert np.array_equal(ours.predict(SAMPLES), theirs.predict(SAMPLES))


def test_a_classifier_is_trained_with_shots():
    estimator = BatchedEstimator(seed=1, default_precision=0.05)
    network = estimator_network(estimator, BatchedEstimatorGradient(estimator))
    model = NeuralNetworkClassifier(
        network, optimizer=NLR(learning_rate=0.2, maxiter=5), initial_point=START
    )
    model.fit(SAMPLES, LABELS)
    assert model.fit_result.nit == 5
    assert model.score(SAMPLES, LABELS) == 1


def test_a_regressor_is_trained():
    estimator = BatchedEstimator()
    network = estimator_network(estimator, BatchedEstimatorGradient(estimator))
    model = NeuralNetworkRegressor(network, optimizer=NLR(0.1, maxiter=10), initial_point=START)
    before = np.mean((network.forward(SAMPLES, START)[:, 0] - LABELS / 2) ** 2)
    model.fit(SAMPLES, LABELS / 2)
    assert np.mean((model.predict(SAMPLES)[:, 0] - LABELS / 2) ** 2) < before


@pytest.mark.parametrize(
    "make", [lambda: NLR(learning_rate=0.2, maxiter=3), lambda: COBYLA(maxiter=10)]
)
def test_vqc_is_trained(make):
    model = VQC(
        feature_map=z_feature_map(2, reps=1),
        ansatz=real_amplitudes(2, reps=1),
        optimizer=make(),
        initial_point=START,
        sampler=BatchedSampler(seed=1, default_shots=200),
    )
    model.fit(SAMPLES, np.array([0, 0, 1, 1]))
    assert not np.array_equal(model.weights, START)
    assert set(model.predict(SAMPLES).ravel()) <= {0, 1}


def test_a_fidelity_kernel_is_that_of_the_states():
    features = zz_feature_map(2, reps=1)
    shots = 4000
    kernel = FidelityQuantumKernel(
        feature_map=features,
        fidelity=ComputeUncompute(BatchedSampler(seed=1, default_shots=shots)),
    )
    found = kernel.evaluate(SAMPLES, SAMPLES[:2])
    states = [Statevector(features.assign_parameters(one)) for one in SAMPLES]
    overlaps = np.array([[abs(a.inner(b)) ** 2 for b in states[:2]] for a in states])
    spread = np.sqrt(overlaps * (1 - overlaps) / shots)
    assert np.all(np.abs(found - overlaps) <= SIGMAS * spread + 1e-9)


def measured_ansatz():
    circuit = real_amplitudes(2, reps=1)
    circuit.measure_all()
    return circuit


ASKED = {
    'option "shots" is not known': ({"shots": 5}, None, None),
    "a parameter value is nan": ({}, [[0.1, np.nan, 0.3, 0.4]], None),
    "give numbers": ({}, [["a", 0.2, 0.3, 0.4]], None),
    "parameters of another circuit": ({}, None, [[Parameter("φ")]]),
    "number of values": ({}, [[0.1]], None),
}


@pytest.mark.parametrize("sentence", ASKED)
def test_what_a_gradient_cannot_be_asked_is_told_in_a_sentence(sentence):
    options, values, parameters = ASKED[sentence]
    values = values or [[0.1, 0.2, 0.3, 0.4]]
    estimator = BatchedEstimatorGradient(BatchedEstimator())
    sampler = BatchedSamplerGradient(BatchedSampler(seed=0))
    circuit, operator = real_amplitudes(2, reps=1), SparsePauliOp("ZZ")
    with pytest.raises(InputError, match=sentence):
        estimator.run([circuit], [operator], values, parameters, **options).result()
    options = {"precision": 5} if options else {}
    with pytest.raises(InputError, match=sentence.replace("shots", "precision")):
        sampler.run([measured_ansatz()], values, parameters, **options).result()


def test_an_observable_that_is_no_operator_is_told_in_a_sentence():
    gradient = BatchedEstimatorGradient(BatchedEstimator())
    with pytest.raises(InputError, match="observable = 'ZZ' is not valid; it must be an operator"):
        gradient.run([real_amplitudes(2, reps=1)], ["ZZ"], [[0.1, 0.2, 0.3, 0.4]])


def test_a_sampler_without_shots_has_exact_gradients():
    values = [0.1, 0.2, 0.3, 0.4]
    gradient = BatchedSamplerGradient(BatchedSampler(default_shots=None))
    found = gradient.run([measured_ansatz()], [values]).result().gradients[0]
    for column, slopes in enumerate(found):
        shifted = [np.array(values), np.array(values)]
        shifted[0][column] += np.pi / 2
        shifted[1][column] -= np.pi / 2
        up, down = (
            Statevector(real_amplitudes(2, reps=1).assign_parameters(one)).probabilities()
            for one in shifted
        )
        dense = [slopes.get(outcome, 0.0) for outcome in range(4)]
        np.testing.assert_allclose(dense, (up - down) / 2, atol=1e-12)


def test_errors_of_the_estimator_gradient_are_in_its_metadata():
    gradient = BatchedEstimatorGradient(BatchedEstimator(seed=0), precision=0.1)
    circuits, operators = [real_amplitudes(2, reps=1)] * 300, [SparsePauliOp("ZZ")] * 300
    result = gradient.run(circuits, operators, [[0.1, 0.2, 0.3, 0.4]] * 300).result()
    told = np.sqrt(np.mean([about["stds"] ** 2 for about in result.metadata], axis=0))
    np.testing.assert_allclose(np.std(result.gradients, axis=0), told, rtol=0.2)

"""BatchedEstimator as an EstimatorV2, next to Qiskit's own."""

import copy
import itertools
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import Parameter, ParameterVector
from qiskit.circuit.library import real_amplitudes
from qiskit.primitives import BindingsArray, ObservablesArray, StatevectorEstimator
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.quantum_info import Operator, Pauli, SparseObservable, SparsePauliOp, Statevector
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error

from qnlr.errors import InputError
from qnlr.noise import from_device
from qnlr.simulator import BatchedEstimator
from qnlr.simulator.estimator import shots_of

A, B = Parameter("a"), Parameter("b")
RNG = np.random.default_rng(0)


def two_parameters():
    circuit = QuantumCircuit(3)
    circuit.ry(A, 0)
    circuit.cx(0, 1)
    circuit.rx(2 * B - A, 1)
    circuit.rz(B, 0)
    circuit.cx(1, 2)
    circuit.ry(A * B, 2)
    return circuit


def no_parameters():
    circuit = QuantumCircuit(3)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.ry(0.3, 2)
    return circuit


def idle():
    circuit = QuantumCircuit(6)
    circuit.ry(A, 4)
    circuit.cx(4, 1)
    circuit.rx(B, 1)
    return circuit


def bindings(circuit, shape):
    values = np.random.default_rng(1).uniform(-3, 3, (*shape, circuit.num_parameters))
    return BindingsArray({tuple(circuit.parameters): values})


def agree(pubs):
    """Whether values, errors and shapes equal those of StatevectorEstimator."""
    theirs = StatevectorEstimator().run(pubs).result()
    ours = BatchedEstimator().run(pubs).result()
    assert len(ours) == len(theirs)
    assert ours.metadata == theirs.metadata
    for one, other in zip(ours, theirs, strict=True):
        assert one.data.shape == other.data.shape
        assert np.shape(one.data.evs) == np.shape(other.data.evs)
        assert np.shape(one.data.stds) == np.shape(other.data.stds)
        assert one.data.evs.dtype == other.data.evs.dtype
        np.testing.assert_allclose(one.data.evs, other.data.evs, rtol=1e-12, atol=1e-12)
        np.testing.assert_array_equal(one.data.stds, other.data.stds)
        assert one.metadata == other.metadata
    return True


SHAPES = [(), (1,), (4,), (3, 1), (1, 4), (1, 1), (2, 3, 4), (3, 4), (0,), (0, 4)]


def broadcasts(*shapes):
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        return False
    return True


PAIRS = list(itertools.product(SHAPES, SHAPES))
LABELS = ["ZII", "IXY", "ZZZ", "III", "XIX", "YIZ", "IIZ"]


def array_of_observables(shape):
    rng = np.random.default_rng(2)
    found = np.empty(shape, dtype=object)
    for place in np.ndindex(shape):
        labels = rng.choice(LABELS, 2, replace=False)
        found[place] = dict(zip(labels.tolist(), rng.normal(size=2).tolist(), strict=True))
    return ObservablesArray(found) if shape else ObservablesArray.coerce(found.item())


@pytest.mark.parametrize(("of_observables", "of_values"), [p for p in PAIRS if broadcasts(*p)])
def test_shapes_broadcast_as_qiskits_do(of_observables, of_values):
    circuit = two_parameters()
    assert agree([(circuit, array_of_observables(of_observables), bindings(circuit, of_values))])


@pytest.mark.parametrize(("of_observables", "of_values"), [p for p in PAIRS if not broadcasts(*p)])
def test_shapes_that_do_not_broadcast_are_refused(of_observables, of_values):
    circuit = two_parameters()
    pub = (circuit, array_of_observables(of_observables), bindings(circuit, of_values))
    with pytest.raises(ValueError, match="not broadcastable"):
        BatchedEstimator().run([pub])


@pytest.mark.parametrize(
    "observables",
    [
        "ZZI",
        ["ZZI"],
        [["ZZI"], ["XXX"]],
        [["ZZI", "IIZ", "YYI"]],
        Pauli("XYZ"),
        [Pauli("XYZ"), "XXX", {"ZZZ": 2.0, "III": -1.0}],
        SparsePauliOp(["ZZZ", "XXI"], [0.3, -1.2]),
        [SparsePauliOp(["ZZZ", "XXI"], [0.3, -1.2]), SparsePauliOp("III")],
        {"ZII": 0.5},
        {Pauli("ZII"): 0.5, Pauli("IXI"): 2},
        [[{"ZII": 0.5}, {"IXI": 1.0, "YYI": 0.25}]],
        SparseObservable("XYZ"),
        SparseObservable.from_list([("XYZ", 0.5), ("IIZ", 1.5)]),
        ObservablesArray(["ZZI", "IIX"]),
        "III",
        [["III"], ["ZII"]],
        {"III": 2.0, "ZZI": 0.0},
        SparsePauliOp(["ZZI", "ZZI", "XXX"], [1, -1, 1]),
        SparsePauliOp(["ZZI", "ZZI"], [1, 0.5]),
        {"III": 1e6, "ZZI": 1e-6},
        [],
    ],
)
@pytest.mark.parametrize("circuit", [two_parameters(), no_parameters()])
def test_observables_may_be_given_in_every_way(circuit, observables):
    assert agree([(circuit, observables, bindings(circuit, ()))])


@pytest.mark.parametrize(
    "values",
    [
        [0.1, 0.2],
        [[0.1, 0.2]],
        [[[0.1, 0.2], [0.3, 0.4]]],
        np.array([0.1, 0.2], dtype=np.float32),
        [1, 2],
        {"a": 0.1, "b": 0.2},
        {A: [0.1, 0.5, 0.7], B: [0.2, 0.3, 0.4]},
        {(B, A): [[0.1, 0.2], [0.3, 0.4]]},
        {("b", "a"): [[0.1, 0.2], [0.3, 0.4]]},
        {"a": [[0.1], [0.2]], B: [[0.3], [0.4]]},
        BindingsArray({"a": np.linspace(0, 1, 6).reshape(2, 3), "b": np.ones((2, 3))}),
        np.zeros((0, 2)),
    ],
)
def test_parameter_values_may_be_given_in_every_way(values):
    assert agree([(two_parameters(), "ZXY", values)])


@pytest.mark.parametrize(
    "pub",
    [
        (no_parameters(), "ZZI"),
        (no_parameters(), "ZZI", None),
        (no_parameters(), "ZZI", []),
        (no_parameters(), ["ZZI", "XXX"], [[], [], []][:1]),
        (no_parameters(), [["ZZI"], ["XXX"]], np.zeros((3, 0))),
        (no_parameters(), "ZZI", {}),
        (no_parameters(), "ZZI", BindingsArray({}, shape=(2, 2))),
    ],
)
def test_circuits_without_parameters_may_be_given_in_every_way(pub):
    assert agree([pub])


def test_pubs_of_vectors_keep_the_order_of_parameters():
    theta, phi = ParameterVector("θ", 12), Parameter("θ[3]b")
    circuit = QuantumCircuit(3)
    for number in reversed(range(12)):
        circuit.ry(theta[number] + number, number % 3)
        circuit.cx(number % 3, (number + 1) % 3)
    circuit.rx(phi, 0)
    values = np.random.default_rng(0).normal(size=(4, 13))
    assert agree([(circuit, "ZXZ", values)])
    assert agree([(circuit, "ZXZ", {theta: values[:, :12], phi: values[:, 12]})])


def test_many_pubs_of_one_circuit_and_of_others_come_back_in_order():
    one, other = two_parameters(), no_parameters()
    same = two_parameters()
    pubs = [(one, label, bindings(one, (3,)).ravel()) for label in LABELS]
    pubs += [(other, LABELS), (same, [["ZII"], ["XXX"]], bindings(same, (3,)))]
    pubs += [(idle(), "ZIIIXI", [0.1, 0.2]), (one, "ZII", [0.5, 0.6])] * 3
    assert agree(pubs)
    assert agree([])


@pytest.mark.parametrize("observable", ["IIIIII", "ZIIIII", "IZIIXI", "IIIIZI", "XIIIII", "IZIIII"])
def test_idle_qubits_are_in_their_ground_state(observable):
    circuit = idle()
    assert agree([(circuit, observable, bindings(circuit, (2,)))])
    assert agree([(QuantumCircuit(6), observable)])


def test_a_circuit_without_qubits_has_the_value_one():
    assert agree([(QuantumCircuit(0), "")])


def test_a_parameter_of_the_global_phase_changes_nothing():
    circuit = QuantumCircuit(1, global_phase=A)
    circuit.ry(B, 0)
    assert agree([(circuit, "Z", [[0.1, 0.2], [2.0, 0.2]])])


def test_a_pub_object_may_be_given():
    circuit = two_parameters()
    assert agree([EstimatorPub.coerce((circuit, "ZZZ", bindings(circuit, (2,))), 0.0)])
    assert agree([EstimatorPub.coerce((circuit, "ZZZ", bindings(circuit, (2,))))])


def test_pubs_may_come_from_a_generator():
    circuit = two_parameters()
    found = BatchedEstimator().run((circuit, "ZZZ", [0.1, k]) for k in range(3)).result()
    expected = StatevectorEstimator().run([(circuit, "ZZZ", [0.1, k]) for k in range(3)]).result()
    for one, other in zip(found, expected, strict=True):
        assert one.data.evs == pytest.approx(other.data.evs)


@pytest.mark.parametrize("level", [0, 1, 3])
def test_circuits_transpiled_to_a_device_keep_their_values(level):
    device = from_device("fake_manila").device
    circuit = two_parameters()
    isa = transpile(circuit, device, optimization_level=level, seed_transpiler=1)
    observables = [SparsePauliOp(["ZII", "XYI"], [1, 0.5]), SparsePauliOp("IZZ")]
    laid_out = [one.apply_layout(isa.layout) for one in observables]
    values = np.random.default_rng(0).normal(size=(4, 2, 2))
    assert agree([(isa, laid_out, values)])
    found = BatchedEstimator().run([(isa, laid_out, values)]).result()[0].data.evs
    original = BatchedEstimator().run([(circuit, observables, values)]).result()[0].data.evs
    np.testing.assert_allclose(found, original, rtol=0, atol=1e-12)


PROJECTORS = {
    "0": [[1, 0], [0, 0]],
    "1": [[0, 0], [0, 1]],
    "+": [[0.5, 0.5], [0.5, 0.5]],
    "-": [[0.5, -0.5], [-0.5, 0.5]],
    "r": [[0.5, -0.5j], [0.5j, 0.5]],
    "l": [[0.5, 0.5j], [-0.5j, 0.5]],
    "I": np.eye(2),
    "X": [[0, 1], [1, 0]],
    "Y": [[0, -1j], [1j, 0]],
    "Z": [[1, 0], [0, -1]],
}


def by_hand(circuit, observable):
    """Return the value of a sum of labels with projectors, by their matrices."""
    matrix = 0
    for label, coefficient in observable.items():
        product = np.eye(1)
        for letter in label:
            product = np.kron(product, PROJECTORS[letter])
        matrix = matrix + coefficient * product
    return Statevector(circuit).expectation_value(Operator(matrix)).real


@pytest.mark.parametrize(
    "observable",
    [
        {"0+1": 1.0},
        {"-rl": 0.7},
        {"0I1": 1.0, "ZZZ": -0.5},
        {"000": 1.0, "111": 1.0, "III": -1.0},
        {"0+X": 0.2, "1-Y": 0.4, "rZl": 3.0},
        {"0II": 1.0, "1II": 1.0},
    ],
)
def test_projectors_are_multiplied_out(observable):
    circuit = two_parameters()
    values = np.random.default_rng(5).normal(size=(3, 2))
    expected = [by_hand(circuit.assign_parameters(x), observable) for x in values]
    found = BatchedEstimator().run([(circuit, observable, values)]).result()[0].data.evs
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    drawn = BatchedEstimator(seed=1).run([(circuit, observable, values, 0.01)]).result()[0].data
    assert np.all(np.abs(drawn.evs - expected) <= 5 * drawn.stds + 1e-12)


def test_projectors_read_as_the_probability_of_an_outcome_that_is_read():
    model = NoiseModel()
    model.add_readout_error(ReadoutError([[0.9, 0.1], [0.2, 0.8]]), [1])
    circuit = QuantumCircuit(2)
    circuit.x(1)
    found = BatchedEstimator(noise_model=model).run([(circuit, ["1I", "0I", "10"])]).result()[0]
    assert found.data.evs == pytest.approx([0.8, 0.2, 0.8])


MISUSES = {
    "too few values": lambda run: run((two_parameters(), "ZZZ", [0.1])),
    "too many values": lambda run: run((two_parameters(), "ZZZ", [0.1, 0.2, 0.3])),
    "no values": lambda run: run((two_parameters(), "ZZZ")),
    "values for none": lambda run: run((no_parameters(), "ZZZ", [0.1])),
    "other names": lambda run: run((two_parameters(), "ZZZ", {"a": 0.1, "x": 0.2})),
    "too few qubits": lambda run: run((two_parameters(), "ZZ", [0.1, 0.2])),
    "too many qubits": lambda run: run((two_parameters(), ["ZZZ", "ZZZZ"], [0.1, 0.2])),
    "no Pauli": lambda run: run((two_parameters(), "ZAZ", [0.1, 0.2])),
    "not Hermitian": lambda run: run((no_parameters(), SparsePauliOp("ZZZ", 1j))),
    "nothing observed": lambda run: run((no_parameters(), {"ZZZ": 0.0})),
    "no observable": lambda run: run((no_parameters(), 3)),
    "no circuit": lambda run: run(("circuit", "ZZZ", [0.1, 0.2])),
    "no pub": lambda run: run(no_parameters()),
    "long pub": lambda run: run((no_parameters(), "ZZZ", None, 0.1, 3)),
    "short pub": lambda run: run((no_parameters(),)),
    "negative precision": lambda run: run((no_parameters(), "ZZZ"), precision=-0.1),
    "no precision": lambda run: run((no_parameters(), "ZZZ"), precision="high"),
    "complex precision": lambda run: run((no_parameters(), "ZZZ"), precision=0.1j),
    "negative precision of a pub": lambda run: run((no_parameters(), "ZZZ", None, -0.1)),
    "no precision of a pub": lambda run: run((no_parameters(), "ZZZ", None, "high")),
    "unknown option": lambda run: run((no_parameters(), "ZZZ"), shots=3),
    "not a number": lambda run: run((two_parameters(), "ZZZ", [np.nan, 0.1])),
    "infinite": lambda run: run((two_parameters(), "ZZZ", [np.inf, 0.1])),
}

OTHERS = (RuntimeError, ZeroDivisionError)


@pytest.mark.parametrize("misuse", MISUSES.values(), ids=MISUSES)
def test_misuse_is_refused_where_qiskit_refuses_it(misuse):
    def run(estimator):
        return lambda pub, **options: estimator.run([pub], **options).result()

    with pytest.raises((ValueError, TypeError, AttributeError, LookupError, *OTHERS)):
        misuse(run(StatevectorEstimator()))
    with pytest.raises((ValueError, TypeError, AttributeError)):
        misuse(run(BatchedEstimator()))


@pytest.mark.parametrize(
    ("setting", "match"),
    [
        ({"default_precision": -0.1}, "precision = -0.1"),
        ({"default_precision": np.nan}, "precision = nan"),
        ({"default_precision": np.inf}, "precision = inf"),
        ({"default_precision": "high"}, "precision = 'high'"),
        ({"default_precision": None}, "precision = None"),
        ({"noise_model": 0.1}, "noise_model = 0.1"),
        ({"seed": "a"}, "seed = 'a'"),
        ({"seed": -1}, "seed = -1"),
        ({"threads": 0}, "threads = 0"),
        ({"threads": 1.5}, "threads = 1.5"),
    ],
)
def test_settings_that_are_not_valid_are_named(setting, match):
    with pytest.raises(InputError, match=match):
        BatchedEstimator(**setting)


@pytest.mark.parametrize("precision", [np.nan, np.inf])
def test_precisions_that_are_not_finite_are_refused(precision):
    with pytest.raises(InputError, match="precision = "):
        BatchedEstimator().run([(no_parameters(), "ZZZ")], precision=precision)
    with pytest.raises(InputError, match="precision = "):
        BatchedEstimator().run([(no_parameters(), "ZZZ", None, precision)]).result()


@pytest.mark.parametrize("precision", [1e-10, 1e-160, 1e-200])
def test_precisions_of_more_shots_than_can_be_counted_are_refused(precision):
    with pytest.raises(InputError, match="precision = "):
        BatchedEstimator().run([(no_parameters(), "ZZZ")], precision=precision).result()


def measured():
    circuit = no_parameters()
    circuit.measure_all()
    return circuit


def in_the_midst():
    circuit = QuantumCircuit(3, 1)
    circuit.measure(0, 0)
    circuit.x(0)
    return circuit


def with_reset():
    circuit = no_parameters()
    circuit.reset(0)
    return circuit


def with_control_flow():
    circuit = QuantumCircuit(3, 1)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(0)
    return circuit


def with_a_loop():
    circuit = QuantumCircuit(3)
    with circuit.for_loop(range(2)):
        circuit.x(0)
    return circuit


def with_an_instruction_that_measures():
    inner = QuantumCircuit(1, 1)
    inner.measure(0, 0)
    circuit = QuantumCircuit(3, 1)
    circuit.append(inner.to_instruction(), [0], [0])
    return circuit


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (measured, "measure"),
        (in_the_midst, "measure"),
        (with_an_instruction_that_measures, "measure"),
        (with_reset, "reset"),
        (with_control_flow, "control flow"),
        (with_a_loop, "control flow"),
    ],
)
def test_what_is_no_gate_is_refused_by_name(make, match):
    with pytest.raises(InputError, match=match):
        BatchedEstimator().run([(make(), "ZZZ")])


def test_the_precision_of_a_pub_goes_before_that_of_the_run_and_the_default():
    circuit = no_parameters()
    circuit.metadata = {"name": "mine"}
    estimator = BatchedEstimator(default_precision=0.5, seed=0)
    pubs = [(circuit, "ZII"), (circuit, "ZII", None, 0.1), (circuit, "ZII", None, 0.0)]
    seen = [
        [one.metadata for one in estimator.run(pubs, **options).result()]
        for options in ({}, {"precision": 0.25}, {"precision": 0.0}, {"precision": None})
    ]
    for metadata, (precision, shots) in zip(
        seen, [(0.5, 4), (0.25, 16), (0.0, None), (0.5, 4)], strict=True
    ):
        assert [one["target_precision"] for one in metadata] == [precision, 0.1, 0.0]
        assert [one.get("shots") for one in metadata] == [shots, 100, None]
        assert all(one["circuit_metadata"] == {"name": "mine"} for one in metadata)


def test_results_are_of_version_2():
    assert BatchedEstimator().run([]).result().metadata == {"version": 2}


def test_shots_are_the_inverse_square_of_the_precision_rounded_up():
    many = [*range(1, 2000), *np.random.default_rng(0).integers(1, 10**9, 2000).tolist()]
    assert [shots_of(1 / np.sqrt(number)) for number in many] == many
    assert [shots_of(p) for p in (0.3, 0.015625, 1, 2, 0.1, 0.01)] == [12, 4096, 1, 1, 100, 10_000]
    assert shots_of(0) is None


def test_values_drawn_are_multiples_of_one_shot():
    pub = (two_parameters(), "ZXY", RNG.normal(size=(50, 2)), 0.3)
    evs = BatchedEstimator(seed=0).run([pub]).result()[0].data.evs
    np.testing.assert_allclose((evs * 12 + 12) / 2, np.round((evs * 12 + 12) / 2), atol=1e-9)


@pytest.mark.parametrize("precision", [0.0, 0.1])
def test_shapes_are_the_same_with_shots_and_without(precision):
    circuit = two_parameters()
    for observables, values in [p for p in PAIRS if broadcasts(*p)]:
        pub = (circuit, array_of_observables(observables), bindings(circuit, values), precision)
        data = BatchedEstimator(seed=0).run([pub]).result()[0].data
        shape = np.broadcast_shapes(observables, values)
        assert data.evs.shape == data.stds.shape == data.shape == shape


def test_a_circuit_that_is_changed_is_simulated_anew():
    circuit, estimator = QuantumCircuit(1), BatchedEstimator()
    for turns in range(1, 4):
        circuit.ry(0.3, 0)
        found = estimator.run([(circuit, "Z")]).result()[0].data.evs
        assert found == pytest.approx(np.cos(0.3 * turns))


def test_a_circuit_is_left_as_it_was():
    circuit = two_parameters()
    before = circuit.copy()
    BatchedEstimator(seed=0).run([(circuit, ["XYZ", "ZZZ"], [0.1, 0.2], 0.1)]).result()
    assert circuit == before


def test_circuits_that_differ_in_a_number_only_are_told_apart():
    estimator = BatchedEstimator()
    circuits = []
    for number in (0.1, 0.1 + 1e-9, 0.2):
        circuit = QuantumCircuit(1)
        circuit.ry(number, 0)
        circuits.append(circuit)
    found = [one.data.evs for one in estimator.run([(c, "X") for c in circuits]).result()]
    np.testing.assert_allclose(found, np.sin([0.1, 0.1 + 1e-9, 0.2]), rtol=0, atol=1e-13)


def noisy():
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.05, 2), ["cx"])
    model.add_all_qubit_readout_error(ReadoutError([[0.95, 0.05], [0.1, 0.9]]))
    return model


@pytest.mark.parametrize("model", [None, noisy()])
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))])
def test_a_copy_goes_on_as_the_original_does(duplicate, model):
    pub = (two_parameters(), ["ZII", "XYI"], RNG.normal(size=(20, 1, 2)), 0.1)
    estimator = BatchedEstimator(seed=3, noise_model=model, threads=2)
    estimator.run([pub]).result()
    other = duplicate(estimator)
    first, second = (one.run([pub]).result()[0].data.evs for one in (estimator, other))
    assert np.array_equal(first, second)


def test_a_job_that_failed_leaves_the_estimator_usable():
    estimator = BatchedEstimator(seed=0)
    with pytest.raises(ValueError):
        estimator.run([(two_parameters(), "ZZZ", {"a": 0.1, "x": 0.2})]).result()
    assert estimator.run([(no_parameters(), "IZZ")]).result()[0].data.evs == pytest.approx(1.0)


@pytest.mark.parametrize("model", [None, noisy()])
def test_one_estimator_serves_several_threads(model):
    estimator = BatchedEstimator(noise_model=model, threads=2)
    circuits = [real_amplitudes(3, reps=reps) for reps in (1, 2, 3)] + [two_parameters()]
    pubs = [(c, ["ZII", "XYZ", "IXX"], bindings(c, (30, 1))) for c in circuits] * 6
    expected = [BatchedEstimator(noise_model=model).run([pub]).result()[0].data.evs for pub in pubs]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda pub: estimator.run([pub]).result()[0].data.evs, pubs))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-12)


@pytest.fixture
def hurried_threads():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hurried_threads")
def test_several_threads_may_bring_more_circuits_than_are_kept(monkeypatch):
    monkeypatch.setattr("qnlr.simulator.compiled.CACHED", 2)
    estimator = BatchedEstimator()

    def bring(start):
        for number in range(start, start + 20):
            circuit = QuantumCircuit(1)
            circuit.ry(float(number), 0)
            estimator.simulator.program(circuit)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(bring, range(0, 10_000, 20)))

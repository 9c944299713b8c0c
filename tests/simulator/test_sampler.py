"""BatchedSampler as a SamplerV2, next to Qiskit's own and to Aer's."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, transpile
from qiskit.circuit import Clbit, Parameter
from qiskit.circuit.library import real_amplitudes
from qiskit.exceptions import QiskitError
from qiskit.primitives import BitArray, StatevectorSampler
from qiskit.quantum_info import Statevector
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError, amplitude_damping_error, depolarizing_error
from qiskit_aer.primitives import SamplerV2
from qiskit_machine_learning.primitives import QMLSampler
from scipy.stats import chi2, chi2_contingency

from qnlr.errors import InputError
from qnlr.noise import from_device
from qnlr.simulator import BatchedSampler
from qnlr.simulator.shots import draw_outcomes

A, B = Parameter("a"), Parameter("b")
LEVEL = 1e-6
NOISES = {
    "no noise": (False, False),
    "read-out errors": (False, True),
    "gate noise": (True, False),
    "both": (True, True),
}


def noise_model(gates, readout):
    model = NoiseModel()
    if gates:
        one, two = amplitude_damping_error(0.06), depolarizing_error(0.08, 2)
        model.add_all_qubit_quantum_error(one, ["ry", "rx"])
        model.add_all_qubit_quantum_error(two, ["cx"])
    if readout:
        for qubit in range(3):
            wrong = 0.02 + 0.05 * qubit
            model.add_readout_error(ReadoutError([[1 - wrong, wrong], [0.1, 0.9]]), [qubit])
    return model


def three_qubits():
    circuit = QuantumCircuit(3)
    circuit.ry(A, 0)
    circuit.cx(0, 1)
    circuit.rx(2 * B - A, 1)
    circuit.cx(1, 2)
    circuit.ry(A * B, 2)
    return circuit


def measured(circuit):
    circuit = circuit.copy()
    circuit.measure_all()
    return circuit


def fits(counts, probabilities):
    """Whether counts, by outcome, are drawn from probabilities: by chi-square."""
    seen, shots = np.zeros(len(probabilities)), sum(counts.values())
    for outcome, number in counts.items():
        seen[outcome] = number
    likely = probabilities * shots >= 5
    if seen[probabilities < 1e-12].any():
        return False
    rest = shots - seen[likely].sum(), shots * (1 - probabilities[likely].sum())
    terms = (seen[likely] - shots * probabilities[likely]) ** 2 / (shots * probabilities[likely])
    return bool(
        terms.sum() <= chi2.isf(LEVEL, max(likely.sum() - 1, 1))
        and abs(rest[0] - rest[1]) <= 6 * np.sqrt(max(rest[1], 0)) + 6
    )


def alike(first, second):
    """Whether two dictionaries of counts are drawn from one distribution: by chi-square."""
    table = np.array(
        [[one.get(o, 0) for o in sorted({*first, *second})] for one in (first, second)]
    )
    rare = table.sum(axis=0) < 10
    table = np.hstack([table[:, ~rare], table[:, rare].sum(axis=1, keepdims=True)])
    table = table[:, table.sum(axis=0) > 0]
    return table.shape[1] == 1 or chi2_contingency(table, correction=False).pvalue > LEVEL


def outcomes_fit(shots=20_000):
    """Whether counts of a circuit at several settings fit its state vector."""
    circuit = three_qubits()
    x = np.random.default_rng(0).normal(size=(4, 2))
    bits = BatchedSampler(seed=1).run([(measured(circuit), x)], shots=shots).result()[0].data.meas
    return all(
        fits(bits.get_int_counts(k), Statevector(circuit.assign_parameters(x[k])).probabilities())
        for k in range(len(x))
    )


def test_counts_fit_the_state_vector():
    assert outcomes_fit()


def shots_repeated(table, shots, rng):
    return np.repeat(draw_outcomes(table, shots // 2, rng), 2, axis=1)


def slightly_flattened(table, shots, rng):
    return draw_outcomes(0.95 * table + 0.05 / table.shape[1], shots, rng)


def same_for_all(table, shots, rng):
    return np.tile(draw_outcomes(table[:1], shots, rng), (len(table), 1))


@pytest.mark.parametrize("broken", [shots_repeated, slightly_flattened, same_for_all])
def test_a_broken_draw_would_be_noticed(monkeypatch, broken):
    monkeypatch.setattr("qnlr.simulator.sampler.draw_outcomes", broken)
    if broken is shots_repeated:
        assert not all(spreads_fit())
    else:
        assert not outcomes_fit()


def spreads_fit(shots=100, repetitions=2000):
    """Whether counts of every outcome have the variance N p (1 − p)."""
    circuit = three_qubits()
    x = np.tile([0.7, 1.1], (repetitions, 1))
    pub = (measured(circuit), x, shots)
    bits = BatchedSampler(seed=1).run([pub]).result()[0].data.meas.array[..., 0]
    p = Statevector(circuit.assign_parameters(x[0])).probabilities()
    for outcome in np.flatnonzero(p * shots > 1):
        counts, variance = (bits == outcome).sum(axis=1), shots * p[outcome] * (1 - p[outcome])
        yield abs(counts.mean() - shots * p[outcome]) < 5 * np.sqrt(variance / repetitions)
        yield abs(counts.var() / variance - 1) < 5 * np.sqrt((2 + 1 / variance) / repetitions)


def test_counts_have_the_variance_of_shots():
    assert all(spreads_fit())


@pytest.mark.parametrize("gates_and_readout", NOISES.values(), ids=NOISES)
def test_outcomes_are_distributed_as_aers(gates_and_readout):
    model, shots = noise_model(*gates_and_readout), 20_000
    circuit = three_qubits()
    circuit.add_register(first := ClassicalRegister(2, "first"), last := ClassicalRegister(1, "l"))
    circuit.measure([2, 0, 1], [first[0], first[1], last[0]])
    x = np.random.default_rng(0).normal(size=(2, 2, 2))
    options = {"backend_options": {"noise_model": model, "method": "density_matrix"}}
    theirs = SamplerV2(options=options, seed=1).run([(circuit, x, shots)]).result()[0].data
    ours = BatchedSampler(noise_model=model, seed=1).run([(circuit, x, shots)]).result()[0].data
    for where in np.ndindex(2, 2):
        joined = [
            BitArray.concatenate_bits([data.first[where], data.l[where]]).get_int_counts()
            for data in (ours, theirs)
        ]
        assert alike(*joined)


def test_outcomes_of_a_device_are_distributed_as_aers():
    noise = from_device("fake_manila")
    circuit = measured(real_amplitudes(3, reps=2).assign_parameters(np.linspace(0.2, 2.0, 9)))
    isa = transpile(circuit, noise.device, optimization_level=1, seed_transpiler=3)
    ours = BatchedSampler(noise_model=noise.model, seed=1).run([isa], shots=20_000).result()[0]
    theirs = SamplerV2.from_backend(AerSimulator.from_backend(noise.device), seed=1)
    expected = theirs.run([isa], shots=20_000).result()[0]
    assert alike(ours.data.meas.get_counts(), expected.data.meas.get_counts())


def test_one_qubit_measured_twice_under_read_out_errors_is_refused():
    model = NoiseModel()
    model.add_all_qubit_readout_error(ReadoutError([[0.8, 0.2], [0.3, 0.7]]))
    circuit = QuantumCircuit(1, 2)
    circuit.measure([0, 0], [0, 1])
    with pytest.raises(InputError, match="measured into two classical bits"):
        BatchedSampler(noise_model=model, seed=1).run([circuit])


def basis_state(bits, *sizes):
    """Return a circuit that prepares a bit string, and registers of some sizes."""
    registers = [ClassicalRegister(size, f"c{number}") for number, size in enumerate(sizes)]
    circuit = QuantumCircuit(QuantumRegister(len(bits)), *registers)
    for qubit, bit in enumerate(bits):
        if bit:
            circuit.x(qubit)
    return circuit


def same_as_qiskit(circuit, shots=3):
    ours = BatchedSampler().run([circuit], shots=shots).result()[0]
    theirs = StatevectorSampler().run([circuit], shots=shots).result()[0]
    assert list(ours.data) == list(theirs.data)
    assert ours.metadata == theirs.metadata
    assert ours.data.shape == theirs.data.shape
    for name, bits in theirs.data.items():
        assert ours.data[name] == bits
        assert ours.data[name].array.dtype == bits.array.dtype
    return True


@pytest.mark.parametrize("sizes", [(1,), (9,), (1, 9), (8, 1), (7, 2)])
@pytest.mark.parametrize("seed", range(3))
def test_registers_hold_the_bits_that_qiskits_do(sizes, seed):
    rng = np.random.default_rng(seed)
    qubits = sum(sizes)
    circuit = basis_state(rng.integers(0, 2, qubits), *sizes)
    circuit.measure(rng.permutation(qubits).tolist(), rng.permutation(qubits).tolist())
    assert same_as_qiskit(circuit)


@pytest.mark.parametrize("sizes", [(17,), (9, 1, 7), (1, 16), (8, 9)])
def test_wide_registers_hold_the_bits_of_the_state(sizes):
    rng = np.random.default_rng(0)
    bits, qubits, places = rng.integers(0, 2, 17), rng.permutation(17), rng.permutation(17)
    circuit = basis_state(bits, *sizes)
    circuit.measure(qubits.tolist(), places.tolist())
    data = BatchedSampler().run([circuit], shots=3).result()[0].data
    expected = np.zeros(17, dtype=int)
    expected[places] = bits[qubits]
    for number, part in enumerate(np.split(expected, np.cumsum(sizes)[:-1])):
        label = "".join(map(str, reversed(part)))
        assert data[f"c{number}"].get_counts() == {label: 3}


@pytest.mark.parametrize("seed", range(5))
def test_registers_that_are_measured_in_part_hold_zeros_elsewhere(seed):
    rng = np.random.default_rng(seed)
    circuit = basis_state(rng.integers(0, 2, 6), 3, 9, 4, 2)
    circuit.measure(rng.permutation(6)[:4].tolist(), rng.permutation(18)[:4].tolist())
    assert same_as_qiskit(circuit)


def one_qubit_in_two_bits():
    circuit = basis_state([1, 0], 2, 1)
    circuit.measure([0, 0, 1], [0, 2, 1])
    return circuit


def one_bit_written_twice():
    circuit = basis_state([0, 1], 1)
    circuit.measure([0, 1], [0, 0])
    return circuit


def bit_of_two_registers():
    first = ClassicalRegister(2, "a")
    circuit = QuantumCircuit(QuantumRegister(2), first)
    circuit.add_register(ClassicalRegister(bits=[first[1], Clbit()], name="b"))
    circuit.x(0)
    circuit.measure([0, 1], [1, 0])
    return circuit


def bit_of_no_register():
    circuit = basis_state([1, 1], 1)
    circuit.add_bits([Clbit()])
    circuit.measure([0, 1], [0, 1])
    return circuit


def register_of_no_bits():
    circuit = basis_state([1], 0, 1)
    circuit.measure(0, 0)
    return circuit


def barriers_and_idle_qubits():
    circuit = basis_state([1, 0, 0, 1, 0], 2)
    circuit.barrier()
    circuit.measure(3, 1)
    circuit.barrier()
    circuit.x(2)
    circuit.measure(4, 0)
    circuit.barrier()
    return circuit


def gates_on_others_after_a_measurement():
    circuit = basis_state([1, 0, 0], 3)
    circuit.measure(0, 0)
    circuit.x(1)
    circuit.cx(1, 2)
    circuit.measure([1, 2], [1, 2])
    return circuit


@pytest.mark.parametrize(
    "make",
    [
        one_qubit_in_two_bits,
        one_bit_written_twice,
        bit_of_two_registers,
        bit_of_no_register,
        register_of_no_bits,
        gates_on_others_after_a_measurement,
    ],
)
def test_unusual_measurements_are_read_as_qiskit_reads_them(make):
    assert same_as_qiskit(make())


def test_barriers_after_measurements_do_not_matter():
    found = BatchedSampler().run([barriers_and_idle_qubits()], shots=3).result()[0]
    assert found.data.c0.get_counts() == {"10": 3}


@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 3), (1, 3, 1), (0,), (2, 0)])
def test_shapes_are_those_of_the_parameter_values(shape):
    circuit = measured(three_qubits())
    pub = (circuit, np.random.default_rng(0).normal(size=(*shape, 2)), 7)
    for sampler in (StatevectorSampler(), BatchedSampler()):
        result = sampler.run([pub]).result()[0]
        assert result.data.shape == result.data.meas.shape == shape
        assert result.data.meas.array.shape == (*shape, 7, 1)
        assert (result.data.meas.num_bits, result.data.meas.num_shots) == (3, 7)


def test_elements_come_back_in_their_places():
    circuit = QuantumCircuit(2)
    circuit.rx(A, 0)
    circuit.rx(B, 1)
    x = np.pi * np.array([[[0, 0], [0, 1], [1, 0]], [[1, 1], [0, 0], [1, 0]]])
    expected = np.array([[0, 2, 1], [3, 0, 1]])
    pub = (measured(circuit), {B: x[..., 1], A: x[..., 0]}, 5)
    found = BatchedSampler().run([pub, pub]).result()
    for one in found:
        assert np.array_equal(
            one.data.meas.array[..., 0], np.repeat(expected[..., None], 5, axis=2)
        )


def test_the_shots_of_a_pub_go_before_those_of_the_run_and_the_default():
    circuit = measured(three_qubits().assign_parameters([0.1, 0.2]))
    circuit.metadata = {"name": "mine"}
    pubs = [circuit, (circuit, None, 20), (circuit,), (circuit, [], np.int64(30))]
    sampler = BatchedSampler(default_shots=5)
    for options, shots in [({}, 5), ({"shots": 10}, 10), ({"shots": None}, 5)]:
        result = sampler.run(pubs, **options).result()
        assert [one.metadata["shots"] for one in result] == [shots, 20, shots, 30]
        assert [one.data.meas.num_shots for one in result] == [shots, 20, shots, 30]
        assert all(one.metadata["circuit_metadata"] == {"name": "mine"} for one in result)
        assert result.metadata == {"version": 2}
    assert BatchedSampler().run([circuit]).result()[0].metadata["shots"] == 1024
    assert len(sampler.run([]).result()) == 0


def test_pubs_of_several_circuits_and_shots_come_back_in_order():
    states = [[0, 0, 1], [1, 0, 1], [1, 1, 0], [0, 1, 0]]
    circuits = [basis_state(bits, 3) for bits in states]
    for circuit in circuits:
        circuit.measure(range(3), range(3))
    order = [0, 1, 0, 3, 2, 2, 1, 0]
    pubs = [(circuits[k], None, 3 + place % 2) for place, k in enumerate(order)]
    result = BatchedSampler().run(pubs).result()
    assert [one.data.c0.num_shots for one in result] == [3, 4] * 4
    for one, k in zip(result, order, strict=True):
        assert set(one.data.c0.get_int_counts()) == {int(np.dot(states[k], [1, 2, 4]))}


def test_shots_are_exchangeable_and_independent_of_each_other():
    circuit = measured(three_qubits())
    bits = BatchedSampler(seed=4).run([(circuit, [0.7, 1.1], 40_000)]).result()[0].data.meas
    outcomes = bits.array[:, 0]

    def counts(part):
        return dict(zip(*np.unique(part, return_counts=True), strict=True))

    assert alike(counts(outcomes[:20_000]), counts(outcomes[20_000:]))
    assert alike(counts(outcomes[::2]), counts(outcomes[1::2]))
    pairs = np.zeros((8, 8))
    np.add.at(pairs, (outcomes[::2], outcomes[1::2]), 1)
    pairs = pairs[:, pairs.sum(axis=0) > 0][pairs.sum(axis=1) > 0]
    assert chi2_contingency(pairs).pvalue > LEVEL


def test_pubs_and_elements_are_independent():
    circuit = measured(three_qubits())
    pub = (circuit, np.tile([0.7, 1.1], (4000, 1)), 20)
    sampler = BatchedSampler(seed=4)
    results = [*sampler.run([pub, pub]).result(), *sampler.run([pub]).result()]
    means = [(one.data.meas.array & 1).mean(axis=(1, 2)) for one in results]
    pairs = [(means[0], means[1]), (means[0], means[2]), (means[0][1:], means[0][:-1])]
    for first, second in pairs:
        assert abs(np.corrcoef(first, second)[0, 1]) < 5 / np.sqrt(len(first))


def test_one_seed_gives_one_stream():
    pub = (measured(three_qubits()), np.random.default_rng(0).normal(size=(3, 2)), 50)

    def drawn(seed, threads=None):
        sampler = BatchedSampler(seed=seed, threads=threads)
        return np.array([sampler.run([pub]).result()[0].data.meas.array for _ in range(2)])

    first = drawn(7)
    for same in (drawn(7), drawn(np.random.default_rng(7)), drawn(7, threads=3)):
        assert np.array_equal(first, same)
    assert not np.array_equal(first[0], first[1])
    assert not np.array_equal(first, drawn(8))
    assert not np.array_equal(drawn(None), drawn(None))
    rng = np.random.default_rng(7)
    assert not np.array_equal(drawn(rng), drawn(rng))


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))])
def test_a_copy_goes_on_as_the_original_does(duplicate):
    pub = (measured(three_qubits()), np.random.default_rng(0).normal(size=(3, 2)), 50)
    sampler = BatchedSampler(seed=3, noise_model=noise_model(True, True), threads=2)
    sampler.run([pub]).result()
    found = [one.run([pub]).result()[0].data.meas for one in (sampler, duplicate(sampler))]
    assert found[0] == found[1]


def test_one_sampler_serves_several_threads():
    sampler = BatchedSampler(seed=1, threads=2)
    circuits = [real_amplitudes(3, reps=reps) for reps in (1, 2, 3)] * 8
    bound = [c.assign_parameters(np.linspace(0.1, 2, c.num_parameters)) for c in circuits]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda c: sampler.run([measured(c)], shots=2000).result()[0], bound))
    for circuit, one in zip(bound, found, strict=True):
        assert fits(one.data.meas.get_int_counts(), Statevector(circuit).probabilities())


MISUSES = {
    "too few values": lambda run, c: run((c, [0.1])),
    "too many values": lambda run, c: run((c, [0.1, 0.2, 0.3])),
    "no values": lambda run, c: run(c),
    "other names": lambda run, c: run((c, {"a": 0.1, "x": 0.2})),
    "no circuit": lambda run, c: run(("circuit", [0.1, 0.2])),
    "long pub": lambda run, c: run((c, [0.1, 0.2], 3, 4)),
    "empty pub": lambda run, c: run(()),
    "unknown option": lambda run, c: run((c, [0.1, 0.2]), precision=3),
    "not a number": lambda run, c: run((c, [np.nan, 0.2])),
    "infinite": lambda run, c: run((c, [np.inf, 0.2])),
    **{
        f"{where} {shots!r}": call
        for shots in (0, -1, 1.5, 2.0, "3", True)
        for where, call in {
            "shots": lambda run, c, shots=shots: run((c, [0.1, 0.2]), shots=shots),
            "shots of a pub": lambda run, c, shots=shots: run((c, [0.1, 0.2], shots)),
        }.items()
    },
}


@pytest.mark.parametrize("misuse", MISUSES.values(), ids=MISUSES)
def test_misuse_is_refused_where_qiskit_refuses_it(misuse):
    def run(sampler):
        return lambda pub, **options: sampler.run([pub], **options).result()

    others = (AttributeError, LookupError, RuntimeError, ZeroDivisionError)
    with pytest.raises((ValueError, TypeError, *others)):
        misuse(run(StatevectorSampler()), measured(three_qubits()))
    with pytest.raises((ValueError, TypeError, AttributeError)):
        misuse(run(BatchedSampler()), measured(three_qubits()))


@pytest.mark.parametrize(
    ("setting", "match"),
    [
        ({"default_shots": 0}, "default_shots = 0"),
        ({"default_shots": -3}, "default_shots = -3"),
        ({"default_shots": 1.5}, "default_shots = 1.5"),
        ({"default_shots": True}, "default_shots = True"),
        ({"noise_model": 0.1}, "noise_model = 0.1"),
        ({"seed": "a"}, "seed = 'a'"),
        ({"threads": 0}, "threads = 0"),
    ],
)
def test_settings_that_are_not_valid_are_named(setting, match):
    with pytest.raises(InputError, match=match):
        BatchedSampler(**setting)


def in_the_midst():
    circuit = QuantumCircuit(2, 2)
    circuit.h(0)
    circuit.measure(0, 0)
    circuit.x(0)
    circuit.measure(0, 1)
    return circuit


def entangled_after():
    circuit = QuantumCircuit(2, 2)
    circuit.measure(0, 0)
    circuit.cx(0, 1)
    circuit.measure(1, 1)
    return circuit


def conditioned():
    circuit = QuantumCircuit(2, 2)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(1)
    circuit.measure(1, 1)
    return circuit


def looped():
    circuit = QuantumCircuit(1, 1)
    with circuit.for_loop(range(3)):
        circuit.x(0)
    circuit.measure(0, 0)
    return circuit


def reset_first():
    circuit = QuantumCircuit(1, 1)
    circuit.reset(0)
    circuit.measure(0, 0)
    return circuit


def reset_after():
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    circuit.reset(0)
    return circuit


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: QuantumCircuit(2), "measures nothing"),
        (lambda: QuantumCircuit(2, 2), "measures nothing"),
        (in_the_midst, "in the midst"),
        (entangled_after, "in the midst"),
        (conditioned, "control flow"),
        (looped, "control flow"),
        (reset_first, "reset"),
        (reset_after, "reset"),
    ],
)
def test_what_cannot_be_sampled_is_refused_by_name(make, match):
    with pytest.raises(InputError, match=match):
        BatchedSampler().run([make()])


@pytest.mark.parametrize("make", [in_the_midst, conditioned])
def test_qiskits_own_sampler_refuses_them_too(make):
    with pytest.raises(QiskitError):
        StatevectorSampler().run([make()]).result()


def test_more_outcomes_than_fit_in_memory_are_refused():
    circuit = QuantumCircuit(45)
    circuit.h(range(45))
    circuit.measure_all()
    with pytest.raises(InputError, match="memory"):
        BatchedSampler().run([circuit]).result()


def test_a_circuit_is_left_as_it_was():
    circuit = measured(three_qubits())
    before = circuit.copy()
    BatchedSampler().run([(circuit, [0.1, 0.2])]).result()
    assert circuit == before


def test_without_any_shots_probabilities_are_exact():
    circuit = real_amplitudes(3, reps=1)
    registers = ClassicalRegister(2, "low"), ClassicalRegister(1, "high")
    circuit.add_register(*registers)
    circuit.measure([2, 0, 1], [0, 1, 2])
    values = np.random.default_rng(0).normal(size=(2, 3, circuit.num_parameters))
    sampler = BatchedSampler(default_shots=None)
    result = sampler.run([(circuit, values)]).result()[0]
    drawn = sampler.run([(circuit, values)], shots=20_000).result()[0]
    exact = QMLSampler().run([(circuit, values)]).result()[0]
    assert result.metadata["shots"] is None
    for name in ("low", "high"):
        found, expected = result.data[name], exact.data[name]
        assert (found.shape, found.num_bits) == ((2, 3), len(circuit.cregs[name == "high"]))
        for place in np.ndindex(2, 3):
            assert found.get_counts(place) == pytest.approx(expected.get_probabilities(place))
            counts = drawn.data[name].get_counts(place)
            for bits, share in found.get_probabilities()[place].items():
                assert abs(counts.get(bits, 0) / 20_000 - share) < 0.03
    both = result.join_data().get_counts((0, 0))
    counts = drawn.join_data().get_counts((0, 0))
    assert sum(both.values()) == pytest.approx(1.0)
    assert all(abs(counts.get(bits, 0) / 20_000 - share) < 0.03 for bits, share in both.items())
    assert result.join_data(["high"]).get_counts((0, 0)) == result.data.high.get_counts((0, 0))


def test_circuits_that_differ_in_their_registers_are_not_mixed_up():
    def measured(name, order):
        circuit = QuantumCircuit(QuantumRegister(2), ClassicalRegister(2, name))
        circuit.x(0)
        circuit.measure([0, 1], order)
        return circuit

    circuits = [measured("meas", [0, 1]), measured("c", [0, 1]), measured("meas", [1, 0])]
    data = [one.data for one in BatchedSampler(seed=0).run(circuits, shots=5).result()]
    found = [dict(one.items()) for one in data]
    assert [list(one) for one in found] == [["meas"], ["c"], ["meas"]]
    counts = [next(iter(one.values())).get_counts() for one in found]
    assert counts == [{"01": 5}, {"01": 5}, {"10": 5}]


def test_joined_registers_count_as_qiskits_do():
    circuit = QuantumCircuit(QuantumRegister(3), ClassicalRegister(1, "a"), ClassicalRegister(2))
    circuit.h([0, 1])
    circuit.measure([0, 1, 2], [0, 1, 2])
    result = BatchedSampler(seed=0).run([circuit], shots=50).result()[0]
    names = list(result.data)
    expected = BitArray.concatenate_bits([result.data[name] for name in names])
    assert result.join_data().get_counts() == expected.get_counts()
    assert result.join_data(names[:1]).get_counts() == result.data[names[0]].get_counts()

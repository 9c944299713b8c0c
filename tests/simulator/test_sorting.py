"""Sorted: outcomes gathered into outputs, against state vectors, Aer and brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.circuit.library import real_amplitudes, z_feature_map
from qiskit.quantum_info import Statevector
from qiskit_aer.noise import NoiseModel, ReadoutError

from qnlr.errors import InputError
from qnlr.noise import from_rate
from qnlr.simulator.compiled import Simulator
from qnlr.simulator.sorting import MOST_STRINGS, Sorted

EXAMPLES = settings(max_examples=20)
STEP = 1e-5
SEEDS = st.integers(0, 2**31)
QUBITS = 3


def registers(rng, circuit):
    """Measure some qubits, in any order, into bits of two registers; return what "c" reads."""
    size = int(rng.integers(1, circuit.num_qubits + 1))
    qubits = rng.permutation(circuit.num_qubits)[:size].tolist()
    mine = int(rng.integers(1, size + 1))
    read, other = ClassicalRegister(mine + 1, "c"), ClassicalRegister(size, "other")
    measured = circuit.copy()
    measured.add_register(*([other, read] if rng.random() < 0.5 else [read, other]))
    bits = rng.permutation(mine + 1)[:mine].tolist()
    measured.measure(qubits[:mine], [read[bit] for bit in bits])
    measured.measure(qubits[mine:], list(other)[: size - mine])
    return measured, list(zip(qubits[:mine], bits, strict=True))


def reading(outcome, pairs):
    return sum((outcome >> qubit & 1) << bit for qubit, bit in pairs)


def gathered(probabilities, pairs, output_of, outputs):
    """Sum probabilities of all qubits' outcomes by what the register reads of them."""
    found = np.zeros((len(probabilities), outputs))
    for outcome in range(probabilities.shape[1]):
        output = output_of[reading(outcome, pairs)]
        if output >= 0:
            found[:, output] += probabilities[:, outcome]
    return found


def sorted_by(measured, output_of, outputs, noise_model=None):
    split, program = Simulator(noise_model).measured(measured)
    return Sorted(split, program, output_of[split.numbers()], outputs)


def random_case(make, seed, **settings):
    rng = np.random.default_rng(seed)
    circuit = make.circuit(seed, qubits=QUBITS, size=8, initialize=False, **settings)
    measured, pairs = registers(rng, circuit)
    outputs = int(rng.integers(1, 5))
    output_of = rng.integers(-1, outputs, 2 ** (QUBITS + 1))
    if rng.random() < 0.4:  # a parity, which is measured as one string
        outputs, mask = 2, sum(1 << bit for _, bit in pairs if rng.random() < 0.7)
        output_of = np.bitwise_count(np.arange(len(output_of)) & mask) % 2 ^ rng.integers(2)
    return circuit, measured, pairs, output_of.astype(int), outputs


def exact(one, values):
    return one.probabilities(values, None, np.random.default_rng(0))


def state_probabilities(make, circuit, values):
    return np.array([Statevector(one).probabilities() for one in make.bound(circuit, values)])


@EXAMPLES
@given(seed=SEEDS)
def test_probabilities_are_the_sums_of_those_of_the_outcomes(make, seed):
    circuit, measured, pairs, output_of, outputs = random_case(make, seed)
    values = make.values(circuit)
    expected = gathered(state_probabilities(make, circuit, values), pairs, output_of, outputs)
    found = exact(sorted_by(measured, output_of, outputs), values)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11)


@EXAMPLES
@given(seed=SEEDS)
def test_derivatives_are_those_of_the_probabilities(make, seed):
    circuit, measured, pairs, output_of, outputs = random_case(make, seed)
    values = make.values(circuit, elements=2)
    rng = np.random.default_rng(seed)
    wanted = rng.random(circuit.num_parameters) < 0.7
    found = sorted_by(measured, output_of, outputs).derivatives(values, wanted, None, rng)
    assert found.shape == (2, circuit.num_parameters, outputs)
    for column in range(circuit.num_parameters):
        step = STEP * np.eye(circuit.num_parameters)[column]
        up, down = (
            gathered(state_probabilities(make, circuit, at), pairs, output_of, outputs)
            for at in (values + step, values - step)
        )
        expected = (up - down) / (2 * STEP) * wanted[column]
        np.testing.assert_allclose(found[:, column], expected, rtol=0, atol=1e-7)


@EXAMPLES
@given(seed=SEEDS)
def test_the_ways_to_exact_derivatives_agree(make, seed):
    circuit, measured, _, output_of, outputs = random_case(make, seed)
    one = sorted_by(measured, output_of, outputs)
    values, wanted = make.values(circuit), np.ones(circuit.num_parameters, dtype=bool)
    rng = np.random.default_rng(0)
    np.testing.assert_allclose(
        one._shifted(values, wanted, None, rng),
        one.derivatives(values, wanted, None, rng),
        rtol=0,
        atol=1e-10,
    )


def measured_qubits(size):
    circuit = QuantumCircuit(size)
    circuit.measure_all()
    return circuit


def parities(size):
    """Every sorting into two outputs that is one ±Z string, found by trying all."""
    outcomes = np.arange(2**size)
    return {
        tuple((np.bitwise_count(outcomes & mask) % 2 ^ sign).tolist()): (mask, sign)
        for mask in range(1, 2**size)
        for sign in (0, 1)
    }


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_string_is_found_just_where_there_is_one(size):
    known, outcomes, found = parities(size), np.arange(2**size), 0
    for number in range(3 ** len(outcomes)):
        if (
            size == 3
            and number % 7
            and tuple(number // 3**o % 3 - 1 for o in outcomes) not in known
        ):
            continue  # every seventh of the others is enough
        output_of = number // 3**outcomes % 3 - 1
        string = sorted_by(measured_qubits(size), output_of, 2).string
        expected = known.get(tuple(output_of.tolist()))
        assert (string is None) == (expected is None)
        if string is not None:
            found += 1
            np.testing.assert_allclose(string.to_matrix().diagonal().real, 1 - 2 * output_of)
    assert found == len(known) == 2 * (2**size - 1)


def test_three_outputs_are_never_one_string():
    assert sorted_by(measured_qubits(1), np.array([0, 1]), 3).string is None


def aer_probabilities(find, circuit, values, noise_model):
    """Return Aer's probabilities of all qubits' outcomes, with read-out errors on all of them."""
    tables = [np.diag(np.asarray(rho)).real for rho in find.aers(circuit, values, noise_model)]
    errors = dict(noise_model._local_readout_errors)
    misread = np.ones((1, 1))
    for qubit in range(circuit.num_qubits):
        misread = np.kron(errors[(qubit,)].probabilities, misread)
    return np.array(tables) @ misread


@settings(max_examples=6)
@given(seed=SEEDS)
def test_noise_and_read_out_errors_are_those_of_aer(make, find, seed):
    names = make.aer_gates
    circuit, measured, pairs, output_of, outputs = random_case(
        make, seed, names=names, extras=False
    )
    noise_model = make.noise(seed, qubits=QUBITS, readout=True)
    one = sorted_by(measured, output_of, outputs, noise_model)
    values = make.values(circuit, elements=2)
    expected = gathered(
        aer_probabilities(find, circuit, values, noise_model), pairs, output_of, outputs
    )
    np.testing.assert_allclose(exact(one, values), expected, rtol=0, atol=1e-9)
    if not circuit.num_parameters:
        return
    wanted = np.eye(circuit.num_parameters, dtype=bool)[0]
    found = one.derivatives(values, wanted, None, np.random.default_rng(0))
    up, down = (
        gathered(aer_probabilities(find, circuit, at, noise_model), pairs, output_of, outputs)
        for at in (values + STEP * wanted, values - STEP * wanted)
    )
    np.testing.assert_allclose(found[:, 0], (up - down) / (2 * STEP), rtol=0, atol=1e-6)
    assert not found[:, 1:].any()


def turned():
    """Three qubits, each with its own chance of a 1."""
    circuit, a = QuantumCircuit(3), Parameter("a")
    for qubit in range(3):
        circuit.ry(a * (qubit + 1) / 2, qubit)
    circuit.cx(0, 2)
    circuit.measure_all()
    return circuit


SORTINGS = {
    "string": (np.array([0, 1, 1, 0, 1, 0, 0, 1]), 2),
    "two, no string": (np.array([0, 0, 0, 1, 0, 1, 1, 1]), 2),
    "some count for none": (np.array([0, -1, 2, 1, -1, 0, 2, 1]), 3),
    "an output without outcomes": (np.array([0, 0, 2, 0, 2, 0, 2, 2]), 3),
}


@pytest.mark.parametrize("name", SORTINGS)
@pytest.mark.parametrize("shots", [1, 7, 400])
def test_shots_have_the_mean_and_the_covariance_of_counts(name, shots, fits_variance):
    output_of, outputs = SORTINGS[name]
    one, elements = sorted_by(turned(), output_of, outputs), 4000
    rng = np.random.default_rng(5)
    values = np.full((elements, 1), 1.1)
    p = exact(one, values[:1])[0]
    found = one.probabilities(values, shots, rng)
    counts = found * shots
    np.testing.assert_allclose(counts, counts.round(), rtol=0, atol=1e-9)
    assert found.min() >= 0
    assert found.sum(axis=1).max() <= 1 + 1e-12
    variance = p * (1 - p) / shots
    np.testing.assert_array_less(
        np.abs(found.mean(axis=0) - p), 5 * np.sqrt(variance / elements) + 1e-12
    )
    sample = np.cov(found.T, ddof=0)
    covariance = (np.diag(p) - np.outer(p, p)) / shots
    np.testing.assert_allclose(sample, covariance, rtol=0, atol=6 * variance.max() / elements**0.5)
    if shots == 400:  # counts are then close enough to normal ones
        live = variance > 0
        assert fits_variance((found - p)[:, live][:, 0], variance[live][0])


@pytest.mark.parametrize("name", SORTINGS)
def test_drawn_derivatives_have_the_mean_and_variance_of_shifted_shots(name, fits_variance):
    output_of, outputs = SORTINGS[name]
    one, shots, elements = sorted_by(turned(), output_of, outputs), 100, 3000
    wanted, rng = np.array([True]), np.random.default_rng(6)
    values = np.full((elements, 1), 0.7)
    slopes = one.derivatives(values[:1], wanted, None, rng)[0, 0]
    found = one.derivatives(values, wanted, shots, rng)[:, 0]
    angles = one.program.angles(values[:1])
    variance = np.zeros(outputs)
    for slot, factor in enumerate([0.5, 1.0, 1.5]):
        for sign in (1, -1):
            at = angles.copy()
            at[slot] += sign * np.pi / 2
            p = one._table(at)[0]
            variance += factor**2 * p * (1 - p) / shots / 4
    np.testing.assert_array_less(
        np.abs(found.mean(axis=0) - slopes), 5 * np.sqrt(variance / elements) + 1e-12
    )
    for output in np.flatnonzero(variance):
        assert fits_variance(found[:, output] - slopes[output], variance[output])


def test_shifts_have_shots_of_their_own():
    """Equal elements differ, and so do the outputs of one seed's next draw."""
    one = sorted_by(turned(), *SORTINGS["two, no string"])
    rng = np.random.default_rng(0)
    draw = lambda: one.derivatives(np.full((50, 1), 0.7), np.array([True]), 100, rng)
    first, second = draw(), draw()
    assert len(np.unique(first[:, 0, 0])) > 5
    assert not np.array_equal(first, second)


def test_more_outcomes_than_strings_are_shifted_and_agree():
    size = int(np.log2(MOST_STRINGS)) + 1
    a = Parameter("a")
    circuit = QuantumCircuit(size)
    circuit.ry(a, range(0, size, 2))
    circuit.cx(range(size - 1), range(1, size))
    circuit.rx(a / 2, range(size))
    circuit.measure_all()
    ones = np.bitwise_count(np.arange(2**size)).astype(int) % 3
    one = sorted_by(circuit, ones, 3)
    values, wanted = np.array([[0.4], [1.3]]), np.array([True])
    found = one.derivatives(values, wanted, None, np.random.default_rng(0))[:, 0]
    expected = (exact(one, values + STEP) - exact(one, values - STEP)) / (2 * STEP)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-8)
    np.testing.assert_allclose(found.sum(axis=1), 0, atol=1e-12)


def test_a_circuit_without_parameters_has_probabilities_and_no_derivatives():
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.measure_all()
    one = sorted_by(circuit, np.array([0, 1, 2, 2]), 3)
    np.testing.assert_allclose(exact(one, np.zeros((2, 0))), [[0.5, 0.5, 0]] * 2, atol=1e-12)
    nothing = one.derivatives(np.zeros((2, 0)), np.zeros(0, dtype=bool), None, None)
    assert nothing.shape == (2, 0, 3)


def test_one_qubit_read_twice_is_refused_where_it_could_be_misread_apart():
    circuit = QuantumCircuit(1, 2)
    circuit.h(0)
    circuit.measure([0, 0], [0, 1])
    noise = NoiseModel()
    noise.add_all_qubit_readout_error(ReadoutError([[0.9, 0.1], [0.1, 0.9]]))
    same = np.array([0, 1, 1, 0])
    np.testing.assert_allclose(exact(sorted_by(circuit, same, 2), np.zeros((1, 0))), [[1, 0]])
    with pytest.raises(InputError, match="two classical bits"):
        sorted_by(circuit, same, 2, noise)


@pytest.mark.parametrize("outputs", [2, 3, 5])
def test_under_noise_shots_are_drawn_from_the_same_tables_in_one_sweep(outputs, monkeypatch):
    features, ansatz = z_feature_map(3, reps=1), real_amplitudes(3, reps=2)
    circuit = features.compose(ansatz)
    circuit.measure_all()
    output_of = np.random.default_rng(outputs).integers(-1, outputs, 8)
    one = sorted_by(circuit, output_of, outputs, from_rate(0.05).model)
    data = np.array([parameter in set(features.parameters) for parameter in circuit.parameters])
    rng = np.random.default_rng(0)
    values = np.where(data, rng.normal(size=(4, data.size)), rng.normal(size=data.size))
    tables = []
    monkeypatch.setattr(Sorted, "_drawn", lambda _, table, *__: tables.append(table) or table)
    swept = one.derivatives(values, ~data, 100, rng)
    assert len(tables) == 1
    monkeypatch.setattr(Sorted, "_few_outputs", lambda *_: False)
    np.testing.assert_allclose(swept, one.derivatives(values, ~data, 100, rng), atol=1e-12)

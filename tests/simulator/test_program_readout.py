import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.quantum_info import PauliList, Statevector
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError

from qnlr.simulator.channels import GateNoise
from qnlr.simulator.compiled import Simulator
from qnlr.simulator.program import Basis
from qnlr.simulator.readout import misread, readings

FLIPS = [(0.03, 0.1), (0.2, 0.05), (0.0, 0.3), (0.12, 0.12)]
CONFUSION = [np.array([[1 - a, a], [b, 1 - b]]) for a, b in FLIPS]


def with_readout(model, qubits=4):
    for qubit in range(qubits):
        model.add_readout_error(ReadoutError(CONFUSION[qubit].tolist()), [qubit])
    return model


def confused(table, qubits):
    """Read outcomes one by one: P(o') = Σ_o P(o) Π_k C_k[o_k, o'_k]."""
    out = np.zeros_like(table)
    for actual, read in itertools.product(range(len(table)), repeat=2):
        weight = table[actual]
        for bit, qubit in enumerate(qubits):
            weight *= CONFUSION[qubit][actual >> bit & 1, read >> bit & 1]
        out[read] += weight
    return out


def turned(circuit, basis):
    out = circuit.copy()
    for qubit, pauli in zip(basis.qubits, basis.paulis, strict=True):
        if pauli == 2:
            out.unitary(np.diag([1, -1j]), [qubit])
        if pauli < 3:
            out.unitary(np.array([[1, 1], [1, -1]]) / 2**0.5, [qubit])
    return out


BASES = [Basis((0, 1, 2, 3), (3, 3, 3, 3)), Basis((2, 0), (1, 2)), Basis((3, 1, 0), (2, 3, 1))]


@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize("seed", range(3))
def test_noisy_outcomes_are_aers_with_confusion_by_hand(make, basis, seed):
    circuit = make.circuit(seed, 4, 15, make.aer_gates, 0, extras=False, initialize=False)
    model = make.noise(seed)
    other = turned(circuit, basis)
    other.save_probabilities(list(basis.qubits))
    assert "unitary" not in model.noise_instructions
    simulator = AerSimulator(method="density_matrix", noise_model=model, max_parallel_threads=1)
    table = simulator.run(other).result().data()["probabilities"]
    program = Simulator(with_readout(model), threads=1).program(circuit, range(4))
    assert program.tape.has_noise
    found = program.distributions(np.zeros((0, 1)), basis)
    np.testing.assert_allclose(found[0], confused(table, basis.qubits), rtol=0, atol=1e-10)


@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize("seed", range(3))
def test_outcomes_with_readout_errors_alone_are_confused_by_hand(make, basis, seed):
    circuit = make.circuit(seed, initialize=False)
    values = make.values(circuit, 2)
    program = Simulator(with_readout(NoiseModel()), threads=1).program(circuit, range(4))
    assert not program.tape.has_noise
    found = program.distributions(program.angles(values), basis)
    states = [Statevector(turned(one, basis)) for one in make.bound(circuit, values)]
    expected = [confused(one.probabilities(list(basis.qubits)), basis.qubits) for one in states]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("gates", [False, True])
@pytest.mark.parametrize("label", ["ZZZZ", "IXIY", "YZXI", "IIZI"])
def test_strings_read_as_their_outcomes_do(make, gates, label):
    circuit = make.circuit(7, 4, 15, make.aer_gates, 0.5, extras=False, initialize=False)
    values = make.values(circuit, 2)
    model = with_readout(make.noise(7) if gates else NoiseModel())
    program = Simulator(model, threads=1).program(circuit, range(4))
    angles = program.angles(values)
    support = [(qubit, pauli) for qubit, pauli in enumerate(label[::-1]) if pauli != "I"]
    basis = Basis(tuple(q for q, _ in support), tuple("IXYZ".index(p) for _, p in support))
    table = program.distributions(angles, basis)
    signs = [(-1) ** outcome.bit_count() for outcome in range(table.shape[1])]
    found = program.expectations(angles, PauliList([label]))[0]
    np.testing.assert_allclose(found, table @ signs, rtol=0, atol=1e-12)


def test_readout_errors_follow_the_qubits_of_the_circuit():
    model = NoiseModel()
    model.add_all_qubit_readout_error(ReadoutError([[0.9, 0.1], [0.4, 0.6]]))
    model.add_readout_error(ReadoutError([[0.7, 0.3], [0.2, 0.8]]), [5])
    circuit = QuantumCircuit(7)
    circuit.x(5)
    program = Simulator(model, threads=1).program(circuit, [2, 5])
    assert program.tape.qubits == (2, 5)
    paulis = PauliList(["IIIIZII", "IZIIIII", "IZIIZII", "IIIIXII"])
    found = program.expectations(np.zeros((0, 1)), paulis).ravel()
    assert found == pytest.approx([0.8, -0.6, -0.48, 0.3], abs=1e-12)


probability = st.floats(0, 1)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(probability, probability), min_size=1, max_size=4), st.integers(0, 99))
def test_misread_tables_are_products_of_confusion_matrices(flips, seed):
    matrices = [np.array([[1 - a, a], [b, 1 - b]]) for a, b in flips]
    table = np.random.default_rng(seed).dirichlet(np.ones(2 ** len(flips)), 3)
    whole = np.eye(1)
    for matrix in matrices:
        whole = np.kron(matrix, whole)
    found = misread(table, matrices)
    np.testing.assert_allclose(found, table @ whole, rtol=0, atol=1e-14)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=0, atol=1e-14)


@settings(max_examples=60, deadline=None)
@given(st.text("IXYZ", min_size=4, max_size=4))
def test_readings_are_sums_over_subsets(label):
    noise = GateNoise(with_readout(NoiseModel()))
    constant, strings, weights, owner = readings(PauliList([label]), noise)
    found = dict(zip(strings.to_labels(), weights, strict=True)) | {"IIII": constant[0]}
    expected = {"IIII": 1.0}
    for qubit, pauli in enumerate(label[::-1]):
        if pauli == "I":
            continue
        a, b = FLIPS[qubit]
        place = 3 - qubit
        expected = {
            one[:place] + letter + one[place + 1 :]: weight * factor
            for one, weight in expected.items()
            for letter, factor in ((pauli, 1 - a - b), ("I", b - a))
        }
    assert set(owner) <= {0}
    for one, weight in expected.items():
        assert found.get(one, 0.0) == pytest.approx(weight, abs=1e-15)
    assert {one for one, weight in found.items() if abs(weight) > 1e-15} <= set(expected)


def test_readings_without_errors_are_the_strings():
    constant, strings, weights, owner = readings(PauliList(["III", "XYZ", "IIZ"]), None)
    assert constant.tolist() == [1, 0, 0]
    assert strings.to_labels() == ["XYZ", "IIZ"]
    assert weights.tolist() == [1, 1]
    assert owner.tolist() == [1, 2]

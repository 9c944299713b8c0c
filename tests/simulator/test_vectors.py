import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.circuit.library import real_amplitudes
from qiskit.quantum_info import PauliList, SparsePauliOp, Statevector

from qnlr.errors import InputError
from qnlr.noise import from_rate
from qnlr.simulator import running
from qnlr.simulator.compiled import Simulator
from qnlr.simulator.jacobian import exact_jacobian
from qnlr.simulator.program import Basis
from qnlr.simulator.running import Threads
from qnlr.simulator.tape import compile_tape
from qnlr.simulator.vectors import Vectors


@pytest.mark.parametrize("seed", range(8))
def test_probabilities_are_qiskits(make, seed):
    circuit = make.circuit(seed, initialize=False)
    values = make.values(circuit)
    measured = np.random.default_rng(seed).permutation(4)[: 1 + seed % 4].tolist()
    program = Simulator(threads=1).program(circuit, range(4))
    basis = Basis(tuple(measured), (3,) * len(measured))
    found = program.distributions(program.angles(values), basis)
    expected = [Statevector(one).probabilities(measured) for one in make.bound(circuit, values)]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_probabilities_in_other_bases_are_qiskits(make, seed):
    circuit = make.circuit(seed, initialize=False)
    values = make.values(circuit)
    program = Simulator(threads=1).program(circuit, range(4))
    found = program.distributions(program.angles(values), Basis((2, 0, 3), (1, 2, 3)))
    turned = circuit.copy()
    turned.h(2)
    turned.sdg(0)
    turned.h(0)
    expected = [Statevector(one).probabilities([2, 0, 3]) for one in make.bound(turned, values)]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_an_idle_observed_qubit_is_zero():
    circuit = QuantumCircuit(3)
    circuit.ry(0.3, 1)
    program = Simulator(threads=1).program(circuit, range(3))
    found = program.expectations(np.zeros((0, 1)), PauliList(["ZII", "XII", "YIX", "IZZ", "III"]))
    assert found.ravel() == pytest.approx([1, 0, 0, np.cos(0.3), 1])


@pytest.mark.parametrize("elements", [1, 2, 15, 16, 17, 33])
def test_a_batch_is_its_elements(make, find, elements):
    circuit = make.circuit(3, initialize=False)
    values, paulis = make.values(circuit, elements), make.strings(4)
    found = find.vectors(circuit, values, paulis)
    single = np.hstack([find.vectors(circuit, row[None], paulis) for row in values])
    np.testing.assert_allclose(found, single, rtol=0, atol=1e-13)


@pytest.mark.parametrize("elements", [2, 5, 17, 40])
def test_threads_do_not_change_a_bit(make, find, elements):
    circuit = make.circuit(5, initialize=False)
    values, paulis = make.values(circuit, elements), make.strings(4)
    one, *others = (find.vectors(circuit, values, paulis, threads) for threads in (1, 2, 3))
    assert all(np.array_equal(one, other) for other in others)
    tape = compile_tape(circuit, None, range(4))
    angles, wanted = tape.angles.values(values), np.ones(len(tape.angles.offset), dtype=bool)
    weights = np.linspace(-1, 1, len(paulis))
    swept = [
        Vectors(tape, Threads(threads)).gradient(angles, paulis, weights, wanted)
        for threads in (1, 2, 3)
    ]
    tables = [Vectors(tape, Threads(number)).probabilities(angles, [1, 3]) for number in (1, 2, 3)]
    for place in (1, 2):
        assert np.array_equal(swept[0][0], swept[place][0])
        assert np.array_equal(swept[0][1], swept[place][1])
        assert np.array_equal(tables[0], tables[place])


def test_an_empty_batch_gives_nothing(make, find):
    circuit = make.circuit(3, initialize=False)
    none = np.zeros((0, circuit.num_parameters))
    assert find.vectors(circuit, none, make.strings(4)).shape == (12, 0)


def test_a_wrong_sign_is_noticed(make, find):
    circuit = make.circuit(4, initialize=False)
    values, paulis = make.values(circuit), make.strings(4)
    expected = find.qiskits(circuit, values, paulis)
    tape = compile_tape(circuit, None, range(4))
    runner = Vectors(tape, Threads(1))
    angles = tape.angles.values(values)
    np.testing.assert_allclose(runner.expectations(angles, paulis), expected, atol=1e-12)
    runner._masks[-1, 1] ^= runner._masks[-1, 0]
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        np.testing.assert_allclose(runner.expectations(angles, paulis), expected, atol=1e-12)


@pytest.mark.parametrize("qubits", [40, 62, 64, 70])
def test_too_many_qubits_are_refused_beforehand(qubits):
    circuit = QuantumCircuit(qubits)
    circuit.h(range(qubits))
    program = Simulator(threads=1).program(circuit)
    with pytest.raises(InputError, match=f"state vector of {qubits} qubits needs .* GiB"):
        program.expectations(np.zeros((0, 1)), PauliList(["Z" * qubits]))


def test_the_memory_needed_is_named(monkeypatch):
    circuit = QuantumCircuit(20)
    circuit.h(range(20))
    program = Simulator(threads=1).program(circuit)
    program.expectations(np.zeros((0, 1)), PauliList(["Z" * 20]))
    few = lambda: type("Memory", (), {"available": 2**20})
    monkeypatch.setattr(running.psutil, "virtual_memory", few)
    with pytest.raises(InputError, match=r"needs 0\.0156 GiB of memory, but 0\.000977 GiB are"):
        program.expectations(np.zeros((0, 1)), PauliList(["Z" * 20]))
    with pytest.raises(InputError, match=r"needs 0\.0312 GiB"):
        exact_jacobian(program, np.zeros((1, 0)), SparsePauliOp("Z" * 20), np.zeros(0, dtype=bool))


@pytest.mark.slow
def test_twenty_qubits_have_values_and_gradients():
    circuit = real_amplitudes(20, reps=1)
    values = np.random.default_rng(0).uniform(-1, 1, (1, 40))
    observable = SparsePauliOp(["Z" * 20, "I" * 19 + "X", "Y" * 2 + "Z" * 18], [1.0, 0.5, -2.0])
    program = Simulator(threads=2).program(circuit)
    found = exact_jacobian(program, values, observable, np.ones(40, dtype=bool))
    state = Statevector(circuit.assign_parameters(values[0]))
    assert found.values[0] == pytest.approx(state.expectation_value(observable).real, abs=1e-12)
    for place in (0, 17, 39):
        step = 1e-5 * np.eye(40)[[place]]
        ends = np.vstack([values + step, values - step])
        up, down = observable.coeffs.real @ program.expectations(
            program.angles(ends), observable.paulis
        )
        assert found.derivatives[0, place] == pytest.approx((up - down) / 2e-5, abs=1e-7)


def test_parameters_that_are_shared_by_all_elements_give_the_same(find):
    a, b = Parameter("a"), Parameter("b")
    circuit = QuantumCircuit(2)
    circuit.ry(a, 0)
    circuit.cx(0, 1)
    circuit.rx(b, 1)
    paulis = PauliList(["ZZ", "YX", "IZ"])
    values = np.array([[0.3, 0.1], [0.3, 0.7], [0.3, 1.9]])
    np.testing.assert_allclose(
        find.vectors(circuit, values, paulis), find.qiskits(circuit, values, paulis), atol=1e-12
    )


@pytest.mark.parametrize("seed", range(8))
def test_states_are_qiskits_up_to_a_phase(make, seed):
    circuit = make.circuit(seed, initialize=False)
    values = make.values(circuit, elements=19)
    program = Simulator(threads=2).program(circuit)
    found = program.states(program.angles(values))
    expected = np.array([Statevector(one).data for one in make.bound(circuit, values)])
    overlaps = np.abs((found.conj() * expected).sum(axis=1))
    np.testing.assert_allclose(overlaps, np.ones(19), rtol=0, atol=1e-12)


def test_states_of_idle_qubits_are_zero():
    circuit = QuantumCircuit(4)
    circuit.x(1)
    circuit.cx(1, 3)
    program = Simulator().program(circuit)
    np.testing.assert_allclose(np.abs(program.states(np.zeros((0, 1)))[0]), np.eye(16)[0b1010])
    empty = Simulator().program(QuantumCircuit(2))
    np.testing.assert_allclose(np.abs(empty.states(np.zeros((0, 1)))), np.eye(4)[:1])


def test_a_noisy_circuit_has_no_states(make):
    circuit = QuantumCircuit(2)
    circuit.cx(0, 1)
    program = Simulator(from_rate(0.1).model).program(circuit)
    with pytest.raises(InputError, match="noise"):
        program.states(np.zeros((0, 1)))


def test_too_many_states_are_refused(monkeypatch):
    program = Simulator().program(real_amplitudes(10, reps=1))
    monkeypatch.setattr(
        running.psutil, "virtual_memory", lambda: type("", (), {"available": 2**20})
    )
    with pytest.raises(InputError, match="available"):
        program.states(np.zeros((20, 100)))

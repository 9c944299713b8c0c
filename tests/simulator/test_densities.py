import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import Parameter, ParameterVector
from qiskit.circuit.library import real_amplitudes, z_feature_map, zz_feature_map
from qiskit.quantum_info import PauliList, SparsePauliOp, Statevector

from qnlr.errors import InputError
from qnlr.noise import from_rate
from qnlr.simulator import densities, running
from qnlr.simulator.channels import GateNoise
from qnlr.simulator.compiled import Simulator
from qnlr.simulator.densities import Densities
from qnlr.simulator.jacobian import exact_jacobian
from qnlr.simulator.program import Basis
from qnlr.simulator.running import Threads
from qnlr.simulator.tape import compile_tape


@pytest.fixture
def noisy(make):
    """A circuit of Aer's gates, values, and noise."""
    circuit = make.circuit(
        2, size=25, names=make.aer_gates, opened=0.7, extras=False, initialize=False
    )
    return circuit, make.values(circuit, 20), make.noise(2)


@pytest.mark.parametrize("seed", range(6))
def test_probabilities_without_noise_are_qiskits(make, seed):
    circuit = make.circuit(seed, initialize=False)
    values = make.values(circuit)
    measured = np.random.default_rng(seed).permutation(4)[: 1 + seed % 4].tolist()
    tape = compile_tape(circuit, None, range(4))
    found = Densities(tape, Threads(1)).probabilities(
        tape.angles.values(values), measured, [3] * len(measured)
    )
    expected = [Statevector(one).probabilities(measured) for one in make.bound(circuit, values)]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_do_not_change_a_bit(noisy, make, find, threads):
    circuit, values, model = noisy
    paulis = make.strings(4)
    one = find.densities(circuit, values, paulis, model)
    assert np.array_equal(find.densities(circuit, values, paulis, model, threads), one)
    tape = compile_tape(circuit, GateNoise(model), range(4))
    angles = np.repeat(tape.angles.values(values[:1]), 20, axis=1)
    wanted = np.ones(len(angles), dtype=bool)
    strings = np.array([3, 7, 200])
    swept = [
        Densities(tape, Threads(number)).shifts(angles, strings, np.ones(3), wanted)
        for number in (1, threads)
    ]
    assert all(np.array_equal(*pair) for pair in zip(*swept, strict=True))


def test_a_batch_is_its_elements(noisy, make, find):
    circuit, values, model = noisy
    paulis = make.strings(4)
    found = find.densities(circuit, values, paulis, model)
    single = np.hstack([find.densities(circuit, row[None], paulis, model) for row in values])
    np.testing.assert_allclose(found, single, rtol=0, atol=1e-13)


def test_skipping_strings_that_nothing_depends_on_changes_nothing(noisy, make, find, monkeypatch):
    circuit, values, model = noisy
    paulis = make.strings(4)
    apart = np.vstack(
        [find.densities(circuit, values, paulis[n : n + 1], model) for n in range(12)]
    )
    monkeypatch.setattr(densities, "LARGEST_NEED", 0)
    whole = find.densities(circuit, values, paulis, model)
    np.testing.assert_allclose(apart, whole, rtol=0, atol=1e-13)


def test_sums_of_strings_are_one_observable(noisy, make, find):
    circuit, values, model = noisy
    paulis, weights = make.strings(4, 5), np.array([0.3, -1.0, 2.0, 0.7, 0.1])
    tape = compile_tape(circuit, GateNoise(model), range(4))
    runner = Densities(tape, Threads(1))
    strings = runner.strings_of(paulis)
    observables = [(strings, weights), (strings[1:3], weights[1:3])]
    found = runner.expectations(tape.angles.values(values), observables)
    apart = find.densities(circuit, values, paulis, model)
    expected = [weights @ apart, weights[1:3] @ apart[1:3]]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13)


def test_strings_are_numbered_to_base_four():
    circuit = QuantumCircuit(3)
    runner = Densities(compile_tape(circuit, None, range(3)), Threads(1))
    assert runner.strings_of(PauliList(["III", "IIX", "IYI", "ZIX"])).tolist() == [0, 1, 8, 49]


def test_an_empty_batch_gives_nothing(noisy, make, find):
    circuit, values, model = noisy
    assert find.densities(circuit, values[:0], make.strings(4), model).shape == (12, 0)


def test_a_wrong_factor_is_noticed(find):
    circuit = QuantumCircuit(2)
    circuit.ry(0.4, 0)
    circuit.cx(0, 1)
    circuit.rx(0.7, 1)
    paulis = PauliList(["ZZ", "YI", "XX"])
    expected = find.qiskits(circuit, np.zeros((1, 0)), paulis)
    tape = compile_tape(circuit, None, range(2))
    runner = Densities(tape, Threads(1))
    observables = [(number[None], np.ones(1)) for number in runner.strings_of(paulis)]
    found = runner.expectations(np.zeros((0, 1)), observables)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    runner._factors = -runner._factors
    found = runner.expectations(np.zeros((0, 1)), observables)
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("qubits", [20, 31, 40, 70])
def test_too_many_qubits_are_refused_beforehand(make, qubits):
    circuit = QuantumCircuit(qubits)
    circuit.x(range(qubits))
    circuit.sx(range(qubits))
    circuit.rx(0.3, 0)
    model = make.noise(0, readout=False)
    model.add_all_qubit_quantum_error(
        make.error(np.random.default_rng(0), 1), ["x", "sx"], warnings=False
    )
    program = Simulator(model, threads=1).program(circuit)
    with pytest.raises(InputError, match=f"density matrix of {qubits} qubits needs .* GiB"):
        program.expectations(np.zeros((0, 1)), PauliList(["Z" * qubits]))


def test_outcomes_of_too_many_qubits_are_refused_before_they_are_listed(make, monkeypatch):
    circuit = QuantumCircuit(18)
    circuit.x(range(18))
    model = make.noise(0)
    model.add_all_qubit_quantum_error(
        make.error(np.random.default_rng(0), 1), ["x"], warnings=False
    )
    program = Simulator(model, threads=1).program(circuit)
    made = []
    outcomes = np.arange
    monkeypatch.setattr(
        densities.np, "arange", lambda *sizes: made.append(max(sizes)) or outcomes(*sizes)
    )
    with pytest.raises(InputError, match="density matrix of 18 qubits"):
        program.distributions(np.zeros((0, 1)), Basis(tuple(range(18)), (3,) * 18))
    assert max(made, default=0) < 2**18


def test_the_memory_needed_is_named(make, monkeypatch):
    tape = compile_tape(QuantumCircuit(10), None, range(10))
    few = lambda: type("Memory", (), {"available": 2**20})
    monkeypatch.setattr(running.psutil, "virtual_memory", few)
    with pytest.raises(InputError, match=r"needs 0\.0\d+ GiB of memory, but 0\.000977 GiB are"):
        Densities(tape, Threads(1)).expectations(np.zeros((0, 1)), [(np.array([3]), np.ones(1))])


@pytest.mark.slow
def test_nine_noisy_qubits_are_aers(make, find):
    circuit = real_amplitudes(9, reps=1, entanglement="linear").decompose()
    values = np.random.default_rng(0).uniform(-1, 1, (1, 18))
    model = make.noise(1, qubits=9)
    observable = SparsePauliOp(["Z" * 9, "IIIIXXIII", "YIIIIIIIZ"], [1.0, 0.5, -2.0])
    program = Simulator(model, threads=2).program(circuit, range(9))
    assert program.tape.has_noise
    found = exact_jacobian(program, values, observable, np.ones(18, dtype=bool))
    step = 1e-4 * np.eye(18)[[7]]
    rho, up, down = find.aers(circuit, np.vstack([values, values + step, values - step]), model)
    expected = [state.expectation_value(observable).real for state in (rho, up, down)]
    assert found.values[0] == pytest.approx(expected[0], abs=1e-10)
    slope = (expected[1] - expected[2]) / 2e-4
    assert found.derivatives[0, 7] == pytest.approx(slope, abs=1e-7)


@pytest.mark.parametrize("noise", [None, from_rate(0.02, readout=0.03).model])
@pytest.mark.parametrize("encode", [z_feature_map, zz_feature_map])
def test_one_sweep_serves_encodings_on_every_qubit(noise, encode, monkeypatch):
    """Angles of the data are fused with weights behind them, and stand beside others' weights."""
    features, ansatz = encode(3, reps=2), real_amplitudes(3, reps=2)
    circuit = transpile(features.compose(ansatz), basis_gates=["rx", "ry", "rz", "cx"])
    program = Simulator(noise).program(circuit)
    data = np.array([one in set(features.parameters) for one in circuit.parameters])
    rng = np.random.default_rng(0)
    values = np.where(data, rng.normal(size=(5, data.size)), rng.normal(size=data.size))
    observable = SparsePauliOp(["ZZZ", "IXY"], [1.0, 0.5])
    found = exact_shifts(program, values, observable, ~data)
    monkeypatch.setattr(Densities, "shifts", lambda *_: None)  # each shift by itself
    expected = exact_shifts(program, values, observable, ~data)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    monkeypatch.undo()
    sweeps = []
    swept = Densities.shifts
    monkeypatch.setattr(Densities, "shifts", lambda *a: sweeps.append(swept(*a)) or sweeps[-1])
    exact_shifts(program, values, observable, ~data)
    assert sweeps[-1] is not None


def exact_shifts(program, values, observable, wanted):
    angles = program.angles(values)
    slots = program.tape.angles.reached(wanted)
    found, plus, minus = program.shifts(angles, observable.paulis, observable.coeffs.real, slots)
    return np.concatenate([found[None], plus, minus])


def test_data_behind_weights_cannot_share_a_sweep_and_is_right_all_the_same():
    x, theta = Parameter("x"), ParameterVector("θ", 2)
    circuit = QuantumCircuit(2)
    for weight in theta:
        circuit.ry(x, [0, 1])
        circuit.rx(weight, [0, 1])
        circuit.cx(0, 1)
    program = Simulator(from_rate(0.02).model).program(circuit)
    wanted = np.array([one is not x for one in program.parameters])
    values, step = np.random.default_rng(0).normal(size=(4, 3)), 1e-6
    values[:, wanted] = values[0, wanted]
    observable = SparsePauliOp("ZZ")
    found = exact_jacobian(program, values, observable, wanted).derivatives
    for column in np.flatnonzero(wanted):
        up, down = values.copy(), values.copy()
        up[:, column] += step
        down[:, column] -= step
        f = [program.expectations(program.angles(v), observable.paulis)[0] for v in (up, down)]
        np.testing.assert_allclose(found[:, column], (f[0] - f[1]) / (2 * step), atol=1e-8)

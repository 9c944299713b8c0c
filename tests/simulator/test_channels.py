import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import Parameter
from qiskit.circuit.library import XGate
from qiskit.quantum_info import PTM, PauliList, pauli_basis
from qiskit_aer import AerSimulator
from qiskit_aer.noise import (
    NoiseModel,
    ReadoutError,
    RelaxationNoisePass,
    amplitude_damping_error,
    depolarizing_error,
)
from qiskit_ibm_runtime.fake_provider import FakeLagosV2, FakeManilaV2, FakeMumbaiV2, FakePerth

from qnlr.errors import InputError
from qnlr.simulator.channels import GateNoise
from qnlr.simulator.compiled import Simulator
from qnlr.simulator.program import Basis

PLACES = [
    (FakeManilaV2, [1, 3, 2]),
    (FakeLagosV2, [1, 3, 5]),
    (FakePerth, [6, 5, 4]),
    (FakeMumbaiV2, [12, 13, 14]),
]


def assert_all_strings_are_aers(program, values, states):
    paulis = pauli_basis(len(program.tape.qubits))
    wide = np.zeros((2, len(paulis), program.circuit.num_qubits), dtype=bool)
    wide[0][:, list(program.tape.qubits)] = paulis.z
    wide[1][:, list(program.tape.qubits)] = paulis.x
    found = program.expectations(program.angles(values), PauliList.from_symplectic(*wide))
    expected = [[rho.expectation_value(one).real for rho in states] for one in paulis]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("seed", range(30))
def test_random_noise_on_random_circuits_is_aers(make, find, seed):
    qubits = 2 + seed % 3
    circuit = make.circuit(seed, qubits, 20, names=make.aer_gates, extras=False, initialize=False)
    values, model = make.values(circuit, 2), make.noise(seed, qubits)
    program = Simulator(model, threads=1).program(circuit, range(qubits))
    assert program.tape.has_noise
    assert_all_strings_are_aers(program, values, find.aers(circuit, values, model))


@pytest.mark.parametrize("seed", range(5))
def test_noisy_probabilities_are_aers(make, seed):
    circuit = make.circuit(seed, size=20, names=make.aer_gates, opened=0, extras=False)
    circuit.data = [one for one in circuit.data if one.operation.name != "initialize"]
    model, measured = make.noise(seed), [2, 0, 3]
    program = Simulator(model, threads=1).program(circuit, range(4))
    found = program.distributions(np.zeros((0, 1)), Basis(tuple(measured), (3, 3, 3)))
    circuit.save_probabilities(measured)
    simulator = AerSimulator(method="density_matrix", noise_model=model, max_parallel_threads=1)
    expected = simulator.run(circuit).result().data()["probabilities"]
    np.testing.assert_allclose(found[0], expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("qubits", [1, 2])
@pytest.mark.parametrize("seed", range(12))
def test_every_kind_of_error_is_aers(make, find, qubits, seed):
    model = NoiseModel()
    error = make.error(np.random.default_rng(seed), qubits)
    model.add_all_qubit_quantum_error(error, ["sx", "x"] if qubits == 1 else ["cz"])
    circuit = QuantumCircuit(2)
    circuit.sx([0, 1])
    circuit.rz(0.4, 0)
    circuit.cz(1, 0)
    circuit.x(1)
    circuit.sx([0, 1])
    circuit.cz(0, 1)
    program = Simulator(model, threads=1).program(circuit, [0, 1])
    assert_all_strings_are_aers(
        program, np.zeros((1, 0)), find.aers(circuit, np.zeros((1, 0)), model)
    )


@pytest.mark.parametrize(("device", "where"), PLACES)
def test_circuits_transpiled_to_a_device_are_aers(find, device, where):
    backend = device()
    model = NoiseModel.from_backend(backend, readout_error=False)
    a, b = Parameter("a"), Parameter("b")
    circuit = QuantumCircuit(3)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.ry(2 * a + b, 2)
    circuit.cx(1, 2)
    circuit.rx(a * b, 0)
    circuit.swap(0, 2)
    circuit.rz(b, 1)
    circuit.sx(1)
    isa = transpile(circuit, backend, initial_layout=where, seed_transpiler=0)
    used = sorted({isa.find_bit(qubit).index for one in isa.data for qubit in one.qubits})
    assert len(used) <= 5
    program = Simulator(model, threads=1).program(isa)
    assert program.tape.has_noise
    assert program.tape.qubits == tuple(used)
    values = np.array([[0.3, -0.8], [1.9, 0.4]])
    assert_all_strings_are_aers(program, values, find.aers(isa, values, model, used))


def test_local_errors_go_before_those_of_all_qubits():
    model = NoiseModel()
    everywhere, local = depolarizing_error(0.1, 2), depolarizing_error(0.4, 2)
    model.add_all_qubit_quantum_error(everywhere, ["cx"])
    model.add_quantum_error(local, ["cx"], [1, 0], warnings=False)
    noise = GateNoise(model)
    np.testing.assert_allclose(noise.after("cx", (0, 1)), PTM(everywhere).data.real, atol=1e-12)
    np.testing.assert_allclose(noise.after("cx", (1, 0)), PTM(local).data.real, atol=1e-12)
    assert noise.after("cz", (1, 0)) is None


def test_noise_may_be_tied_to_a_label(find):
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.3, 1), ["loud"])
    circuit = QuantumCircuit(2)
    circuit.append(XGate(label="loud"), [0])
    circuit.append(XGate(label="quiet"), [1])
    program = Simulator(model, threads=1).program(circuit, [0, 1])
    assert_all_strings_are_aers(
        program, np.zeros((1, 0)), find.aers(circuit, np.zeros((1, 0)), model)
    )


@pytest.mark.parametrize("name", ["swap", "rzz", "cp", "u", "ecr", "id"])
def test_gates_that_aer_knows_are_not_taken_apart(find, name):
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.2, 2), ["cx"])
    model.add_all_qubit_quantum_error(amplitude_damping_error(0.2), ["id", "h", "rz", "p"])
    circuit = QuantumCircuit(2)
    circuit.sx([0, 1])
    angles = {"rzz": [0.3], "cp": [0.3], "u": [0.1, 0.2, 0.3]}.get(name, [])
    getattr(circuit, name)(*angles, *([0] if name in ("u", "id") else [0, 1]))
    circuit.h(1)
    program = Simulator(model, threads=1).program(circuit, [0, 1])
    assert_all_strings_are_aers(
        program, np.zeros((1, 0)), find.aers(circuit, np.zeros((1, 0)), model)
    )


@pytest.mark.parametrize("size", [1, 2, 3])
def test_gates_in_composite_gates_are_noisy(find, size):
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.2, 1), ["h"])
    model.add_all_qubit_quantum_error(depolarizing_error(0.2, 2), ["cx"])
    inner = QuantumCircuit(size)
    inner.h(range(size))
    if size > 1:
        inner.cx(0, size - 1)
    circuit = QuantumCircuit(size)
    circuit.append(inner.to_gate(), range(size))
    program = Simulator(model, threads=1).program(circuit, range(size))
    states = find.aers(inner, np.zeros((1, 0)), model)
    assert_all_strings_are_aers(program, np.zeros((1, 0)), states)


def triple():
    model = NoiseModel()
    one = depolarizing_error(0.1, 1)
    model.add_all_qubit_quantum_error(one.tensor(one).tensor(one), ["ccx"])
    return model


def on_measurements():
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.1, 1), ["measure"])
    return model


def joint_readout():
    model = NoiseModel()
    model.add_readout_error(ReadoutError(np.eye(4)[[0, 2, 1, 3]].tolist()), [0, 1])
    return model


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (triple, r"an error on 3 qubits \(of ccx\) is not supported"),
        (on_measurements, "gate error on measurements is not supported"),
        (joint_readout, "read-out error on several qubits"),
        (lambda: 0.1, "noise_model = 0.1 is not valid"),
    ],
)
def test_other_noise_is_refused(model, words):
    with pytest.raises(InputError, match=words):
        Simulator(model())


def relaxing():
    model = NoiseModel()
    model._custom_noise_passes.append(RelaxationNoisePass([50e-6], [40e-6], 1e-9))
    return model


@pytest.mark.parametrize("model", [lambda: NoiseModel.from_backend(FakeManilaV2()), relaxing])
def test_delays_under_relaxation_are_refused(model):
    circuit = QuantumCircuit(1)
    circuit.x(0)
    circuit.delay(100, 0)
    with pytest.raises(InputError, match="relax while the circuit delays them"):
        Simulator(model()).program(circuit)


def test_delays_under_other_noise_do_nothing(make):
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.1, 1), ["x"])
    circuit = QuantumCircuit(1)
    circuit.x(0)
    circuit.delay(100, 0)
    program = Simulator(model).program(circuit)
    found = program.expectations(np.zeros((0, 1)), PauliList(["Z"]))
    assert found[0, 0] == pytest.approx(-0.9, abs=1e-12)

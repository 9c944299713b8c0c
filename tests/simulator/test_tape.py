import numpy as np
import pytest
from qiskit import QuantumCircuit, QuantumRegister
from qiskit.circuit import Parameter
from qiskit.circuit.library import CRYGate, CXGate, RYGate, UnitaryGate, XGate
from qiskit.quantum_info import PauliList, random_unitary
from qiskit_aer.noise import NoiseModel, depolarizing_error

from qnlr.backends import SimulatorBackend, statevector
from qnlr.circuits import amplitude, hardware_efficient, variational_circuit, z
from qnlr.simulator.channels import GateNoise
from qnlr.simulator.compiled import CACHED, Simulator
from qnlr.simulator.tape import BLOCK, DENSE, FLIP, NOISE, compile_tape, light_cone

A, B = Parameter("a"), Parameter("b")


def on(qubits, *gates):
    circuit = QuantumCircuit(qubits)
    for gate in gates:
        circuit.append(gate, range(gate.num_qubits))
    return circuit


def wrapped(angle, name="mine"):
    inner = QuantumCircuit(3, name=name)
    inner.ry(angle, 0)
    inner.cx(0, 2)
    return inner.to_gate()


def test_one_qubit_gates_between_others_are_one_block():
    circuit = QuantumCircuit(2)
    for _ in range(5):
        circuit.rx(A, 0)
        circuit.h(0)
        circuit.rz(B, 1)
    circuit.cx(0, 1)
    circuit.rzz(0.3, 0, 1)
    circuit.ry(A, 1)
    steps = compile_tape(circuit).steps
    assert [step.kind for step in steps] == [BLOCK, BLOCK, FLIP, DENSE, BLOCK]
    assert [len(step.content) for step in steps if step.kind == BLOCK] == [10, 5, 1]


def test_idle_qubits_are_left_out_unless_observed():
    circuit = QuantumCircuit(6)
    circuit.h(4)
    circuit.barrier()
    circuit.cx(4, 1)
    assert compile_tape(circuit).qubits == (1, 4)
    assert compile_tape(circuit, None, [5, 1]).qubits == (1, 4, 5)
    assert compile_tape(circuit, None, [5, 1]).num_qubits == 3


def test_noise_is_behind_its_gate_only():
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.1, 2), ["cx"])
    circuit = QuantumCircuit(2)
    circuit.h(0)
    assert not compile_tape(circuit, GateNoise(model)).has_noise
    circuit.cx(0, 1)
    circuit.h(1)
    tape = compile_tape(circuit, GateNoise(model))
    assert tape.has_noise
    assert [step.kind for step in tape.steps] == [BLOCK, DENSE, NOISE, BLOCK]
    model.add_all_qubit_quantum_error(depolarizing_error(0.1, 1), ["h"])
    assert compile_tape(on(1, *[XGate()]), GateNoise(model)).has_noise is False
    circuit = QuantumCircuit(1)
    circuit.h(0)
    assert compile_tape(circuit, GateNoise(model)).has_noise


@pytest.mark.parametrize("seed", range(5))
def test_the_same_content_is_the_same_program(make, seed):
    simulator = Simulator(threads=1)
    circuit = make.circuit(seed, initialize=False)
    program = simulator.program(circuit, [0, 1])
    assert simulator.program(circuit.copy(), [1, 0]) is program
    assert simulator.program(make.circuit(seed, initialize=False).copy(), [0]) is not program


def test_registers_do_not_matter():
    simulator = Simulator(threads=1)
    other = QuantumCircuit(QuantumRegister(1, "x"), QuantumRegister(1, "y"))
    other.cx(0, 1)
    assert simulator.program(other) is simulator.program(on(2, CXGate()))


def test_a_changed_circuit_is_another_program():
    simulator = Simulator(threads=1)
    circuit = on(2, RYGate(0.3), CXGate())
    first = simulator.program(circuit, [0, 1])
    circuit.x(1)
    second = simulator.program(circuit, [0, 1])
    assert second is not first
    zs = PauliList(["ZI"])
    found = [one.expectations(np.zeros((0, 1)), zs)[0, 0] for one in (first, second)]
    assert found == pytest.approx([np.cos(0.3), -np.cos(0.3)])
    assert len(first.circuit) == 2


PAIRS = {
    "control state": (CXGate(), CXGate(ctrl_state=0)),
    "control state of a rotation": (CRYGate(A), CRYGate(A, ctrl_state=0)),
    "label": (CXGate(label="one"), CXGate(label="two")),
    "no label": (CXGate(label="one"), CXGate()),
    "value": (RYGate(0.3), RYGate(0.3 + 1e-12)),
    "parameter": (RYGate(A), RYGate(B)),
    "expression": (RYGate(A), RYGate(A + 1)),
    "coefficient": (RYGate(0.1234567890123 * A), RYGate(0.1234567890124 * A)),
    "definition": (wrapped(0.3), wrapped(0.4)),
    "open definition": (wrapped(A), wrapped(2 * A)),
    "nested definition": (on(3, wrapped(0.3)).to_gate(), on(3, wrapped(0.4)).to_gate()),
    "matrix": (
        UnitaryGate(random_unitary(4, seed=1)),
        UnitaryGate(random_unitary(4, seed=2)),
    ),
    "definition under a standard name": (wrapped(0.3, "ccx"), wrapped(0.4, "ccx")),
}


@pytest.mark.parametrize("name", PAIRS)
def test_gates_are_told_apart_by_their(name):
    simulator = Simulator(threads=1)
    one, two = (simulator.program(on(3, gate), range(3)) for gate in PAIRS[name])
    assert one is not two


def test_a_definition_under_a_standard_name_is_not_the_standard_gate(find):
    circuit = on(3, XGate(), wrapped(0.4, "ccx"))
    paulis = PauliList(["ZII", "IIX", "XIX"])
    simulator = Simulator(threads=1)
    simulator.program(on(3, XGate(), *[wrapped(0.9, "ccx")]), range(3))
    found = simulator.program(circuit, range(3)).expectations(np.zeros((0, 1)), paulis)
    expected = find.qiskits(circuit.decompose("ccx"), np.zeros((1, 0)), paulis)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_qubits_tell_circuits_apart():
    simulator = Simulator(threads=1)
    one, two = QuantumCircuit(2), QuantumCircuit(2)
    one.cx(0, 1)
    two.cx(1, 0)
    assert simulator.program(one) is not simulator.program(two)


def test_the_oldest_program_is_forgotten():
    simulator = Simulator(threads=1)
    circuits = [on(1, RYGate(0.1 * number)) for number in range(CACHED + 1)]
    programs = [simulator.program(circuit) for circuit in circuits]
    assert simulator.program(circuits[-1]) is programs[-1]
    assert simulator.program(circuits[0]) is not programs[0]


@pytest.mark.parametrize(
    ("string", "qubits", "rotations"),
    [("IIIZ", (0, 1, 2), 9 + 9), ("ZIII", (0, 1, 2, 3), 36), ("IIIX", (0, 1, 2, 3), 3 * 9)],
)
def test_what_an_observable_cannot_depend_on_is_left_out(string, qubits, rotations):
    tape = compile_tape(hardware_efficient(4, 3))
    cone = light_cone(tape, PauliList([string]))
    assert cone.qubits == qubits
    assert cone.angles_reached.sum() == rotations


def test_a_diagonal_observable_does_not_see_turns_about_its_axis():
    circuit = QuantumCircuit(2)
    circuit.rx(Parameter("a"), 0)
    circuit.rz(Parameter("b"), 0)
    circuit.cx(0, 1)
    tape = compile_tape(circuit)
    assert light_cone(tape, PauliList(["IZ"])).angles_reached.tolist() == [True, True]
    assert light_cone(tape, PauliList(["IZ"])).qubits == (0,)
    assert light_cone(tape, PauliList(["ZI"])).qubits == (0, 1)


def test_the_papers_model_depends_on_half_of_its_weights():
    model = variational_circuit(amplitude(8, 6), hardware_efficient(6, 5), z(6))
    rng = np.random.default_rng(0)
    weights, angles = rng.uniform(-3, 3, 90), rng.normal(size=(1, 7))
    exact = SimulatorBackend(model).jacobian(weights, angles, rng).derivatives
    reference = statevector(model).jacobian(weights, angles, rng).derivatives
    np.testing.assert_allclose(exact, reference, atol=1e-12)
    assert (np.abs(reference) > 1e-12).sum() == 44

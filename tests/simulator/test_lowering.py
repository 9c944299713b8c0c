import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import AnnotatedOperation, ControlModifier, Parameter
from qiskit.circuit.library import (
    Initialize,
    RXGate,
    RYGate,
    RZGate,
    SGate,
    UnitaryGate,
    XGate,
    get_standard_gate_name_mapping,
)
from qiskit.primitives import StatevectorEstimator
from qiskit.quantum_info import (
    Kraus,
    PauliList,
    SparsePauliOp,
    pauli_basis,
    random_clifford,
    random_statevector,
    random_unitary,
)

from qnlr.errors import InputError
from qnlr.simulator.compiled import Simulator
from qnlr.simulator.lowering import Rotation, lower, rotation_matrix

CASES = [
    (name, opened)
    for name, gate in sorted(get_standard_gate_name_mapping().items())
    for opened in ([False, True] if gate.params else [False])
    if name not in ("measure", "reset", "delay")
]


def around(make, gate, seed):
    """The gate between random ones, on qubits in a random order."""
    qubits = max(2, gate.num_qubits)
    rng = np.random.default_rng(seed)
    circuit = QuantumCircuit(qubits)
    for qubit in range(qubits):
        circuit.u(*rng.uniform(-3, 3, 3), qubit)
    circuit.append(gate, rng.permutation(qubits)[: gate.num_qubits].tolist())
    for qubit in range(qubits):
        circuit.u(*rng.uniform(-3, 3, 3), qubit)
    return circuit


def assert_both_paths_are_qiskits(make, find, circuit, elements=3, paulis=None):
    paulis = make.strings(circuit.num_qubits) if paulis is None else paulis
    values = make.values(circuit, elements)
    expected = find.qiskits(circuit, values, paulis)
    for path in (find.vectors, find.densities):
        np.testing.assert_allclose(path(circuit, values, paulis), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("name", "opened"), CASES)
def test_every_standard_gate_is_qiskits(make, find, name, opened):
    count = len(make.gates[name].params)
    a, b = Parameter("a"), Parameter("b")
    angles = [2 * a + b, a * b, a.sin(), b][:count] if opened else [0.7, -1.3, 2.1, 0.4][:count]
    circuit = around(make, make.gate(name, angles), len(name))
    paulis = pauli_basis(circuit.num_qubits) if circuit.num_qubits < 4 else None
    assert_both_paths_are_qiskits(make, find, circuit, 2, paulis)


@pytest.mark.parametrize("seed", range(40))
def test_random_circuits_are_qiskits(make, find, seed):
    assert_both_paths_are_qiskits(make, find, make.circuit(seed, qubits=4 + seed % 2))


@pytest.mark.parametrize("seed", range(3))
def test_random_circuits_agree_with_qiskits_estimator(make, seed):
    circuit, paulis = make.circuit(seed), make.strings(4)
    values = make.values(circuit)
    observable = SparsePauliOp(paulis, np.linspace(-1, 1, len(paulis))).simplify()
    program = Simulator(threads=1).program(circuit, range(4))
    found = observable.coeffs.real @ program.expectations(program.angles(values), observable.paulis)
    job = StatevectorEstimator().run([(circuit, observable, values)])
    np.testing.assert_allclose(found, job.result()[0].data.evs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("state", range(4))
@pytest.mark.parametrize("opened", [False, True])
def test_controls_may_be_on_zero(make, find, state, opened):
    angle = Parameter("a") if opened else 0.8
    gate = RYGate(angle).control(2, ctrl_state=state, annotated=False)
    assert_both_paths_are_qiskits(make, find, around(make, gate, state))
    one = XGate().control(1, ctrl_state=state % 2, annotated=False)
    assert_both_paths_are_qiskits(make, find, around(make, one, state))


@pytest.mark.parametrize("qubits", [1, 2, 3, 4])
def test_fixed_unitaries_of_any_size_are_qiskits(make, find, qubits):
    gate = UnitaryGate(random_unitary(2**qubits, seed=qubits))
    assert_both_paths_are_qiskits(make, find, around(make, gate, qubits))
    if qubits < 4:
        assert_both_paths_are_qiskits(
            make, find, around(make, gate.control(1, annotated=False), qubits)
        )


@pytest.mark.parametrize("kind", ["to_gate", "to_instruction"])
@pytest.mark.parametrize("qubits", [1, 2, 3])
@pytest.mark.parametrize("opened", [False, True])
def test_composite_gates_are_qiskits(make, find, kind, qubits, opened):
    inner = QuantumCircuit(qubits, global_phase=0.4)
    inner.h(0)
    inner.ry(Parameter("a") if opened else 0.9, qubits - 1)
    nested = QuantumCircuit(qubits)
    nested.append(getattr(inner, kind)(), range(qubits)[::-1])
    nested.sx(0)
    assert_both_paths_are_qiskits(make, find, around(make, getattr(nested, kind)(), 1))


@pytest.mark.parametrize("controls", [1, 2, 3, 4])
def test_multiply_controlled_gates_are_qiskits(make, find, controls):
    circuit = QuantumCircuit(controls + 1)
    for qubit in range(controls + 1):
        circuit.ry(1 + 0.2 * qubit, qubit)
    circuit.mcx(list(range(controls)), controls)
    circuit.mcp(Parameter("a"), list(range(controls)), controls)
    circuit.h(controls)
    assert_both_paths_are_qiskits(make, find, circuit)


def test_initialize_at_the_start_is_qiskits(make, find):
    circuit = QuantumCircuit(4)
    circuit.barrier()
    circuit.initialize(random_statevector(4, seed=1), [2, 0])
    circuit.initialize("1", [3])
    circuit.cx(0, 1)
    circuit.ry(0.4, 2)
    circuit.cx(3, 2)
    assert_both_paths_are_qiskits(make, find, circuit)


def test_barriers_delays_and_phases_do_nothing(make, find):
    plain, other = QuantumCircuit(2), QuantumCircuit(2, global_phase=0.7)
    for circuit in (plain, other):
        circuit.ry(0.3, 0)
        if circuit is other:
            circuit.barrier()
            circuit.delay(100, 0)
            circuit.id(1)
        circuit.cx(0, 1)
    paulis = pauli_basis(2)
    for path in (find.vectors, find.densities):
        found = path(other, np.zeros((1, 0)), paulis)
        assert np.array_equal(found, path(plain, np.zeros((1, 0)), paulis))


@pytest.mark.parametrize(("axis", "gate"), [(0, RXGate), (1, RYGate), (2, RZGate)])
def test_rotation_matrices_are_qiskits(axis, gate):
    np.testing.assert_allclose(rotation_matrix(axis, 0.7), np.array(gate(0.7)), atol=1e-15)


def test_only_open_angles_stay_rotations():
    circuit = QuantumCircuit(1)
    a = Parameter("a")
    circuit.rx(a, 0)
    circuit.rx(0.3, 0)
    circuit.rx(a - a + 0.2, 0)
    bound = circuit.assign_parameters({a: 0.1})
    kinds = [isinstance(one, Rotation) for one in lower(circuit)]
    assert kinds[:2] == [True, False]
    assert not any(isinstance(one, Rotation) for one in lower(bound))


def measured():
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    circuit.h(0)
    return circuit


def resetting():
    circuit = QuantumCircuit(1)
    circuit.reset(0)
    return circuit


def hidden_reset():
    circuit = QuantumCircuit(1)
    circuit.append(resetting().to_instruction(), [0])
    return circuit


def branching():
    circuit = QuantumCircuit(1, 1)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(0)
    return circuit


def looping():
    circuit = QuantumCircuit(1)
    with circuit.for_loop(range(3)):
        circuit.x(0)
    return circuit


def late_initialize():
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.append(Initialize("0"), [1])
    return circuit


def channel():
    circuit = QuantumCircuit(1)
    circuit.append(Kraus([0.6 * np.eye(2), 0.8 * np.diag([1, -1])]).to_instruction(), [0])
    return circuit


REFUSED = {
    "measurement": (measured, "measure"),
    "reset": (resetting, "reset"),
    "hidden reset": (hidden_reset, "reset"),
    "if": (branching, "control flow"),
    "for": (looping, "control flow"),
    "late initialize": (late_initialize, "initialize is not at the start"),
    "channel": (channel, '"kraus" has neither a matrix nor a definition'),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_gate_is_refused_when_lowered(name):
    circuit, words = REFUSED[name]
    with pytest.raises(InputError, match=words):
        list(lower(circuit()))


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_gate_is_refused_by_a_simulator(name):
    circuit, words = REFUSED[name]
    with pytest.raises(InputError, match=words):
        Simulator(threads=1).program(circuit())


@pytest.mark.parametrize("kind", ["clifford", "annotated"])
def test_operations_that_are_no_instructions_are_run_or_refused(find, kind):
    circuit = QuantumCircuit(2)
    circuit.h(0)
    if kind == "clifford":
        circuit.append(random_clifford(2, seed=1), [0, 1])
    else:
        circuit.append(AnnotatedOperation(SGate(), [ControlModifier(1)]), [0, 1])
    paulis = PauliList(["ZZ", "XY", "IX"])
    expected = find.qiskits(circuit.decompose(), np.zeros((1, 0)), paulis)
    try:
        program = Simulator(threads=1).program(circuit, [0, 1])
    except InputError:
        return
    found = program.expectations(np.zeros((0, 1)), paulis)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)

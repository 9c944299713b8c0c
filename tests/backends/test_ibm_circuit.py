import math
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit, QuantumRegister, qpy
from qiskit.circuit import Delay, Measure, Parameter
from qiskit.circuit.library import CZGate, RZGate, SXGate, UnitaryGate
from qiskit.providers import BackendV2, Options
from qiskit.quantum_info import Statevector, random_hermitian, random_unitary
from qiskit.transpiler import InstructionProperties, Target, generate_preset_pass_manager

from qnlr.backends.ibm.circuit import IsaCircuit, compile_circuit, load_qpy, save_qpy
from qnlr.backends.ibm.devices import local_device
from qnlr.circuits import amplitude, angle, hardware_efficient, variational_circuit, z
from qnlr.errors import InputError

MODELS = {
    "amplitude": variational_circuit(amplitude(8, 3), hardware_efficient(3, 2), z(3)),
    "angle": variational_circuit(angle(3, 3), hardware_efficient(3, 2), z(3)),
}
DEVICES = {name: local_device(name) for name in ("fake_nairobi", "aer_simulator")}


@pytest.fixture(scope="module")
def compiled():
    nairobi = DEVICES["fake_nairobi"]
    return {
        name: compile_circuit(model.circuit, nairobi, [2], seeds=4)
        for name, model in MODELS.items()
    }


class Line(BackendV2):
    """Qubits in a line, with errors and durations of one's own."""

    def __init__(self, cz, readout, one_qubit=None, lengths=None):
        super().__init__(name="line")
        size = len(readout)
        self._target = target = Target(num_qubits=size, dt=1e-9)
        qubits = [(qubit,) for qubit in range(size)]
        self.lengths = lengths or [1e-7] * len(cz)
        target.add_instruction(
            CZGate(),
            {
                where: InstructionProperties(self.lengths[pair], error)
                for pair, error in enumerate(cz)
                for where in ((pair, pair + 1), (pair + 1, pair))
            },
        )
        for gate, error in ((RZGate(Parameter("φ")), 0.0), (SXGate(), one_qubit)):
            target.add_instruction(
                gate, {qubit: InstructionProperties(2e-8, error) for qubit in qubits}
            )
        target.add_instruction(
            Measure(), {(q,): InstructionProperties(1e-6, error) for q, error in enumerate(readout)}
        )
        target.add_instruction(Delay(Parameter("t")), dict.fromkeys(qubits))

    @property
    def target(self):
        return self._target

    @property
    def max_circuits(self):
        return None

    @classmethod
    def _default_options(cls):
        return Options()

    def run(self, run_input, **options):
        raise NotImplementedError


def bell():
    circuit = QuantumCircuit(2)
    circuit.rz(Parameter("x"), 0)
    circuit.sx([0, 1])
    circuit.cz(0, 1)
    return circuit


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("encoding", MODELS)
def test_parameters_survive_and_so_do_all_values(device, encoding, compiled):
    circuit = MODELS[encoding].circuit
    isa = compiled[encoding]
    if device == "aer_simulator":
        isa = compile_circuit(circuit, DEVICES[device], [2], seeds=4)
        assert (isa.seed, isa.expected_error) == (0, 0.0)
    names = {parameter.name for parameter in circuit.parameters}
    assert {parameter.name for parameter in isa.circuit.parameters} == names
    rng = np.random.default_rng(3)
    for _ in range(3):
        values = {name: float(rng.uniform(-7, 7)) for name in names}
        observable = random_hermitian(8, seed=rng)
        expected = Statevector(circuit.assign_parameters(values)).expectation_value(observable)
        state = Statevector(isa.circuit.assign_parameters(values))
        found = state.expectation_value(observable, qargs=list(isa.qubits))
        assert abs(found - expected) < 1e-12


def scored(circuit, observed, device):
    """Probability that something goes wrong, from the properties of the device."""
    properties = device.properties()
    success = 1.0
    for step in circuit.data:
        if step.operation.name != "barrier":
            qubits = [circuit.find_bit(qubit).index for qubit in step.qubits]
            success *= 1 - properties.gate_error(step.operation.name, qubits)
    for qubit in observed:
        success *= 1 - properties.readout_error(circuit.layout.final_index_layout()[qubit])
    return 1 - success


@pytest.mark.parametrize("observed", [[2], [0, 1, 2]])
def test_the_chosen_circuit_has_the_least_expected_error(observed):
    circuit, device = MODELS["amplitude"].circuit, DEVICES["fake_nairobi"]
    errors = []
    for seed in range(6):
        manager = generate_preset_pass_manager(3, backend=device, seed_transpiler=seed)
        errors.append(scored(manager.run(circuit), observed, device))
    assert min(errors) < max(errors)
    found = compile_circuit(circuit, device, observed, seeds=6)
    assert found.expected_error == pytest.approx(min(errors), abs=1e-12)
    assert errors[found.seed] == pytest.approx(min(errors), abs=1e-12)
    assert scored(found.circuit, observed, device) == pytest.approx(found.expected_error, abs=1e-12)


def test_the_expected_error_is_that_of_gates_and_observed_readouts():
    device = Line(cz=[0.02], readout=[0.04, 0.07], one_qubit=0.001)
    read = {qubit: compile_circuit(bell(), device, [qubit], seeds=1) for qubit in (0, 1)}
    for qubit, isa in read.items():
        readout = (0.04, 0.07)[isa.qubits[qubit]]
        ones = isa.circuit.count_ops()["sx"]
        success = 0.98 * 0.999**ones * (1 - readout)
        assert isa.expected_error == pytest.approx(1 - success, abs=1e-14)
    assert compile_circuit(bell(), device, [], seeds=1).expected_error < 0.04


def test_errors_that_are_not_reported_count_as_zero():
    device = Line(cz=[None], readout=[None, 0.25])
    isa = compile_circuit(bell(), device, [0, 1], seeds=1)
    assert isa.expected_error == pytest.approx(0.25)


def test_a_gate_out_of_service_is_taken_only_if_nothing_else_is_there():
    device = Line(cz=[1.0, 0.3], readout=[0.01, 0.01, 0.01])
    isa = compile_circuit(bell(), device, [1], seeds=3)
    assert set(isa.qubits) == {1, 2}
    broken = Line(cz=[1.0], readout=[0.01, 0.01])
    assert compile_circuit(bell(), broken, [1], seeds=2).expected_error == 1.0


def test_of_equals_the_shorter_then_the_first_is_taken(monkeypatch):
    from qnlr.backends.ibm import circuit as module

    device = Line(cz=[0.02, 0.02], readout=[0.01] * 3, lengths=[3e-7, 1e-7])

    def pair(first):
        circuit = QuantumCircuit(3)
        circuit.cz(first, first + 1)
        return circuit

    wheres = [0, 1, 1]
    monkeypatch.setattr(
        module,
        "_candidate",
        lambda *_, seed, **settings: IsaCircuit(pair(wheres[seed]), (0, 1), seed, 0.02),
    )
    assert compile_circuit(bell(), device, [0], seeds=3).seed == 1


def test_compilation_is_deterministic_in_every_process(compiled):
    code = (
        "from qnlr.backends.ibm.circuit import compile_circuit\n"
        "from qnlr.backends.ibm.devices import local_device\n"
        "from qnlr.circuits import *\n"
        "model = variational_circuit(amplitude(8, 3), hardware_efficient(3, 2), z(3))\n"
        "isa = compile_circuit(model.circuit, local_device('fake_nairobi'), [2], seeds=4)\n"
        "print(isa.digest, isa.seed, isa.expected_error)\n"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "12345"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    isa = compiled["amplitude"]
    assert done.stdout.split() == [isa.digest, str(isa.seed), str(isa.expected_error)]


def of(circuit, qubits=(0,)):
    return IsaCircuit(circuit, qubits, seed=0, expected_error=0.0).digest


def rotation(name="x", factor=1.0, shift=0.25, qubit=0, gate="rz", phase=0.0):
    circuit = QuantumCircuit(2, global_phase=phase)
    getattr(circuit, gate)(factor * Parameter(name) + shift, qubit)
    return circuit


@pytest.mark.parametrize(
    "other",
    [
        {"name": "y"},
        {"factor": 2.0},
        {"shift": 0.25 + 1e-9},
        {"shift": 0.0},
        {"qubit": 1},
        {"gate": "rx"},
        {"phase": 0.5},
    ],
)
def test_the_digest_tells_circuits_apart(other):
    assert of(rotation()) != of(rotation(**other))
    assert of(rotation()) == of(rotation())


def test_the_digest_knows_the_qubits_to_read_and_delays():
    assert of(rotation(), (0,)) != of(rotation(), (1,))
    lengths = [QuantumCircuit(1), QuantumCircuit(1), QuantumCircuit(1)]
    for circuit, (length, unit) in zip(
        lengths, [(100, "dt"), (200, "dt"), (100, "ns")], strict=True
    ):
        circuit.delay(length, 0, unit)
    assert len({of(circuit) for circuit in lengths}) == 3


def test_the_digest_is_blind_to_names_and_to_the_sign_of_zero():
    named = QuantumCircuit(QuantumRegister(1, "a"), QuantumRegister(1, "b"), name="other")
    named.metadata = {"layers": 7}
    named.compose(rotation(), [0, 1], inplace=True)
    assert of(named) == of(rotation())
    zeros = [QuantumCircuit(1), QuantumCircuit(1)]
    for circuit, value in zip(zeros, (0.0, -0.0), strict=True):
        circuit.rz(value, 0)
    assert of(zeros[0]) == of(zeros[1])


def test_the_digest_takes_matrices_and_labels():
    matrices = [random_unitary(4, seed=seed) for seed in (0, 1)]
    circuits = [QuantumCircuit(2), QuantumCircuit(2)]
    for circuit, matrix in zip(circuits, matrices, strict=True):
        circuit.append(UnitaryGate(matrix), [0, 1])
        circuit.pauli("XY", [0, 1])
    assert of(circuits[0]) != of(circuits[1])


angles = st.floats(-10, 10, allow_subnormal=False)
kinds = st.sampled_from(["affine", "two", "sin", "number", "square"])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(kinds, angles, angles), min_size=1, max_size=5), angles)
def test_the_digest_outlives_saving_and_loading(tmp_path_factory, steps, phase):
    a, b = Parameter("θ[10]"), Parameter("x")
    circuit = QuantumCircuit(2, global_phase=phase)
    for number, (kind, factor, shift) in enumerate(steps):
        value = {
            "affine": factor * a + shift,
            "two": shift - factor * b + a / 3,
            "sin": (factor * a).sin() + shift,
            "number": shift,
            "square": a * b * factor + b + shift,
        }[kind]
        circuit.rz(value, number % 2)
        circuit.cz(0, 1)
    isa = IsaCircuit(circuit, (1, 0), seed=5, expected_error=math.pi / 1e3)
    file = tmp_path_factory.mktemp("kept") / "circuit.qpy"
    save_qpy(isa, file)
    loaded = load_qpy(file, isa.digest)
    assert loaded.digest == isa.digest
    assert (loaded.qubits, loaded.seed) == ((1, 0), 5)
    assert loaded.expected_error == isa.expected_error


@pytest.fixture
def kept(compiled, tmp_path):
    file = tmp_path / "circuit.qpy"
    save_qpy(compiled["amplitude"], file)
    return file


def test_a_saved_circuit_comes_back_as_it_was(compiled, kept):
    isa, loaded = compiled["amplitude"], load_qpy(kept)
    assert loaded.circuit == isa.circuit
    assert loaded.circuit.metadata == (isa.circuit.metadata or {})
    assert [p.name for p in loaded.circuit.parameters] == [p.name for p in isa.circuit.parameters]
    layouts = [one.circuit.layout.final_index_layout() for one in (isa, loaded)]
    assert layouts[0] == layouts[1] == list(isa.qubits)
    assert list(kept.parent.iterdir()) == [kept]
    with kept.open("rb") as file:
        assert qpy.load(file)[0].count_ops() == isa.circuit.count_ops()


@given(st.data())
@settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_a_file_with_one_bit_changed_is_refused(compiled, kept, data):
    save_qpy(compiled["amplitude"], kept)
    damaged = bytearray(kept.read_bytes())
    place = data.draw(st.integers(0, len(damaged) - 1))
    damaged[place] ^= 1 << data.draw(st.integers(0, 7))
    kept.write_bytes(damaged)
    with pytest.raises(InputError, match=r"circuit\.qpy .* damaged"):
        load_qpy(kept)


@pytest.mark.parametrize("length", [0, 10, 300, -1])
def test_a_truncated_file_is_refused(kept, length):
    kept.write_bytes(kept.read_bytes()[:length])
    with pytest.raises(InputError, match=r"circuit\.qpy .* damaged"):
        load_qpy(kept)


def test_files_of_others_are_refused(compiled, kept, tmp_path):
    with pytest.raises(InputError, match="holds another circuit"):
        load_qpy(kept, compiled["angle"].digest)
    with pytest.raises(InputError, match=r"gone\.qpy cannot be read: No such file"):
        load_qpy(tmp_path / "gone.qpy")
    foreign = tmp_path / "foreign.qpy"
    with foreign.open("wb") as file:
        qpy.dump(bell(), file)
    with pytest.raises(InputError, match=r"foreign\.qpy holds no circuit of a run"):
        load_qpy(foreign)


def test_a_circuit_that_is_read_otherwise_than_it_was_written_is_refused(compiled, tmp_path):
    class Other(IsaCircuit):
        digest = "0" * 64

    isa = compiled["amplitude"]
    file = tmp_path / "other.qpy"
    save_qpy(Other(isa.circuit, isa.qubits, isa.seed, isa.expected_error), file)
    with pytest.raises(InputError, match=r"other\.qpy no longer says what was written"):
        load_qpy(file)


def test_bad_input_is_refused():
    nairobi = DEVICES["fake_nairobi"]
    with pytest.raises(InputError, match=r"8 qubits do not fit the device fake_nairobi, .* has 7"):
        compile_circuit(QuantumCircuit(8), nairobi, [0])
    with pytest.raises(InputError, match="observed qubit = 2 is not valid"):
        compile_circuit(QuantumCircuit(2), nairobi, [2])
    with pytest.raises(InputError, match="seeds = 0 is not valid"):
        compile_circuit(QuantumCircuit(2), nairobi, [0], seeds=0)


@pytest.mark.parametrize("qubits", [2, 3])
def test_qubits_are_chosen_for_their_readout_too(qubits):
    device = local_device("fake_lagos")  # on which one qubit is read wrongly in 26 % of the shots
    errors = {where[0]: p.error for where, p in device.target["measure"].items()}
    chosen = compile_circuit(hardware_efficient(qubits, 2), device, [qubits - 1])
    assert errors[chosen.qubits[qubits - 1]] < 0.05 < max(errors.values())

import numpy as np
import pytest
from qiskit import QuantumCircuit, qasm2, qasm3, qpy
from qiskit.circuit import Parameter
from qiskit.quantum_info import Operator

from qnlr.circuits import hardware_efficient
from qnlr.diagnostics.circuit_reading import chosen_weights, read_circuit
from qnlr.errors import InputError


def save(file, *circuits):
    with file.open("wb") as stream:
        qpy.dump(list(circuits), stream)
    return file


def same(one, other):
    assert [p.name for p in one.parameters] == [p.name for p in other.parameters]
    values = np.linspace(-2, 2, one.num_parameters)
    assert Operator(one.assign_parameters(values)).equiv(other.assign_parameters(values))


def test_qpy_gives_the_circuit_back_in_its_order(tmp_path):
    circuit = hardware_efficient(3, 2)
    measured = circuit.copy()
    measured.measure_all()
    for one in (circuit, measured):
        found = read_circuit(save(tmp_path / "one.qpy", one))
        same(found, circuit)
        assert [step.name for step in found.data] == [step.name for step in circuit.data]


def test_openqasm_3_has_parameters(tmp_path):
    a, b = Parameter("a"), Parameter("b")
    circuit = QuantumCircuit(2, 2)
    circuit.rx(2 * a + b, 0)
    circuit.cx(0, 1)
    circuit.ry(b, 1)
    measured = circuit.copy()
    measured.measure([0, 1], [0, 1])
    file = tmp_path / "one.qasm"
    file.write_text(qasm3.dumps(measured))
    found = read_circuit(file)
    assert sorted(one.name for one in found.parameters) == ["a", "b"]
    given = {"a": 0.3, "b": -0.7}
    expected = circuit.assign_parameters({a: 0.3, b: -0.7})
    assert Operator(found.assign_parameters(given)).equiv(expected)


def test_openqasm_2_is_read_and_has_no_parameters(tmp_path):
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    file = tmp_path / "two.qasm"
    file.write_text(qasm2.dumps(circuit))
    found = read_circuit(file)
    assert Operator(found).equiv(circuit)
    with pytest.raises(InputError, match="no parameters"):
        chosen_weights(found)


def _midway():
    circuit = QuantumCircuit(2, 1)
    circuit.rx(Parameter("a"), 0)
    circuit.measure(0, 0)
    circuit.cx(0, 1)
    return circuit


def _resetting():
    circuit = QuantumCircuit(1)
    circuit.rx(Parameter("a"), 0)
    circuit.reset(0)
    return circuit


def _branching():
    circuit = QuantumCircuit(2, 1)
    circuit.rx(Parameter("a"), 0)
    circuit.measure(0, 0)
    with circuit.if_test((0, 1)):
        circuit.x(1)
    return circuit


@pytest.mark.parametrize(
    ("make", "said"), [(_midway, "midst"), (_resetting, "reset"), (_branching, "if_else")]
)
def test_what_is_not_unitary_is_refused_in_a_sentence(tmp_path, make, said):
    with pytest.raises(InputError, match=said) as caught:
        read_circuit(save(tmp_path / "one.qpy", make()))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "version line"),
        (b"hello", "version line"),
        (b"\xff\xfe\x00", "version line"),
        (b"QISKIT\x0f", "as QPY"),
        (b"OPENQASM 3.0; rx(", "as OpenQASM 3"),
        (b'OPENQASM 2.0; include "qelib1.inc"; qreg q[1]; nothing q[0];', "as OpenQASM 2"),
    ],
)
def test_other_files_are_refused_in_a_sentence(tmp_path, content, said):
    file = tmp_path / "one"
    file.write_bytes(content)
    with pytest.raises(InputError, match=said) as caught:
        read_circuit(file)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_none_and_two_circuits_are_refused(tmp_path):
    with pytest.raises(InputError, match="is no file"):
        read_circuit(tmp_path / "none.qpy")
    both = hardware_efficient(2, 1), hardware_efficient(2, 2)
    with pytest.raises(InputError, match="2 circuits"):
        read_circuit(save(tmp_path / "both.qpy", *both))


def test_weights_are_chosen_by_name_or_beginning():
    circuit = QuantumCircuit(1)
    for name in ("x[0]", "θ[1]", "θ[0]", "scale"):
        circuit.rx(Parameter(name), 0)
    chosen = lambda text: [one.name for one in chosen_weights(circuit, text)]
    assert chosen("") == ["x[0]", "θ[1]", "θ[0]", "scale"]
    assert chosen("θ") == ["θ[1]", "θ[0]"]
    assert chosen("scale, θ[0]") == ["θ[0]", "scale"]
    with pytest.raises(InputError, match=r'"phi".*x\[0\]'):
        chosen("θ, phi")


def test_what_parsers_say_is_one_line_without_their_traces(tmp_path, capsys):
    file = tmp_path / "broken.qasm"
    file.write_text('OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit q;\nrx(th q;\n')
    with pytest.raises(InputError, match="OpenQASM 3: line 4:"):
        read_circuit(file)
    assert capsys.readouterr().err == ""
    damaged = tmp_path / "broken.qpy"
    damaged.write_bytes(save(tmp_path / "one.qpy", hardware_efficient(2, 1)).read_bytes()[:200])
    with pytest.raises(InputError) as caught:
        read_circuit(damaged)
    assert not {"\n", "\x1b"} & set(str(caught.value))
    assert "\\n" not in str(caught.value)


def test_a_qubit_that_is_measured_before_the_end_names_the_file(tmp_path):
    circuit = QuantumCircuit(1, 1)
    circuit.rx(Parameter("a"), 0)
    circuit.measure(0, 0)
    circuit.x(0)
    with pytest.raises(InputError, match=r"one\.qpy: qubit 0 is measured.*at its end$"):
        read_circuit(save(tmp_path / "one.qpy", circuit))

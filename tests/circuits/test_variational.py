from dataclasses import replace

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector
from qiskit.circuit.library import CRXGate, get_standard_gate_name_mapping
from qiskit.quantum_info import Operator, SparsePauliOp, Statevector, random_statevector

from qnlr.circuits import (
    ENCODINGS,
    amplitude,
    angle,
    efficient_su2,
    hardware_efficient,
    mean_z,
    require_shift_rule,
    variational_circuit,
    z,
)
from qnlr.circuits.variational import SHIFT_GATES
from qnlr.errors import InputError
from qnlr.types import depth_in_layers

theta, phi = Parameter("θ"), Parameter("φ")


@pytest.mark.parametrize("name", sorted(ENCODINGS))
@pytest.mark.parametrize("ansatz", [hardware_efficient(4, 3), efficient_su2(4, 2)])
def test_columns_are_angles_then_weights(name, ansatz):
    rng = np.random.default_rng(5)
    encoding, row = ENCODINGS[name](4, 4), rng.normal(size=(1, 4))
    model = variational_circuit(encoding, ansatz, mean_z(4))
    weights = rng.uniform(-3, 3, ansatz.num_parameters)
    angles = encoding.angles_from(row)[0]
    bound = model.circuit.assign_parameters(
        dict(zip(model.parameters, [*angles, *weights], strict=True))
    )
    encoded = Statevector(encoding.circuit.assign_parameters(angles))
    expected = encoded.evolve(Operator(ansatz.assign_parameters(weights)))
    np.testing.assert_allclose(Statevector(bound).data, expected.data, rtol=0, atol=1e-12)
    assert model.parameters == (*encoding.circuit.parameters, *ansatz.parameters)


def test_sizes_that_differ_are_named():
    with pytest.raises(InputError, match="encoding has 3 qubits, the ansatz 2"):
        variational_circuit(angle(2, 3), hardware_efficient(2, 1), z(3))
    with pytest.raises(InputError, match="observable acts on 2 qubits, the circuit has 3"):
        variational_circuit(angle(2, 3), hardware_efficient(3, 1), z(2))


def test_parameters_must_be_those_of_the_circuit():
    model = variational_circuit(amplitude(4, 2), hardware_efficient(2, 1), z(2))
    for change in (
        {"weights": model.weights[1:]},
        {"angles": ()},
        {"angles": (*model.angles, theta)},
    ):
        with pytest.raises(InputError, match="parameters of the circuit"):
            replace(model, **change)


@pytest.mark.parametrize("layers", [1, 2, 5])
def test_depth_is_the_layers_of_the_ansatz(layers):
    for ansatz in (hardware_efficient(3, layers), efficient_su2(3, layers)):
        model = variational_circuit(angle(3, 3), ansatz, z(3))
        assert model.layers == depth_in_layers(ansatz) == layers


def test_depth_of_another_circuit_is_its_two_qubit_depth():
    circuit = QuantumCircuit(4)
    assert depth_in_layers(circuit) == 1
    circuit.h(range(4))
    circuit.cx(0, 1)
    circuit.rzz(0.3, 2, 3)
    circuit.ry(0.1, 0)
    assert depth_in_layers(circuit) == 1
    circuit.ccx(1, 2, 3)
    circuit.cz(3, 0)
    assert depth_in_layers(circuit) == 3
    circuit.metadata = {"layers": 7}
    assert depth_in_layers(circuit) == 7


def test_barriers_are_not_layers():
    circuit = QuantumCircuit(3)
    circuit.cx(0, 1)
    circuit.barrier()
    circuit.cx(1, 2)
    circuit.measure_all()
    assert depth_in_layers(circuit) == 2


def expectation(gate, value, start, observable):
    circuit = QuantumCircuit(2)
    circuit.append(type(gate)(value), range(gate.num_qubits))
    return start.evolve(circuit).expectation_value(observable).real


def slope_and_shift(gate):
    start, at, h = random_statevector(4, seed=2), 0.7, 1e-5
    observable = SparsePauliOp.from_list([("XX", 0.3), ("ZY", 0.8), ("IZ", -0.4), ("YX", 0.5)])
    f = lambda value: expectation(gate, value, start, observable)
    return (f(at + h) - f(at - h)) / (2 * h), (f(at + np.pi / 2) - f(at - np.pi / 2)) / 2


@pytest.mark.parametrize("name", sorted(SHIFT_GATES))
def test_the_rule_holds_for_every_gate_that_is_accepted(name):
    gate = get_standard_gate_name_mapping()[name]
    slope, shift = slope_and_shift(gate)
    assert abs(slope) > 0.01
    assert shift == pytest.approx(slope, abs=1e-8)
    circuit = QuantumCircuit(2)
    circuit.append(type(gate)(theta), range(gate.num_qubits))
    require_shift_rule(circuit, [theta])


def test_the_rule_fails_for_crx():
    slope, shift = slope_and_shift(CRXGate(0.0))
    assert abs(slope - shift) > 0.01


def bad_circuits():
    repeated = QuantumCircuit(2)
    repeated.rx(theta, 0)
    repeated.ry(theta, 1)
    doubled = QuantumCircuit(1)
    doubled.rx(2 * theta, 0)
    negated = QuantumCircuit(1)
    negated.rz(-theta, 0)
    added = QuantumCircuit(1)
    added.ry(theta + phi, 0)
    controlled = QuantumCircuit(2)
    controlled.crx(theta, 0, 1)
    general = QuantumCircuit(1)
    general.u(theta, 0.1, 0.2, 0)
    inner = QuantumCircuit(1, name="inner")
    inner.rx(theta, 0)
    hidden = QuantumCircuit(1)
    hidden.append(inner.to_gate(), [0])
    branch = QuantumCircuit(1, 1)
    with branch.if_test((0, 1)):
        branch.rx(theta, 0)
    return {
        "repeated": (repeated, "ry"),
        "doubled": (doubled, "rx"),
        "negated": (negated, "rz"),
        "added": (added, "ry"),
        "controlled": (controlled, "crx"),
        "general": (general, "u"),
        "hidden": (hidden, "inner"),
        "branch": (branch, "if_else"),
    }


@pytest.mark.parametrize("kind", sorted(bad_circuits()))
def test_weights_that_break_the_rule_are_named(kind):
    circuit, gate = bad_circuits()[kind]
    with pytest.raises(InputError, match=f'weight θ in gate "{gate}"'):
        require_shift_rule(circuit, [theta])


def test_only_weights_are_checked():
    circuit, _ = bad_circuits()["controlled"]
    circuit.rx(phi, 0)
    require_shift_rule(circuit, [phi])
    encoding = amplitude(8, 3)
    reused = encoding.circuit.compose(encoding.circuit)
    ansatz = hardware_efficient(3, 2)
    require_shift_rule(reused.compose(ansatz), list(ansatz.parameters))


def test_a_vector_of_weights_each_once_is_accepted():
    weights = ParameterVector("w", 3)
    circuit = QuantumCircuit(2)
    circuit.rx(weights[0], 0)
    circuit.rzz(weights[1], 0, 1)
    circuit.p(weights[2], 1)
    require_shift_rule(circuit, list(weights))

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import Operator

from qnlr.circuits import (
    ANSATZES,
    efficient_su2,
    hardware_efficient,
    maxcut,
    needs_hamiltonian,
    ring,
)
from qnlr.errors import InputError

SIZES = [(1, 1), (1, 3), (2, 1), (2, 2), (3, 2), (4, 3)]


def written_hardware_efficient(qubits, layers, values):
    circuit = QuantumCircuit(qubits)
    for layer in range(layers):
        for qubit in range(qubits):
            first = 3 * (layer * qubits + qubit)
            circuit.rx(values[first], qubit)
            circuit.ry(values[first + 1], qubit)
            circuit.rz(values[first + 2], qubit)
        for qubit in range(qubits - 1):
            circuit.cx(qubit, qubit + 1)
    return circuit


def written_efficient_su2(qubits, layers, values):
    circuit = QuantumCircuit(qubits)
    for block in range(layers + 1):
        for qubit in range(qubits):
            circuit.ry(values[2 * block * qubits + qubit], qubit)
        for qubit in range(qubits):
            circuit.rz(values[(2 * block + 1) * qubits + qubit], qubit)
        if block < layers:
            for qubit in range(qubits - 1):
                circuit.cx(qubit, qubit + 1)
    return circuit


def same_operator(first, second):
    return np.allclose(Operator(first).data, Operator(second).data, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("qubits", "layers"), SIZES)
def test_hardware_efficient_is_the_circuit_of_the_paper(qubits, layers):
    values = np.random.default_rng(7).uniform(-4, 4, 3 * qubits * layers)
    bound = hardware_efficient(qubits, layers).assign_parameters(values)
    assert same_operator(bound, written_hardware_efficient(qubits, layers, values))


@pytest.mark.parametrize(("qubits", "layers"), SIZES)
def test_efficient_su2_is_ry_rz_and_a_linear_chain(qubits, layers):
    values = np.random.default_rng(8).uniform(-4, 4, 2 * qubits * (layers + 1))
    bound = efficient_su2(qubits, layers).assign_parameters(values)
    assert same_operator(bound, written_efficient_su2(qubits, layers, values))


def test_hardware_efficient_on_two_qubits_as_a_product_of_matrices():
    def rotation(pauli, angle):
        return np.cos(angle / 2) * np.eye(2) - 1j * np.sin(angle / 2) * pauli

    x, y, z = np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1, -1])
    values = np.random.default_rng(9).uniform(-4, 4, 6)
    low = rotation(z, values[2]) @ rotation(y, values[1]) @ rotation(x, values[0])
    high = rotation(z, values[5]) @ rotation(y, values[4]) @ rotation(x, values[3])
    cx_from_0_to_1 = np.eye(4)[[0, 3, 2, 1]]
    bound = hardware_efficient(2, 1).assign_parameters(values)
    expected = cx_from_0_to_1 @ np.kron(high, low)
    np.testing.assert_allclose(Operator(bound).data, expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("ansatz", [hardware_efficient, efficient_su2])
def test_parameters_are_numbered_in_order_beyond_ten(ansatz):
    circuit = ansatz(4, 3)
    names = [parameter.name for parameter in circuit.parameters]
    assert names == [f"θ[{index}]" for index in range(circuit.num_parameters)]


def test_parameters_stand_in_the_circuit_in_layer_qubit_axis_order():
    circuit = hardware_efficient(3, 2)
    met = [
        (step.operation.name, circuit.find_bit(step.qubits[0]).index, step.operation.params[0])
        for step in circuit.data
        if step.operation.params
    ]
    one_layer = [(f"r{axis}", qubit) for qubit in range(3) for axis in "xyz"]
    theta = list(circuit.parameters)
    expected = [(*pair, angle) for pair, angle in zip(2 * one_layer, theta, strict=True)]
    assert met == expected


@pytest.mark.parametrize(("qubits", "layers"), SIZES)
def test_counts_and_metadata(qubits, layers):
    paper, su2 = hardware_efficient(qubits, layers), efficient_su2(qubits, layers)
    assert paper.num_parameters == 3 * qubits * layers
    assert su2.num_parameters == 2 * qubits * (layers + 1)
    for circuit in (paper, su2):
        assert circuit.num_qubits == qubits
        assert circuit.count_ops().get("cx", 0) == (qubits - 1) * layers
        assert circuit.metadata == {"layers": layers}


@pytest.mark.parametrize("name", sorted(ANSATZES))
@pytest.mark.parametrize("bad", [0, -1, 1.5, True, None, "2", float("nan")])
def test_bad_sizes_are_named(name, bad):
    given = {"hamiltonian": maxcut(ring(4))} if needs_hamiltonian(name) else {}
    with pytest.raises(InputError, match="qubits = "):
        ANSATZES[name](bad, 1, **given)
    with pytest.raises(InputError, match="layers = "):
        ANSATZES[name](4, bad, **given)

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector
from qiskit.circuit.library import real_amplitudes
from qiskit.quantum_info import Operator

from qnlr.circuits import (
    hamiltonian_variational,
    hardware_efficient,
    lih,
    maxcut,
    qaoa,
    random_regular,
    require_shift_rule,
    transverse_ising,
    untied,
)
from qnlr.errors import InputError

SLOPES = st.sampled_from([-2.0, -0.5, 0.0, 1.0, 1.7])


@st.composite
def tied(draw):
    """A circuit on two qubits whose angles are any affine functions of three weights."""
    theta, circuit = ParameterVector("θ", 3), QuantumCircuit(2)
    for index, weight in enumerate(theta):  # each weight occurs
        circuit.ry(weight, index % 2)
    for _ in range(draw(st.integers(1, 5))):
        slopes = draw(st.tuples(SLOPES, SLOPES, SLOPES))
        angle = draw(st.floats(-3, 3)) + sum(s * t for s, t in zip(slopes, theta, strict=True))
        gate = draw(st.sampled_from(["rx", "rz", "p", "rxx", "rzz", "rzx", "crx", "cp", "rxx"]))
        getattr(circuit, gate)(angle, *([0] if gate in ("rx", "rz", "p") else [0, 1]))
        circuit.cx(1, 0)
    return circuit


@given(tied(), st.tuples(*[st.floats(-4, 4)] * 3))
def test_untied_is_the_same_circuit_up_to_a_phase(circuit, weights):
    found = untied(circuit)
    require_shift_rule(found.circuit, found.circuit.parameters)
    assert found.ties.shape == (found.circuit.num_parameters, 3)
    bare = Operator(found.circuit.assign_parameters(found.angles(np.array(weights))))
    assert bare.equiv(Operator(circuit.assign_parameters(weights)))


@pytest.mark.parametrize("ansatz", [hardware_efficient(3, 2), real_amplitudes(3, reps=2)])
def test_a_circuit_of_bare_weights_is_left_as_it_is(ansatz):
    found = untied(ansatz)
    np.testing.assert_array_equal(found.ties, np.eye(ansatz.num_parameters))
    assert not found.offsets.any()
    assert [step.operation.name for step in found.circuit.data] == [
        step.operation.name for step in ansatz.data
    ]


@pytest.mark.parametrize(
    "ansatz",
    [
        hamiltonian_variational(4, 3, hamiltonian=transverse_ising(4, 0.5, 0.7)),
        hamiltonian_variational(4, 1, hamiltonian=lih()),
        qaoa(6, 2, hamiltonian=maxcut(random_regular(6, low=0.1, high=0.9))),
    ],
    ids=["ising", "lih", "qaoa"],
)
def test_ansatze_of_hamiltonians_get_a_shift_rule(ansatz):
    with pytest.raises(InputError, match="parameter-shift rule"):
        require_shift_rule(ansatz, ansatz.parameters)
    found = untied(ansatz)
    require_shift_rule(found.circuit, found.circuit.parameters)
    assert found.circuit.metadata == ansatz.metadata
    weights = np.random.default_rng(0).uniform(-2, 2, ansatz.num_parameters)
    bare = Operator(found.circuit.assign_parameters(found.angles(weights)))
    assert bare.equiv(Operator(ansatz.assign_parameters(weights)))


def test_ties_of_the_ising_chain_are_twice_its_coefficients():
    found = untied(hamiltonian_variational(3, 2, hamiltonian=transverse_ising(3, 0.5, 0.7)))
    gates = [step.operation.name for step in found.circuit.data if step.operation.params]
    expected = {"rzz": [-1.0, 0.0], "rx": [0.0, -1.4]}
    assert gates.count("rzz") == 4
    assert gates.count("rx") == 6
    for gate, row in zip(gates, found.ties, strict=True):
        assert (row[:2] + row[2:]).tolist() == expected[gate]
        assert np.count_nonzero(row) == 1
    assert not found.offsets.any()


def test_angles_of_many_rows_of_weights():
    found = untied(hamiltonian_variational(3, 1, hamiltonian=transverse_ising(3)))
    rows = np.random.default_rng(1).normal(size=(4, 5, 2))
    np.testing.assert_array_equal(found.angles(rows)[2, 3], found.angles(rows[2, 3]))


def test_what_cannot_be_untied_is_named():
    theta = Parameter("θ")
    for angle in (theta * theta, theta.sin()):
        circuit = QuantumCircuit(1)
        circuit.rx(angle, 0)
        with pytest.raises(InputError, match="not affine in weight θ"):
            untied(circuit)
    with pytest.raises(InputError, match="no parameters"):
        untied(QuantumCircuit(2))

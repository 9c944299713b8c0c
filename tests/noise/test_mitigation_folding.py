import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.circuit.random import random_circuit
from qiskit.quantum_info import Operator
from qiskit.transpiler import generate_preset_pass_manager

from qnlr.backends.isa import isa_circuit
from qnlr.circuits import efficient_su2, hardware_efficient
from qnlr.errors import InputError
from qnlr.noise import from_device
from qnlr.noise.mitigation import fold, reached_factor


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.floats(1, 7))
def test_a_folded_circuit_is_the_same_operator_with_more_gates(seed, factor):
    circuit = random_circuit(3, 4, seed=seed)
    circuit.sx(0)
    circuit.global_phase = 0.3
    folded = fold(circuit, factor)
    assert Operator(folded) == Operator(circuit)
    reached = reached_factor(circuit, factor)
    assert abs(reached - factor) <= 1 / circuit.size() + 1e-12
    turns = folded.count_ops()["sx"] - circuit.count_ops()["sx"]  # two for every inverse of it
    assert 0 <= folded.size() - round(reached * circuit.size()) <= turns


@pytest.mark.parametrize("factor", [1, 3, 5, 7])
def test_odd_factors_are_met_exactly(factor):
    circuit = efficient_su2(3, 2)
    assert reached_factor(circuit, factor) == factor
    assert fold(circuit, factor).size() == factor * circuit.size()


def test_the_last_gates_are_folded_for_what_is_left():
    circuit = QuantumCircuit(1)
    for angle in (0.1, 0.2, 0.3, 0.4):
        circuit.rx(angle, 0)
    folded = [step.operation.params[0] for step in fold(circuit, 2).data if step.operation.params]
    assert folded == pytest.approx([0.1, 0.2, 0.3, 0.4, -0.4, -0.3, 0.3, 0.4])


def test_parameters_stay():
    circuit = hardware_efficient(2, 2)
    folded = fold(circuit, 2.4)
    assert folded.parameters == circuit.parameters
    assert folded.metadata == circuit.metadata
    values = np.linspace(-3, 3, circuit.num_parameters)
    bound = [one.assign_parameters(values) for one in (circuit, folded)]
    assert Operator(bound[0]) == Operator(bound[1])
    assert "barrier" not in circuit.count_ops()


def test_an_isa_circuit_stays_one_with_its_layout():
    noise = from_device("fake_manila")
    circuit = isa_circuit(hardware_efficient(3, 2), noise)
    assert "sx" in circuit.count_ops()
    folded = fold(circuit, 3)
    target = noise.device.target
    for step in folded.data:
        where = tuple(folded.find_bit(qubit).index for qubit in step.qubits)
        if step.operation.name != "barrier":
            assert target.instruction_supported(step.operation.name, where)
    assert folded.layout == circuit.layout
    assert folded.count_ops()["cx"] == 3 * circuit.count_ops()["cx"]
    assert folded.count_ops()["sx"] == 3 * circuit.count_ops()["sx"]


def test_no_transpiler_takes_a_fold_back():
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.rz(Parameter("x"), 1)
    circuit.cx(0, 1)
    manager = generate_preset_pass_manager(3, basis_gates=["rz", "sx", "x", "cx"])
    assert manager.run(fold(circuit, 5)).count_ops()["cx"] == 10


def test_labels_stay_for_the_noise_that_is_tied_to_them():
    circuit = QuantumCircuit(1)
    circuit.rx(0.3, 0, label="bad")
    assert [step.operation.label for step in fold(circuit, 3).data if step.name != "barrier"] == (
        ["bad"] * 3
    )


def test_delays_are_kept_and_not_counted():
    circuit = QuantumCircuit(1)
    circuit.x(0)
    circuit.delay(100, 0)
    assert reached_factor(circuit, 3) == 3
    assert fold(circuit, 3).count_ops() == {"x": 3, "delay": 3, "barrier": 2}


def test_without_gates_there_is_nothing_to_fold():
    assert fold(QuantumCircuit(2), 3) == QuantumCircuit(2)
    assert reached_factor(QuantumCircuit(2), 3) == 1


def measured(circuit):
    circuit.measure_all()


def initialised(circuit):
    circuit.initialize([1, 0], 0)


def controlled(circuit):
    with circuit.for_loop(range(2)):
        circuit.x(0)


@pytest.mark.parametrize("spoil", [measured, initialised, controlled, lambda one: one.reset(0)])
def test_what_is_no_gate_is_refused(spoil):
    circuit = hardware_efficient(2, 1)
    spoil(circuit)
    with pytest.raises(InputError, match="is no gate"):
        fold(circuit, 3)


@pytest.mark.parametrize("factor", [0.9, 0, -3, np.inf, np.nan, "3", True])
def test_factors_are_checked(factor):
    for call in (fold, reached_factor):
        with pytest.raises(InputError, match="factor"):
            call(hardware_efficient(2, 1), factor)

"""What is read of a register, and which output it counts for."""

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.transpiler import generate_preset_pass_manager

from qnlr.errors import InputError
from qnlr.models.networks.interpretation import Interpretation

LAYOUT = [2, 0, 1]


def measured(qubits, clbits=None):
    circuit = QuantumCircuit(qubits, clbits or qubits)
    circuit.measure(range(qubits), range(qubits))
    return circuit


def identity(circuit, virtual):
    return Interpretation(circuit, virtual, lambda x: x, (2**virtual,))


def laid_out(qubits, before):
    device = GenericBackendV2(qubits, seed=0)
    manager = generate_preset_pass_manager(0, backend=device, initial_layout=LAYOUT)
    circuit = QuantumCircuit(3)
    circuit.h(range(3))
    if before:
        circuit.measure_all()
    done = manager.run(circuit)
    if not before:
        done.measure_all()
    return done


@pytest.mark.parametrize("qubits", [3, 5])
def test_the_virtual_qubits_are_picked_where_all_physical_ones_are_measured(qubits):
    found = identity(laid_out(qubits, before=False), 3).of(range(2**qubits))
    expected = [
        sum((read >> LAYOUT[virtual] & 1) << virtual for virtual in range(3))
        for read in range(2**qubits)
    ]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("qubits", [3, 5])
def test_a_circuit_that_was_measured_before_it_was_laid_out_reads_virtual_qubits(qubits):
    found = identity(laid_out(qubits, before=True), 3).of(range(8))
    np.testing.assert_array_equal(found, range(8))


def test_numbers_of_virtual_qubits_are_not_picked_again():
    one = identity(laid_out(5, before=False), 3)
    np.testing.assert_array_equal(one.of_numbers([0, 5, None, 7]), [0, 5, -1, 7])


def test_readings_beyond_the_qubits_count_for_none():
    found = identity(measured(2, 3), 2).of([0, 3, 4, 7])
    np.testing.assert_array_equal(found, [0, 3, -1, -1])


def test_any_size_of_integer_is_read_and_nothing_is_no_error():
    assert identity(measured(70), 3).of([1 << 69, 5]).tolist() == [-1, 5]
    assert identity(measured(2), 2).of([]).tolist() == []


def test_interpret_is_asked_once_for_each_number():
    asked = []
    one = Interpretation(measured(2), 2, lambda x: asked.append(x) or x % 2, (2,))
    for _ in range(3):
        np.testing.assert_array_equal(one.of([3, 1, 2, 3]), [1, 1, 0, 1])
    assert sorted(asked) == [1, 2, 3]


def test_an_index_of_several_dimensions_is_counted_row_by_row():
    one = Interpretation(measured(3), 3, lambda x: (x % 2, x // 2 % 3), (2, 3))
    assert one.outputs == 6
    np.testing.assert_array_equal(one.of(range(8)), [0, 3, 1, 4, 2, 5, 0, 3])


@pytest.mark.parametrize("given", [4, -1, 0.5, "1", (0, 1), None, np.bool_(True)])
def test_what_is_no_index_is_named(given):
    one = Interpretation(measured(2), 2, lambda x: given, (2,))
    with pytest.raises(InputError, match=r"interpret\(3\) = .* is not an index of outputs"):
        one.of([3])

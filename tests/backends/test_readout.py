import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp, Statevector, random_statevector

from qnlr.backends.readout import (
    MAX_MEASURED_QUBITS,
    bases,
    counts_table,
    expectations_from_counts,
    expectations_from_probabilities,
)
from qnlr.errors import InputError
from qnlr.simulator import misread
from qnlr.types import Cost

terms = st.lists(
    st.tuples(st.text("IXYZ", min_size=3, max_size=3), st.floats(-2, 2)), min_size=1, max_size=6
)


@settings(max_examples=40, deadline=None)
@given(terms, st.integers(0, 1000))
def test_bases_give_the_expectation_value_of_any_observable(terms, seed):
    observable = SparsePauliOp.from_list(terms)
    state = random_statevector(8, seed=seed)
    found, constant = bases(QuantumCircuit(3), observable)
    tables = [
        state.evolve(basis.circuit).probabilities(list(basis.qubits))[None] for basis in found
    ]
    measured = expectations_from_probabilities(tables, found, constant, (1,))
    assert measured.values[0] == pytest.approx(state.expectation_value(observable).real, abs=1e-7)
    assert measured.stds[0] == 0


def test_only_the_qubits_of_the_observable_are_measured():
    found, constant = bases(QuantumCircuit(4), SparsePauliOp(["IZII"], [0.5]))
    assert constant == 0
    (basis,) = found
    assert basis.qubits == (2,)
    assert basis.eigenvalues.tolist() == [0.5, -0.5]
    circuit = basis.measured()
    assert circuit.count_ops() == {"measure": 1}
    assert circuit.cregs[0].name == "meas"
    assert [circuit.find_bit(bit).index for bit in circuit.data[0].qubits] == [2]


def test_first_qubit_is_bit_0_of_an_outcome():
    (basis,), _ = bases(QuantumCircuit(3), SparsePauliOp(["ZII", "IIZ"], [2.0, 1.0]))
    assert basis.qubits == (0, 2)
    assert basis.eigenvalues.tolist() == [3.0, 1.0, -1.0, -3.0]


def test_terms_that_commute_qubit_wise_share_a_basis():
    shared, _ = bases(QuantumCircuit(2), SparsePauliOp(["ZZ", "ZI", "IZ"]))
    apart, _ = bases(QuantumCircuit(2), SparsePauliOp(["ZZ", "XX", "YY"]))
    assert (len(shared), len(apart)) == (1, 3)


def test_identity_is_not_measured():
    found, constant = bases(QuantumCircuit(2), SparsePauliOp(["II", "II", "ZZ"], [1.0, 0.5, 1.0]))
    assert (len(found), constant) == (1, 1.5)
    found, constant = bases(QuantumCircuit(2), SparsePauliOp(["II"], [2.0]))
    assert (found, constant) == ([], 2.0)


def test_terms_that_cancel_are_not_measured():
    found, constant = bases(QuantumCircuit(1), SparsePauliOp(["Z", "X", "X"], [1.0, 1.0, -1.0]))
    assert len(found) == 1
    assert found[0].eigenvalues.tolist() == [1.0, -1.0]
    assert constant == 0


def test_y_is_turned_to_z():
    circuit = QuantumCircuit(1)
    circuit.h(0)
    circuit.s(0)
    (basis,), _ = bases(circuit, SparsePauliOp("Y"))
    assert Statevector(basis.circuit).probabilities() == pytest.approx([1, 0])


def test_the_circuit_handed_in_is_left_alone():
    circuit = QuantumCircuit(2)
    (basis,), _ = bases(circuit, SparsePauliOp("XX"))
    basis.measured()
    assert len(circuit.data) == 0
    assert not circuit.cregs
    assert not basis.circuit.cregs


def test_too_many_qubits_at_once():
    size = MAX_MEASURED_QUBITS
    bases(QuantumCircuit(size), SparsePauliOp("Z" * size))
    with pytest.raises(InputError, match=f"{size + 1} qubits at once"):
        bases(QuantumCircuit(size + 1), SparsePauliOp("Z" * (size + 1)))


def test_counts_table():
    table = counts_table(iter([{0: 3}, {3: 1, 1: 2}, {}]), size=4)
    assert table.tolist() == [[3, 0, 0, 0], [0, 2, 0, 1], [0, 0, 0, 0]]


@given(st.integers(0, 50), st.integers(0, 50))
def test_standard_error_of_a_pauli(up, down):
    number = up + down
    if number < 2:
        return
    found, _ = bases(QuantumCircuit(1), SparsePauliOp("Z"))
    measured = expectations_from_counts([np.array([[up, down]], float)], found, 0.0, (1,))
    f = (up - down) / number
    assert measured.values[0] == pytest.approx(f)
    assert measured.stds[0] == pytest.approx(math.sqrt((1 - f * f) / (number - 1)), abs=1e-9)


def test_standard_error_is_that_of_the_outcomes():
    found, constant = bases(QuantumCircuit(2), SparsePauliOp(["II", "IZ", "ZZ", "XX"], range(1, 5)))
    rng = np.random.default_rng(0)
    tables = [rng.integers(1, 30, (2, 4)).astype(float) for _ in found]
    measured = expectations_from_counts(tables, found, constant, (2,))
    for row in range(2):
        value, variance = constant, 0.0
        for basis, table in zip(found, tables, strict=True):
            outcomes = np.repeat(basis.eigenvalues, table[row].astype(int))
            value += outcomes.mean()
            variance += outcomes.var(ddof=1) / len(outcomes)
        assert measured.values[row] == pytest.approx(value)
        assert measured.stds[row] == pytest.approx(math.sqrt(variance))
    assert measured.cost == Cost(4, int(sum(table.sum() for table in tables)), 1)


def test_a_single_shot_has_no_standard_error():
    found, _ = bases(QuantumCircuit(1), SparsePauliOp("Z"))
    measured = expectations_from_counts([np.array([[1.0, 0.0], [0.0, 1.0]])], found, 0.0, (2,))
    assert measured.values.tolist() == [1, -1]
    assert np.isnan(measured.stds).all()


def test_shape_and_cost_of_exact_values():
    found, constant = bases(QuantumCircuit(1), SparsePauliOp(["Z", "X"]))
    tables = [np.tile([0.25, 0.75], (6, 1)), np.tile([1.0, 0.0], (6, 1))]
    measured = expectations_from_probabilities(tables, found, constant, (2, 3))
    assert measured.values.shape == measured.stds.shape == (2, 3)
    assert np.allclose(measured.values, 0.5)
    assert measured.cost == Cost(circuits=12, shots=0, jobs=1)


@pytest.mark.parametrize("qubits", [1, 2, 3])
def test_misread_is_the_product_of_the_confusions(qubits):
    rng = np.random.default_rng(qubits)
    confusion = [rng.dirichlet([1, 1], size=2) for _ in range(qubits)]
    probabilities = rng.dirichlet(np.ones(2**qubits), size=5)
    whole = np.eye(1)
    for matrix in confusion:
        whole = np.kron(matrix, whole)
    assert np.allclose(misread(probabilities, confusion), probabilities @ whole)

from functools import reduce

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.quantum_info import SparsePauliOp

from qnlr.circuits import OBSERVABLES, global_z, mean_z, variance, z
from qnlr.errors import InputError

PAULIS = {
    "I": np.eye(2),
    "X": np.array([[0, 1], [1, 0]]),
    "Y": np.array([[0, -1j], [1j, 0]]),
    "Z": np.diag([1, -1]),
}


def dense(label):
    return reduce(np.kron, [PAULIS[letter] for letter in label])


def z_on(qubit, qubits):
    return dense("".join("Z" if place == qubit else "I" for place in reversed(range(qubits))))


@pytest.mark.parametrize("qubits", [1, 2, 3, 5])
def test_observables_against_dense_matrices(qubits):
    for qubit in range(qubits):
        np.testing.assert_array_equal(z(qubits, qubit).to_matrix(), z_on(qubit, qubits))
    mean = sum(z_on(qubit, qubits) for qubit in range(qubits)) / qubits
    np.testing.assert_allclose(mean_z(qubits).to_matrix(), mean, rtol=0, atol=1e-15)
    np.testing.assert_array_equal(global_z(qubits).to_matrix(), dense("Z" * qubits))


def test_z_reads_qubit_0_by_default_and_qubit_0_is_the_lowest_bit():
    assert z(3) == z(3, qubit=0)
    np.testing.assert_array_equal(np.diag(z(2).to_matrix()).real, [1, -1, 1, -1])


def variance_by_traces(matrix):
    size = len(matrix)
    return (np.trace(matrix @ matrix) / size - (np.trace(matrix) / size) ** 2).real


COEFFICIENTS = st.floats(-2, 2).filter(lambda c: c == 0 or abs(c) > 1e-4)


@st.composite
def sums_of_paulis(draw):
    qubits = draw(st.integers(1, 3))
    label = st.text("IXYZ", min_size=qubits, max_size=qubits)
    return draw(st.lists(st.tuples(label, COEFFICIENTS), min_size=1, max_size=8))


@settings(max_examples=150, deadline=None)
@given(sums_of_paulis())
def test_variance_is_the_trace_formula(terms):
    matrix = sum(coefficient * dense(label) for label, coefficient in terms)
    expected = variance_by_traces(matrix)
    assert variance(SparsePauliOp.from_list(terms)) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ([("ZZ", 0.5), ("ZZ", 0.5)], 1.0),
        ([("XY", 1.0), ("XY", -1.0)], 0.0),
        ([("II", 3.0)], 0.0),
        ([("II", 3.0), ("IX", 2.0), ("YI", -1.0)], 5.0),
    ],
)
def test_variance_joins_repeated_terms_and_leaves_out_the_identity(terms, expected):
    assert variance(SparsePauliOp.from_list(terms)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("qubits", [1, 4, 6])
def test_variance_of_the_named_observables(qubits):
    assert variance(z(qubits, qubits - 1)) == 1
    assert variance(global_z(qubits)) == 1
    assert variance(mean_z(qubits)) == pytest.approx(1 / qubits, rel=1e-14)


@pytest.mark.parametrize("qubit", [-1, 3, 100])
def test_a_qubit_outside_is_named(qubit):
    with pytest.raises(InputError, match=f"qubit = {qubit} .*0 to 2"):
        z(3, qubit)


@pytest.mark.parametrize("name", sorted(OBSERVABLES))
@pytest.mark.parametrize("qubits", [0, -2, 1.5])
def test_bad_numbers_of_qubits_are_named(name, qubits):
    with pytest.raises(InputError, match=f"qubits = {qubits}"):
        OBSERVABLES[name](qubits)

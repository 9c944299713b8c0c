import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector
from qiskit.primitives import StatevectorEstimator
from qiskit.quantum_info import SparsePauliOp, Statevector
from qiskit_machine_learning.gradients import QFI, LinCombQGT

from qnlr.circuits import (
    VariationalCircuit,
    amplitude,
    angle,
    hardware_efficient,
    variational_circuit,
    z,
    zz,
)
from qnlr.diagnostics.quantum_fisher import quantum_fisher
from qnlr.errors import InputError
from qnlr.simulator import Simulator


def _model(circuit, angles=()):
    weights = tuple(one for one in circuit.parameters if one not in angles)
    observable = SparsePauliOp("Z" * circuit.num_qubits)
    return VariationalCircuit(circuit, tuple(angles), weights, observable, 1)


def _by_differences(model, weights, row, step=1e-5):
    def state(theta):
        values = dict(zip(model.parameters, [*row, *theta], strict=True))
        return Statevector(model.circuit.assign_parameters(values)).data

    steps = step * np.eye(len(weights))
    slopes = np.array([(state(weights + e) - state(weights - e)) / (2 * step) for e in steps])
    own = slopes.conj() @ state(weights)
    return 4 * np.real(slopes.conj() @ slopes.T - np.outer(own, own.conj()))


@pytest.mark.parametrize("layers", [1, 2])
def test_it_is_that_of_qiskit_machine_learning(layers):
    model = variational_circuit(angle(2, 2), hardware_efficient(2, layers), z(2))
    rng = np.random.default_rng(layers)
    weights, row = rng.uniform(-3, 3, len(model.weights)), rng.uniform(-3, 3, 2)
    bound = model.circuit.assign_parameters(dict(zip(model.angles, row, strict=True)))
    values = dict(zip(model.weights, weights, strict=True))
    reference = QFI(LinCombQGT(StatevectorEstimator(default_precision=0.0)))
    order = list(bound.parameters)
    expected = reference.run([bound], [[values[one] for one in order]], [order]).result().qfis[0]
    place = [order.index(one) for one in model.weights]
    found = quantum_fisher(model, weights, row[None])
    np.testing.assert_allclose(found, expected[np.ix_(place, place)], atol=1e-9)


@pytest.mark.parametrize("encoding", [amplitude(3, 3), angle(2, 3), zz(3, 3)])
def test_it_is_the_mean_over_samples(encoding):
    model = variational_circuit(encoding, hardware_efficient(3, 2), z(3))
    rng = np.random.default_rng(5)
    weights = rng.uniform(-3, 3, len(model.weights))
    angles = rng.uniform(-3, 3, (4, len(model.angles)))
    simulator = Simulator()
    found = quantum_fisher(model, weights, angles, simulator)
    each = [quantum_fisher(model, weights, row[None], simulator) for row in angles]
    np.testing.assert_allclose(found, np.mean(each, axis=0), atol=1e-12)
    np.testing.assert_allclose(each[0], _by_differences(model, weights, angles[0]), atol=1e-7)


@settings(max_examples=15, deadline=None)
@given(values=st.lists(st.floats(-3, 3), min_size=4, max_size=4))
def test_shared_weights_and_any_function_of_them(values):
    a, b, c, x = (Parameter(name) for name in "abcx")
    circuit = QuantumCircuit(3)
    circuit.h([0, 2])
    circuit.rx(2 * a + 1, 0)
    circuit.crz(a * b + x, 0, 1)
    circuit.rzz(b, 1, 2)
    circuit.p(c.sin(), 2)
    circuit.cp(c, 0, 2)
    circuit.ry(a, 1)
    circuit.cry(x * b, 2, 0)
    model = _model(circuit, (x,))
    weights, row = np.array(values[:3]), np.array(values[3:])
    found = quantum_fisher(model, weights, np.vstack([row, row + 0.5]))
    each = [_by_differences(model, weights, one) for one in (row, row + 0.5)]
    np.testing.assert_allclose(found, np.mean(each, axis=0), atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**20), qubits=st.integers(1, 4), layers=st.integers(1, 3))
def test_it_is_a_metric_whose_trace_is_bounded(seed, qubits, layers):
    model = _model(hardware_efficient(qubits, layers))
    weights = np.random.default_rng(seed).uniform(-np.pi, np.pi, len(model.weights))
    found = quantum_fisher(model, weights, np.zeros((1, 0)))
    eigenvalues = np.linalg.eigvalsh(found)
    assert np.array_equal(found, found.T)
    assert eigenvalues.min() > -1e-12
    assert (np.diag(found) < 1 + 1e-12).all()  # the variance of a Pauli is at most 1
    assert (eigenvalues > 1e-9).sum() <= 2 ** (qubits + 1) - 2


def test_the_order_is_that_of_the_weights_whatever_they_are_called():
    names = [Parameter(name) for name in ("z", "a", "m")]
    circuit = QuantumCircuit(1)
    circuit.ry(names[0], 0)
    circuit.rz(names[1], 0)
    circuit.rx(names[2], 0)
    model = VariationalCircuit(circuit, (), tuple(names), z(1), 1)
    found = quantum_fisher(model, np.array([0.4, 0.3, 0.2]), np.zeros((1, 0)))
    np.testing.assert_allclose(np.diag(found)[:2], [1.0, np.sin(0.4) ** 2], atol=1e-12)


def test_a_weight_on_a_qubit_of_its_own_counts_whatever_is_observed():
    theta = ParameterVector("θ", 2)
    circuit = QuantumCircuit(4)
    circuit.ry(theta[0], 3)
    circuit.ry(theta[1], 1)
    model = VariationalCircuit(circuit, (), tuple(theta), z(4), 1)
    np.testing.assert_allclose(
        quantum_fisher(model, np.zeros(2), np.zeros((1, 0))), np.eye(2), atol=1e-12
    )


def test_pieces_of_a_batch_add_up(monkeypatch):
    model = variational_circuit(angle(2, 2), hardware_efficient(2, 1), z(2))
    weights, angles = np.linspace(-1, 1, 6), np.linspace(-2, 2, 10).reshape(5, 2)
    whole = quantum_fisher(model, weights, angles)
    monkeypatch.setattr("qnlr.diagnostics.quantum_fisher.AT_ONCE", 60)
    np.testing.assert_allclose(quantum_fisher(model, weights, angles), whole, atol=1e-12)


@pytest.mark.parametrize(
    ("weights", "angles", "said"),
    [
        (np.zeros(5), np.zeros((1, 2)), r"\(5,\)"),
        (np.zeros(6), np.zeros((1, 3)), r"\(B, 2\)"),
        (np.zeros(6), np.zeros(2), r"\(2,\)"),
        (np.zeros(6), np.zeros((0, 2)), "no sample"),
    ],
)
def test_what_does_not_fit_is_refused(weights, angles, said):
    model = variational_circuit(angle(2, 2), hardware_efficient(2, 1), z(2))
    with pytest.raises(InputError, match=said):
        quantum_fisher(model, weights, angles)

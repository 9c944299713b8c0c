import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.circuit.library import zz_feature_map
from qiskit.quantum_info import SparsePauliOp, Statevector, state_fidelity

from qnlr.circuits import ENCODINGS, amplitude, angle, zz
from qnlr.errors import InputError

PLACES = [
    (2, 1, None),
    (2, 3, (2,)),
    (3, 2, None),
    (3, 2, (1, 0)),
    (4, 4, (3, 1)),
    (5, 3, None),
    (5, 4, (3, 0, 2)),
    (8, 6, (5, 3, 1)),
    (9, 4, (1, 3, 0, 2)),
    (16, 4, None),
    (16, 4, (3, 2, 1, 0)),
    (33, 6, None),
    (64, 6, (4, 0, 5, 2, 1, 3)),
]


def state(encoding, row):
    angles = encoding.angles_from(np.array([row], dtype=float))
    return Statevector(encoding.circuit.assign_parameters(angles[0]))


def padded(row, qubits, where):
    """Amplitude j belongs on the basis state whose bit k is qubit where[k]."""
    vector = np.zeros(2**qubits)
    norm = math.hypot(*row)
    for j, value in enumerate(row):
        vector[sum((j >> k & 1) << qubit for k, qubit in enumerate(where))] = value / norm
    return Statevector(vector)


def assert_amplitudes(row, qubits, data_qubits):
    encoding = amplitude(len(row), qubits, data_qubits)
    expected = padded(row, qubits, encoding.data_qubits)
    np.testing.assert_allclose(state(encoding, row).data, expected.data, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("features", "qubits", "data_qubits"), PLACES)
def test_amplitudes_are_the_padded_normalised_features(features, qubits, data_qubits):
    rng = np.random.default_rng(features)
    assert_amplitudes(rng.normal(size=features), qubits, data_qubits)
    assert_amplitudes(-rng.random(features), qubits, data_qubits)
    assert_amplitudes(np.eye(features)[features - 1], qubits, data_qubits)
    assert_amplitudes(-np.eye(features)[0], qubits, data_qubits)


@st.composite
def rows_and_places(draw):
    qubits = draw(st.integers(1, 4))
    features = draw(st.integers(2, 2**qubits))
    where = draw(st.permutations(range(qubits)))[: (features - 1).bit_length()]
    sizes = st.one_of(st.just(0.0), st.floats(1e-300, 1e307), st.floats(0.1, 10.0))
    value = st.builds(math.copysign, sizes, st.sampled_from([-1.0, 1.0]))
    return draw(st.lists(value, min_size=features, max_size=features).filter(any)), qubits, where


@settings(max_examples=150, deadline=None)
@given(rows_and_places())
def test_amplitudes_for_zeros_signs_tiny_and_huge_features(case):
    row, qubits, where = case
    assert_amplitudes(row, qubits, where)


def test_amplitudes_of_the_smallest_and_largest_floats():
    for size in (5e-324, 1.7e308):
        amplitudes = state(amplitude(3, 2), [size, 0.0, -size]).data
        np.testing.assert_allclose(amplitudes, [0.5**0.5, 0, -(0.5**0.5), 0], rtol=0, atol=1e-14)


def test_amplitudes_are_little_endian():
    np.testing.assert_allclose(state(amplitude(4, 2), [0, 1, 0, 0]).data, [0, 1, 0, 0], atol=1e-15)
    turned = state(amplitude(4, 2, data_qubits=(1, 0)), [0, 1, 0, 0])
    np.testing.assert_allclose(turned.data, [0, 0, 1, 0], atol=1e-15)


@pytest.mark.parametrize(("features", "qubits", "data_qubits"), PLACES)
def test_amplitude_encoding_is_even(features, qubits, data_qubits):
    encoding = amplitude(features, qubits, data_qubits)
    row = np.random.default_rng(features).normal(size=features)
    assert state_fidelity(state(encoding, row), state(encoding, -row)) == pytest.approx(
        1, abs=1e-12
    )
    other = row * np.where(np.arange(features) == 0, -1, 1)
    assert state_fidelity(state(encoding, row), state(encoding, other)) < 0.9999


@pytest.mark.parametrize(("features", "qubits", "data_qubits"), PLACES)
def test_amplitude_circuit_is_a_tree_of_ry_and_cx(features, qubits, data_qubits):
    encoding = amplitude(features, qubits, data_qubits)
    m = math.ceil(math.log2(features))
    assert encoding.circuit.num_parameters == 2**m - 1
    assert encoding.angles_from(np.ones((5, features))).shape == (5, 2**m - 1)
    assert encoding.circuit.count_ops() == {"ry": 2**m - 1} | ({"cx": 2**m - 2} if m > 1 else {})
    touched = {encoding.circuit.find_bit(q).index for s in encoding.circuit.data for q in s.qubits}
    assert touched == set(encoding.data_qubits) == set(data_qubits or range(m))


@pytest.mark.parametrize("make", [lambda: amplitude(5, 3), lambda: angle(5, 5), lambda: zz(5, 5)])
def test_a_batch_is_its_rows(make):
    encoding = make()
    rows = np.random.default_rng(3).normal(size=(7, 5))
    one_by_one = np.vstack([encoding.angles_from(row[None]) for row in rows])
    np.testing.assert_allclose(encoding.angles_from(rows), one_by_one, rtol=0, atol=1e-14)
    assert encoding.angles_from(rows[:0]).shape == (0, encoding.circuit.num_parameters)


@pytest.mark.parametrize("repetitions", [1, 2, 3])
@pytest.mark.parametrize(("features", "qubits"), [(2, 2), (2, 4), (3, 3), (4, 5)])
def test_zz_is_the_state_of_qiskits_feature_map(features, qubits, repetitions):
    row = np.random.default_rng(features).uniform(-3, 3, features)
    theirs = Statevector(zz_feature_map(features, reps=repetitions).assign_parameters(row))
    expected = np.kron(np.eye(2 ** (qubits - features))[0], theirs.data)
    ours = state(zz(features, qubits, repetitions), row).data
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-12)


def test_zz_repeats_twice_by_default():
    once, twice = zz(2, 2, 1).circuit.count_ops(), zz(2, 2).circuit.count_ops()
    assert twice == {gate: 2 * count for gate, count in once.items()}


def test_zz_is_a_diagonal_of_z_and_zz_phases_with_a_minus_sign():
    row = np.array([0.3, 1.1])
    z0, z1 = np.array([1, -1, 1, -1]), np.array([1, 1, -1, -1])
    phases = row[0] * z0 + row[1] * z1 + (np.pi - row[0]) * (np.pi - row[1]) * z0 * z1
    expected = Statevector(np.exp(-1j * phases) / 2)
    fidelity = state_fidelity(state(zz(2, 2, repetitions=1), row), expected)
    assert fidelity == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(("features", "qubits"), [(1, 1), (1, 3), (3, 3), (4, 6)])
def test_angle_encoding_has_z_equal_to_cos_x_and_x_equal_to_sin_x(features, qubits):
    row = np.random.default_rng(features).uniform(-7, 7, features)
    ours = state(angle(features, qubits), row)
    for qubit in range(qubits):
        x = row[qubit] if qubit < features else 0.0
        for pauli, expected in (("Z", math.cos(x)), ("X", math.sin(x)), ("Y", 0.0)):
            term = SparsePauliOp.from_sparse_list([(pauli, [qubit], 1.0)], num_qubits=qubits)
            assert ours.expectation_value(term).real == pytest.approx(expected, abs=1e-12)


def test_zero_rows_are_named_and_only_amplitude_minds():
    rows = np.array([[1.0, 0.0], [0.0, 0.0], [0.0, -0.0]])
    with pytest.raises(InputError, match="row 1 is zero"):
        amplitude(2, 1).angles_from(rows)
    np.testing.assert_array_equal(angle(2, 2).angles_from(rows), rows)


@pytest.mark.parametrize("name", sorted(ENCODINGS))
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_rows_that_are_not_finite_are_named(name, bad):
    rows = np.ones((4, 3))
    rows[2, 1] = bad
    with pytest.raises(InputError, match="row 2 holds a NaN or an infinity"):
        ENCODINGS[name](3, 3).angles_from(rows)


@pytest.mark.parametrize("name", sorted(ENCODINGS))
@pytest.mark.parametrize("shape", [(3,), (4, 2), (4, 4), (2, 2, 3)])
def test_samples_of_another_shape_are_named(name, shape):
    with pytest.raises(InputError, match=re.escape(f"shape {shape}")):
        ENCODINGS[name](3, 3).angles_from(np.ones(shape))


@pytest.mark.parametrize(
    ("name", "features", "qubits"), [("amplitude", 9, 3), ("angle", 4, 3), ("zz", 4, 3)]
)
def test_too_many_features_are_named(name, features, qubits):
    with pytest.raises(InputError, match=f"features d = {features} do not fit {qubits} qubits"):
        ENCODINGS[name](features, qubits)


@pytest.mark.parametrize("where", [(), (0,), (0, 1, 2), (1, 1), (0, 4), (-1, 0)])
def test_wrong_data_qubits_are_named(where):
    with pytest.raises(InputError, match=re.escape(f"data_qubits = {list(where)}")):
        amplitude(4, 4, data_qubits=where)


@pytest.mark.parametrize(("name", "low"), [("amplitude", 2), ("angle", 1), ("zz", 2)])
def test_counts_below_the_lowest_are_named(name, low):
    with pytest.raises(InputError, match=f"features = {low - 1} "):
        ENCODINGS[name](low - 1, 3)
    with pytest.raises(InputError, match="qubits"):
        ENCODINGS[name](low, 0)
    with pytest.raises(InputError, match="repetitions = 0"):
        zz(2, 2, repetitions=0)

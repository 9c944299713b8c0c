import numpy as np
import pytest
from qiskit.circuit.library import zz_feature_map
from qiskit.quantum_info import Statevector
from qiskit_machine_learning.datasets import ad_hoc_data
from qiskit_machine_learning.utils import algorithm_globals

from qnlr.data import ad_hoc as load
from qnlr.data.ad_hoc import GRID, feature_state, random_observable
from qnlr.errors import InputError


def ad_hoc(data_seed=0, split_seed=1, **settings):
    generators = np.random.default_rng(data_seed), np.random.default_rng(split_seed)
    return load(*generators, **settings)


def of_class(data, label):
    rows = np.vstack([data.train.features, data.test.features])
    return rows[np.concatenate([data.train.labels, data.test.labels]) == label]


def ordered(rows):
    return rows[np.lexsort(np.asarray(rows).T)]


def theirs(seed, qubits, gap, count):
    algorithm_globals.random_seed = seed
    points, labels, _, _ = ad_hoc_data(count, 0, qubits, gap, one_hot=False)
    return points[labels == 0], points[labels == 1]


@pytest.mark.parametrize("qubits", [2, 3])
@pytest.mark.parametrize("gap", [0.0, 0.3])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_points_are_those_of_qiskit(seed, qubits, gap):
    for count in (10, 9, 8, 7, 6, 5):  # until Qiskit repeats no point
        high, low = theirs(seed, qubits, gap, count)
        if len(np.unique(high, axis=0)) == len(np.unique(low, axis=0)) == count:
            break
    assert len(np.unique(high, axis=0)) == len(np.unique(low, axis=0)) == count
    data = ad_hoc(seed, qubits=qubits, gap=gap, samples=2 * count, encoded=False)
    np.testing.assert_allclose(ordered(of_class(data, 1)), ordered(high), rtol=0, atol=1e-14)
    np.testing.assert_allclose(ordered(of_class(data, -1)), ordered(low), rtol=0, atol=1e-14)


def test_where_qiskit_repeats_points_they_are_taken_once():
    high, _ = theirs(0, 2, 0.3, 400)
    unique = {tuple(point) for point in high}
    assert len(unique) < 400
    mine = of_class(ad_hoc(0, samples=1000, encoded=False), 1)
    assert unique <= {tuple(point) for point in mine}
    assert len(np.unique(mine, axis=0)) == len(mine) == 500


@pytest.mark.parametrize("qubits", [1, 2, 3, 4])
def test_the_state_is_that_of_the_zz_feature_map(qubits):
    points = np.random.default_rng(0).uniform(0, 2 * np.pi, size=(5, qubits))
    for point, state in zip(points, feature_state(points), strict=True):
        if qubits == 1:
            reference = _by_matrices(point)
        else:
            circuit = zz_feature_map(qubits, reps=2, parameter_prefix="x")
            bound = circuit.assign_parameters(point)
            reference = Statevector(bound.reverse_bits()).data.conj()
        assert abs(np.vdot(reference, state)) == pytest.approx(1, abs=1e-12)


def _by_matrices(point):
    hadamard = np.array([[1, 1], [1, -1]]) / np.sqrt(2)
    turn = np.diag(np.exp(1j * point[0] * np.array([1, -1])))
    return turn @ hadamard @ turn @ hadamard @ np.array([1, 0])


@pytest.mark.parametrize("qubits", [1, 2, 3, 5, 7])
def test_the_observable_is_a_parity_in_another_basis(qubits):
    observable = random_observable(qubits, np.random.default_rng(0))
    np.testing.assert_allclose(observable, observable.conj().T, atol=1e-9)
    np.testing.assert_allclose(observable @ observable, np.eye(2**qubits), atol=1e-9)
    assert abs(np.trace(observable)) < 1e-9


@pytest.mark.parametrize(("qubits", "gap"), [(2, 0.3), (2, 0.0), (3, 0.3), (4, 0.3), (5, 0.2)])
def test_classes_are_even_distinct_and_apart(qubits, gap):
    data = ad_hoc(3, qubits=qubits, gap=gap, samples=201)
    observable = random_observable(qubits, np.random.default_rng(3))
    low, high = of_class(data, -1), of_class(data, 1)
    assert (len(low), len(high)) == (101, 100)
    assert len(np.unique(np.vstack([low, high]).round(12), axis=0)) == 201
    for rows, sign in ((low, -1), (high, 1)):
        states = rows[:, : 2**qubits] + 1j * rows[:, 2**qubits :]
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-12)
        value = np.einsum("na,ab,nb->n", states.conj(), observable, states).real
        assert (sign * value > gap).all()


def test_features_are_states_of_the_points():
    points, states = ad_hoc(encoded=False), ad_hoc()
    psi = feature_state(points.test.features)
    np.testing.assert_allclose(states.test.features, np.hstack([psi.real, psi.imag]), atol=1e-14)
    assert (points.features, states.features) == (2, 8)
    np.testing.assert_array_equal(points.train.labels, states.train.labels)
    assert "the ZZ feature state" in states.source
    assert "features x" in points.source


@pytest.mark.parametrize("qubits", [2, 3])
def test_points_lie_on_the_grid(qubits):
    step = 2 * np.pi / GRID[qubits]
    cells = ad_hoc(qubits=qubits, samples=100, encoded=False).train.features / step
    np.testing.assert_allclose(cells, cells.round(), atol=1e-10)
    assert cells.min() >= 0
    assert cells.max() < GRID[qubits]


def test_a_gap_that_nothing_has_is_named():
    with pytest.raises(
        InputError, match=r"gap = 0\.99 .* 20 samples on 2 qubits; 10,000 points hold 0"
    ):
        ad_hoc(gap=0.99, samples=20)


@pytest.mark.parametrize(("qubits", "gap"), [(4, 0.99), (7, 0.6)])
def test_tries_are_bounded(qubits, gap):
    with pytest.raises(InputError, match=f"20 samples on {qubits} qubits; 4,000 points hold"):
        ad_hoc(qubits=qubits, gap=gap, samples=20)


def test_more_samples_than_grid_points_are_refused():
    with pytest.raises(InputError, match="lower the gap or the number of samples"):
        ad_hoc(qubits=3, samples=9000)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"qubits": 0}, "qubits = 0"),
        ({"qubits": 8}, "qubits = 8"),
        ({"gap": -0.1}, "gap = -0.1"),
        ({"gap": 1.1}, "gap = 1.1"),
        ({"samples": 9}, "samples = 9"),
    ],
)
def test_bad_settings_are_named(settings, message):
    with pytest.raises(InputError, match=message):
        ad_hoc(**settings)

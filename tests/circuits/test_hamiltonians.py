import math

import numpy as np
import pytest
from qiskit.quantum_info import SparsePauliOp

from qnlr.circuits import (
    HAMILTONIANS,
    Graph,
    complete,
    ground_energy,
    h2,
    heisenberg,
    lih,
    maxcut,
    maximum_cut,
    random_cut,
    random_regular,
    ring,
    transverse_ising,
    variance,
)
from qnlr.errors import InputError


def free_fermions_open(qubits, coupling, field):
    """Minus the sum of the singular values of the bidiagonal matrix of field and coupling."""
    matrix = field * np.eye(qubits) + coupling * np.eye(qubits, k=1)
    return -np.linalg.svd(matrix, compute_uv=False).sum()


def free_fermions_periodic(qubits, coupling, field):
    momenta = (2 * np.arange(qubits) + 1) * np.pi / qubits
    squares = coupling**2 + field**2 - 2 * coupling * field * np.cos(momenta)
    return -np.sqrt(squares).sum()


@pytest.mark.parametrize("qubits", [2, 3, 6, 9])
@pytest.mark.parametrize(("coupling", "field"), [(1.0, 1.0), (1.0, 0.3), (0.4, 1.7), (-1.0, 0.8)])
def test_the_open_ising_chain_is_free_fermions(qubits, coupling, field):
    found = ground_energy(transverse_ising(qubits, coupling, field))
    assert found == pytest.approx(free_fermions_open(qubits, coupling, field), abs=1e-9)


@pytest.mark.parametrize("qubits", [3, 4, 7, 10])
@pytest.mark.parametrize(("coupling", "field"), [(1.0, 1.0), (1.0, 0.3), (0.4, 1.7)])
def test_the_periodic_ising_chain_is_free_fermions(qubits, coupling, field):
    found = ground_energy(transverse_ising(qubits, coupling, field, periodic=True))
    assert found == pytest.approx(free_fermions_periodic(qubits, coupling, field), abs=1e-9)


@pytest.mark.parametrize("qubits", [2, 8, 12])
def test_the_critical_ising_chain_in_closed_form(qubits):
    expected = 1 - 1 / math.sin(math.pi / (2 * (2 * qubits + 1)))
    assert ground_energy(transverse_ising(qubits)) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("coupling", [0.5, 1.0, 2.5])
def test_two_spins_of_heisenberg_are_a_singlet(coupling):
    operator = heisenberg(2, coupling, coupling, coupling)
    assert ground_energy(operator) == pytest.approx(-3 * coupling, abs=1e-12)
    levels = np.linalg.eigvalsh(operator.to_matrix())
    np.testing.assert_allclose(levels[1:], coupling, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("qubits", "periodic", "energy"),
    # S·S is a quarter of these; that of 16 spins is a usual check of DMRG programs.
    [(3, False, -4.0), (4, True, -8.0), (16, False, 4 * -6.9117371455749)],
)
def test_heisenberg_chains_against_known_energies(qubits, periodic, energy):
    found = ground_energy(heisenberg(qubits, periodic=periodic))
    assert found == pytest.approx(energy, abs=1e-8)


def test_couplings_and_field_of_heisenberg_stand_at_their_paulis():
    operator = heisenberg(3, jx=0.1, jy=0.2, jz=0.3, field=0.4)
    terms = dict(operator.to_list())
    assert terms == {
        **{"IXX": 0.1, "IYY": 0.2, "IZZ": 0.3, "XXI": 0.1, "YYI": 0.2, "ZZI": 0.3},
        **{"IIZ": 0.4, "IZI": 0.4, "ZII": 0.4},
    }
    assert ground_energy(heisenberg(4, 0.0, 0.0, 0.0, field=-0.7)) == pytest.approx(-2.8)
    assert len(heisenberg(4, jx=0.0, jy=0.0)) == 3


@pytest.mark.parametrize("graph", [ring(5, 0.7), complete(6, seed=1), random_regular(8, seed=2)])
def test_the_energy_of_a_basis_state_is_minus_its_cut(graph):
    diagonal = maxcut(graph).to_matrix(sparse=True).diagonal().real
    for state in range(2**graph.nodes):
        cut = sum(w for i, j, w in graph.edges if (state >> i & 1) != (state >> j & 1))
        assert diagonal[state] == pytest.approx(-cut, abs=1e-12)
    assert ground_energy(maxcut(graph)) == pytest.approx(-maximum_cut(graph), abs=1e-12)
    assert diagonal.mean() == pytest.approx(-random_cut(graph), abs=1e-12)


def by_traces(operator):
    matrix = operator.to_matrix()
    size = len(matrix)
    return (np.trace(matrix @ matrix) / size - (np.trace(matrix) / size) ** 2).real


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        (transverse_ising(5, 0.6, 1.1), 4 * 0.6**2 + 5 * 1.1**2),
        (transverse_ising(5, 0.6, 1.1, periodic=True), 5 * 0.6**2 + 5 * 1.1**2),
        (heisenberg(4, 0.5, 0.6, 0.7, field=0.8), 3 * (0.25 + 0.36 + 0.49) + 4 * 0.64),
        (maxcut(ring(5, 3.0)), 5 * 1.5**2),
        (h2(), None),
        (h2(4, repulsion=False), None),
        (lih(), None),
        (lih(6), None),
    ],
)
def test_the_variance_of_equation_10_is_that_of_the_traces(operator, expected):
    assert variance(operator) == pytest.approx(by_traces(operator), abs=1e-9)
    if expected is not None:
        assert variance(operator) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", sorted(HAMILTONIANS))
def test_every_hamiltonian_is_hermitian_on_its_qubits(name):
    operator = HAMILTONIANS[name](4)
    assert isinstance(operator, SparsePauliOp)
    assert operator.num_qubits == 4
    assert not operator.coeffs.imag.any()
    assert len(operator.simplify()) == len(operator)
    with pytest.raises(InputError, match="qubits = "):
        HAMILTONIANS[name](1)


def test_bad_settings_are_named():
    with pytest.raises(InputError, match="coupling = nan"):
        transverse_ising(3, coupling=math.nan)
    with pytest.raises(InputError, match="jz = inf"):
        heisenberg(3, jz=math.inf)
    with pytest.raises(InputError, match=r"qubits = 2 .*at least 3"):
        transverse_ising(2, periodic=True)
    with pytest.raises(InputError, match="all coefficients are 0"):
        transverse_ising(3, 0.0, 0.0)
    with pytest.raises(InputError, match="all coefficients are 0"):
        maxcut(Graph(3, ()))


def test_the_ground_energy_says_what_it_cannot_do():
    with pytest.raises(InputError, match=r"qubits = 17 .*at most 16"):
        ground_energy(transverse_ising(17))
    with pytest.raises(InputError, match="not Hermitian"):
        ground_energy(SparsePauliOp(["X"], [1j]))


def test_the_ground_energy_is_the_same_each_time():
    operator = heisenberg(9, field=0.2)
    assert ground_energy(operator) == ground_energy(operator)


def test_a_complex_hamiltonian_by_lanczos_and_a_constant():
    operator = SparsePauliOp.from_sparse_list(
        [("XY", [q, q + 1], 0.5) for q in range(6)] + [("Z", [q], 0.3) for q in range(7)], 7
    )
    dense = np.linalg.eigvalsh(operator.to_matrix())[0]
    assert ground_energy(operator) == pytest.approx(dense, abs=1e-10)
    assert ground_energy(SparsePauliOp("III", 2.5)) == 2.5

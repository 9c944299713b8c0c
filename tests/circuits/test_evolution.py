import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import Operator, SparsePauliOp, Statevector
from scipy.linalg import expm

from qnlr.circuits import (
    hamiltonian_variational,
    heisenberg,
    lih,
    listed,
    maxcut,
    qaoa,
    require_shift_rule,
    ring,
    transverse_ising,
    untied,
)
from qnlr.circuits.untied import GATES
from qnlr.errors import InputError

PLUS = np.full(8, 1 / np.sqrt(8))


def overlap(circuit, values, expected):
    found = Statevector(circuit.assign_parameters(values)).data
    return abs(np.vdot(found, expected))


def test_the_variational_ansatz_of_the_ising_chain_as_a_product_of_exponentials():
    coupling = transverse_ising(3, 0.6, 0.0).to_matrix()
    field = transverse_ising(3, 0.0, 1.3).to_matrix()
    values = np.random.default_rng(0).uniform(-2, 2, 4)
    state = PLUS
    for layer in range(2):
        state = expm(-1j * values[2 * layer] * coupling) @ state
        state = expm(-1j * values[2 * layer + 1] * field) @ state
    ansatz = hamiltonian_variational(3, 2, hamiltonian=transverse_ising(3, 0.6, 1.3))
    assert overlap(ansatz, values, state) == pytest.approx(1, abs=1e-12)


def test_the_parts_of_the_heisenberg_chain_are_its_even_and_odd_bonds():
    """Singlets are the ground state of one part, and the total spin stays 0."""
    operator = heisenberg(4)
    ansatz = hamiltonian_variational(4, 1, hamiltonian=operator, start="singlets")
    assert ansatz.num_parameters == 2
    start = Statevector(ansatz.assign_parameters([0.0, 0.0]))
    assert start.expectation_value(operator).real == pytest.approx(-6, abs=1e-12)
    total = sum(
        (
            SparsePauliOp.from_sparse_list([(f"{p}{p}", [i, j], 1.0)], num_qubits=4)
            for p in "XYZ"
            for i in range(4)
            for j in range(i)
        ),
        start=SparsePauliOp("IIII", 6.0),
    )
    turned = Statevector(ansatz.assign_parameters([0.4, -0.3]))
    assert turned.expectation_value(total).real == pytest.approx(0, abs=1e-12)
    assert turned.expectation_value(operator).real > -6.46410162


def test_qaoa_as_a_product_of_exponentials():
    cost = maxcut(listed(3, [[0, 1, 0.7], [1, 2, 1.4], [0, 2, 0.3]])).to_matrix()
    mixer = sum(SparsePauliOp(label).to_matrix() for label in ("IIX", "IXI", "XII"))
    values = np.random.default_rng(1).uniform(-2, 2, 4)
    state = PLUS
    for layer in range(2):
        state = expm(-1j * values[2 * layer] * cost) @ state
        state = expm(-1j * values[2 * layer + 1] * mixer) @ state
    graph = listed(3, [[0, 1, 0.7], [1, 2, 1.4], [0, 2, 0.3]])
    assert overlap(qaoa(3, 2, hamiltonian=maxcut(graph)), values, state) == pytest.approx(1)


def test_weights_beyond_ten_stand_in_their_order():
    cost = maxcut(ring(3))
    ansatz = qaoa(3, 12, hamiltonian=cost)
    assert [p.name for p in ansatz.parameters] == [f"θ[{k}]" for k in range(24)]
    values = np.random.default_rng(2).uniform(-1, 1, 24)
    state, mixer = PLUS, sum(SparsePauliOp(x).to_matrix() for x in ("IIX", "IXI", "XII"))
    for gamma, beta in values.reshape(12, 2):
        state = expm(-1j * beta * mixer) @ expm(-1j * gamma * cost.to_matrix()) @ state
    assert overlap(ansatz, values, state) == pytest.approx(1, abs=1e-10)


@pytest.mark.parametrize(
    "ansatz",
    [
        hamiltonian_variational(4, 3, hamiltonian=lih()),
        hamiltonian_variational(4, 3, hamiltonian=heisenberg(4, field=0.2), start="zero"),
        qaoa(4, 3, hamiltonian=maxcut(ring(4))),
    ],
    ids=["lih", "heisenberg", "qaoa"],
)
def test_gates_and_metadata(ansatz):
    assert set(ansatz.count_ops()) <= set(GATES)
    assert ansatz.metadata == {"layers": 3}
    assert ansatz.num_parameters % 3 == 0


def test_without_ties_every_rotation_is_a_weight_of_its_own():
    operator = heisenberg(4, field=0.3)
    tied = hamiltonian_variational(4, 2, hamiltonian=operator, start="singlets")
    free = hamiltonian_variational(4, 2, hamiltonian=operator, start="singlets", tied=False)
    require_shift_rule(free, free.parameters)
    assert [p.name for p in free.parameters] == [f"θ[{k}]" for k in range(free.num_parameters)]
    assert free.metadata == {"layers": 2}
    values = np.random.default_rng(3).uniform(-1, 1, tied.num_parameters)
    same = free.assign_parameters(untied(tied).angles(values))
    assert Operator(same).equiv(Operator(tied.assign_parameters(values)))


def test_starts():
    operator = transverse_ising(2)
    states = {
        "plus": [0.5, 0.5, 0.5, 0.5],
        "zero": [1, 0, 0, 0],
        "singlets": np.array([0, 1, -1, 0]) / np.sqrt(2),
    }
    for start, state in states.items():
        ansatz = hamiltonian_variational(2, 1, hamiltonian=operator, start=start)
        assert overlap(ansatz, [0.0, 0.0], state) == pytest.approx(1, abs=1e-12)


def test_a_constant_in_the_hamiltonian_changes_no_gate():
    with_it = maxcut(ring(4))
    without = with_it[np.flatnonzero((with_it.paulis.z | with_it.paulis.x).any(axis=1))]
    first, second = (qaoa(4, 1, hamiltonian=one) for one in (with_it, without))
    values = [0.3, 0.8]
    assert Operator(first.assign_parameters(values)).equiv(
        Operator(second.assign_parameters(values))
    )
    assert first.size() == second.size()


@pytest.mark.parametrize("build", [hamiltonian_variational, qaoa])
def test_bad_arguments_are_named(build):
    operator = maxcut(ring(4)) if build is qaoa else transverse_ising(4)
    with pytest.raises(InputError, match=r"qubits = 3 .*acts on 4"):
        build(3, 1, hamiltonian=operator)
    with pytest.raises(InputError, match="layers = 0"):
        build(4, 0, hamiltonian=operator)
    with pytest.raises(InputError, match="constant"):
        build(2, 1, hamiltonian=SparsePauliOp("II"))


def test_hamiltonians_that_do_not_fit_are_named():
    with pytest.raises(InputError, match="sum of products of Z"):
        qaoa(3, 1, hamiltonian=transverse_ising(3))
    with pytest.raises(InputError, match="all its terms commute; use qaoa"):
        hamiltonian_variational(4, 1, hamiltonian=maxcut(ring(4)))
    with pytest.raises(InputError, match='start "singlet" is not known; did you mean "singlets"'):
        hamiltonian_variational(4, 1, hamiltonian=heisenberg(4), start="singlet")
    with pytest.raises(InputError, match="3 qubits"):
        hamiltonian_variational(3, 1, hamiltonian=heisenberg(3), start="singlets")


def test_qaoa_is_qiskits_own_up_to_the_names():
    from qiskit.circuit.library import qaoa_ansatz

    cost = maxcut(ring(4))
    theirs = qaoa_ansatz(cost, reps=2)
    bound = theirs.assign_parameters([0.1, 0.2, 0.3, 0.4])  # β₁, β₂, γ₁, γ₂
    ours = qaoa(4, 2, hamiltonian=cost).assign_parameters([0.3, 0.1, 0.4, 0.2])
    assert isinstance(ours, QuantumCircuit)
    assert Operator(ours).equiv(Operator(bound))

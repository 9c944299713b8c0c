import numpy as np
import pytest
from qiskit.quantum_info import SparsePauliOp

from qnlr.circuits import ground_energy, h2, lih, molecule
from qnlr.errors import InputError

MAPPINGS = [(h2, "h2", 2), (h2, "h2", 4), (lih, "lih", 4), (lih, "lih", 6)]


def test_hydrogen_is_that_of_the_qiskit_documentation():
    # qiskit-algorithms, "An Introduction to Algorithms using Qiskit".
    written = SparsePauliOp(
        ["II", "IZ", "ZI", "ZZ", "XX"],
        [-1.0523732457, 0.3979374248, -0.3979374248, -0.0112801043, 0.1809311998],
    )
    assert np.abs((h2(repulsion=False) - written).simplify().coeffs).max() < 5e-8
    assert ground_energy(h2(repulsion=False)) == pytest.approx(-1.85727503, abs=1e-8)


def test_hydrogen_has_the_energy_of_the_literature():
    assert ground_energy(h2()) == pytest.approx(-1.137306, abs=1e-6)
    assert ground_energy(h2(4)) == pytest.approx(-1.137306, abs=1e-6)


def test_lithium_hydride_lies_between_hartree_fock_and_full_ci():
    found = molecule("lih", 4)
    # Full CI of LiH in STO-3G near its bond length is -7.8824 in the literature.
    assert found.full_ci == pytest.approx(-7.8824, abs=5e-5)
    assert found.full_ci < found.ground_energy < found.hartree_fock
    assert found.ground_energy - found.full_ci < 1.6e-3


@pytest.mark.parametrize(("make", "name", "qubits"), MAPPINGS)
def test_every_mapping_has_the_ground_energy_found_without_qubits(make, name, qubits):
    found, operator = molecule(name, qubits), make(qubits)
    assert operator.num_qubits == qubits
    assert ground_energy(operator) == pytest.approx(found.ground_energy, abs=1e-8)


@pytest.mark.parametrize(("make", "name", "qubits"), MAPPINGS)
def test_the_best_basis_state_is_that_of_hartree_fock(make, name, qubits):
    diagonal = make(qubits).to_matrix(sparse=True).diagonal().real
    assert diagonal.min() == pytest.approx(molecule(name, qubits).hartree_fock, abs=1e-8)


@pytest.mark.parametrize(("make", "name", "qubits"), MAPPINGS)
def test_the_repulsion_is_a_constant(make, name, qubits):
    found = molecule(name, qubits)
    constant = (make(qubits) - make(qubits, repulsion=False)).simplify()
    assert constant.paulis.to_labels() == ["I" * qubits]
    assert constant.coeffs[0].real == pytest.approx(found.nuclear_repulsion + found.frozen_core)


@pytest.mark.parametrize(("name", "charges"), [("h2", 1), ("lih", 3)])
def test_the_repulsion_is_that_of_two_point_charges(name, charges):
    bohr = 0.529177210903  # Å, CODATA 2018
    found = molecule(name, 4)
    assert found.nuclear_repulsion == pytest.approx(charges * bohr / found.distance, rel=1e-8)


def test_what_is_not_tabulated_is_named():
    with pytest.raises(InputError, match=r"qubits = 3 .*2 or 4"):
        h2(3)
    with pytest.raises(InputError, match=r"qubits = 8 .*4 or 6"):
        lih(8)
    with pytest.raises(InputError, match='"heh" is not known; valid: h2, lih'):
        molecule("heh", 4)

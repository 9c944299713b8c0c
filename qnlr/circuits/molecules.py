"""Molecules as qubit Hamiltonians, from tabulated coefficients in hartree."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files

from qiskit.quantum_info import SparsePauliOp

from qnlr.errors import InputError


@dataclass(frozen=True)
class Molecule:
    """A molecule in a mapping to qubits; energies in hartree.

    Args:
        geometry: Atoms with their coordinates in Å.
        distance: Distance of the two nuclei in Å.
        basis: Atomic orbitals.
        mapping: From electrons to qubits.
        spatial_orbitals: The active molecular orbitals; those left out are filled or empty.
        nuclear_repulsion: Energy of the nuclei.
        frozen_core: Energy of the electrons in filled orbitals that are left out.
        ground_energy: Lowest total energy in the active orbitals, from PySCF without any qubits.
        hartree_fock: Total energy of the best single determinant.
        full_ci: Lowest total energy in all orbitals of the basis.
        terms: Coefficients of the active electrons' energy, by their Paulis.
    """

    geometry: str
    distance: float
    basis: str
    mapping: str
    spatial_orbitals: int
    nuclear_repulsion: float
    frozen_core: float
    ground_energy: float
    hartree_fock: float
    full_ci: float
    terms: dict[str, float]


def molecule(name: str, qubits: int) -> Molecule:
    """Return a tabulated molecule with its energies.

    Source: computed by PySCF and Qiskit Nature; ``experiments/build_molecules.py`` rebuilds the
    table and holds each ground energy to PySCF's own.

    Args:
        name: ``"h2"`` or ``"lih"``.
        qubits: The mapping's number of qubits: 2 or 4 for H2, 4 or 6 for LiH.

    Returns:
        The molecule.

    Raises:
        InputError: If there is no such molecule, or no such mapping of it.

    Example:
        >>> found = molecule("lih", 4)
        >>> found.mapping, found.distance, round(found.hartree_fock, 6), round(found.full_ci, 6)
        ('parity, two qubits reduced', 1.595, -7.862024, -7.882402)
    """
    table = json.loads(files("qnlr.circuits").joinpath("molecules.json").read_text("utf-8"))
    known = table["molecules"]
    if name not in known:
        raise InputError(f'molecule "{name}" is not known; valid: {", ".join(known)}')
    if str(qubits) not in known[name]:
        raise InputError(
            f"qubits = {qubits!r} is not valid; {name} is tabulated for "
            f"{' or '.join(known[name])} qubits"
        )
    return Molecule(**known[name][str(qubits)])


def h2(qubits: int = 2, repulsion: bool = True) -> SparsePauliOp:
    """Return the hydrogen molecule at 0.735 Å in the STO-3G basis, in hartree.

    Its ground energy is −1.137306, or −1.857275 without the repulsion of the nuclei.

    Source: see :func:`molecule`; the two-qubit form also in Kandala et al., Nature 549, 242
    (2017), after Bravyi et al., arXiv:1701.08213.

    Args:
        qubits: 2 by the parity mapping with two qubits reduced, 4 by that of Jordan and Wigner.
        repulsion: Whether the energy is the total one, repulsion of the nuclei included.

    Returns:
        The Hamiltonian.

    Raises:
        InputError: If qubits is neither 2 nor 4.

    Example:
        >>> h2(repulsion=False).coeffs.real.round(4)
        array([-1.0524,  0.3979,  0.1809, -0.3979, -0.0113])
    """
    return _operator(molecule("h2", qubits), repulsion)


def lih(qubits: int = 4, repulsion: bool = True) -> SparsePauliOp:
    """Return lithium hydride at 1.595 Å in the STO-3G basis, in hartree.

    Two electrons in three σ orbitals: the core of lithium is frozen and its two empty π orbitals
    are left out, as in Kandala et al. The ground energy is −7.881145; in all orbitals −7.882402.

    Source: see :func:`molecule`; Kandala et al., Nature 549, 242 (2017), for the active orbitals.

    Args:
        qubits: 4 by the parity mapping with two qubits reduced, 6 by that of Jordan and Wigner.
        repulsion: Whether the energy is the total one, repulsion of the nuclei and the frozen core
            included.

    Returns:
        The Hamiltonian.

    Raises:
        InputError: If qubits is neither 4 nor 6.

    Example:
        >>> operator = lih()
        >>> operator.num_qubits, len(operator)
        (4, 100)
    """
    return _operator(molecule("lih", qubits), repulsion)


def _operator(found: Molecule, repulsion: bool) -> SparsePauliOp:
    terms = dict(found.terms)
    if repulsion:
        terms["I" * len(next(iter(terms)))] += found.nuclear_repulsion + found.frozen_core
    return SparsePauliOp.from_list(list(terms.items()))

"""Build qnlr/circuits/molecules.json: qubit Hamiltonians of H2 and LiH, and what they are held to.

Run it where ``pip install pyscf qiskit-nature`` has been done; this package does not need them.
Energies are in hartree, distances in Å. The signs of orbitals are PySCF's choice, so the signs of
some coefficients of LiH may differ from one version to the next; the spectrum does not.
"""

import json
import sys
from pathlib import Path

import numpy as np

FILE = Path(__file__).parents[1] / "qnlr" / "circuits" / "molecules.json"
BASIS = "sto-3g"
DIGITS = 10  # what the last digits are, depends on the machine
SPACES = {
    "h2": ("H 0 0 0; H 0 0 0.735", 0.735, []),
    # The two empty π orbitals, 3 and 4, do not mix with the σ orbitals of the ground state.
    "lih": ("Li 0 0 0; H 0 0 1.595", 1.595, [3, 4]),
}
MAPPINGS = {
    "parity, two qubits reduced": lambda mappers, particles: mappers.ParityMapper(particles),
    "Jordan-Wigner": lambda mappers, particles: mappers.JordanWignerMapper(),
}


def full_energies(geometry: str) -> dict[str, float]:
    """Return the energies of Hartree–Fock and full configuration interaction in all orbitals."""
    from pyscf import fci, gto, scf

    field = scf.RHF(gto.M(atom=geometry, basis=BASIS, verbose=0)).run()
    return {"hartree_fock": field.e_tot, "full_ci": fci.FCI(field).kernel()[0]}


def active_energy(geometry: str, removed: list[int]) -> float:
    """Return PySCF's own ground energy in the active space, without any qubits."""
    from pyscf import gto, mcscf, scf

    field = scf.RHF(gto.M(atom=geometry, basis=BASIS, verbose=0)).run()
    if not removed:
        return full_energies(geometry)["full_ci"]
    space = mcscf.CASCI(field, ncas=3, nelecas=2)
    kept = [orbital for orbital in range(1, field.mo_coeff.shape[1]) if orbital not in removed]
    return float(space.kernel(mcscf.sort_mo(space, field.mo_coeff, kept, base=0))[0])


def tables(geometry: str, distance: float, removed: list[int]) -> dict[str, dict]:
    """Return a table for each mapping, by its number of qubits."""
    from qiskit_nature.second_q import mappers
    from qiskit_nature.second_q.drivers import PySCFDriver
    from qiskit_nature.second_q.transformers import FreezeCoreTransformer

    problem = PySCFDriver(atom=geometry, basis="sto3g").run()
    if removed:
        problem = FreezeCoreTransformer(remove_orbitals=removed).transform(problem)
    constants = {name: float(value) for name, value in problem.hamiltonian.constants.items()}
    reference = active_energy(geometry, removed)
    found = {}
    for mapping, mapper in MAPPINGS.items():
        operator = mapper(mappers, problem.num_particles).map(problem.hamiltonian.second_q_op())
        operator = operator.simplify().sort()
        ground = np.linalg.eigvalsh(operator.to_matrix())[0] + sum(constants.values())
        assert abs(ground - reference) < 1e-8, f"{ground} is not PySCF's {reference}"
        energies = {
            "nuclear_repulsion": constants["nuclear_repulsion_energy"],
            "frozen_core": constants.get("FreezeCoreTransformer", 0.0),
            "ground_energy": reference,
            **full_energies(geometry),
        }
        found[str(operator.num_qubits)] = {
            "geometry": geometry,
            "distance": distance,
            "basis": "STO-3G",
            "mapping": mapping,
            "spatial_orbitals": problem.num_spatial_orbitals,
            **{name: round(value, DIGITS) for name, value in energies.items()},
            "terms": {label: round(c.real, DIGITS) for label, c in operator.to_list()},
        }
    return found


def main(file: Path = FILE) -> None:
    from importlib.metadata import version

    source = f"PySCF {version('pyscf')} and Qiskit Nature {version('qiskit-nature')}"
    molecules = {name: tables(*space) for name, space in SPACES.items()}
    text = json.dumps({"source": source, "molecules": molecules}, indent=1)
    file.write_text(text + "\n", encoding="utf-8")
    print(f"{file}: {source}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))

"""A local cost first, which has no plateau at small depth, and then the global one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from qiskit.quantum_info import SparsePauliOp

from qnlr.circuits import mean_z
from qnlr.errors import InputError, require_count, require_within
from qnlr.strategies.strategy import Setting, share, start_at
from qnlr.training import Plan, Stage


@dataclass(frozen=True)
class LocalCost:
    """Minimise a local cost for a share of the steps, and hand over to the global one.

    With samples, the local cost reads the mean of Z over all qubits; for a Hamiltonian it has the
    terms on at most ``locality`` qubits. Evaluations are those of the global cost throughout.

    Source: Cerezo et al., Nat. Commun. 12, 1791 (2021).

    Args:
        local: Share of the steps with the local cost, 0 to 1.
        locality: Qubits that a term of a Hamiltonian may act on in the local cost, at least 1.

    Raises:
        InputError: If a setting lies outside its range.

    Example:
        >>> LocalCost(local=0.3).locality
        1
    """

    local: float = 0.5
    locality: int = 1

    def __post_init__(self) -> None:
        require_within("local", self.local, 0.0, 1.0)
        require_count("locality", self.locality)

    def plan(self, setting: Setting) -> Plan:
        """Return a stage with the local cost, and one with the global one."""
        local = setting.instance(observable=self._local(setting))
        first = Stage(
            "local cost",
            (local,),
            start_at(setting.weights),
            share(setting.steps, self.local),
            judged=setting.part,
        )
        last = Stage(
            "global cost",
            (setting.part,),
            lambda ended, rng, meter: ended[-1].weights,
            setting.steps,
        )
        return Plan((first, last))

    def _local(self, setting: Setting) -> SparsePauliOp:
        if setting.has_data:
            return mean_z(setting.qubits)
        paulis = setting.observable.paulis
        width = (paulis.x | paulis.z).sum(axis=1)
        kept = np.flatnonzero((width >= 1) & (width <= self.locality))
        if not kept.size:
            narrowest = int(width[width > 0].min())
            raise InputError(
                f"locality = {self.locality} is not valid; every term of the Hamiltonian acts on "
                f"{narrowest} qubits or more: set it to at least {narrowest}"
            )
        return setting.observable[kept]

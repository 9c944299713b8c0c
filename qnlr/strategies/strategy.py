"""What a strategy is, and what it is given: a setting, out of which it plans stages."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp

from qnlr.training import Part, Plan, Start
from qnlr.types import FloatArray


class Setting(Protocol):
    """A run without its strategy: what is to be minimised in the end, and how to vary it."""

    @property
    def qubits(self) -> int:
        """n, the number of qubits."""

    @property
    def layers(self) -> int:
        """L, the number of layers of the ansatz."""

    @property
    def steps(self) -> int:
        """How many steps the training has in all."""

    @property
    def seed(self) -> int:
        """Seed of the run."""

    @property
    def observable(self) -> SparsePauliOp:
        """What is read out; of a Hamiltonian problem, the Hamiltonian."""

    @property
    def part(self) -> Part:
        """What is to be minimised in the end."""

    @property
    def weights(self) -> FloatArray:
        """Initial weights, as ``[init]`` has them drawn: those of the circuit, then of a head."""

    @property
    def has_data(self) -> bool:
        """Whether samples are classified; else the energy of a Hamiltonian is minimised."""

    def ansatz(self, qubits: int, layers: int) -> QuantumCircuit:
        """Return the ansatz at another size."""

    def draw(self, number: int, rng: np.random.Generator) -> FloatArray:
        """Draw so many weights of a circuit as ``[init]`` has them drawn."""

    def instance(
        self,
        *,
        qubits: int | None = None,
        layers: int | None = None,
        ansatz: QuantumCircuit | None = None,
        observable: SparsePauliOp | None = None,
        target: float | None = None,
    ) -> Part:
        """Return what is to be minimised with another circuit or observable.

        Args:
            qubits: Another number of qubits.
            layers: Another number of layers.
            ansatz: Another ansatz, on as many qubits.
            observable: Another observable, on all qubits.
            target: What ⟨O⟩ is to become: the loss is then (⟨O⟩ − target)². Not with samples, whose
                labels are the targets.
        """


class Strategy(Protocol):
    """Plans the stages of a training."""

    def plan(self, setting: Setting) -> Plan:
        """Return the stages of a run."""


def start_at(weights: FloatArray) -> Start:
    """Return a start of a stage at some weights, whatever was before it.

    Args:
        weights: Shape (number of weights,).

    Example:
        >>> from qnlr.backends import Meter
        >>> start_at(np.zeros(2))([], np.random.default_rng(0), Meter())
        array([0., 0.])
    """
    return lambda ended, rng, meter: weights.copy()


def share(steps: int, part: float) -> int:
    """Return a share of steps, at least one, that leaves one if there are two.

    Example:
        >>> share(500, 0.3), share(2, 0.1), share(500, 1.0)
        (150, 1, 499)
    """
    return max(1, min(steps - 1, round(part * steps)))

"""What a run minimises, and the same with another circuit or observable, for its strategy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp

from qnlr.circuits import (
    Encoding,
    VariationalCircuit,
    ground_energy,
    maxcut,
    needs_hamiltonian,
    variational_circuit,
)
from qnlr.data import Dataset
from qnlr.errors import InputError, require_count
from qnlr.problems import Classification, Cut, Energy, Problem, Target
from qnlr.problems.energy import bare_model
from qnlr.study.parts import within
from qnlr.study.problem_tables import ClassificationTable, QAOATable, VQETable
from qnlr.study.schema import RunSpec
from qnlr.training import Part
from qnlr.types import Backend, FloatArray

MAX_QUBITS, MAX_LAYERS = 1_000, 10_000
REFERENCE_QUBITS = 16  # beyond, exact energies take too long


@dataclass(frozen=True, eq=False)
class Instances:
    """Builds what a run minimises, at the size of its config or at another.

    Args:
        spec: The run.
        dataset: Its data, or None for a Hamiltonian's energy.
        backend_of: Makes the backend of a circuit, given what tells the circuit from others.
        steps: How many steps the run has in all.
        initial: Draws the initial weights of a problem.
    """

    spec: RunSpec
    dataset: Dataset | None
    backend_of: Callable[[VariationalCircuit, Any], Backend]
    steps: int
    initial: Callable[[Problem], FloatArray]

    @property
    def qubits(self) -> int:
        """n, the number of qubits."""
        return self.spec.circuit.qubits

    @property
    def layers(self) -> int:
        """L, the number of layers of the ansatz."""
        return self.spec.circuit.layers

    @property
    def seed(self) -> int:
        """Seed of the run."""
        return self.spec.seed

    @property
    def has_data(self) -> bool:
        """Whether samples are classified."""
        return self.spec.has_data

    @cached_property
    def observable(self) -> SparsePauliOp:
        """What is read out."""
        return self._observable(self.qubits)

    @cached_property
    def part(self) -> Part:
        """What is to be minimised in the end."""
        return self.instance()

    @cached_property
    def weights(self) -> FloatArray:
        """Initial weights, as ``[init]`` has them drawn."""
        return self.initial(self.part.problem)

    def ansatz(self, qubits: int, layers: int) -> QuantumCircuit:
        """Return the ansatz at another size.

        Args:
            qubits: Number of qubits.
            layers: Number of layers.
        """
        require_count("qubits", qubits, high=MAX_QUBITS)
        require_count("layers", layers, high=MAX_LAYERS)
        hamiltonian = None if self.has_data else self._observable(qubits)
        name = self.spec.circuit.ansatz.name
        with within("ansatz"):
            if hamiltonian is None and needs_hamiltonian(name):
                raise InputError(
                    f'ansatz "{name}" is built from a Hamiltonian, and a classifier has none; take '
                    "another one, or a problem vqe or qaoa"
                )
            built: QuantumCircuit = self.spec.circuit.ansatz.build(
                qubits=qubits, layers=layers, hamiltonian=hamiltonian
            )
        return built

    def draw(self, number: int, rng: np.random.Generator) -> FloatArray:
        """Draw so many weights as ``[init]`` has them drawn.

        Args:
            number: How many.
            rng: Draws them.
        """
        return rng.uniform(self.spec.init.low, self.spec.init.high, number)

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
            target: What ⟨O⟩ is to become, without data.

        Returns:
            The problem, and a backend for it.

        Raises:
            InputError: If they do not fit.
        """
        size = self.qubits if qubits is None else qubits
        with within("circuit"):
            require_count("qubits", size, high=MAX_QUBITS)
        read = self._observable(size) if observable is None else observable
        with within("circuit"):
            built = ansatz or self.ansatz(size, self.layers if layers is None else layers)
        problem = (
            self._classification(built, read, size)
            if self.has_data
            else self._energy(built, read, size, observable is None, target)
        )
        about = [size, layers, None if ansatz is None else _content(ansatz), read.to_list()]
        return Part(problem, self.backend_of(problem.model, _plain(about)))

    def _observable(self, qubits: int) -> SparsePauliOp:
        problem = self.spec.problem
        if isinstance(problem, ClassificationTable):
            with within("circuit", "observable"):
                found: SparsePauliOp = self.spec.circuit.observable.build(qubits=qubits)
        elif isinstance(problem, VQETable):
            with within("problem", "hamiltonian"):
                found = problem.hamiltonian.build(qubits=qubits)
        else:
            with within("problem", "graph"):
                found = maxcut(problem.graph.build(nodes=qubits))
        return found

    def _classification(
        self, ansatz: QuantumCircuit, observable: SparsePauliOp, qubits: int
    ) -> Classification:
        table = self.spec.problem
        assert self.dataset is not None
        assert isinstance(table, ClassificationTable)
        with within("circuit"):
            encoding = self._encoding(self.dataset.features, qubits)
            model = variational_circuit(encoding, ansatz, observable)
        with within("problem"):
            loss, head = table.loss.build(), table.head.build()
        with within("data"):
            return Classification(model, encoding, self.dataset, loss, head)

    def _encoding(self, features: int, qubits: int) -> Encoding:
        with within("encoding"):
            encoding: Encoding = self.spec.circuit.encoding.build(features=features, qubits=qubits)
            return encoding

    def _energy(
        self,
        ansatz: QuantumCircuit,
        observable: SparsePauliOp,
        qubits: int,
        own: bool,
        target: float | None,
    ) -> Energy:
        table = self.spec.problem
        with within("circuit"):
            model, ties, offsets = bare_model(ansatz, observable)
        with within("problem"):
            if target is not None:
                return Target(model, ties, offsets, target=target)
            if own and isinstance(table, QAOATable):
                return Cut(model, ties, offsets, graph=table.graph.build(nodes=qubits))
            known = own and qubits <= REFERENCE_QUBITS
            source = f"no data: {table.hamiltonian.name}" if isinstance(table, VQETable) else None
            reference = ground_energy(observable) if known else None
            return Energy(model, ties, offsets, reference=reference, source=source)


def _content(ansatz: QuantumCircuit) -> str:
    return f"{ansatz.name} {ansatz.metadata} {ansatz.num_parameters} {sorted(ansatz.count_ops())}"


def _plain(about: list[Any]) -> list[Any]:
    *rest, terms = about
    if len(terms) > 10_000:
        raise InputError(f"an observable of {len(terms)} Paulis is too large; take at most 10000")
    return [*rest, [[label, value.real] for label, value in terms]]

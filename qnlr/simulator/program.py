"""A circuit ready to be simulated, by whichever way is cheaper, read-out errors included."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.primitives.containers import BindingsArray
from qiskit.quantum_info import PauliList

from qnlr.errors import InputError
from qnlr.simulator.channels import GateNoise
from qnlr.simulator.densities import Densities
from qnlr.simulator.readout import misread, readings
from qnlr.simulator.running import Threads
from qnlr.simulator.tape import Tape, compile_tape, light_cone, varying_first
from qnlr.simulator.vectors import Vectors
from qnlr.types import FloatArray

CACHED = 64
X, Y = 1, 2


@dataclass(frozen=True)
class Basis:
    """Qubits that are measured together, each in the basis of a Pauli.

    Args:
        qubits: The qubits, as the circuit numbers them; the first is bit 0 of an outcome.
        paulis: 1, 2 or 3 for X, Y or Z of each.
    """

    qubits: tuple[int, ...]
    paulis: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Asked:
    """What Pauli strings read as, and what they depend on.

    Args:
        constant: Constant part of each, shape (T,).
        strings: Other strings, on the qubits of the cone.
        weights: Their coefficients.
        owner: Which of the T each is part of.
        cone: The part of the circuit that they depend on.
        threads: Threads that share the elements.
    """

    constant: FloatArray
    strings: PauliList
    weights: FloatArray
    owner: np.ndarray
    cone: Tape
    threads: Threads

    @cached_property
    def vectors(self) -> Vectors:
        """The cone, ready to run on state vectors."""
        return Vectors(self.cone, self.threads)

    @cached_property
    def densities(self) -> Densities:
        """The cone, ready to run on density matrices."""
        return Densities(self.cone, self.threads)

    def densities_where(self, varying: np.ndarray) -> Densities:
        """Return the cone with what varies between elements first, ready to run."""
        key = varying.tobytes()
        if key not in self._ordered:
            self._ordered.clear()
            self._ordered[key] = Densities(varying_first(self.cone, varying), self.threads)
        return self._ordered[key]

    @cached_property
    def _ordered(self) -> dict[bytes, Densities]:
        return {}

    @cached_property
    def reached(self) -> np.ndarray:
        """Whether each angle is in the cone, shape (S,)."""
        return self.cone.angles_reached


class Program:
    """A circuit ready to be simulated.

    Args:
        circuit: The circuit, without measurements.
        noise: What follows its gates, or None.
        threads: Threads that share the elements.
        observed: Qubits that are asked about.
    """

    def __init__(
        self,
        circuit: QuantumCircuit,
        noise: GateNoise | None,
        threads: Threads,
        observed: Sequence[int] = (),
    ) -> None:
        self.circuit = circuit
        self.noise = noise
        self.threads = threads
        self.tape = compile_tape(circuit, noise, observed)
        self.parameters = self.tape.parameters
        self._place = {qubit: place for place, qubit in enumerate(self.tape.qubits)}
        self._runners: dict[Basis | type, Any] = {}
        self._known: dict[bytes, Asked] = {}

    def angles(self, values: FloatArray) -> FloatArray:
        """Return rotation angles φ, shape (S, E), for parameter values of shape (E, D)."""
        return self.tape.angles.values(values)

    def expectations(self, angles: FloatArray, paulis: PauliList) -> FloatArray:
        """Return exact expectation values of Pauli strings, read-out errors included.

        Args:
            angles: Rotation angles φ, shape (S, E).
            paulis: T strings on the qubits of the circuit; their phases do not count.

        Returns:
            Shape (T, E).
        """
        asked = self._asked(paulis)
        out = np.repeat(asked.constant[:, None], angles.shape[1], axis=1)
        if len(asked.strings):
            if self.tape.has_noise:
                numbers = asked.densities.strings_of(asked.strings)
                single = [(number[None], np.ones(1)) for number in numbers]
                found = asked.densities.expectations(angles, single)
            else:
                found = asked.vectors.expectations(angles, asked.strings)
            np.add.at(out, asked.owner, asked.weights[:, None] * found)
        return out

    def distributions(self, angles: FloatArray, basis: Basis) -> FloatArray:
        """Return probabilities of outcomes, read-out errors included.

        Args:
            angles: Rotation angles φ, shape (S, E).
            basis: What is measured; the change to it is without gate noise.

        Returns:
            Shape (E, 2^m).
        """
        if self.tape.has_noise:
            where = [self._place[qubit] for qubit in basis.qubits]
            table = self._densities().probabilities(angles, where, basis.paulis)
        else:
            runner, places = self._turned(basis)
            table = runner.probabilities(angles, places)
        if self.noise is not None:
            table = misread(table, [self.noise.confusion(qubit) for qubit in basis.qubits])
        return table

    def states(self, angles: FloatArray) -> NDArray[np.complex128]:
        """Return state vectors, up to a global phase that does not depend on the angles.

        Args:
            angles: Rotation angles φ, shape (S, E).

        Returns:
            Shape (E, 2^n); bit q of an index is qubit q of the circuit. Idle qubits are 0.

        Raises:
            InputError: If there is noise behind a gate, or the states do not fit in memory.
        """
        if self.tape.has_noise:
            raise InputError("a noisy circuit has no state vector; leave out the noise model")
        if Vectors not in self._runners:
            self._runners[Vectors] = Vectors(self.tape, self.threads)
        found: NDArray[np.complex128] = self._runners[Vectors].states(
            angles, self.tape.qubits, self.circuit.num_qubits
        )
        return found

    def gradient(
        self, angles: FloatArray, paulis: PauliList, weights: FloatArray, wanted: np.ndarray
    ) -> tuple[FloatArray, FloatArray]:
        """Return exact values of an observable and derivatives, read-out errors included.

        Without gate noise by an adjoint sweep, with it by the parameter-shift rule, which is exact.

        Args:
            angles: Rotation angles φ, shape (S, E).
            paulis: Strings of the observable.
            weights: Their coefficients.
            wanted: Whether to differentiate by each angle, shape (S,).

        Returns:
            Values, shape (E,), and derivatives ∂f/∂φ, shape (S, E); 0 where they are not wanted.
        """
        if not angles.shape[1]:
            return np.zeros(0), np.zeros(angles.shape)
        if self.tape.has_noise:
            found, plus, minus = self.shifts(angles, paulis, weights, wanted)
            return found, (plus - minus) / 2
        asked = self._asked(paulis)
        offset, c = float(weights @ asked.constant), weights[asked.owner] * asked.weights
        if not len(asked.strings):
            return np.full(angles.shape[1], offset), np.zeros(angles.shape)
        found, slopes = asked.vectors.gradient(angles, asked.strings, c, wanted)
        return found + offset, slopes

    def shifts(
        self, angles: FloatArray, paulis: PauliList, weights: FloatArray, wanted: np.ndarray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return exact values of an observable, and with every wanted angle shifted by ±π/2.

        Args:
            angles: Rotation angles φ, shape (S, E).
            paulis: Strings of the observable.
            weights: Their coefficients.
            wanted: Whether to shift each angle, shape (S,).

        Returns:
            Values, shape (E,), and those at the shifts, shape (S, E) each; 0 where not wanted.
        """
        if not angles.shape[1]:
            return np.zeros(0), np.zeros(angles.shape), np.zeros(angles.shape)
        asked = self._asked(paulis)
        if self._prefers_densities(asked, wanted):
            offset, c = float(weights @ asked.constant), weights[asked.owner] * asked.weights
            numbers = asked.densities.strings_of(asked.strings)
            swept = asked.densities.shifts(angles, numbers, c, wanted)
            if swept is None:  # it takes the observable back over what all elements share only
                varying = (angles != angles[:, :1]).any(axis=1)
                swept = asked.densities_where(varying).shifts(angles, numbers, c, wanted)
            if swept is not None:
                found, plus, minus = (part + offset for part in swept)
                plus[~wanted] = minus[~wanted] = 0.0
                return found, plus, minus
        found = weights @ self.expectations(angles, paulis)
        plus, minus = (np.where(wanted[:, None], found, 0.0) for _ in range(2))
        for slots, both in shifted(angles, wanted & asked.reached):
            values = weights @ self.expectations(both, paulis)
            split = values.reshape(len(slots), 2, -1)
            plus[slots], minus[slots] = split[:, 0], split[:, 1]
        return found, plus, minus

    def _prefers_densities(self, asked: Asked, wanted: np.ndarray) -> bool:
        """Return whether one sweep of density matrices beats state vectors at every shift."""
        n, shifts = asked.cone.num_qubits, 2 * int((wanted & asked.reached).sum())
        return self.tape.has_noise or 2**n < 3 * shifts

    def _asked(self, paulis: PauliList) -> Asked:
        """Return what strings read as, and the part of the circuit that they depend on."""
        key = paulis.x.tobytes() + paulis.z.tobytes()
        known = self._known.get(key)
        if known is None:
            support = np.flatnonzero((paulis.x | paulis.z).any(axis=0)).tolist()
            if missing := set(support) - set(self.tape.qubits):
                raise InputError(
                    f"qubit {min(missing)} is idle and was not named as observed when the program "
                    "was compiled"
                )
            constant, kept, weights, owner = readings(paulis, self.noise)
            cone = light_cone(self.tape, _on(kept, self.tape.qubits))
            strings = _on(kept, cone.qubits)
            known = Asked(constant, strings, weights, owner, cone, self.threads)
            while len(self._known) >= CACHED:
                self._known.pop(next(iter(self._known)), None)
            self._known[key] = known
        return known

    def _densities(self) -> Densities:
        if Densities not in self._runners:
            self._runners[Densities] = Densities(self.tape, self.threads)
        found: Densities = self._runners[Densities]
        return found

    def _turned(self, basis: Basis) -> tuple[Vectors, list[int]]:
        """Return the circuit turned into a basis, ready to run, and where its qubits are."""
        if basis not in self._runners:
            circuit = self.circuit.copy()
            for qubit, pauli in zip(basis.qubits, basis.paulis, strict=True):
                if pauli == Y:
                    circuit.sdg(qubit)
                if pauli in (X, Y):
                    circuit.h(qubit)
            tape = compile_tape(circuit, None, self.tape.qubits)
            self._runners[basis] = Vectors(tape, self.threads)
        turned: Vectors = self._runners[basis]
        return turned, [self._place[qubit] for qubit in basis.qubits]


def parameter_rows(bindings: BindingsArray, parameters: Sequence[Parameter]) -> FloatArray:
    """Return the parameter values of a PUB, one row for each of its elements.

    Args:
        bindings: Values of any shape.
        parameters: Parameters of the circuit, in order.

    Returns:
        Shape (E, D).

    Raises:
        InputError: If a value is not finite.
    """
    if not parameters:
        return np.zeros((bindings.size, 0))
    values = np.asarray(bindings.as_array(parameters), dtype=float)
    if not np.isfinite(values).all():
        raise InputError("parameter values hold a NaN or an infinity; they must be finite")
    return values.reshape(bindings.size, len(parameters))


def shifted(
    angles: FloatArray, wanted: np.ndarray, at_once: int = 1024
) -> Iterator[tuple[np.ndarray, FloatArray]]:
    """Yield some of the wanted angles at a time, with the angles of all elements shifted in each.

    Args:
        angles: Rotation angles φ, shape (S, E).
        wanted: Whether to shift each angle, shape (S,).
        at_once: Elements that are aimed at.

    Yields:
        Numbers of k angles, and angles of shape (S, 2kE): for each of the k all elements shifted up
        in it, then down.

    Example:
        >>> numbers, both = next(shifted(np.zeros((2, 1)), np.array([False, True])))
        >>> numbers, both.round(4)
        (array([1]), array([[ 0.    ,  0.    ],
               [ 1.5708, -1.5708]]))
    """
    slots, size = np.flatnonzero(wanted), angles.shape[1]
    step = max(1, at_once // max(1, 2 * size))
    for start in range(0, len(slots), step):
        some = slots[start : start + step]
        both = np.tile(angles, 2 * len(some))
        for place, slot in enumerate(some):
            first = 2 * place * size
            both[slot, first : first + size] += math.pi / 2
            both[slot, first + size : first + 2 * size] -= math.pi / 2
        yield some, both


def _on(paulis: PauliList, qubits: Sequence[int]) -> PauliList:
    """Return strings on some of their qubits."""
    chosen = list(qubits)
    return PauliList.from_symplectic(paulis.z[:, chosen], paulis.x[:, chosen])

"""Gradients of random circuits: many weights drawn, all derivatives of each."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.quantum_info import SparsePauliOp

from qnlr.circuits import ANSATZES, OBSERVABLES
from qnlr.circuits.initialisations import identity_blocks, initialisation
from qnlr.diagnostics.second_moments import Turn, Walk, walk_of
from qnlr.errors import InputError, require_count, unknown_name
from qnlr.rng import stream
from qnlr.simulator import Program, Simulator, exact_jacobian
from qnlr.types import FloatArray

RANDOM_AXES = "random_axes"
TILT = math.pi / 4
SEEN = 1e-13
"""A derivative that is smaller beside the largest is rounding: the observable does not see it."""
COMPONENTS = ("first", "middle", "last")
AMPLITUDES = 1 << 20
"""Amplitudes of a batch that are aimed at."""


def random_axes(qubits: int, layers: int) -> QuantumCircuit:
    r"""Build what holds the circuits of McClean et al.: rotations about any axis, then CZ, L times.

    .. math:: U(θ) = \prod_{ℓ=1}^{L} \Big[\prod_{q=0}^{n-2} CZ_{q,q+1}\Big]
              \bigotimes_q R_{a(ℓ,q)}(θ_{ℓ,q})

    behind RY(π/4) on every qubit, which is left to the caller. Each rotation has room for RX, RY
    and RZ; two of their three weights are 0.

    Source: McClean et al., Nature Communications 9, 4812 (2018), section "Numerical simulations".

    Args:
        qubits: n, at least 1.
        layers: L, at least 1.

    Returns:
        A circuit with 3nL parameters, of which nL are not 0 at a time.

    Raises:
        InputError: If qubits or layers is below 1.

    Example:
        >>> random_axes(3, 2).count_ops()["cz"]
        4
    """
    require_count("qubits", qubits)
    theta = iter(ParameterVector("θ", 3 * qubits * require_count("layers", layers)))
    circuit = QuantumCircuit(qubits, name=RANDOM_AXES, metadata={"layers": layers})
    for _ in range(layers):
        for qubit in range(qubits):
            circuit.rx(next(theta), qubit)
            circuit.ry(next(theta), qubit)
            circuit.rz(next(theta), qubit)
        for qubit in range(qubits - 1):
            circuit.cz(qubit, qubit + 1)
    return circuit


FAMILIES: dict[str, Callable[[int, int], QuantumCircuit]] = {
    **ANSATZES,
    "identity_blocks": identity_blocks,
    RANDOM_AXES: random_axes,
}
"""Ansätze by name, of which gradients can be drawn."""


@dataclass(frozen=True)
class Case:
    """Random circuits of one size, and what is read out of them.

    Args:
        qubits: n, at least 1.
        layers: L, at least 1.
        observable: One of :data:`qnlr.circuits.OBSERVABLES`.
        ansatz: One of :data:`FAMILIES`.
        initialisation: One of :data:`qnlr.circuits.initialisations.INITIALISATIONS`.

    Raises:
        InputError: If a name is not known, or ansatz and initialisation do not go together.
    """

    qubits: int
    layers: int
    observable: str
    ansatz: str = "hardware_efficient"
    initialisation: str = "uniform"

    def __post_init__(self) -> None:
        if self.observable not in OBSERVABLES:
            raise unknown_name("observable", self.observable, OBSERVABLES)
        if self.ansatz not in FAMILIES:
            raise unknown_name("ansatz", self.ansatz, FAMILIES)
        initialisation(self.initialisation)
        if (self.initialisation == "identity") and self.ansatz != "identity_blocks":
            raise InputError(
                f'initialisation "identity" cannot be had with the ansatz "{self.ansatz}", whose '
                'layers have no inverses; use the ansatz "identity_blocks"'
            )

    @cached_property
    def circuit(self) -> QuantumCircuit:
        """The circuit, from |0⟩ on."""
        ansatz = FAMILIES[self.ansatz](self.qubits, self.layers)
        if not self.one_axis:
            return ansatz
        circuit = QuantumCircuit(self.qubits)
        circuit.ry(TILT, range(self.qubits))
        return circuit.compose(ansatz)

    @cached_property
    def operator(self) -> SparsePauliOp:
        """What is read out."""
        return OBSERVABLES[self.observable](self.qubits)

    @property
    def one_axis(self) -> bool:
        """Whether each rotation is about one axis that is drawn with the weights."""
        return self.ansatz == RANDOM_AXES

    @property
    def locality(self) -> int:
        """Qubits that a term of the observable acts on, at most."""
        return int((self.operator.paulis.x | self.operator.paulis.z).sum(axis=1).max())

    @property
    def start(self) -> tuple[float, float, float]:
        """⟨X⟩², ⟨Y⟩² and ⟨Z⟩² of every qubit before the first weight."""
        tilt = TILT if self.one_axis else 0.0
        return math.sin(tilt) ** 2, 0.0, math.cos(tilt) ** 2

    @cached_property
    def walk(self) -> Walk | None:
        """The steps that second moments are known of, or None."""
        try:
            return walk_of(FAMILIES[self.ansatz](self.qubits, self.layers), self.one_axis)
        except InputError:
            return None

    @property
    def batch(self) -> int:
        """Samples that are simulated at once."""
        return max(16, min(1024, AMPLITUDES >> self.qubits))

    def weights(self, samples: int, seed: int) -> FloatArray:
        """Draw weights, shape (samples, P); those of different observables are the same."""
        draw, number = initialisation(self.initialisation), self.circuit.num_parameters
        about = [self.ansatz, self.initialisation, self.qubits, self.layers]
        rng = stream("variance", seed, about)
        rows = [draw(rng, self.qubits, self.layers, number, self.locality) for _ in range(samples)]
        drawn = np.stack(rows)
        if self.one_axis:
            axes = rng.integers(3, size=(samples, number // 3))
            drawn *= (np.arange(3) == axes[..., None]).reshape(drawn.shape)
        return drawn

    def gradients(self, samples: int, seed: int) -> Iterator[FloatArray]:
        """Yield exact gradients of some samples at a time, shape (some, rotations)."""
        support = np.flatnonzero((self.operator.paulis.x | self.operator.paulis.z).any(axis=0))
        program = Simulator().program(self.circuit, support.tolist())
        drawn = self.weights(samples, seed)
        for start in range(0, samples, self.batch):
            yield self._slopes(program, drawn[start : start + self.batch])

    def _slopes(self, program: Program, weights: FloatArray) -> FloatArray:
        wanted = np.ones(weights.shape[1], dtype=bool)
        found = exact_jacobian(program, weights, self.operator, wanted).derivatives
        if self.one_axis:  # only one of three was turned, even if the others have slopes
            found = (found * (weights != 0)).reshape(len(weights), -1, 3).sum(axis=2)
        return found


def chosen(gradients: FloatArray, component: str) -> int:
    """Return which derivative is looked at: among those that the observable sees.

    Args:
        gradients: Shape (samples, rotations).
        component: ``"first"``, ``"middle"`` or ``"last"``.

    Returns:
        Its number.

    Raises:
        InputError: If the component has another name, or all derivatives are 0.

    Example:
        >>> chosen(np.array([[0.0, 0.1, 0.2, -0.3, 0.0]]), "middle")
        2
    """
    if component not in COMPONENTS:
        raise unknown_name("component", component, COMPONENTS)
    largest = np.abs(gradients).max(axis=0)
    seen = np.flatnonzero(largest > SEEN * largest.max())
    if not len(seen):
        raise InputError("all derivatives are 0; choose an observable that sees a rotation")
    return int(seen[{"first": 0, "middle": len(seen) // 2, "last": -1}[component]])


def described(case: Case, number: int) -> str:
    """Return what a derivative is by, in words.

    Example:
        >>> described(Case(3, 2, "z"), 10)
        'RY on qubit 0 (rotation 11 of 18)'
    """
    turns = [step for step in case.walk or () if isinstance(step, Turn)]
    for turn in turns:
        if turn.number == number:
            gate = "rotation" if case.one_axis else f"R{' XYZ'[turn.axes[0]]}"
            return f"{gate} on qubit {turn.qubit} (rotation {number + 1} of {len(turns)})"
    return f"weight {number + 1} of {case.circuit.num_parameters}"


def depth(rule: str, qubits: int) -> int:
    """Return the depth L that a rule gives for n qubits.

    Args:
        rule: A number such as ``"3"``; ``"n"`` or ``"4n"``; ``"log"`` or ``"2log"``, ⌈k log₂ n⌉.
        qubits: n.

    Returns:
        L, at least 1.

    Raises:
        InputError: If the rule is none of these.

    Example:
        >>> [depth(rule, 6) for rule in ("3", "n", "4n", "log", "2log")]
        [3, 6, 24, 3, 6]
    """
    found = re.fullmatch(r"(\d*)(n|log|)", rule.strip())
    if not found or not any(found.groups()) or found[1] in ("0", "00"):
        raise InputError(
            f'depth "{rule}" is not valid; give a number of layers such as "3", a multiple of the '
            'number of qubits such as "4n", or of its logarithm such as "2log"'
        )
    factor = int(found[1] or 1)
    if found[2] == "log":
        return max(1, math.ceil(factor * math.log2(qubits)))
    return max(1, factor * (qubits if found[2] == "n" else 1))

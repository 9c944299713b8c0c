"""Derivatives of somebody's own circuit over random weights, exact, and what shots make of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.quantum_info import PauliList, SparsePauliOp

from qnlr.diagnostics.circuit_reading import without_aer
from qnlr.diagnostics.shots_needed import ROUNDING
from qnlr.diagnostics.starts import starting_weights
from qnlr.errors import InputError
from qnlr.intervals import Interval, mean_interval
from qnlr.simulator import Program, Simulator, exact_jacobian
from qnlr.simulator.tape import Tape, light_cone
from qnlr.types import FloatArray

LARGEST = 20
FEWEST = 16
"""Samples that are taken whatever they cost."""
AT_ONCE = 32
FOR_SHOTS = 32
"""Samples that the variance of a single shot is averaged over."""


@dataclass(frozen=True, eq=False)
class AskedCircuit:
    """A circuit, what is trained in it, and what is read out.

    Args:
        circuit: The circuit, unitary.
        weights: Trainable parameters, P.
        observable: What is read out, on all its qubits.

    Raises:
        InputError: If the part of the circuit that is read out has more than 20 qubits, or the
            circuit holds what is no gate.
    """

    circuit: QuantumCircuit
    weights: tuple[Parameter, ...]
    observable: SparsePauliOp

    def __post_init__(self) -> None:
        if self.cone.num_qubits > LARGEST:
            raise InputError(
                f"the observable depends on {self.cone.num_qubits} qubits, which would take a "
                f"state of 2^{self.cone.num_qubits} amplitudes; at most {LARGEST}: read out fewer "
                "qubits, or give a smaller circuit of the same kind"
            )

    @cached_property
    def program(self) -> Program:
        """The circuit, ready to run."""
        acts = (self.observable.paulis.x | self.observable.paulis.z).any(axis=0)
        try:
            return Simulator().program(self.circuit, np.flatnonzero(acts).tolist())
        except InputError as error:
            raise without_aer(error) from error

    @cached_property
    def cone(self) -> Tape:
        """The part of the circuit that the observable depends on."""
        where = list(self.program.tape.qubits)
        paulis = self.observable.paulis
        strings = PauliList.from_symplectic(paulis.z[:, where], paulis.x[:, where])
        return light_cone(self.program.tape, strings)

    @cached_property
    def columns(self) -> list[int]:
        """Place of every weight among the parameters of the program."""
        place = {parameter: number for number, parameter in enumerate(self.program.parameters)}
        return [place[parameter] for parameter in self.weights]

    @cached_property
    def wanted(self) -> NDArray[np.bool_]:
        """Whether each parameter of the program is a weight."""
        wanted = np.zeros(len(self.program.parameters), dtype=bool)
        wanted[self.columns] = True
        return wanted

    @cached_property
    def slots(self) -> NDArray[np.bool_]:
        """Which rotations the parameter-shift rule has to shift."""
        reached = self.program.tape.angles.reached(self.wanted)
        return np.asarray(reached & self.cone.angles_reached)

    @cached_property
    def groups(self) -> list[SparsePauliOp]:
        """Strings that are measured together."""
        found: list[SparsePauliOp] = self.observable.group_commuting(qubit_wise=True)
        return [one for one in found if (one.paulis.x | one.paulis.z).any()]

    @property
    def circuits_per_gradient(self) -> int:
        """Circuits that one gradient by the parameter-shift rule takes."""
        return 2 * int(self.slots.sum()) * len(self.groups)

    def affordable(self, samples: int, work: float) -> int:
        """Return how many samples fit a budget of amplitudes that are turned.

        Args:
            samples: How many are wanted.
            work: The budget.

        Returns:
            Between 16 and the number wanted, or what is wanted if that is less.
        """
        each = 2.0**self.cone.num_qubits * (3 * len(self.cone.steps) + len(self.observable))
        return min(samples, max(FEWEST, int(work / each)))

    def draw(
        self, initialisation: str, spread: float, samples: int, rng: np.random.Generator
    ) -> FloatArray:
        """Draw values of all parameters: weights as initialised, others uniform over [−π, π].

        Returns:
            Shape (samples, parameters of the program).
        """
        shape = (samples, len(self.program.parameters))
        values = rng.uniform(-np.pi, np.pi, shape)
        values[:, self.columns] = starting_weights(
            initialisation, (samples, len(self.columns)), spread, rng
        )
        return values

    def derivatives(self, values: FloatArray) -> FloatArray:
        """Return exact derivatives by the weights, shape (samples, P)."""
        pieces = [
            exact_jacobian(self.program, some, self.observable, self.wanted).derivatives
            for some in np.split(values, range(AT_ONCE, len(values), AT_ONCE))
        ]
        return np.concatenate(pieces)[:, self.columns]

    def single_shot_variance(self, values: FloatArray, rng: np.random.Generator) -> float:
        r"""Return the mean variance of a single shot at the points of the parameter-shift rule.

        .. math:: v = \mathrm{E} \sum_g \big[⟨O_g^2⟩ - ⟨O_g⟩^2\big]

        over the groups g of strings that are measured together; at every sample one rotation,
        chosen at random, is shifted by π/2 up or down. It is 1 − E[f²] for a single string.

        Args:
            values: Parameter values, shape (S, D).
            rng: Chooses rotations and signs.

        Returns:
            v.
        """
        some = values[:FOR_SHOTS]
        angles, slots = self.program.angles(some), np.flatnonzero(self.slots)
        if len(slots):
            signs = rng.choice([-np.pi / 2, np.pi / 2], len(some))
            angles[rng.choice(slots, len(some)), np.arange(len(some))] += signs
        total = 0.0
        for one in self.groups:
            squared = (one @ one).simplify()
            mean = one.coeffs.real @ self.program.expectations(angles, one.paulis)
            second = squared.coeffs.real @ self.program.expectations(angles, squared.paulis)
            total += float((second - mean**2).mean())
        return max(total, 0.0)

    def amplification(self, values: FloatArray) -> FloatArray:
        r"""Return by how much the shift rule of a weight enlarges the variance of one rotation's.

        .. math:: A_k^2 = \mathrm{E} \sum_j \Big(\frac{∂φ_j}{∂θ_k}\Big)^2

        Returns:
            A² of every weight, shape (P,); 1 for a weight that is the angle of one rotation.
        """
        ones = np.repeat(self.slots[:, None].astype(float), len(values), axis=1)
        found = self.program.tape.angles.chain(values, ones, power=2)
        return np.asarray(found[:, self.columns].mean(axis=0))


def depends(derivatives: FloatArray) -> NDArray[np.bool_]:
    """Return which weights the observable depends on at any of the samples, shape (P,)."""
    return np.asarray((np.abs(derivatives) > ROUNDING).any(axis=0))


def mean_square(values: FloatArray) -> Interval:
    r"""Return the mean square of derivatives, with a 95 % interval over samples that is positive.

    .. math:: m \exp(± t_{0.975, S-1} \, s / m \sqrt{S})

    with mean m and standard deviation s of the squares, as their logarithm is closer to normal.

    Args:
        values: Derivatives, shape (S,) or (S, P), then averaged over P.

    Returns:
        The interval.

    Example:
        >>> mean_square(np.array([[1.0, 1.0], [1.0, -1.0]])).text(1)
        '1.0 ± 0.0'
    """
    found = mean_interval((values**2).reshape(len(values), -1).mean(axis=1))
    if found.mean == 0:
        return found
    factor = np.exp(found.half_width / found.mean)
    return Interval(found.mean, found.mean / factor, found.mean * factor, found.count)


def truncated(asked: AskedCircuit, weights: int) -> AskedCircuit:
    """Return the beginning of a circuit, up to the gate that brings in one more weight.

    Args:
        asked: The circuit.
        weights: Weights that are kept, at least 1.

    Returns:
        The beginning, read out by the same observable.

    Example:
        >>> from qnlr.circuits import global_z, hardware_efficient
        >>> whole = hardware_efficient(2, 3)
        >>> asked = AskedCircuit(whole, tuple(whole.parameters), global_z(2))
        >>> dict(truncated(asked, 6).circuit.count_ops())
        {'rx': 2, 'ry': 2, 'rz': 2, 'cx': 1}
    """
    trained, seen = set(asked.weights), set[Parameter]()
    kept = asked.circuit.copy_empty_like()
    for instruction in asked.circuit.data:
        found = {
            parameter
            for value in instruction.operation.params
            for parameter in getattr(value, "parameters", ())
        }
        if len(seen | (found & trained)) > weights and seen:
            break
        seen |= found & trained
        kept.append(instruction)
    chosen = tuple(one for one in asked.weights if one in seen)
    return AskedCircuit(kept, chosen, asked.observable)

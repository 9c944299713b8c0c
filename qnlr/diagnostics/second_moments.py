r"""Exact second moments of values and derivatives over uniform angles, by a walk on Pauli strings.

Taken back through a rotation about P_k whose angle is uniform over a circle, a Pauli string that
commutes with P_k stays, and one that does not becomes, on the average over squares, itself or
its product with P_k with ½ each; CX and CZ permute strings; depolarizing noise scales a string by
1 − λ, its square by (1 − λ)². So E[f²] is a sum over strings of probabilities, without sampling.
A derivative lets only those strings pass that do not commute with its rotation.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.quantum_info import Pauli, SparsePauliOp

from qnlr.errors import InputError
from qnlr.types import FloatArray

LARGEST_CONE = 8
"""Qubits whose 4^n strings are followed."""

AXES = {"rx": 1, "ry": 2, "rz": 3}


@dataclass(frozen=True)
class Turn:
    """A rotation by a uniform angle about an axis, or about one of several with equal chances.

    Args:
        qubit: The qubit.
        axes: 1, 2 or 3 for x, y or z.
        number: Which derivative is that by its angle.
    """

    qubit: int
    axes: tuple[int, ...]
    number: int


@dataclass(frozen=True)
class Pair:
    """A CX or CZ gate.

    Args:
        name: ``"cx"`` or ``"cz"``.
        qubits: Control and target.
    """

    name: str
    qubits: tuple[int, int]


Walk = tuple[Turn | Pair, ...]


@dataclass(frozen=True)
class Damping:
    """What depolarizing noise leaves of a Pauli string at every gate.

    Args:
        one: 1 − λ behind a one-qubit gate, where the string is not the identity.
        two: 1 − λ behind a two-qubit gate, where it is not the identity on both.
    """

    one: float = 1.0
    two: float = 1.0

    @property
    def per_layer(self) -> float:
        """The most that a layer of three rotations on every qubit and a chain of CX leaves."""
        return self.one**3 * self.two


@dataclass(frozen=True, eq=False)
class Moments:
    """Second moments over uniform angles.

    Args:
        value: E[f²], without the observable's part along the identity.
        chosen: E[(∂f/∂θ)²] of the derivative that was asked for.
        mean: Its mean over all derivatives.
    """

    value: float
    chosen: float
    mean: float


def walk_of(circuit: QuantumCircuit, one_axis: bool = False) -> Walk:
    """Return the steps of a circuit of rotations by weights of their own, CX and CZ.

    Args:
        circuit: The circuit; its n-th parameter has the derivative number n.
        one_axis: Whether RX, RY and RZ that follow one another are a single turn about one of the
            axes, drawn anew for each sample; turns are numbered then.

    Returns:
        The steps, in order of time.

    Raises:
        InputError: If it has another gate, or an angle that is not a parameter of its own.

    Example:
        >>> from qnlr.circuits import hardware_efficient
        >>> len(walk_of(hardware_efficient(2, 1))), len(walk_of(hardware_efficient(2, 1), True))
        (7, 3)
    """
    numbers = {parameter: number for number, parameter in enumerate(circuit.parameters)}
    steps: list[Turn | Pair] = []
    for instruction in circuit.data:
        name, params = instruction.operation.name, instruction.operation.params
        qubits = tuple(circuit.find_bit(qubit).index for qubit in instruction.qubits)
        if name in AXES and isinstance(params[0], Parameter) and params[0] in numbers:
            steps.append(Turn(qubits[0], (AXES[name],), numbers.pop(params[0])))
        elif name in ("cx", "cz"):
            steps.append(Pair(name, (qubits[0], qubits[1])))
        else:
            raise InputError(
                f'gate "{name}" has no exact second moment here; it is known for rx, ry and rz by '
                "parameters of their own, cx and cz"
            )
    return _joined(steps) if one_axis else tuple(steps)


def second_moments(
    walk: Walk,
    observable: SparsePauliOp,
    number: int = 0,
    damping: Damping | None = None,
    start: tuple[float, float, float] = (0.0, 0.0, 1.0),
) -> Moments | None:
    r"""Return exact second moments over angles that are uniform and independent.

    .. math:: E[f^2] = \sum_{P ≠ I} c_P^2 \sum_Q T_{QP} ⟨Q⟩_0^2

    Products of different strings of an observable drop out where every qubit is turned about two
    axes at least after its last gate of two qubits; with turns about a single random axis they do
    not, and a single string is needed.

    Args:
        walk: Steps of the circuit, of :func:`walk_of`.
        observable: O = Σ c_P P.
        number: Which derivative is asked for.
        damping: Noise, or None.
        start: ⟨X⟩², ⟨Y⟩² and ⟨Z⟩² of every qubit at the start.

    Returns:
        The moments; None if a string depends on more than 8 qubits.

    Source: the approach of Cerezo et al., Nature Communications 12, 1791 (2021), and Holmes et al.,
        PRX Quantum 3, 010313 (2022), with single rotations in place of random blocks.

    Example:
        >>> from qnlr.circuits import global_z, hardware_efficient, z
        >>> walk = walk_of(hardware_efficient(4, 1))
        >>> second_moments(walk, global_z(4), number=3).chosen, 2.0**-4
        (0.0625, 0.0625)
    """
    noise, total = damping or Damping(), np.zeros(3)
    turns = sum(isinstance(step, Turn) for step in walk)
    simple = observable.simplify()
    for pauli, coefficient in zip(simple.paulis, simple.coeffs.real, strict=True):
        if not (pauli.x | pauli.z).any():
            continue
        moved = _walked(walk, pauli, number, noise, start)
        if moved is None:
            return None
        total += coefficient**2 * moved
    return Moments(float(total[0]), float(total[1]), float(total[2]) / max(turns, 1))


def _walked(
    walk: Walk, pauli: Pauli, number: int, noise: Damping, start: tuple[float, float, float]
) -> FloatArray | None:
    """Return E[f²], the chosen E[(∂f)²] and the sum of all, of a single string."""
    cone, steps = _cone(walk, np.flatnonzero(pauli.x | pauli.z).tolist())
    if len(cone) > LARGEST_CONE:
        return None
    place = {qubit: axis for axis, qubit in enumerate(cone)}
    rows = np.zeros((3, *(4,) * len(cone)))
    digits = np.where(pauli.x, np.where(pauli.z, 2, 1), np.where(pauli.z, 3, 0))
    rows[(0, *(int(digits[qubit]) for qubit in cone))] = 1.0
    for step in reversed(steps):
        if isinstance(step, Turn):
            _turn(rows, 1 + place[step.qubit], step, number, noise.one**2)
        else:
            axes = 1 + place[step.qubits[0]], 1 + place[step.qubits[1]]
            rows = _swapped(rows, axes, step.name, noise.two**2)
    ends = np.array([1.0, *start])
    for _ in cone:
        rows = rows @ ends
    return rows


def _cone(walk: Walk, support: Iterable[int]) -> tuple[list[int], list[Turn | Pair]]:
    """Return the qubits that a string can spread to, and the steps that it meets."""
    inside, met = set(support), []
    for step in reversed(walk):
        qubits = {step.qubit} if isinstance(step, Turn) else set(step.qubits)
        if qubits & inside:
            inside |= qubits
            met.append(step)
    return sorted(inside), met[::-1]


def _turn(rows: FloatArray, axis: int, step: Turn, number: int, damping: float) -> None:
    """Take the strings back over a turn, and into the derivatives what does not commute with it."""
    view = np.moveaxis(rows, axis, 1)
    if damping != 1.0:
        view[:, 1:] *= damping
    stays, moves = np.zeros(4), np.zeros((4, 4))
    share = 1.0 / len(step.axes)
    for about in step.axes:
        stays[[0, about]] += share
        for string in {1, 2, 3} - {about}:
            moves[string, string] += share / 2
            moves[6 - about - string, string] += share / 2
    derived = _mixed(moves, view[0])
    view[:] = np.moveaxis(_mixed(np.diag(stays) + moves, np.moveaxis(view, 1, 0)), 0, 1)
    view[2] += derived
    if step.number == number:
        view[1] += derived


def _mixed(matrix: FloatArray, parts: FloatArray) -> FloatArray:
    """Return matrix @ parts over the first axis; most entries of so small a matrix are 0."""
    out = np.zeros_like(parts)
    for row, column in zip(*np.nonzero(matrix), strict=True):
        out[row] += matrix[row, column] * parts[column]
    return out


def _swapped(rows: FloatArray, axes: tuple[int, int], name: str, damping: float) -> FloatArray:
    """Take the strings back over a CX or CZ."""
    view = np.moveaxis(rows, axes, (1, 2))
    first, second = np.divmod(np.arange(16), 4)
    source = PERMUTED[name]
    scale = np.where(np.arange(16) > 0, damping, 1.0)
    shape = (*view.shape[:1], 16, *view.shape[3:])
    moved = view[:, first, second].reshape(shape)
    moved = (moved * scale.reshape(-1, *(1,) * (len(shape) - 2)))[:, source]
    return np.moveaxis(moved.reshape(view.shape), (1, 2), axes)


def _joined(steps: list[Turn | Pair]) -> Walk:
    """Join neighbouring turns of a qubit to one about a random axis, and number them anew."""
    joined: list[Turn | Pair] = []
    turns = 0
    for step in steps:
        last = joined[-1] if joined else None
        if not isinstance(step, Turn):
            joined.append(step)
        elif isinstance(last, Turn) and last.qubit == step.qubit:
            joined[-1] = Turn(step.qubit, (*last.axes, *step.axes), last.number)
        else:
            joined.append(Turn(step.qubit, step.axes, turns))
            turns += 1
    return tuple(joined)


def _permutation(name: str) -> np.ndarray:
    """Return where each pair of Paulis goes; CX and CZ are their own inverses."""
    bits = np.array([(0, 0), (1, 0), (1, 1), (0, 1)])
    digit = np.array([[0, 3], [1, 2]])
    out = np.zeros(16, dtype=np.int64)
    for string in range(16):
        (cx, cz), (tx, tz) = bits[string // 4], bits[string % 4]
        if name == "cx":
            cz, tx = cz ^ tz, tx ^ cx
        else:
            cz, tz = cz ^ tx, tz ^ cx
        out[string] = 4 * digit[cx, cz] + digit[tx, tz]
    return out


PERMUTED = {name: _permutation(name) for name in ("cx", "cz")}

"""From a circuit to the few operations that the kernels know.

All gates become rotations about x, y or z, fixed matrices on one to three qubits, and CX. What is
left of a gate besides, a global phase, changes no measurement.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import Barrier, CircuitInstruction, Instruction, ParameterExpression
from qiskit.circuit.library import UnitaryGate, get_standard_gate_name_mapping

from qnlr.errors import InputError

ComplexArray = NDArray[np.complex128]
X, Y, Z = 0, 1, 2
AXES = {"rx": X, "ry": Y, "rz": Z, "p": Z, "u1": Z}
NOTHING = frozenset({"barrier", "id", "global_phase", "delay"})


@dataclass(frozen=True)
class Rotation:
    """exp(−iφP/2) on one qubit, P being X, Y or Z and φ a parameter expression."""

    qubit: int
    axis: int
    angle: ParameterExpression


@dataclass(frozen=True, eq=False)
class Matrix:
    """A fixed unitary, shape (2^k, 2^k), bit j of an index being ``qubits[j]``."""

    qubits: tuple[int, ...]
    unitary: ComplexArray


@dataclass(frozen=True)
class Flip:
    """CX: flips the target where the control is 1."""

    control: int
    target: int


@dataclass(frozen=True, eq=False)
class Channel:
    """Noise, as a Pauli transfer matrix of shape (4^k, 4^k)."""

    qubits: tuple[int, ...]
    transfer: NDArray[np.float64]


Operation = Rotation | Matrix | Flip | Channel


class Noise(Protocol):
    """What follows a gate: see :class:`qnlr.simulator.channels.GateNoise`."""

    def is_atomic(self, name: str) -> bool:
        """Return whether noise may be tied to the gate itself, not to what it is made of."""

    def after(self, name: str, qubits: tuple[int, ...]) -> NDArray[np.float64] | None:
        """Return the transfer matrix of the noise that follows a gate, or None."""


def lower(circuit: QuantumCircuit, noise: Noise | None = None) -> Iterator[Operation]:
    """Lower the gates of a circuit.

    Args:
        circuit: The circuit, without measurements.
        noise: Noise that follows its gates, or None.

    Yields:
        Operations, in order; qubits as the circuit numbers them.

    Raises:
        InputError: If the circuit holds what is no gate.

    Example:
        >>> from qiskit import QuantumCircuit
        >>> circuit = QuantumCircuit(2)
        >>> _ = circuit.cz(0, 1)
        >>> [type(operation).__name__ for operation in lower(circuit)]
        ['Matrix', 'Flip', 'Matrix']
    """
    touched: set[int] = set()
    index = {bit: number for number, bit in enumerate(circuit.qubits)}
    for instruction in circuit.data:
        qubits = tuple(index[bit] for bit in instruction.qubits)
        if instruction.operation.name == "initialize":
            if touched & set(qubits):
                raise InputError(
                    "initialize is not at the start of the circuit, where it would be a reset; "
                    "use Aer for circuits with resets"
                )
            yield from _lower_all(_without_resets(instruction), qubits, None)
        else:
            yield from _lower(instruction.operation, qubits, noise)
        if instruction.operation.name != "barrier":
            touched |= set(qubits)


def _lower(gate: Instruction, qubits: tuple[int, ...], noise: Noise | None) -> Iterator[Operation]:
    name = gate.name if _is_known(gate) else ""
    refuse_what_is_no_gate(gate)
    follows = None if noise is None else noise.after(_called(gate), qubits)
    within = (
        None if noise is None or follows is not None or noise.is_atomic(_called(gate)) else noise
    )
    if name in NOTHING:
        pass
    elif name in AXES:
        yield _rotation(qubits[0], AXES[name], gate.params[0])
    elif name in ("u", "u3"):
        theta, phi, lam = gate.params
        yield _rotation(qubits[0], Z, lam)
        yield _rotation(qubits[0], Y, theta)
        yield _rotation(qubits[0], Z, phi)
    elif name in RECIPES and follows is None:
        yield from RECIPES[name](*qubits)
    elif _is_fixed(gate) and len(qubits) <= (3 if isinstance(gate, UnitaryGate) else 2):
        yield Matrix(qubits, np.asarray(gate.to_matrix(), dtype=complex))
    elif getattr(gate, "definition", None) is not None:
        yield from _lower_all(gate.definition, qubits, within)
    else:
        raise InputError(
            f'gate "{gate.name}" has neither a matrix nor a definition; '
            "transpile the circuit first, or use Aer"
        )
    if follows is not None:
        yield Channel(qubits, follows)


def _is_known(gate: Instruction) -> bool:
    """Return whether a gate is what its name says: anybody may give a gate any name."""
    known = _standard_classes().get(gate.name)
    return known is not None and isinstance(gate, known)


@cache
def _standard_classes() -> dict[str, type]:
    standard = get_standard_gate_name_mapping()
    return {name: gate.base_class for name, gate in standard.items()} | {"barrier": Barrier}


def _called(gate: Instruction) -> str:
    """Return the name that noise is tied to: the label, if there is one."""
    return str(getattr(gate, "label", None) or gate.name)


def _lower_all(
    definition: QuantumCircuit, qubits: tuple[int, ...], noise: Noise | None
) -> Iterator[Operation]:
    index = {bit: number for number, bit in enumerate(definition.qubits)}
    for inner in definition.data:
        yield from _lower(inner.operation, tuple(qubits[index[bit]] for bit in inner.qubits), noise)


def refuse_what_is_no_gate(operation: Instruction) -> None:
    """Refuse measurements, resets and control flow.

    Raises:
        InputError: If the operation is one of them.
    """
    name = operation.name
    if name == "measure":
        raise InputError(
            "the circuit measures in its midst (or, for an estimator, at all); remove the "
            "measurement, or use Aer"
        )
    if name == "reset":
        raise InputError("the circuit holds a reset, which is no gate; use Aer for such circuits")
    if hasattr(operation, "blocks") or name in ("store", "break_loop", "continue_loop"):
        raise InputError(f'"{name}" is control flow; use Aer for circuits with control flow')


def _rotation(qubit: int, axis: int, angle: float | ParameterExpression) -> Operation:
    if isinstance(angle, ParameterExpression) and angle.parameters:
        return Rotation(qubit, axis, angle)
    return Matrix((qubit,), rotation_matrix(axis, float(angle)))


def rotation_matrix(axis: int, angle: float) -> ComplexArray:
    r"""Return exp(−iφP/2) = cos(φ/2) − i sin(φ/2) P.

    Args:
        axis: 0, 1 or 2 for P = X, Y or Z.
        angle: φ.

    Returns:
        Shape (2, 2).

    Example:
        >>> rotation_matrix(Y, np.pi).real.round(6) + 0.0
        array([[ 0., -1.],
               [ 1.,  0.]])
    """
    pauli: ComplexArray = PAULIS[axis + 1]
    return math.cos(angle / 2) * np.eye(2) - 1j * math.sin(angle / 2) * pauli


PAULIS = np.array(
    [[[1, 0], [0, 1]], [[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]], dtype=complex
)
HADAMARD: ComplexArray = np.array([[1, 1], [1, -1]], dtype=complex) / complex(math.sqrt(2))
PHASE = np.array([[1, 0], [0, 1j]], dtype=complex)


def _swap(a: int, b: int) -> list[Operation]:
    return [Flip(a, b), Flip(b, a), Flip(a, b)]


def _cz(a: int, b: int) -> list[Operation]:
    return [Matrix((b,), HADAMARD), Flip(a, b), Matrix((b,), HADAMARD)]


def _cy(a: int, b: int) -> list[Operation]:
    return [Matrix((b,), PHASE.conj()), Flip(a, b), Matrix((b,), PHASE)]


RECIPES: dict[str, Callable[..., list[Operation]]] = {
    "cx": lambda a, b: [Flip(a, b)],
    "swap": _swap,
    "dcx": lambda a, b: [Flip(a, b), Flip(b, a)],
    "cz": _cz,
    "cy": _cy,
}


def _is_fixed(gate: Instruction) -> bool:
    return hasattr(gate, "__array__") and not any(
        isinstance(value, ParameterExpression) and value.parameters
        for value in getattr(gate, "params", ())
    )


def _without_resets(instruction: CircuitInstruction) -> QuantumCircuit:
    definition: Any = instruction.operation.definition
    kept = definition.copy_empty_like()
    for inner in definition.data:
        if inner.operation.name != "reset":
            kept.append(inner)
    return kept

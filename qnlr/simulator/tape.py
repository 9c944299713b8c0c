"""A circuit as a tape: blocks of one-qubit operations between operations on more qubits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Barrier, Parameter, ParameterExpression
from qiskit.circuit.library import UnitaryGate
from qiskit.quantum_info import PauliList

from qnlr.simulator.angles import Angles, compile_angles
from qnlr.simulator.lowering import (
    Channel,
    Flip,
    Matrix,
    Noise,
    Operation,
    Rotation,
    Z,
    lower,
)

BLOCK, FLIP, DENSE, NOISE = 0, 1, 2, 3
FIXED = 3
"""Kind of a part of a block that is a matrix; 0, 1 and 2 are rotations about x, y and z."""


@dataclass(frozen=True, eq=False)
class Step:
    """An operation on one or more qubits, or a block of parts on one.

    Args:
        kind: ``BLOCK``, ``FLIP``, ``DENSE`` or ``NOISE``.
        qubits: The qubits, as the tape numbers them; for a flip control and target.
        content: Parts of a block; matrix of the others, None for a flip.
    """

    kind: int
    qubits: tuple[int, ...]
    content: Any = None


@dataclass(frozen=True, eq=False)
class Tape:
    """What kernels interpret, and the angles of its rotations.

    Args:
        num_qubits: Qubits that anything is done to or asked of.
        qubits: Number of each in the circuit.
        steps: The steps, in order.
        angles: Rotation angles from parameter values.
    """

    num_qubits: int
    qubits: tuple[int, ...]
    steps: tuple[Step, ...]
    angles: Angles

    @cached_property
    def has_noise(self) -> bool:
        """Whether there is noise behind any gate."""
        return any(
            step.kind == NOISE
            or (step.kind == BLOCK and any(k == FIXED and len(m) == 4 for k, m in step.content))
            for step in self.steps
        )

    @cached_property
    def angles_reached(self) -> np.ndarray:
        """Whether each angle turns anything, shape (S,)."""
        reached = np.zeros(len(self.angles.offset), dtype=bool)
        for step in self.steps:
            if step.kind == BLOCK:
                reached[[content for kind, content in step.content if kind != FIXED]] = True
        return reached

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Parameters of the circuit, in order."""
        return self.angles.parameters


def compile_tape(
    circuit: QuantumCircuit, noise: Noise | None = None, observed: Iterable[int] = ()
) -> Tape:
    """Compile a circuit.

    Neighbouring operations on one qubit are fused to a block. Idle qubits are left out, unless they
    are observed.

    Args:
        circuit: The circuit, without measurements.
        noise: Noise that follows its gates, or None.
        observed: Qubits that must be there, as the circuit numbers them.

    Returns:
        The tape.

    Raises:
        InputError: If the circuit holds what is no gate.

    Example:
        >>> circuit = QuantumCircuit(5)
        >>> theta = Parameter("θ")
        >>> _ = circuit.h(1), circuit.rz(theta, 1), circuit.cx(1, 3), circuit.rx(theta, 3)
        >>> tape = compile_tape(circuit)
        >>> tape.qubits, [step.kind for step in tape.steps]
        ((1, 3), [0, 1, 0])
    """
    operations = list(lower(circuit, noise))
    used = sorted({*observed, *(qubit for one in operations for qubit in _qubits(one))})
    number = {qubit: place for place, qubit in enumerate(used)}
    expressions: list[ParameterExpression] = []
    steps: list[Step] = []
    open_blocks: dict[int, list[tuple[int, Any]]] = {}

    def close(qubits: Iterable[int]) -> None:
        for qubit in qubits:
            if parts := open_blocks.pop(qubit, None):
                steps.append(Step(BLOCK, (qubit,), tuple(parts)))

    for operation in operations:
        where = tuple(number[qubit] for qubit in _qubits(operation))
        if isinstance(operation, Rotation):
            parts = open_blocks.setdefault(where[0], [])
            parts.append((operation.axis, len(expressions)))
            expressions.append(operation.angle)
        elif len(where) == 1:
            parts = open_blocks.setdefault(where[0], [])
            parts.append((FIXED, _content(operation)))
        else:
            close(where)
            kind = {Flip: FLIP, Matrix: DENSE, Channel: NOISE}[type(operation)]
            steps.append(Step(kind, where, _content(operation)))
    close(list(open_blocks))
    angles = compile_angles(expressions, circuit.parameters)
    return Tape(len(used), tuple(used), tuple(steps), angles)


def light_cone(tape: Tape, paulis: PauliList) -> Tape:
    """Return a tape without what observables cannot depend on.

    Going backward, a step is left out if the observables commute with it: if they do not act on its
    qubits, or are diagonal where a CX controls and a rotation turns about z. What acts on qubits
    that are left is kept as it was, with the same angles.

    Args:
        tape: The tape.
        paulis: Strings on the qubits of the tape.

    Returns:
        A tape on fewer qubits, or the same.

    Example:
        >>> circuit = QuantumCircuit(3)
        >>> _ = circuit.h([0, 1, 2]), circuit.cx(1, 2), circuit.cx(0, 1)
        >>> light_cone(compile_tape(circuit), PauliList(["IIZ"])).qubits
        (0,)
    """
    acts = [
        _ONLY_X * bool(x.any()) | _ONLY_Z * bool(z.any())
        for x, z in zip(paulis.x.T, paulis.z.T, strict=True)
    ]
    kept = []
    for step in reversed(tape.steps):
        here = [acts[qubit] for qubit in step.qubits]
        if not any(here) or _commutes(step, here):
            continue
        kept.append(step)
        if step.kind != NOISE or np.any(step.content != np.diag(np.diag(step.content))):
            for qubit in step.qubits:
                acts[qubit] = _ANY
    used = sorted({qubit for step in kept for qubit in step.qubits} | _support(paulis))
    place = {qubit: number for number, qubit in enumerate(used)}
    steps = [
        Step(step.kind, tuple(place[qubit] for qubit in step.qubits), step.content)
        for step in reversed(kept)
    ]
    return Tape(len(used), tuple(tape.qubits[q] for q in used), tuple(steps), tape.angles)


def varying_first(tape: Tape, varying: np.ndarray) -> Tape:
    """Return a tape that does first what differs between elements, and what that depends on.

    Blocks are cut behind the last of their angles that varies. The rest is what all elements share,
    unless something that varies stands behind it.

    Args:
        tape: The tape.
        varying: Whether each angle differs between elements, shape (S,).

    Returns:
        An equivalent tape.

    Example:
        >>> x, theta = Parameter("x"), Parameter("θ")
        >>> circuit = QuantumCircuit(2)
        >>> for qubit in range(2):
        ...     _ = circuit.ry(x, qubit), circuit.ry(theta, qubit)
        >>> tape = varying_first(compile_tape(circuit), np.array([True, False, True, False]))
        >>> [(step.qubits, len(step.content)) for step in tape.steps]
        [((0,), 1), ((1,), 1), ((0,), 1), ((1,), 1)]
    """
    pieces = [piece for step in tape.steps for piece in _cut(step, varying)]
    early, reached = [False] * len(pieces), set[int]()
    for place in reversed(range(len(pieces))):
        step, varies = pieces[place]
        if varies or reached & set(step.qubits):
            early[place] = True
            reached |= set(step.qubits)
    first = [step for (step, _), soon in zip(pieces, early, strict=True) if soon]
    rest = [step for (step, _), soon in zip(pieces, early, strict=True) if not soon]
    return Tape(tape.num_qubits, tape.qubits, (*first, *rest), tape.angles)


def _cut(step: Step, varying: np.ndarray) -> list[tuple[Step, bool]]:
    """Return a step in up to two pieces, each with whether it varies."""
    if step.kind != BLOCK:
        return [(step, False)]
    turns = [kind != FIXED and bool(varying[content]) for kind, content in step.content]
    end = max((place + 1 for place, one in enumerate(turns) if one), default=0)
    parts = [(step.content[:end], True), (step.content[end:], False)]
    return [(Step(BLOCK, step.qubits, part), varies) for part, varies in parts if part]


_ONLY_X, _ONLY_Z, _ANY = 1, 2, 3


def _commutes(step: Step, acts: list[int]) -> bool:
    """Return whether strings that act so on its qubits commute with a step."""
    if step.kind == FLIP:
        control, target = acts
        return control in (0, _ONLY_Z) and target in (0, _ONLY_X)
    turns = {kind for kind, _ in step.content} if step.kind == BLOCK else set()
    return turns == {Z} and acts[0] == _ONLY_Z


def _support(paulis: PauliList) -> set[int]:
    return set(np.flatnonzero((paulis.x | paulis.z).any(axis=0)).tolist())


def content_key(circuit: QuantumCircuit) -> tuple[Any, ...]:
    """Return what tells a circuit from others: its bits, gates and parameters.

    Args:
        circuit: The circuit.

    Returns:
        A key for a cache.
    """
    index = {bit: number for number, bit in enumerate(circuit.qubits)}
    places = {bit: number for number, bit in enumerate(circuit.clbits)}
    return (
        circuit.num_qubits,
        circuit.num_clbits,
        tuple(circuit.parameters),
        tuple(
            (
                one.name,
                one.label,
                tuple([index[bit] for bit in one.qubits]),
                tuple([places[bit] for bit in one.clbits]),
                tuple([_value_key(value) for value in one.params])
                if one.is_standard_gate()
                else _operation_key(one.operation),
            )
            for one in circuit.data
        ),
    )


def _operation_key(operation: Any) -> Any:
    """Return what tells an operation from others that no name stands for."""
    known = isinstance(operation, UnitaryGate | Barrier) or hasattr(operation, "blocks")
    definition = None if known else getattr(operation, "definition", None)
    return (
        type(operation),
        tuple([_value_key(value) for value in getattr(operation, "params", [id(operation)])]),
        None if definition is None else content_key(definition),
    )


def _value_key(value: Any) -> Any:
    """Return a value that is quick to compare: expressions hash slowly, parameters do not."""
    if isinstance(value, np.ndarray):
        return value.tobytes()
    if isinstance(value, QuantumCircuit):
        return content_key(value)
    if isinstance(value, ParameterExpression) and not isinstance(value, Parameter):
        return str(value), frozenset(value.parameters)
    return value


def _qubits(operation: Operation) -> tuple[int, ...]:
    if isinstance(operation, Rotation):
        return (operation.qubit,)
    if isinstance(operation, Flip):
        return (operation.control, operation.target)
    return operation.qubits


def _content(operation: Operation) -> Any:
    if isinstance(operation, Matrix):
        return operation.unitary
    return operation.transfer if isinstance(operation, Channel) else None

"""Folding: circuits that do the same with more gates, and so with more noise."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction, Gate, Instruction
from qiskit.circuit.exceptions import CircuitError
from qiskit.circuit.library import RZGate, SXGate

from qnlr.errors import InputError, is_number

NOT_COUNTED = frozenset({"barrier", "delay"})


def fold(circuit: QuantumCircuit, factor: float) -> QuantumCircuit:
    r"""Fold a circuit, so that it has about ``factor`` times the gates, and does the same.

    .. math:: U → U (U^† U)^n L_d^† ⋯ L_{d-s+1}^† L_{d-s+1} ⋯ L_d, \qquad
              n d + s = \mathrm{round}\big(d (λ - 1) / 2\big)

    for the d gates L of the circuit; odd factors λ are met exactly, others as nearly as d allows
    (:func:`reached_factor`). Every gate counts alike. Barriers stand where a gate meets its
    inverse, so that no transpiler cancels them.

    Parameters and layout stay. ISA circuits stay ISA on IBM's bases: the inverse of √X, which they
    lack, becomes Rz(π) √X Rz(π), which is as noisy as √X where Rz is without noise. The inverse of
    another gate is Qiskit's: T and T†, say, are two gates, and a target or noise model has to know
    both.

    Source: Giurgica-Tiron et al., IEEE QCE 2020, arXiv:2005.10921, section II.

    Args:
        circuit: Gates, barriers and delays; no measurements.
        factor: λ, at least 1.

    Returns:
        The folded circuit.

    Raises:
        InputError: If the factor is below 1, or the circuit holds what has no inverse.

    Example:
        >>> from qnlr.circuits import hardware_efficient
        >>> circuit = hardware_efficient(2, 1)
        >>> folded = fold(circuit, 3)
        >>> circuit.size(), folded.size(), folded.parameters == circuit.parameters
        (7, 21, True)
    """
    gates = _gates(circuit)
    number = _pairs(len(gates), factor)
    whole, rest = divmod(number, len(gates)) if gates else (0, 0)
    folded = circuit.copy()
    for steps in [list(circuit.data)] * whole + [gates[len(gates) - rest :]] * bool(rest):
        folded.barrier()
        _append(folded, (one for step in reversed(steps) for one in _inverse(step)))
        folded.global_phase += sum(math.pi / 2 for step in steps if _is_sx(step.operation))
        folded.barrier()
        _append(folded, steps)
    return folded


def reached_factor(circuit: QuantumCircuit, factor: float) -> float:
    """Return the factor that folding a circuit reaches, of the one that is asked for.

    Args:
        circuit: Gates, barriers and delays; no measurements.
        factor: λ, at least 1.

    Returns:
        1 + 2k/d for d gates, with k the nearest integer to d(λ − 1)/2; 1 without gates.

    Raises:
        InputError: If the factor is below 1, or the circuit holds what has no inverse.

    Example:
        >>> from qnlr.circuits import hardware_efficient
        >>> [round(reached_factor(hardware_efficient(2, 1), factor), 3) for factor in (1.5, 3)]
        [1.571, 3.0]
    """
    gates = len(_gates(circuit))
    number = _pairs(gates, factor)
    return 1.0 + 2.0 * number / gates if gates else 1.0


def require_factor(factor: float) -> float:
    """Return a noise factor if it is a finite number of at least 1.

    Args:
        factor: λ.

    Returns:
        The factor, as a float.

    Raises:
        InputError: If it is not.
    """
    if not (is_number(factor) and math.isfinite(factor) and factor >= 1):
        raise InputError(
            f"factor = {factor!r} is not valid; noise is amplified by a finite factor of at least 1"
        )
    return float(factor)


def _pairs(gates: int, factor: float) -> int:
    return round(gates * (require_factor(factor) - 1.0) / 2.0)


def _gates(circuit: QuantumCircuit) -> list[CircuitInstruction]:
    found = []
    for step in circuit.data:
        if step.operation.name in NOT_COUNTED:
            continue
        if not isinstance(step.operation, Gate):
            raise InputError(
                f'"{step.operation.name}" is no gate, so the circuit cannot be folded; leave '
                "measurements, resets and control flow out, and decompose what is made of gates"
            )
        found.append(step)
    return found


def _append(circuit: QuantumCircuit, steps: Iterable[CircuitInstruction]) -> None:
    for step in steps:
        circuit.append(step)


def _is_sx(gate: Instruction) -> bool:
    return isinstance(gate, SXGate)


def _inverse(step: CircuitInstruction) -> Iterator[CircuitInstruction]:
    gate = step.operation
    if _is_sx(gate):
        turn = step.replace(operation=RZGate(math.pi), params=(math.pi,))
        yield from (turn, step, turn)
        return
    try:
        inverse = gate.inverse()
    except (CircuitError, NotImplementedError) as error:
        raise InputError(
            f'"{gate.name}" has no inverse, so the circuit cannot be folded; decompose it first'
        ) from error
    if getattr(gate, "label", None) is not None:  # what a noise model may know it by
        inverse = inverse.to_mutable()
        inverse.label = gate.label
    yield CircuitInstruction(inverse, step.qubits, step.clbits)

"""Circuits whose gates share weights, as circuits in which each gate has an angle of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import Parameter, ParameterExpression, ParameterVector

from qnlr.circuits.variational import SHIFT_GATES
from qnlr.errors import InputError
from qnlr.types import FloatArray

GATES = ("rx", "ry", "rz", "rxx", "ryy", "rzz", "cx", "h")


@dataclass(frozen=True)
class Untied:
    r"""A circuit of bare gate angles φ, and what they are in terms of the weights θ.

    .. math:: φ = T θ + b, \qquad \frac{∂f}{∂θ} = T^⊤ \frac{∂f}{∂φ}

    Args:
        circuit: The circuit, with one parameter φ for each trained gate, in the order of gates.
        ties: T, shape (gates, weights).
        offsets: b, shape (gates,).
    """

    circuit: QuantumCircuit
    ties: FloatArray
    offsets: FloatArray

    def angles(self, weights: FloatArray) -> FloatArray:
        """Return φ, shape (..., gates), for weights θ of shape (..., weights)."""
        return np.asarray(np.asarray(weights, dtype=float) @ self.ties.T + self.offsets)


def untied(circuit: QuantumCircuit) -> Untied:
    r"""Give every trained gate a parameter of its own, and return how the weights tie them.

    Each gate then has a parameter-shift rule, on any backend, though a weight turn many gates at
    once or by a multiple. Gates without such a rule are first replaced by those of
    :data:`GATES`. The global phase, which no expectation value sees, is dropped.

    Args:
        circuit: A circuit all of whose parameters are weights, and whose angles are affine in them.

    Returns:
        The circuit and its ties; columns of the ties are in the order of ``circuit.parameters``.

    Raises:
        InputError: If the circuit has no parameters, or an angle is not affine in them.

    Example:
        >>> θ = Parameter("θ")
        >>> circuit = QuantumCircuit(2)
        >>> _ = circuit.rx(2 * θ, 0), circuit.rzz(0.5 - θ, 0, 1)
        >>> found = untied(circuit)
        >>> found.ties.ravel(), found.offsets, found.circuit.num_parameters
        (array([ 2., -1.]), array([0. , 0.5]), 2)
    """
    weights = tuple(circuit.parameters)
    if not weights:
        raise InputError("the circuit has no parameters; an ansatz needs weights")
    flat = circuit if _all_shift(circuit) else in_rotations(circuit)
    places = [place for place, step in enumerate(flat.data) if _angle(step.operation)]
    if not _all_shift(flat):
        raise InputError("the circuit has weights in what is not a gate, and cannot be untied")
    column = {weight: number for number, weight in enumerate(weights)}
    ties, offsets = np.zeros((len(places), len(weights))), np.zeros(len(places))
    phi = ParameterVector("φ", len(places))
    bare = flat.copy_empty_like()
    bare.global_phase = 0.0
    rows = {place: row for row, place in enumerate(places)}
    for place, step in enumerate(flat.data):
        if place not in rows:
            bare.append(step)
            continue
        row, angle = rows[place], _angle(step.operation)
        assert angle is not None
        for weight, slope in _slopes(angle).items():
            ties[row, column[weight]] = slope
        offsets[row] = float(angle.bind(dict.fromkeys(angle.parameters, 0.0)))
        gate = step.operation.copy()
        gate.params = [phi[row]]
        bare.append(step.replace(operation=gate))
    return Untied(bare, ties, offsets)


def in_rotations(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return a circuit in Pauli rotations, CX and H, gate by gate: nothing is joined or left out.

    Args:
        circuit: A circuit of gates.

    Returns:
        The same circuit in the gates of :data:`GATES`.

    Example:
        >>> circuit = QuantumCircuit(2)
        >>> _ = circuit.crx(Parameter("θ"), 0, 1)
        >>> sorted(set(in_rotations(circuit).count_ops()) - set(GATES))
        []
    """
    return transpile(circuit, basis_gates=list(GATES), optimization_level=0)


def _angle(operation: object) -> ParameterExpression | None:
    """Return the one angle of a gate if weights are in it."""
    found = [
        value
        for value in getattr(operation, "params", ())
        if isinstance(value, ParameterExpression) and value.parameters
    ]
    return found[0] if found else None


def _all_shift(circuit: QuantumCircuit) -> bool:
    return all(
        step.operation.name in SHIFT_GATES
        for step in circuit.data
        if any(getattr(value, "parameters", ()) for value in step.operation.params)
    )


def _slopes(angle: ParameterExpression) -> dict[Parameter, float]:
    """Return the derivatives of an angle, which must be numbers."""
    slopes = {weight: angle.gradient(weight) for weight in angle.parameters}
    for weight, slope in slopes.items():
        if getattr(slope, "parameters", ()):
            raise InputError(
                f"angle {angle} is not affine in weight {weight.name}; a gate's angle must be a "
                "sum of multiples of weights and a constant"
            )
    return {weight: float(slope) for weight, slope in slopes.items()}

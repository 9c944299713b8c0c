"""The quantum Fisher information of a circuit's weights: the metric of the states it makes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from qnlr.circuits import VariationalCircuit
from qnlr.errors import InputError
from qnlr.simulator import Program, Simulator
from qnlr.types import FloatArray

AT_ONCE = 2**22
"""Amplitudes that are held at once."""


def quantum_fisher(
    model: VariationalCircuit,
    weights: FloatArray,
    angles: FloatArray,
    simulator: Simulator | None = None,
) -> FloatArray:
    r"""Return the quantum Fisher information of the weights, its mean over the samples.

    .. math:: F_{kl} = 4 \, \mathrm{Re} \big[ ⟨∂_k ψ|∂_l ψ⟩ - ⟨∂_k ψ|ψ⟩⟨ψ|∂_l ψ⟩ \big]

    It is four times the Fubini–Study metric, and exact: the derivative by the angle of a rotation
    exp(−iφP/2) is half the state at φ + π. Weights may be shared between gates, and angles may be
    any function of them. The observable plays no part.

    Source: Stokes, Izaac, Killoran and Carleo, Quantum 4, 269 (2020), Eq. 4, there without the
    factor 4; Meyer, Quantum 5, 539 (2021), Eq. 17.

    Args:
        model: The circuit.
        weights: θ, shape (P,).
        angles: Encoding angles, shape (B, D), at least one row; shape (1, 0) without an encoding.
        simulator: Keeps compiled circuits from call to call; None for a new one.

    Returns:
        F, shape (P, P), symmetric and positive semidefinite.

    Raises:
        InputError: If the shapes do not fit the circuit, or there is no sample.

    Example:
        >>> from qnlr.circuits import angle, hardware_efficient, variational_circuit, z
        >>> model = variational_circuit(angle(1, 1), hardware_efficient(1, 1), z(1))
        >>> quantum_fisher(model, np.array([0.0, 0.3, 0.2]), np.array([[0.5]])).round(4) + 0.0
        array([[ 0.7702,  0.    , -0.6295],
               [ 0.    ,  1.    ,  0.    ],
               [-0.6295,  0.    ,  0.5146]])
    """
    theta, x = np.asarray(weights, dtype=float), np.asarray(angles, dtype=float)
    if theta.shape != (len(model.weights),) or x.ndim != 2 or x.shape[1] != len(model.angles):
        raise InputError(
            f"weights of shape {theta.shape} and angles of shape {x.shape} do not fit the circuit; "
            f"it takes ({len(model.weights)},) and (B, {len(model.angles)})"
        )
    if not len(x):
        raise InputError("there is no sample; the quantum Fisher information is a mean over them")
    program = (simulator or Simulator()).program(model.circuit, range(model.circuit.num_qubits))
    column = {parameter: place for place, parameter in enumerate(model.parameters)}
    order = [column[parameter] for parameter in program.parameters]
    rows = np.hstack([x, np.broadcast_to(theta, (len(x), len(theta)))])[:, order]
    trained = np.isin(order, np.arange(x.shape[1], len(column)))
    slots = np.flatnonzero(program.tape.angles.reached(trained))
    back = {parameter: place for place, parameter in enumerate(program.parameters)}
    columns = [back[parameter] for parameter in model.weights]
    total = np.zeros((len(theta), len(theta)))
    for some in _together(program, rows, len(slots)):
        slopes = _slopes(program, some[:1], slots)[:, columns]
        total += slopes.T @ _summed(program, program.angles(some), slots) @ slopes
    return (total + total.T) / (2 * len(x))


def _together(program: Program, rows: FloatArray, slots: int) -> Iterator[FloatArray]:
    """Yield rows of parameter values of which angles have the same derivatives, a few at a time."""
    each = (slots + 1) << program.circuit.num_qubits
    step = 1 if program.tape.angles.others else max(1, AT_ONCE // each)
    for start in range(0, len(rows), step):
        yield rows[start : start + step]


def _slopes(program: Program, row: FloatArray, slots: NDArray[np.intp]) -> FloatArray:
    """Return ∂φ/∂p of some angles at one row of parameter values, shape (slots, D)."""
    units = np.zeros((len(program.tape.angles.offset), len(slots)))
    units[slots, np.arange(len(slots))] = 1.0
    return program.tape.angles.chain(np.repeat(row, len(slots), axis=0), units)


def _summed(program: Program, angles: FloatArray, slots: NDArray[np.intp]) -> FloatArray:
    """Return the information of some angles, summed over samples, shape (slots, slots)."""
    samples = angles.shape[1]
    turned = np.tile(angles, len(slots) + 1)
    for place, slot in enumerate(slots):
        turned[slot, place * samples : (place + 1) * samples] += np.pi
    states = program.states(turned).reshape(len(slots) + 1, samples, -1)
    shifted, own = states[:-1], states[-1]
    flat = shifted.reshape(len(slots), -1).view(float)
    overlap = np.einsum("kba,ba->kb", shifted, own.conj()).view(float)
    information: FloatArray = flat @ flat.T - overlap @ overlap.T
    return information

"""Jacobians of expectation values: exact, or by the parameter-shift rule with shots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from qiskit.quantum_info import SparsePauliOp

from qnlr.simulator.program import Program, shifted
from qnlr.simulator.shots import (
    Group,
    draw_counts,
    draw_group,
    draw_signs,
    group,
    mean_and_error,
)
from qnlr.types import FloatArray


@dataclass(frozen=True, eq=False)
class Slopes:
    """Values and derivatives of an observable.

    Args:
        values: f, shape (E,).
        variances: Their variances from shots, shape (E,).
        derivatives: ∂f/∂p, shape (E, D); 0 where they were not wanted.
        derivative_variances: Their variances, shape (E, D).
    """

    values: FloatArray
    variances: FloatArray
    derivatives: FloatArray
    derivative_variances: FloatArray


def sampled_values(
    program: Program,
    values: FloatArray,
    observable: SparsePauliOp,
    shots: int,
    rng: np.random.Generator,
    groups: Sequence[Group] | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Draw values of an observable as measuring the circuit would give them.

    Args:
        program: The circuit.
        values: Parameter values, shape (E, D).
        observable: A sum of Pauli strings with real coefficients.
        shots: Shots of every circuit.
        rng: Draws them.
        groups: What :func:`qnlr.simulator.shots.group` gives for the observable, whose strings then
            differ from each other; None to find them.

    Returns:
        Values and their variances, shape (E,) each.
    """
    angles = program.angles(values)
    simple, groups = _grouped(observable, groups)
    f, s2 = np.zeros(len(values)), np.zeros(len(values))
    for one in groups:
        weights = simple.coeffs.real[one.members]
        if not one.basis.qubits:
            f += weights.sum()
            continue
        counts = draw_group(program, angles, one, shots, rng)
        mean, variance = mean_and_error(counts, weights @ one.signs)
        f, s2 = f + mean, s2 + variance
    return f, s2


def _grouped(
    observable: SparsePauliOp, groups: Sequence[Group] | None
) -> tuple[SparsePauliOp, Sequence[Group]]:
    """Return an observable of different strings, and how they are measured together."""
    if groups is not None:
        return observable, groups
    simple = _distinct(observable)
    return simple, group(simple.paulis)


def _distinct(observable: SparsePauliOp) -> SparsePauliOp:
    return observable.simplify() if len(observable) > 1 else observable


def exact_jacobian(
    program: Program, values: FloatArray, observable: SparsePauliOp, wanted: np.ndarray
) -> Slopes:
    """Return exact values and derivatives, by an adjoint sweep or, under noise, a shift of each.

    Args:
        program: The circuit.
        values: Parameter values, shape (E, D).
        observable: A sum of Pauli strings with real coefficients.
        wanted: Whether to differentiate by each parameter, shape (D,).

    Returns:
        Values and derivatives, with variances of 0.

    Example:
        >>> from qiskit.circuit.library import real_amplitudes
        >>> from qnlr.simulator.compiled import Simulator
        >>> program = Simulator().program(real_amplitudes(2, reps=1))
        >>> everything = np.ones(4, dtype=bool)
        >>> x = np.array([[0.1, 0.2, 0.3, 0.4]])
        >>> exact_jacobian(program, x, SparsePauliOp("ZZ"), everything).derivatives.round(4)
        array([[ 0.1219, -0.5376, -0.2069, -0.5114]])
    """
    angles = program.angles(values)
    slots = program.tape.angles.reached(wanted)
    simple = _distinct(observable)
    found, by_angle = program.gradient(angles, simple.paulis, simple.coeffs.real, slots)
    slopes = np.where(wanted, program.tape.angles.chain(values, by_angle), 0.0)
    return Slopes(found, np.zeros_like(found), slopes, np.zeros_like(slopes))


def sampled_jacobian(
    program: Program,
    values: FloatArray,
    observable: SparsePauliOp,
    wanted: np.ndarray,
    shots: int | np.ndarray,
    rng: np.random.Generator,
    groups: Sequence[Group] | None = None,
) -> Slopes:
    r"""Draw values and derivatives as the parameter-shift rule on a device would give them.

    .. math:: \frac{∂f}{∂φ_j} = \tfrac12 [f(φ + \tfrac{π}{2} e_j) - f(φ - \tfrac{π}{2} e_j)],
              \qquad \frac{∂f}{∂p_i} = \sum_j \frac{∂φ_j}{∂p_i} \frac{∂f}{∂φ_j}

    for the angle φ_j of every rotation, with shots of its own at every shift, element and group of
    strings that are measured together.

    Args:
        program: The circuit.
        values: Parameter values, shape (E, D).
        observable: A sum of Pauli strings with real coefficients.
        wanted: Whether to differentiate by each parameter, shape (D,).
        shots: Shots of every circuit; or those of each shift of a parameter, shape (D,), at least 1
            where it is wanted: then the value has the most of them, and an angle that several
            parameters turn the most of theirs.
        rng: Draws them.
        groups: What :func:`qnlr.simulator.shots.group` gives for the observable, whose strings then
            differ from each other; None to find them.

    Returns:
        Values and derivatives with their variances.
    """
    angles = program.angles(values)
    slots = program.tape.angles.reached(wanted)
    at_value, at_slots = _spread_shots(program, wanted, shots)
    simple, groups = _grouped(observable, groups)
    size = angles.shape[1]
    f, s2 = np.zeros(size), np.zeros(size)
    by_angle, spread = np.zeros(angles.shape), np.zeros(angles.shape)
    for one in groups:
        weights = simple.coeffs.real[one.members]
        if not one.basis.qubits:
            f += weights.sum()
            continue
        draw = _draw_single if len(one.strings) == 1 else _draw_several
        (mean, variance), (up, up2), (down, down2) = draw(
            program, angles, one, weights @ one.signs, slots, at_value, at_slots, rng
        )
        f, s2 = f + mean, s2 + variance
        by_angle[slots] += (up - down) / 2
        spread[slots] += (up2 + down2) / 4
    chain = program.tape.angles.chain
    return Slopes(
        f,
        s2,
        np.where(wanted, chain(values, by_angle), 0.0),
        np.where(wanted, chain(values, spread, power=2), 0.0),
    )


Estimated = tuple[FloatArray, FloatArray]


def _spread_shots(
    program: Program, wanted: np.ndarray, shots: int | np.ndarray
) -> tuple[int, np.ndarray | None]:
    """Return the shots of the value, and of each slot; None where they are the same."""
    if isinstance(shots, (int, np.integer)):
        return int(shots), None
    reached = program.tape.angles.reached
    found = np.zeros(len(reached(wanted)), dtype=np.int64)
    for number in np.unique(shots[wanted]):
        found[reached(wanted & (shots >= number))] = number
    return int(shots[wanted].max(initial=1)), found


def _draw_single(
    program: Program,
    angles: FloatArray,
    one: Group,
    outcomes: FloatArray,
    slots: np.ndarray,
    shots: int,
    at_slots: np.ndarray | None,
    rng: np.random.Generator,
) -> tuple[Estimated, Estimated, Estimated]:
    """Draw a single string, of which the exact values at all shifts come from one sweep."""
    found, plus, minus = program.shifts(angles, one.strings, np.ones(1), slots)
    each = shots if at_slots is None else at_slots[slots][:, None]
    drawn = [
        draw_signs(part, number, rng)
        for part, number in ((found, shots), (plus[slots], each), (minus[slots], each))
    ]
    first, second, third = (mean_and_error(counts, outcomes) for counts in drawn)
    return first, second, third


def _draw_several(
    program: Program,
    angles: FloatArray,
    one: Group,
    outcomes: FloatArray,
    slots: np.ndarray,
    shots: int,
    at_slots: np.ndarray | None,
    rng: np.random.Generator,
) -> tuple[Estimated, Estimated, Estimated]:
    """Draw strings that are measured together: from the distribution at every shift."""
    first = mean_and_error(draw_group(program, angles, one, shots, rng), outcomes)
    means, variances = [], []
    for some, both in shifted(angles, slots):
        each = shots if at_slots is None else np.repeat(at_slots[some], 2 * angles.shape[1])
        counts = draw_counts(program.distributions(both, one.basis), each, rng)
        mean, variance = mean_and_error(counts, outcomes)
        means.append(mean.reshape(len(some), 2, -1))
        variances.append(variance.reshape(len(some), 2, -1))
    shape = (-1, 2, angles.shape[1])
    mean = np.concatenate(means).reshape(shape) if means else np.zeros((0, *shape[1:]))
    spread = np.concatenate(variances).reshape(shape) if means else np.zeros((0, *shape[1:]))
    return first, (mean[:, 0], spread[:, 0]), (mean[:, 1], spread[:, 1])

"""Shot noise: outcomes drawn from exact distributions, as measuring the circuit would give them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from qiskit.quantum_info import PauliList

from qnlr.errors import InputError
from qnlr.simulator.kernels import kernel
from qnlr.simulator.program import Basis, Program
from qnlr.types import FloatArray

MAX_MEASURED_QUBITS = 16
Seed = int | np.random.Generator | None


def generator(seed: Seed) -> np.random.Generator:
    """Return a generator: the one given, or one made from a seed.

    Args:
        seed: A generator, a seed of at least 0, or None for a seed from the system.

    Returns:
        The generator.

    Raises:
        InputError: If the seed is none of these.
    """
    try:
        return np.random.default_rng(seed)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"seed = {seed!r} is not valid; it must be None, an integer of at least 0, or a "
            "numpy.random.Generator"
        ) from error


def child(rng: np.random.Generator) -> np.random.Generator:
    """Return a generator that begins where this one stands, and move this one on.

    Jobs that run at the same time draw from generators of their own, so what each draws depends on
    the order in which they were started alone.

    Args:
        rng: The generator.

    Returns:
        Another one.
    """
    return np.random.default_rng(rng.integers(2**63, size=4))


@dataclass(frozen=True, eq=False)
class Group:
    """Pauli strings that are measured together.

    Args:
        members: Which strings, of those that were grouped.
        strings: The strings.
        basis: What is measured.
        signs: Value of each string for each outcome, shape (T, outcomes). A single string has two
            outcomes, +1 and −1; several have one for every bit string of the measured qubits.
    """

    members: np.ndarray
    strings: PauliList
    basis: Basis
    signs: FloatArray


def group(paulis: PauliList) -> list[Group]:
    """Group Pauli strings that commute qubit by qubit, as Qiskit's ``BackendEstimatorV2`` does.

    Args:
        paulis: Different strings; the identity may be among them.

    Returns:
        The groups.

    Raises:
        InputError: If a group acts on too many qubits for a table of its outcomes.

    Example:
        >>> [one.strings.to_labels() for one in group(PauliList(["ZI", "IZ", "XX"]))]
        [['XX'], ['ZI', 'IZ']]
    """
    number = {label: place for place, label in enumerate(paulis.to_labels())}
    return [
        _group(strings, np.array([number[label] for label in strings.to_labels()]))
        for strings in paulis.group_qubit_wise_commuting()
    ]


def _group(strings: PauliList, members: np.ndarray) -> Group:
    x, z = strings.x, strings.z
    qubits = np.flatnonzero((x | z).any(axis=0))
    codes = x.any(axis=0) * (1 + z.any(axis=0)) + ~x.any(axis=0) * 3
    basis = Basis(tuple(int(q) for q in qubits), tuple(int(codes[q]) for q in qubits))
    if len(strings) == 1:
        return Group(members, strings, basis, np.array([[1.0, -1.0]]))
    if len(qubits) > MAX_MEASURED_QUBITS:
        raise InputError(
            f"strings on {len(qubits)} qubits at once are too many to draw shots of; at most "
            f"{MAX_MEASURED_QUBITS}"
        )
    bits = np.arange(1 << len(qubits))[:, None] >> np.arange(len(qubits)) & 1
    odd = bits @ (x | z)[:, qubits].T.astype(int) % 2
    return Group(members, strings, basis, 1.0 - 2.0 * odd.T)


def draw_group(
    program: Program, angles: FloatArray, one: Group, shots: int, rng: np.random.Generator
) -> FloatArray:
    """Draw how often each outcome of a group is seen.

    Args:
        program: The circuit.
        angles: Rotation angles φ, shape (S, E).
        one: The group.
        shots: Shots for each element.
        rng: Draws them.

    Returns:
        Counts, shape (E, outcomes).
    """
    if len(one.strings) == 1:
        return draw_signs(program.expectations(angles, one.strings)[0], shots, rng)
    return draw_counts(program.distributions(angles, one.basis), shots, rng)


def draw_signs(
    expected: FloatArray, shots: int | np.ndarray, rng: np.random.Generator
) -> FloatArray:
    """Draw how often +1 and −1 are seen of Pauli strings with known expectation values.

    Args:
        expected: Expectation values, any shape.
        shots: Shots for each, a number or an array that broadcasts to that shape.
        rng: Draws them.

    Returns:
        Counts, of that shape with an axis of length 2 behind it.
    """
    plus = rng.binomial(shots, np.clip((1.0 + expected) / 2.0, 0.0, 1.0))
    return np.stack([plus, shots - plus], axis=-1).astype(float)


def draw_counts(table: FloatArray, shots: int | np.ndarray, rng: np.random.Generator) -> FloatArray:
    """Draw how often each outcome is seen.

    Args:
        table: Probabilities, shape (E, outcomes).
        shots: Shots for each element, a number or an array of shape (E,).
        rng: Draws them.

    Returns:
        Counts, shape (E, outcomes).
    """
    return rng.multinomial(shots, table / table.sum(axis=-1, keepdims=True)).astype(float)


def draw_outcomes(table: FloatArray, shots: int, rng: np.random.Generator) -> np.ndarray:
    """Draw outcomes one by one, by inverting the distribution function.

    Args:
        table: Probabilities, shape (E, outcomes).
        shots: Shots for each element.
        rng: Draws them.

    Returns:
        Outcomes, shape (E, shots).
    """
    out = np.empty((len(table), shots), dtype=np.int64)
    invert(np.cumsum(table, axis=1), rng.random((len(table), shots)), out)
    return out


@kernel
def invert(cumulated, uniform, out):
    """Write the first outcome whose cumulated probability exceeds u, by bisection."""
    for element in range(uniform.shape[0]):
        total = cumulated[element, -1]
        for shot in range(uniform.shape[1]):
            u, low, high = uniform[element, shot] * total, 0, cumulated.shape[1] - 1
            while low < high:
                middle = (low + high) // 2
                if cumulated[element, middle] > u:
                    high = middle
                else:
                    low = middle + 1
            out[element, shot] = low


def mean_and_error(counts: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    r"""Return the mean of what was seen, and its variance.

    .. math:: f = \frac1N \sum_o n_o λ_o, \qquad s^2 = \frac{1}{N(N-1)} \sum_o n_o (λ_o - f)^2

    Args:
        counts: How often each outcome was seen, shape (..., outcomes).
        values: λ, shape (outcomes,).

    Returns:
        Means, and variances of the means, shape (...); NaN for a single shot.
    """
    number = counts.sum(axis=-1)
    mean = counts @ values / number
    spread = np.maximum(counts @ values**2 / number - mean**2, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        unknown = np.nan if np.ptp(values) else 0.0
        return mean, np.where(number > 1, spread / (number - 1), unknown)

"""Initialisations: where the weights of an ansatz start."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector

from qnlr.errors import InputError, require_count, unknown_name
from qnlr.types import FloatArray

BLOCK_LAYERS = 4
"""Layers of an identity block: two, and their inverses."""


def uniform(
    rng: np.random.Generator, qubits: int, layers: int, num_weights: int, locality: int = 1
) -> FloatArray:
    """Draw every angle uniformly from [−π, π]: a random circuit, on a plateau where it is deep.

    Args:
        rng: Draws the weights.
        qubits: n, which does not count here.
        layers: L, which does not count here.
        num_weights: P, at least 1.
        locality: Qubits that a term of the observable acts on; it does not count here.

    Returns:
        Angles in radians, shape (P,).

    Raises:
        InputError: If num_weights is below 1.

    Example:
        >>> uniform(np.random.default_rng(0), 2, 1, 3).round(3)
        array([ 0.861, -1.446, -2.884])
    """
    return rng.uniform(-math.pi, math.pi, require_count("num_weights", num_weights))


def gaussian(
    rng: np.random.Generator, qubits: int, layers: int, num_weights: int, locality: int = 1
) -> FloatArray:
    r"""Draw every angle from a narrow normal distribution, so that the circuit is near identity.

    .. math:: θ_k \sim \mathcal{N}(0, γ^2), \qquad γ^2 = \frac{1}{4 S (L + 2)}

    Source: Zhang et al., arXiv:2203.09376 (NeurIPS 2022), Theorem 4.1, which bounds the norm of the
    gradient from below by a power of 1/L for S-local observables; its circuit has L layers between
    two of rotations alone.

    Args:
        rng: Draws the weights.
        qubits: n, which does not count here.
        layers: L, at least 1.
        num_weights: P, at least 1.
        locality: S, qubits that a term of the observable acts on, at least 1.

    Returns:
        Angles in radians, shape (P,).

    Raises:
        InputError: If layers, num_weights or locality is below 1.

    Example:
        >>> drawn = gaussian(np.random.default_rng(0), 4, 8, 10_000)
        >>> print(f"{drawn.std():.3f}, {(1 / 40) ** 0.5:.3f}")
        0.158, 0.158
    """
    spread = 4 * require_count("locality", locality) * (require_count("layers", layers) + 2)
    return rng.normal(0.0, spread**-0.5, require_count("num_weights", num_weights))


def identity(
    rng: np.random.Generator, qubits: int, layers: int, num_weights: int, locality: int = 1
) -> FloatArray:
    """Draw the first half of every block of :func:`identity_blocks`; the other half undoes it.

    Every block, and so the circuit, is the identity, though its angles are uniform in [−π, π].

    Source: Grant et al., Quantum 3, 214 (2019).

    Args:
        rng: Draws the weights.
        qubits: n, at least 1.
        layers: L, even: that of :func:`identity_blocks`.
        num_weights: P = 3nL.
        locality: Qubits that a term of the observable acts on; it does not count here.

    Returns:
        Angles in radians, shape (P,).

    Raises:
        InputError: If the weights are not those of :func:`identity_blocks`.

    Example:
        >>> from qiskit.quantum_info import Operator
        >>> ansatz = identity_blocks(3, 6)
        >>> weights = identity(np.random.default_rng(0), 3, 6, ansatz.num_parameters)
        >>> Operator(ansatz.assign_parameters(weights)).equiv(Operator(np.eye(8)))
        True
    """
    if num_weights != 3 * qubits * layers:
        raise InputError(
            f"num_weights = {num_weights} is not valid for identity; {qubits} qubits and {layers} "
            f"layers of the ansatz identity_blocks have {3 * qubits * layers}: use that ansatz"
        )
    blocks = []
    for half in _halves(layers):
        drawn = uniform(rng, qubits, layers, 3 * qubits * half)
        blocks += [drawn, -drawn[::-1]]
    return np.concatenate(blocks)


def identity_blocks(qubits: int, layers: int) -> QuantumCircuit:
    """Build blocks of layers and their inverses, which :func:`identity` makes the identity.

    A block has half of its layers as :func:`qnlr.circuits.hardware_efficient` has them, then their
    inverses with weights of their own, in reverse order. Blocks have 4 layers, the last one 2 if
    that is what is left.

    Source: Grant et al., Quantum 3, 214 (2019), with the layers of the NLR paper.

    Args:
        qubits: n, at least 1.
        layers: L, even and at least 2.

    Returns:
        A circuit with P = 3nL parameters θ, in order of time. Its metadata holds ``layers``.

    Raises:
        InputError: If qubits is below 1, or layers is odd or below 2.

    Example:
        >>> ansatz = identity_blocks(qubits=3, layers=4)
        >>> ansatz.num_parameters, dict(ansatz.count_ops())["cx"]
        (36, 8)
    """
    require_count("qubits", qubits)
    theta = iter(ParameterVector("θ", 3 * qubits * require_count("layers", layers, low=2)))
    circuit = QuantumCircuit(qubits, name="identity_blocks", metadata={"layers": layers})
    for half in _halves(layers):
        for _ in range(half):
            for qubit in range(qubits):
                circuit.rx(next(theta), qubit)
                circuit.ry(next(theta), qubit)
                circuit.rz(next(theta), qubit)
            for qubit in range(qubits - 1):
                circuit.cx(qubit, qubit + 1)
        for _ in range(half):
            for qubit in reversed(range(qubits - 1)):
                circuit.cx(qubit, qubit + 1)
            for qubit in reversed(range(qubits)):
                circuit.rz(next(theta), qubit)
                circuit.ry(next(theta), qubit)
                circuit.rx(next(theta), qubit)
    return circuit


def _halves(layers: int) -> list[int]:
    """Return how many layers each block has before their inverses."""
    if layers < 2 or layers % 2:
        raise InputError(
            f"layers = {layers} is not valid for identity blocks; every layer needs its inverse: "
            "choose an even number of at least 2"
        )
    full, rest = divmod(layers, BLOCK_LAYERS)
    return [BLOCK_LAYERS // 2] * full + [rest // 2] * bool(rest)


INITIALISATIONS: dict[str, Callable[..., FloatArray]] = {
    "uniform": uniform,
    "gaussian": gaussian,
    "identity": identity,
}
"""Initialisations by name: ``(rng, qubits, layers, num_weights, locality) -> weights (P,)``."""


def initialisation(name: str) -> Callable[..., FloatArray]:
    """Return an initialisation by its name.

    Args:
        name: One of :data:`INITIALISATIONS`.

    Returns:
        The function.

    Raises:
        InputError: If there is none of that name.

    Example:
        >>> initialisation("gaussian") is gaussian
        True
    """
    if name not in INITIALISATIONS:
        raise unknown_name("initialisation", name, INITIALISATIONS)
    return INITIALISATIONS[name]

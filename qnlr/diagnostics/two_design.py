"""Variance of a derivative where the circuit is random enough: a unitary 2-design."""

from __future__ import annotations

import math

from qiskit.quantum_info import SparsePauliOp

from qnlr.circuits import variance
from qnlr.errors import require_count


def two_design_variance(num_qubits: int, observable: SparsePauliOp) -> float:
    r"""Return the variance of a derivative between two random parts of a circuit.

    .. math:: \mathrm{Var}\Big[\frac{∂f}{∂θ}\Big] = \frac{σ_O^2 \, d^2}{2 (d - 1)(d + 1)^2},
              \qquad d = 2^n, \quad σ_O^2 = \sum_{P ≠ I} c_P^2

    for f(θ) = ⟨0|A† e^{iθV/2} B† O B e^{−iθV/2} A|0⟩ where V is a Pauli string other than the
    identity, and A and B are drawn independently from unitary 2-designs: it is σ_O²/2d for many
    qubits. With O' = B†OB and K = i[V, O'], ∂f/∂θ = ⟨K⟩/2. Over A, E[⟨K⟩²] = Tr(K²)/(d(d + 1)), as
    K has no trace. Over B, E[O' ⊗ O'] = (dσ_O²/(d² − 1)) (SWAP − 1/d) for the part of O without
    trace, so that E[Tr(K²)] = 2E[Tr(O'²) − Tr(VO'VO')] = 2σ_O² d³/(d² − 1).

    Source: McClean et al., Nature Communications 9, 4812 (2018), Eqs. 14 to 16 have it for general
    states and generators; Holmes et al., PRX Quantum 3, 010313 (2022).

    Args:
        num_qubits: n, at least 1; where a circuit is random on part of its qubits only, that part.
        observable: O = Σ c_P P; its part along the identity does not count.

    Returns:
        The variance.

    Raises:
        InputError: If num_qubits is below 1.

    Example:
        >>> from qnlr.circuits import global_z
        >>> [round(two_design_variance(n, global_z(n)), 6) for n in (2, 4, 10)]
        [0.106667, 0.029527, 0.000488]
    """
    x = math.ldexp(1.0, -require_count("num_qubits", num_qubits))
    return variance(observable) * x / (2 * (1 - x) * (1 + x) ** 2)


def two_design_variance_at_start(num_qubits: int, observable: SparsePauliOp) -> float:
    r"""Return the variance of a derivative by the first rotation, before a random circuit.

    .. math:: \mathrm{Var}\Big[\frac{∂f}{∂θ}\Big] = \frac{σ_O^2 \, d}{2 (d^2 - 1)}

    for f(θ) = ⟨0|e^{iθV/2} B† O B e^{−iθV/2}|0⟩ with ⟨0|V|0⟩ = 0: only B is random, see
    :func:`two_design_variance`. It is larger by (d + 1)/d.

    Source: McClean et al., Nature Communications 9, 4812 (2018), the case of one random side.

    Args:
        num_qubits: n, at least 1.
        observable: O = Σ c_P P; its part along the identity does not count.

    Returns:
        The variance.

    Raises:
        InputError: If num_qubits is below 1.

    Example:
        >>> from qnlr.circuits import global_z
        >>> round(two_design_variance_at_start(2, global_z(2)), 6)
        0.133333
    """
    return two_design_variance(num_qubits, observable) * (1 + math.ldexp(1.0, -num_qubits))

"""Encodings: how a feature vector becomes a quantum state.

Every encoding is one parametrised circuit for all samples, and a function that turns features into
its angles: a batch is then a broadcast over parameter values, not a list of circuits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.circuit.library import zz_feature_map

from qnlr.errors import InputError, require_count
from qnlr.types import FloatArray


@dataclass(frozen=True)
class Encoding:
    """A parametrised encoding circuit, and the function from features to its angles.

    Args:
        name: Name of the encoding.
        features: d, the number of features.
        circuit: The circuit, with D parameters x.
        data_qubits: The qubits that the data sits on.
        angles_from: Turns features (B, d) into angles (B, D); raises InputError on a row that
            cannot be encoded.
    """

    name: str
    features: int
    circuit: QuantumCircuit
    data_qubits: tuple[int, ...]
    angles_from: Callable[[FloatArray], FloatArray]


def amplitude(features: int, qubits: int, data_qubits: Sequence[int] | None = None) -> Encoding:
    r"""Encode features as amplitudes, by a fixed tree of multiplexed RY rotations.

    .. math:: |ψ(x)⟩ = \frac{1}{‖x‖} \sum_{j<d} x_j |j⟩

    Amplitude j sits on the basis state whose bit k is qubit ``data_qubits[k]`` (little-endian, as
    in Qiskit); amplitudes from d on are 0. The tree needs 2^m − 1 angles on m = ⌈log₂ d⌉ qubits.

    Amplitude encoding is even: x and −x give the same state up to a global phase, so classes that
    are mirror images of one another cannot be told apart. Append a constant feature to such data.

    Source: Möttönen et al., arXiv:quant-ph/0407010, the multiplexed rotations; NLR paper, V-A.

    Args:
        features: d, 2 to 2^n.
        qubits: n, at least 1.
        data_qubits: The m qubits that the data sits on; by default 0 to m − 1. Where the data sits
            relative to the qubit that is read out decides how well shallow circuits learn.

    Returns:
        The encoding.

    Raises:
        InputError: If d is larger than 2^n, or data_qubits are not m different qubits.

    Example:
        >>> encoding = amplitude(features=3, qubits=2)
        >>> angles = encoding.angles_from(np.array([[3.0, 0.0, -4.0]]))
        >>> from qiskit.quantum_info import Statevector
        >>> bound = encoding.circuit.assign_parameters(angles[0])
        >>> Statevector(bound).data.real.round(6) + 0.0
        array([ 0.6,  0. , -0.8,  0. ])
    """
    require_count("qubits", qubits)
    require_count("features", features, low=2)
    levels = (features - 1).bit_length()
    if levels > qubits:
        raise InputError(
            f"features d = {features} do not fit {qubits} qubits; amplitude encoding holds at most "
            f"2^{qubits} = {2**qubits}: use fewer features or more qubits"
        )
    where = tuple(range(levels)) if data_qubits is None else tuple(data_qubits)
    if len(set(where)) != levels or len(where) != levels or not set(where) <= set(range(qubits)):
        raise InputError(
            f"data_qubits = {list(where)} is not valid; {features} features need {levels} "
            f"different qubits out of 0 to {qubits - 1}"
        )
    angle = iter(ParameterVector("x", 2**levels - 1))
    circuit = QuantumCircuit(qubits, name="amplitude")
    for level in range(levels):
        target, controls = where[levels - 1 - level], where[levels - level :]
        for index in range(2**level):
            circuit.ry(next(angle), target)
            if level:
                circuit.cx(controls[_gray_control(index, level)], target)
    return Encoding("amplitude", features, circuit, where, _amplitude_angles(features, levels))


def angle(features: int, qubits: int) -> Encoding:
    """Encode each feature as a rotation RY(x_q) of its own qubit.

    Args:
        features: d, equal to the number of qubits or fewer.
        qubits: n, at least 1.

    Returns:
        The encoding; feature q sits on qubit q.

    Raises:
        InputError: If d is larger than n.

    Example:
        >>> angle(features=2, qubits=3).angles_from(np.array([[0.1, 0.2]]))
        array([[0.1, 0.2]])
    """
    _require_a_qubit_each("angle encoding", features, qubits)
    x = ParameterVector("x", features)
    circuit = QuantumCircuit(qubits, name="angle")
    for qubit in range(features):
        circuit.ry(x[qubit], qubit)
    return Encoding("angle", features, circuit, tuple(range(features)), _as_they_are(features))


def zz(features: int, qubits: int, repetitions: int = 2) -> Encoding:
    r"""Encode features by the ZZ feature map, as Qiskit's ``zz_feature_map``.

    .. math:: |ψ(x)⟩ = \Big[\exp\Big(-i\sum_j x_j Z_j - i\sum_{j<k}(π-x_j)(π-x_k)Z_jZ_k\Big)
              H^{⊗d}\Big]^{r} |0⟩

    Source: Havlíček et al., Nature 567, 209 (2019).

    Args:
        features: d, 2 to n.
        qubits: n.
        repetitions: r, at least 1.

    Returns:
        The encoding; feature q sits on qubit q.

    Raises:
        InputError: If d is larger than n or below 2, or repetitions is below 1.

    Example:
        >>> zz(features=2, qubits=2).circuit.num_parameters
        2
    """
    require_count("features", features, low=2)
    require_count("repetitions", repetitions)
    _require_a_qubit_each("the ZZ feature map", features, qubits)
    circuit = QuantumCircuit(qubits, name="zz")
    feature_map = zz_feature_map(features, reps=repetitions, parameter_prefix="x")
    circuit.compose(feature_map, range(features), inplace=True)
    return Encoding("zz", features, circuit, tuple(range(features)), _as_they_are(features))


ENCODINGS: dict[str, Callable[..., Encoding]] = {"amplitude": amplitude, "angle": angle, "zz": zz}


def _require_a_qubit_each(what: str, features: int, qubits: int) -> None:
    require_count("features", features)
    require_count("qubits", qubits)
    if features > qubits:
        raise InputError(
            f"features d = {features} do not fit {qubits} qubits; {what} needs a qubit for each"
        )


def _as_they_are(features: int) -> Callable[[FloatArray], FloatArray]:
    return lambda samples: _checked(samples, features)


def _checked(samples: FloatArray, features: int) -> FloatArray:
    rows = np.asarray(samples, dtype=float)
    if rows.ndim != 2 or rows.shape[1] != features:
        raise InputError(f"samples have shape {rows.shape}, but the encoding takes (B, {features})")
    bad = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    if bad.size:
        raise InputError(f"sample row {bad[0]} holds a NaN or an infinity; features must be finite")
    return rows


def _amplitude_angles(features: int, levels: int) -> Callable[[FloatArray], FloatArray]:
    def angles_from(samples: FloatArray) -> FloatArray:
        rows = _checked(samples, features)
        zero = np.flatnonzero(~rows.any(axis=1))
        if zero.size:
            raise InputError(
                f"sample row {zero[0]} is zero in every feature; amplitude encoding divides by "
                "its norm: drop the row or append a constant feature"
            )
        norms = np.zeros((len(rows), 2**levels))
        norms[:, :features] = rows / np.abs(rows).max(axis=1, keepdims=True)
        angles: list[FloatArray] = []
        for level in reversed(range(levels)):
            left, right = norms[:, 0::2], norms[:, 1::2]
            angles.insert(0, 2.0 * np.arctan2(right, left) @ _gray_walsh(level))
            norms = np.hypot(left, right)
        return np.concatenate(angles, axis=1)

    return angles_from


def _gray_walsh(level: int) -> FloatArray:
    """Return the matrix from the angles of the tree's nodes to those of its RY gates.

    Between the RY gates of a multiplexer stand CX gates along a Gray code; before gate t they have
    flipped the target where the parity of i & gray(t) is odd, i being the controls' basis state.
    """
    nodes = np.arange(2**level)
    gray = nodes ^ (nodes >> 1)
    parity = np.bitwise_count(nodes[:, None] & gray[None, :]) % 2
    return np.asarray((1.0 - 2.0 * parity) / 2**level)


def _gray_control(index: int, level: int) -> int:
    """Return the bit in which the Gray code changes after ``index``; the last change closes it."""
    following = index + 1
    return level - 1 if following == 2**level else (following & -following).bit_length() - 1

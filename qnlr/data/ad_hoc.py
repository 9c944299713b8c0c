"""Havlíček et al.'s ad-hoc data: classes that a quantum feature map separates by construction."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from qnlr.data.dataset import Dataset
from qnlr.data.preprocess import constant as append_constant
from qnlr.data.preprocess import fit_chain, split
from qnlr.data.preprocess import scaling as fit_scaling
from qnlr.errors import InputError, require_count, require_within
from qnlr.types import FloatArray

ComplexArray = NDArray[np.complex128]

GRID = {1: 5000, 2: 100, 3: 20}
"""Grid points on each axis, for up to three qubits."""
TRIES = 200
"""Points that are drawn for each sample, at most."""
_BLOCK = 1024


def ad_hoc(
    data_rng: np.random.Generator,
    split_rng: np.random.Generator,
    *,
    qubits: int = 2,
    gap: float = 0.3,
    samples: int = 1000,
    encoded: bool = True,
    scaling: str = "none",
    constant: float | None = None,
    test_fraction: float = 0.2,
) -> Dataset:
    r"""Draw points whose class is the sign of a random observable behind the ZZ feature map.

    .. math:: O = V† (Z ⊗ … ⊗ Z) V,    label = sign ⟨Φ(x)|O|Φ(x)⟩ where |⟨O⟩| > gap

    V holds the eigenvectors of A†A, A a random complex matrix. Points of a smaller \|⟨O⟩\| are
    left out, and no point is taken twice. Up to three qubits points lie on a grid of 5000, 100²
    or 20³; with more they are uniform. It is the data of
    ``qiskit_machine_learning.datasets.ad_hoc_data(sampling_method="grid")``, which repeats points.

    Raw coordinates are hopeless for amplitude encoding; the feature state itself, in 2·2ⁿ real
    amplitudes, is the separable task.

    Args:
        data_rng: Draws V, then points of class +1, then of class −1.
        split_rng: Draws the split.
        qubits: n, 1 to 7.
        gap: Least distance of ⟨O⟩ from 0, 0 to 1.
        samples: Number of samples of both classes together, 10 to 10⁵.
        encoded: Whether features are [Re Φ(x), Im Φ(x)], 2·2ⁿ amplitudes of norm 1, rather than x,
            n numbers in [0, 2π).
        scaling: ``"none"``, ``"standard"`` or ``"angle"``.
        constant: A constant feature to append, or None.
        test_fraction: Share of the test samples.

    Returns:
        The dataset, 80/20 split by default, with classes of one size.

    Raises:
        InputError: If a setting is not valid, or so few points have such a gap that a bounded
            number of tries did not find enough.

    Source: Havlíček et al., Supervised learning with quantum-enhanced feature spaces, Nature 567,
    209 (2019), arXiv:1804.11326.

    Example:
        >>> data = ad_hoc(np.random.default_rng(0), np.random.default_rng(1), samples=100)
        >>> data.train.features.shape, float(np.linalg.norm(data.train.features[0]).round(12))
        ((80, 8), 1.0)
    """
    qubits = require_count("qubits", qubits, high=7)
    samples = require_count("samples", samples, low=10, high=100_000)
    gap = require_within("gap", gap, 0.0, 1.0)
    observable = random_observable(qubits, data_rng)
    half = samples // 2
    low, high = _draw(qubits, gap, (samples - half, half), observable, data_rng)
    points = np.vstack([low, high])
    labels = np.repeat([-1.0, 1.0], [len(low), len(high)])
    state = feature_state(points)
    features = np.hstack([state.real, state.imag]) if encoded else points
    train, test = split("ad-hoc data", features, labels, split_rng, test_fraction)
    train, test = fit_chain([fit_scaling(scaling), append_constant(constant)], train, test)
    source = (
        f"ad-hoc data of Havlíček et al. (2019), generated: {qubits} qubits, gap {gap:g}, "
        f"{samples} samples, features {'the ZZ feature state' if encoded else 'x'}, "
        f"scaling {scaling}" + ("" if constant is None else f", constant {constant:g} appended")
    )
    return Dataset("ad_hoc", train, test, (f"<O> < -{gap:g}", f"<O> > {gap:g}"), source)


def feature_state(points: FloatArray) -> ComplexArray:
    """Return the states of the ZZ feature map of two layers.

    .. math:: |Φ(x)⟩ = U H^{⊗n} U H^{⊗n} |0⟩

    with U = exp(i Σ_j x_j Z_j + i Σ_{j<k} (π − x_j)(π − x_k) Z_j Z_k).

    Args:
        points: x in [0, 2π), shape (N, n).

    Returns:
        Amplitudes, shape (N, 2ⁿ); qubit 0 is the most significant bit.

    Source: Havlíček et al. (2019), "Methods"; the sign of i is that of Qiskit's ``ad_hoc_data``.

    Example:
        >>> state = feature_state(np.array([[0.0]]))
        >>> [complex(amplitude) for amplitude in state[0].round(12)]
        [(1+0j), 0j]
    """
    qubits = points.shape[1]
    signs = np.array(list(itertools.product([1.0, -1.0], repeat=qubits)))
    angles = points @ signs.T
    for j, k in itertools.combinations(range(qubits), 2):
        pair = (np.pi - points[:, j]) * (np.pi - points[:, k])
        angles += pair[:, None] * (signs[:, j] * signs[:, k])
    phases, hadamard = np.exp(1j * angles), np.ones((1, 1))
    for _ in range(qubits):
        hadamard = np.kron(hadamard, np.array([[1.0, 1.0], [1.0, -1.0]]) / np.sqrt(2))
    return np.asarray(phases * ((phases * 2 ** (-qubits / 2)) @ hadamard))


def random_observable(qubits: int, rng: np.random.Generator) -> ComplexArray:
    """Draw the observable O = V† Z^{⊗n} V.

    Args:
        qubits: n.
        rng: Draws the real part of A, then its imaginary part.

    Returns:
        O, Hermitian with eigenvalues ±1, shape (2ⁿ, 2ⁿ).

    Source: ``ad_hoc_data`` of qiskit-machine-learning 0.9.
    """
    size = 2**qubits
    a = rng.random((size, size)) + 1j * rng.random((size, size))
    values, vectors = np.linalg.eig(a.conj().T @ a)  # eigh would give V other phases, and so O
    v = vectors[:, values.argsort()[::-1]]
    parity = np.array([(-1.0) ** index.bit_count() for index in range(size)])
    return np.asarray(v.conj().T @ (parity[:, None] * v))


def _draw(
    qubits: int,
    gap: float,
    wanted: tuple[int, int],
    observable: ComplexArray,
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray]:
    def sides(points: FloatArray) -> FloatArray:
        state = feature_state(points)
        value = np.einsum("na,ab,nb->n", state.conj(), observable, state, optimize=True).real
        return np.where(np.abs(value) > gap, np.sign(value), 0.0)

    def refuse(points: int, side: float, held: int, needed: int) -> InputError:
        return InputError(
            f"gap = {gap:g} is not valid for {sum(wanted)} samples on {qubits} qubits; "
            f"{points:,} points hold {held} of class {side:+g} where {needed} are needed: "
            "lower the gap or the number of samples"
        )

    tries, targets = sum(wanted) * TRIES, ((1.0, wanted[1]), (-1.0, wanted[0]))
    if qubits in GRID:
        everywhere = np.array(list(itertools.product(_axis(qubits), repeat=qubits)))
        for side, needed in targets:
            if (held := int((sides(everywhere) == side).sum())) < needed:
                raise refuse(len(everywhere), side, held, needed)
    stream = _points(qubits, rng, sides, tries)
    found: dict[float, dict[tuple[float, ...], None]] = {1.0: {}, -1.0: {}}
    for side, needed in targets:
        while len(found[side]) < needed:
            drawn = next(stream, None)
            if drawn is None:
                raise refuse(tries, side, len(found[side]), needed)
            if drawn[1] == side:
                found[side][drawn[0]] = None
    return np.array(list(found[-1.0])), np.array(list(found[1.0]))


def _axis(qubits: int) -> FloatArray:
    return np.linspace(0, 2 * np.pi, GRID[qubits], endpoint=False)


def _points(
    qubits: int,
    rng: np.random.Generator,
    sides: Callable[[FloatArray], FloatArray],
    tries: int,
) -> Iterator[tuple[tuple[float, ...], float]]:
    for _ in range(-(-tries // _BLOCK)):
        if qubits in GRID:
            points = _axis(qubits)[rng.integers(GRID[qubits], size=(_BLOCK, qubits))]
        else:
            points = 2 * np.pi * rng.random((_BLOCK, qubits))
        side = sides(points)
        decided = side != 0
        yield from zip(map(tuple, points[decided].tolist()), side[decided].tolist(), strict=True)

"""QDataSet's one-qubit examples, regenerated: pulses, noise and expectation values.

A unitary of SU(2) is held as its first column (a, b), [[a, −b*], [b, a*]].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import cheby1

from qnlr.data.qdataset_noise import draw_noise
from qnlr.data.qdataset_system import AXES, OMEGA, PULSES, STATES, Grid, System, parse_system
from qnlr.errors import require_count
from qnlr.types import FloatArray

ComplexArray = NDArray[np.complex128]
SU2 = tuple[ComplexArray, ComplexArray]

PAULIS = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
_CHUNK = 2**22


@dataclass(frozen=True)
class Examples:
    """Examples of one system.

    Args:
        system: The system.
        grid: Its discretisation.
        parameters: Amplitude, position and width of each pulse, shape (N, 5, 3c) for c controls.
        pulses: Control fields f(t) in units of 1/T, shape (N, M, c).
        distorted_pulses: What of them acts on the qubit, shape (N, M, c).
        expectations: ⟨O⟩ at time T, shape (N, 18); index 3·state + axis with states x+, x−, y+,
            y−, z+, z− and axes X, Y, Z.
    """

    system: System
    grid: Grid
    parameters: FloatArray
    pulses: FloatArray
    distorted_pulses: FloatArray
    expectations: FloatArray


def generate(
    system: str, rng: np.random.Generator, examples: int, grid: Grid, hermitian: bool = False
) -> Examples:
    """Generate examples of a one-qubit system.

    .. math:: H(t) = ½·12·σ_z + ½ Σ_c f_c(t) σ_c + ½ Σ_a β_a(t) σ_a

    Evolution is in the interaction picture of the controls, in M steps: with
    U0(t_j) = Π exp(−i H0 dt), U = U0(T) Π exp(−i U0† H1 U0 dt), which equals the product of
    exp(−i H1 dt) exp(−i H0 dt) exactly. Expectation values are means over K realisations.

    Args:
        system: Name of the system, see :func:`qnlr.data.qdataset_system.parse_system`.
        rng: Draws pulses and noise.
        examples: N ≥ 1, number of examples.
        grid: Time steps M, realisations K and duration T.
        hermitian: Whether to put the noise spectrum right that the published data have wrong, see
            :func:`qnlr.data.qdataset_noise.draw_noise`.

    Returns:
        The examples.

    Raises:
        InputError: If the system is not known or there are no examples.

    Source: Perrier, Youssry and Ferrie, QDataSet, Scientific Data 9, 582 (2022), and their
    simulator.py.

    Example:
        >>> drawn = generate("G_1q_X", np.random.default_rng(0), 1000, Grid())
        >>> drawn.pulses.shape, drawn.expectations.shape
        ((1000, 256, 1), (1000, 18))
        >>> unital = drawn.expectations[:, 12:15] + drawn.expectations[:, 15:18]
        >>> bool(abs(unital).max() < 1e-12)
        True
    """
    made = parse_system(system)
    examples = require_count("examples", examples)
    paths = grid.realisations if made.noisy else 1
    size = max(1, _CHUNK // (grid.steps * paths))
    parts = [
        _generate(made, rng, min(size, examples - first), grid, hermitian)
        for first in range(0, examples, size)
    ]
    joined = [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
    return Examples(made, grid, *joined)


def _generate(
    system: System, rng: np.random.Generator, examples: int, grid: Grid, hermitian: bool
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    parameters, pulses = draw_pulses(system, rng, examples, grid)
    acting = distort(pulses, grid) if system.distorted else pulses
    control = exponential(control_fields(system, acting), grid.step)
    noise = None
    if system.noisy:
        noise = draw_noise(system.profiles, rng, examples, grid, hermitian)
    final = evolve(control, noise_fields(system, noise), grid.step)
    return parameters, pulses, acting, expectations(final).mean(axis=1)


def draw_pulses(
    system: System, rng: np.random.Generator, examples: int, grid: Grid
) -> tuple[FloatArray, FloatArray]:
    r"""Draw five pulses for each control axis.

    With w = T/10 and d_k ∼ U(w/2, T/12): A_k ∼ 100·U(−1, 1) and τ_k = Σ_{i≤k} d_i + (k + ½)w.
    A Gaussian pulse is A·exp(−(t − τ)²/2s²) with s = w/6, a square one A where \|t − τ\| < w/2.

    Args:
        system: The system.
        rng: Draws amplitudes, then positions, axis by axis.
        examples: N, number of examples.
        grid: Time steps M and duration T.

    Returns:
        Parameters, shape (N, 5, 3c): A in units of 1/T at the published T = 1, τ, and s or w; and
        control fields f(t), shape (N, M, c).

    Source: simulator.py of QDataSet, class SigGen.
    """
    width = grid.duration / (2 * PULSES)
    low, high = 0.5 * width, (grid.duration - PULSES * width) / (PULSES + 1)
    parameters, fields = [], []
    for _ in system.controls:
        heights = 100 * rng.uniform(-1, 1, size=(examples, PULSES))
        gaps = rng.uniform(low, high, size=(examples, PULSES))
        places = np.cumsum(gaps, axis=1) + (np.arange(PULSES) + 0.5) * width
        extent = width / 6 if system.shape == "G" else width
        parameters.append(np.stack([heights, places, np.full_like(heights, extent)], axis=-1))
        away = grid.times[:, None] - places[:, None, :]
        if system.shape == "G":
            shapes = np.exp(-0.5 * (away / extent) ** 2)
        else:
            shapes = (np.abs(away) < 0.5 * extent).astype(float)
        fields.append(np.einsum("nmk,nk->nm", shapes, heights))
    return np.concatenate(parameters, axis=-1), np.stack(fields, axis=-1)


def distort(pulses: FloatArray, grid: Grid) -> FloatArray:
    """Pass control fields through a circular low-pass filter.

    It is an analogue Chebyshev filter of type I: order 4, 0.1 dB ripple, edge at 2π·20.

    Args:
        pulses: f(t), shape (N, M, c).
        grid: Time steps M and duration T.

    Returns:
        What of it gets through, shape (N, M, c).

    Source: simulator.py of QDataSet, class LTI_Layer.
    """
    top, bottom = cheby1(4, 0.1, 2 * np.pi * 20, analog=True)
    s = 2j * np.pi * np.fft.fftfreq(grid.steps, d=grid.step)
    response = np.polyval(top, s) / np.polyval(bottom, s)
    return np.asarray(np.fft.ifft(response[:, None] * np.fft.fft(pulses, axis=1), axis=1).real)


def control_fields(system: System, acting: FloatArray) -> FloatArray:
    """Return the vector h with H0 = ½ h·σ.

    Args:
        system: The system.
        acting: Control fields, shape (N, M, c).

    Returns:
        h in units of 1/T, shape (M, N, 1, 3).
    """
    examples, steps, _ = acting.shape
    fields = np.zeros((steps, examples, 1, 3))
    fields[..., 2] = OMEGA
    for index, axis in enumerate(system.controls):
        fields[:, :, 0, AXES.index(axis)] += acting[:, :, index].T
    return fields


def noise_fields(system: System, noise: FloatArray | None) -> FloatArray | None:
    """Return the vector h with H1 = ½ h·σ, or None without noise.

    Args:
        system: The system.
        noise: β(t), shape (N, M, K, number of axes), or None.

    Returns:
        h in units of 1/T, shape (M, N, K, 3), or None.
    """
    if noise is None:
        return None
    examples, steps, realisations, _ = noise.shape
    fields = np.zeros((steps, examples, realisations, 3))
    for index, axis in enumerate(system.noise_axes):
        fields[..., AXES.index(axis)] = np.moveaxis(noise[..., index], 1, 0)
    return fields


def exponential(fields: FloatArray, step: float) -> SU2:
    """Return exp(−i ½ h·σ dt) for vectors h.

    Args:
        fields: h, shape (..., 3).
        step: dt.

    Returns:
        First columns, each of shape (...).

    Example:
        >>> a, b = exponential(np.array([np.pi, 0.0, 0.0]), 1.0)
        >>> complex(a.round(12)), complex(b.round(12))
        (0j, -1j)
    """
    x, y, z = np.moveaxis(fields, -1, 0)
    angle = 0.5 * step * np.sqrt(x * x + y * y + z * z)
    scale = 0.5 * step * np.sinc(angle / np.pi)
    return np.cos(angle) - 1j * scale * z, scale * y - 1j * scale * x


def product(left: SU2, right: SU2) -> SU2:
    """Return the product of two unitaries, left times right.

    Args:
        left: First columns.
        right: First columns, of shapes that broadcast.

    Returns:
        First columns of the products.
    """
    (a, b), (c, d) = left, right
    return a * c - b.conj() * d, b * c + a.conj() * d


def adjoint(unitary: SU2) -> SU2:
    """Return the inverses of unitaries, as first columns."""
    return unitary[0].conj(), -unitary[1]


def evolve(control: SU2, noise: FloatArray | None, step: float) -> SU2:
    """Return the unitaries of whole evolutions, of realisations of the noise.

    Args:
        control: exp(−i H0 dt) of every step, shapes (M, N, 1).
        noise: h with H1 = ½ h·σ, shape (M, N, K, 3), or None.
        step: dt.

    Returns:
        First columns of U(T), shapes (N, K), or (N, 1) without noise.
    """
    start = np.ones_like(control[0][0])
    final: SU2 = (start, np.zeros_like(start))
    for j, turn in enumerate(zip(*control, strict=True)):
        now = turn if noise is None else product(exponential(noise[j], step), turn)
        final = product(now, final)
    return final


def expectations(unitary: SU2) -> FloatArray:
    """Return ⟨X⟩, ⟨Y⟩ and ⟨Z⟩ behind a unitary, from each of six states.

    Args:
        unitary: First columns (a, b), of one shape.

    Returns:
        Shape (..., 18); index 3·state + axis.

    Example:
        >>> identity = np.array([1.0 + 0j]), np.array([0j])
        >>> [int(value) for value in expectations(identity)[0, ::3]]
        [1, -1, 0, 0, 0, 0]
    """
    a, b = unitary
    less, more = a.conj() ** 2 - b**2, a.conj() ** 2 + b**2
    flip, both = 2 * a.conj() * b, 2 * a * b
    x = np.stack([less.real, less.imag, -both.real], axis=-1)
    y = np.stack([-more.imag, more.real, -both.imag], axis=-1)
    z = np.stack([flip.real, flip.imag, np.abs(a) ** 2 - np.abs(b) ** 2], axis=-1)
    signed = [sign * row for row in (x, y, z) for sign in (1, -1)]
    return np.concatenate(signed, axis=-1).reshape(*a.shape, 3 * len(STATES))

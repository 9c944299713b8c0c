"""QDataSet's noise profiles N0 to N6, drawn in the time domain."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from qnlr.data.qdataset_system import Grid
from qnlr.errors import InputError
from qnlr.types import FloatArray

PUBLISHED_STEPS = 1024


def draw_noise(
    profiles: Sequence[int],
    rng: np.random.Generator,
    examples: int,
    grid: Grid,
    hermitian: bool = False,
) -> FloatArray:
    r"""Draw realisations of classical noise β(t), one profile for each axis.

    With f_k = k/T, k = 0 … M/2 − 1, u uniform in [0, 1), g standard normal and
    tri(t) = 1 − 2\|t/T − ½\|:

    - N0: none.
    - N1: spectrum S(f) = 1/(f + 1) up to f = 15 and 1/16 beyond, plus ½exp(−(f − 30)²/50).
    - N5: spectrum S(f) = 1/(f + 1).
    - N2: 0.1·c(t), where c is the sum of g over a window of T/4.
    - N3: 0.2·c(t)·tri(t).
    - N4: 0.01·(c(t)·tri(t))².
    - N6: 0.3·β², of the axis before.

    **A quirk of the published data.** Their N1 and N5 are β = Re ifft([P, reverse(P*)]) with
    P_k = √(S_k M²/T)·exp(2πiu), which is off by one place from a Hermitian spectrum. So β_j is
    not stationary: its variance is 2cos²(πj/M)·ΣS_k/T, and 0 in the middle. This is the default
    here, too. With ``hermitian`` the spectrum is right and the variance (S_0 + 2Σ_{k>0} S_k)/T
    at all times.

    The window holds M/4 numbers. Where M is not the published 1024, they are scaled by
    √(1024/M), which leaves the variance of c(t) as published.

    Args:
        profiles: A profile 0 to 6 for each axis; not 6 for the first.
        rng: Draws the noise.
        examples: N ≥ 1, number of examples.
        grid: Time steps M, realisations K and duration T.
        hermitian: Whether to put the spectrum of N1 and N5 right.

    Returns:
        β in units of 1/T at the published T = 1, shape (N, M, K, number of axes).

    Raises:
        InputError: If a profile is not valid.

    Source: Perrier, Youssry and Ferrie, QDataSet, Scientific Data 9, 582 (2022), section
    "Noise", and their simulator.py.

    Example:
        >>> noise = draw_noise((1,), np.random.default_rng(0), 20, Grid(steps=1024))
        >>> noise.shape, round(float(noise.std()), 1), bool(abs(noise[:, 512]).max() < 1e-9)
        ((20, 1024, 16, 1), 6.4, True)
    """
    drawn: list[FloatArray] = []
    for profile in profiles:
        if profile == 6 and drawn:
            drawn.append(0.3 * drawn[-1] ** 2)
        elif profile in PROFILES:
            drawn.append(PROFILES[profile](rng, examples, grid, hermitian))
        else:
            raise InputError(
                f"profiles = {list(profiles)} is not valid; each must be 0 to 6, the first not 6"
            )
    return np.stack([np.moveaxis(axis, 2, 1) for axis in drawn], axis=-1)


def spectrum(profile: int, grid: Grid) -> FloatArray:
    """Return the power spectrum S(f_k) of profile N1 or N5.

    Args:
        profile: 1 or 5.
        grid: Time steps M and duration T.

    Returns:
        S at f_k = k/T, k = 0 … M/2 − 1, shape (M/2,).

    Source: see :func:`draw_noise`.

    Example:
        >>> spectrum(5, Grid(steps=8)).round(4)
        array([1.    , 0.5   , 0.3333, 0.25  ])
    """
    f = np.arange(grid.steps // 2) / grid.duration
    if profile == 5:
        return np.asarray(1 / (f + 1))
    return np.asarray(np.where(f <= 15, 1 / (f + 1), 1 / 16) + 0.5 * np.exp(-((f - 30) ** 2) / 50))


def _none(rng: np.random.Generator, examples: int, grid: Grid, hermitian: bool) -> FloatArray:
    return np.zeros((examples, grid.realisations, grid.steps))


def _spectral(profile: int) -> Profile:
    def draw(rng: np.random.Generator, examples: int, grid: Grid, hermitian: bool) -> FloatArray:
        steps = grid.steps
        amplitudes = np.sqrt(spectrum(profile, grid) / grid.duration) * steps
        turns = rng.random((examples, grid.realisations, steps // 2))
        half = amplitudes * np.exp(2j * np.pi * turns)
        if hermitian:
            half[..., 0] = np.sqrt(2) * half[..., 0].real
            return np.asarray(np.fft.irfft(half, n=steps))
        return np.asarray(np.fft.ifft(np.concatenate([half, half.conj()[..., ::-1]], axis=-1)).real)

    return draw


def _coloured(rng: np.random.Generator, examples: int, grid: Grid) -> FloatArray:
    window = grid.steps // 4
    white = rng.standard_normal((examples, grid.realisations, grid.steps + window - 1))
    total = np.cumsum(white, axis=-1)
    total[..., window:] -= total[..., :-window].copy()
    return np.asarray(total[..., window - 1 :] * np.sqrt(PUBLISHED_STEPS / grid.steps))


def _triangle(grid: Grid) -> FloatArray:
    return np.asarray(1 - 2 * np.abs(grid.times / grid.duration - 0.5))


def _n2(rng: np.random.Generator, examples: int, grid: Grid, hermitian: bool) -> FloatArray:
    return 0.1 * _coloured(rng, examples, grid)


def _n3(rng: np.random.Generator, examples: int, grid: Grid, hermitian: bool) -> FloatArray:
    return 0.2 * _coloured(rng, examples, grid) * _triangle(grid)


def _n4(rng: np.random.Generator, examples: int, grid: Grid, hermitian: bool) -> FloatArray:
    return 0.01 * (_coloured(rng, examples, grid) * _triangle(grid)) ** 2


Profile = Callable[[np.random.Generator, int, Grid, bool], FloatArray]
PROFILES: dict[int, Profile] = {
    0: _none,
    1: _spectral(1),
    2: _n2,
    3: _n3,
    4: _n4,
    5: _spectral(5),
}

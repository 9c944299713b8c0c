"""QDataSet's one-qubit systems: their names, and what is in an example of each."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from qnlr.errors import InputError, require_count, require_positive
from qnlr.types import FloatArray

OMEGA = 12.0
"""Energy gap of the qubit, in units of 1/T."""
PULSES = 5
"""Pulses of a control sequence."""
AXES = "XYZ"
"""Pauli axes, in the order of their expectation values."""
STATES = ("x+", "x-", "y+", "y-", "z+", "z-")
"""Initial states; expectation value 3·state + axis belongs to a state and an axis."""

_NAME = re.compile(r"([GS])_1q_(XY?)(?:_(X?Z)_((?:N[0-6]){1,2}))?(_D)?")


@dataclass(frozen=True)
class System:
    """A one-qubit system: how it is driven, and what disturbs it.

    Args:
        shape: Pulse shape, ``"G"`` for Gaussian or ``"S"`` for square.
        controls: Axes that are driven: ``"X"`` or ``"XY"``.
        noise_axes: Axes that noise acts on: ``"Z"`` or ``"XZ"``.
        profiles: A noise profile, 0 to 6, for each of these axes; 0 is none.
        distorted: Whether the pulses pass through a low-pass filter.
    """

    shape: str
    controls: str
    noise_axes: str = "Z"
    profiles: tuple[int, ...] = (0,)
    distorted: bool = False

    @property
    def noisy(self) -> bool:
        """Whether there is any noise."""
        return any(self.profiles)

    @property
    def undistorted_name(self) -> str:
        """The name without ``_D``, which is what examples call themselves."""
        noise = "".join(f"N{profile}" for profile in self.profiles)
        return f"{self.shape}_1q_{self.controls}" + (
            f"_{self.noise_axes}_{noise}" if self.noisy else ""
        )

    @property
    def name(self) -> str:
        """The name of the dataset, and of its archive."""
        return self.undistorted_name + ("_D" if self.distorted else "")


@dataclass(frozen=True)
class Grid:
    """The discretisation of an evolution.

    Args:
        steps: M, time steps, at least 8 and a multiple of 4; 1024 in the published data.
        realisations: K, noise realisations of each example, at least 1; 2000 in the published
            data.
        duration: T > 0, in units in which ħ = 1; 1 in the published data.

    Raises:
        InputError: If a value is not valid.
    """

    steps: int = 256
    realisations: int = 16
    duration: float = 1.0

    def __post_init__(self) -> None:
        require_count("steps", self.steps, low=8, high=65_536)
        if self.steps % 4:
            raise InputError(f"steps = {self.steps} is not valid; it must be a multiple of 4")
        require_count("realisations", self.realisations, high=100_000)
        require_positive("duration", self.duration)

    @property
    def step(self) -> float:
        """The time step dt = T/M."""
        return self.duration / self.steps

    @property
    def times(self) -> FloatArray:
        """The midpoints (j + ½)T/M of the steps, shape (M,)."""
        return np.asarray((np.arange(self.steps) + 0.5) * self.step, dtype=np.float64)


def parse_system(name: str) -> System:
    """Read the name of a one-qubit dataset.

    A name is ``{G|S}_1q_{X|XY}[_{Z|XZ}_{N...}][_D]``, with one noise profile N0 to N6 for each
    noise axis. Published were controls X with Z noise N1, N2, N3 or N4, and controls XY with XZ
    noise N1N5, N1N6 or N3N6, each also without noise; other combinations are made in the same way.

    Args:
        name: The name, such as ``"G_1q_XY_XZ_N1N5_D"``.

    Returns:
        The system.

    Raises:
        InputError: If it is no such name, the number of profiles differs from that of the axes, or
            N6, which follows the noise of the axis before it, comes first.

    Source: Perrier, Youssry and Ferrie, QDataSet, Scientific Data 9, 582 (2022).

    Example:
        >>> parse_system("S_1q_X_Z_N1_D")
        System(shape='S', controls='X', noise_axes='Z', profiles=(1,), distorted=True)
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise InputError(
            f'system "{name}" is not known; a one-qubit system is named '
            "{G|S}_1q_{X|XY}[_{Z|XZ}_{noise profiles}][_D], such as G_1q_X or G_1q_XY_XZ_N1N5"
        )
    shape, controls, axes, profiles, distorted = match.groups()
    if axes is None:
        return System(shape, controls, distorted=bool(distorted))
    numbers = tuple(int(number) for number in profiles[1:].split("N"))
    if len(numbers) != len(axes):
        raise InputError(
            f'system "{name}" is not valid; it needs one noise profile for each of the axes '
            f"{axes}, and names {len(numbers)}"
        )
    if numbers[0] == 6:
        raise InputError(
            f'system "{name}" is not valid; profile N6 follows the noise of the axis before it '
            "and cannot come first"
        )
    return System(shape, controls, axes, numbers, bool(distorted))


def array_shapes(
    system: System, steps: int, realisations: int
) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Return type and shape of every array of an example, as published.

    Args:
        system: The system.
        steps: M, number of time steps.
        realisations: K, number of noise realisations.

    Returns:
        Key: (dtype, shape); ``Vo`` and ``Vo_operator`` are lists of three such arrays. The other
        keys, ``time_range`` and ``sim_parameters``, hold a list of M floats and a dict.

    Example:
        >>> array_shapes(parse_system("G_1q_XY"), 1024, 2000)["pulses"]
        ('float32', (1, 1024, 1, 2))
    """
    m, k, controls, axes = steps, realisations, len(system.controls), len(system.noise_axes)
    real = {
        "pulse_parameters": (1, PULSES, 3 * controls),
        "pulses": (1, m, 1, controls),
        "distorted_pulses": (1, m, 1, controls),
        "expectations": (1, 18),
        "Eo": (1, k, 18),
        "noise": (1, m, k, axes),
    }
    matrices = {"Vo_operator": (1,), "Vo": (1, k), "H0": (1, m, 1), "U0": (1, m, 1)}
    matrices |= {"H1": (1, m, k), "UI": (1, k)}
    shapes: dict[str, tuple[str, tuple[int, ...]]] = {key: ("float32", real[key]) for key in real}
    return shapes | {key: ("complex64", (*matrices[key], 2, 2)) for key in matrices}

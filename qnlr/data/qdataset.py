"""Binary classification on QDataSet: a driven, noisy qubit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from qnlr.data.dataset import Dataset
from qnlr.data.preprocess import constant as append_constant
from qnlr.data.preprocess import fit_chain, split
from qnlr.data.preprocess import scaling as fit_scaling
from qnlr.data.qdataset_generator import generate
from qnlr.data.qdataset_noise import draw_noise
from qnlr.data.qdataset_reader import read_examples
from qnlr.data.qdataset_system import Grid, parse_system
from qnlr.errors import InputError, require_count, unknown_name
from qnlr.types import FloatArray

FLIP_INDEX = 14
FLIP_FEATURES = (0, 1, 2, 6, 7, 8, 12, 13)
NOISE_FEATURES = (12, 13, 14, 0, 1, 2)
WINDOWS = 8

Load = Callable[[str, str, int], FloatArray]


def qdataset(
    data_rng: np.random.Generator,
    split_rng: np.random.Generator,
    *,
    task: str = "flip",
    samples: int = 1000,
    system: str | None = None,
    against: str | None = None,
    steps: int = 256,
    realisations: int = 16,
    hermitian: bool = False,
    path: str | None = None,
    scaling: str = "none",
    constant: float | None = None,
    test_fraction: float = 0.2,
) -> Dataset:
    """Classify examples of QDataSet's one-qubit systems; 8 features each.

    The published files are gone since the end of 2023, so that the examples are generated, by
    QDataSet's own equations; or they are read from ``path``. QDataSet comes without classes, and
    the papers that use it for classification name none: the tasks are this package's choice.

    - ``"flip"``: does a control sequence leave the qubit in z+ (+1) or flip it (−1)? The label is
      the sign of ⟨Z⟩ from z+, index 14 of the 18 expectation values. Features are the other eight
      from x+, y+ and z+, indices 0, 1, 2, 6, 7, 8, 12 and 13; from x−, y− and z− all values are
      the same with the other sign. In a rotation R_zz = R_xx R_yy − R_xy R_yx: a quadratic form,
      which amplitude encoding and one observable can express and a linear model cannot.
    - ``"noise"``: is there noise (+1) or not (−1), or which of two systems is it? Features are
      (1, r, 1, s) with the Bloch vectors r from z+ and s from x+.
    - ``"profile"``: which of two noise profiles is it? Features are the root mean squares of one
      realisation, on the first noise axis, in 8 windows of T/8.

    Args:
        data_rng: Draws the examples; not used with ``path``.
        split_rng: Draws the split.
        task: ``"flip"``, ``"noise"`` or ``"profile"``.
        samples: Number of examples of both classes together, 10 to 10⁶.
        system: Name of the system, or of class −1, see
            :func:`qnlr.data.qdataset_system.parse_system`; None for G_1q_X, or G_1q_X_Z_N2 in the
            task ``"profile"``.
        against: Name of the system of class +1; None for G_1q_X_Z_N1 in the task ``"noise"`` and
            G_1q_X_Z_N3 in ``"profile"``. There is none in ``"flip"``.
        steps: M, time steps of generated examples, a multiple of 4 from 8 on; 1024 as published.
        realisations: K ≥ 1, noise realisations of a generated example; 2000 as published.
        hermitian: Whether to put the noise spectrum right that the published data have wrong, see
            :func:`qnlr.data.qdataset_noise.draw_noise`.
        path: Folder with archives ``<system>.zip`` as once published, or such an archive, of which
            the first examples are read; None to generate them.
        scaling: ``"none"``, ``"standard"`` or ``"angle"``.
        constant: A constant feature to append, or None.
        test_fraction: Share of the test samples.

    Returns:
        The dataset, 80/20 split by default. Classes of ``"flip"`` are of about one size.

    Raises:
        InputError: If a setting is not valid, or an archive cannot be read or is not valid.

    Source: Perrier, Youssry and Ferrie, QDataSet, quantum datasets for machine learning,
    Scientific Data 9, 582 (2022), doi:10.1038/s41597-022-01639-1.

    Example:
        >>> data = qdataset(np.random.default_rng(0), np.random.default_rng(1), samples=200)
        >>> len(data.train), len(data.test), data.features, data.classes
        (160, 40, 8, ('flipped', 'left alone'))
        >>> data.source
        'G_1q_X of QDataSet, regenerated as the published files are gone (200 examples, 256 steps),
        task flip, scaling none'
    """
    samples = require_count("samples", samples, low=10, high=1_000_000)
    if task not in TASKS:
        raise unknown_name("task", task, TASKS)
    made, grid = TASKS[task], Grid(steps, realisations)
    names = _names(task, system, against)
    if path is None:
        load = _generated(data_rng, grid, hermitian)
        how = _described(made, names, samples, grid, hermitian)
        origin = f"regenerated as the published files are gone ({how})"
    else:
        load = _stored(path, names)
        origin = f"{samples} examples read from {path}"
    features, labels = made.build(load, names, samples)
    train, test = split(f"task {task} of QDataSet", features, labels, split_rng, test_fraction)
    train, test = fit_chain([fit_scaling(scaling), append_constant(constant)], train, test)
    source = f"{' and '.join(names)} of QDataSet, {origin}, task {task}, scaling {scaling}" + (
        "" if constant is None else f", constant {constant:g} appended"
    )
    return Dataset("qdataset", train, test, made.classes or (names[0], names[1]), source)


def _names(task: str, system: str | None, against: str | None) -> list[str]:
    low, high = TASKS[task].systems
    if high is None and against is not None:
        raise InputError(f'against = {against!r} is not valid; task "{task}" has one system only')
    names = [system or low] + ([against or high] if high is not None else [])
    systems = [parse_system(name) for name in names]
    if high is not None and systems[0] == systems[1]:
        raise InputError(f"against = {against!r} is not valid; it must be another system")
    if task == "profile":
        for key, made in zip(("system", "against"), systems, strict=True):
            if not made.profiles[0]:
                raise InputError(
                    f'{key} = "{made.name}" is not valid in task "profile"; its first noise axis '
                    "has no noise"
                )
    return [made.name for made in systems]


def _described(made: Task, names: Sequence[str], samples: int, grid: Grid, hermitian: bool) -> str:
    parts = [f"{samples} examples", f"{grid.steps} steps"]
    if any(parse_system(name).noisy for name in names):
        if made.key == "expectations":
            parts.append(f"{grid.realisations} noise realisations")
        parts.append(f"noise spectrum {'Hermitian' if hermitian else 'as published'}")
    return ", ".join(parts)


def _generated(rng: np.random.Generator, grid: Grid, hermitian: bool) -> Load:
    def load(system: str, key: str, count: int) -> FloatArray:
        if key == "expectations":
            return generate(system, rng, count, grid, hermitian).expectations
        once = replace(grid, realisations=1)
        profiles = parse_system(system).profiles[:1]
        return np.asarray(draw_noise(profiles, rng, count, once, hermitian)[:, :, 0, 0])

    return load


def _stored(path: str, names: Sequence[str]) -> Load:
    place = Path(path)
    if not place.is_dir() and len(names) > 1:
        raise InputError(
            f'path = "{path}" is not valid; it must be a folder with {names[0]}.zip and '
            f"{names[1]}.zip"
        )

    def load(system: str, key: str, count: int) -> FloatArray:
        file = place / f"{system}.zip" if place.is_dir() else place
        found = read_examples(file, system, keep=(key,), limit=count)
        rows = [kept[key] if key == "expectations" else kept[key][:, 0, 0] for kept in found]
        if len({len(row) for row in rows}) > 1:
            raise InputError(f"{file}: examples differ in their number of steps")
        return np.array(rows)

    return load


def _flip(load: Load, names: Sequence[str], samples: int) -> tuple[FloatArray, FloatArray]:
    values = load(names[0], "expectations", samples)
    labels = np.where(values[:, FLIP_INDEX] < 0, -1.0, 1.0)
    return values[:, list(FLIP_FEATURES)], labels


def _noise(load: Load, names: Sequence[str], samples: int) -> tuple[FloatArray, FloatArray]:
    def features(name: str, count: int) -> FloatArray:
        values = load(name, "expectations", count)
        return np.asarray(np.insert(values[:, list(NOISE_FEATURES)], [0, 3], 1.0, axis=1))

    return _two(features, names, samples)


def _profile(load: Load, names: Sequence[str], samples: int) -> tuple[FloatArray, FloatArray]:
    def features(name: str, count: int) -> FloatArray:
        windows = np.array_split(load(name, "noise", count) ** 2, WINDOWS, axis=1)
        return np.asarray(np.sqrt(np.stack([window.mean(axis=1) for window in windows], axis=1)))

    return _two(features, names, samples)


def _two(
    features: Callable[[str, int], FloatArray], names: Sequence[str], samples: int
) -> tuple[FloatArray, FloatArray]:
    high = samples // 2
    low = samples - high
    both = np.vstack([features(names[0], low), features(names[1], high)])
    return both, np.repeat([-1.0, 1.0], [low, high])


@dataclass(frozen=True)
class Task:
    """A binary task: what it needs of which systems, and how it is built.

    Args:
        build: Makes features, shape (N, 8), and labels, shape (N,).
        key: What is loaded of an example: ``"expectations"`` or ``"noise"``.
        systems: Default names of the systems of class −1 and +1; None where there is one only.
        classes: What −1 and +1 stand for; None for the names of the systems.
    """

    build: Callable[[Load, Sequence[str], int], tuple[FloatArray, FloatArray]]
    key: str
    systems: tuple[str, str | None]
    classes: tuple[str, str] | None = None


TASKS = {
    "flip": Task(_flip, "expectations", ("G_1q_X", None), ("flipped", "left alone")),
    "noise": Task(_noise, "expectations", ("G_1q_X", "G_1q_X_Z_N1")),
    "profile": Task(_profile, "noise", ("G_1q_X_Z_N2", "G_1q_X_Z_N3")),
}

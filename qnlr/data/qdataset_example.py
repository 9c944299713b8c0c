"""One whole example of QDataSet, with the keys and shapes of the published ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from qnlr.data.qdataset_generator import (
    PAULIS,
    SU2,
    ComplexArray,
    adjoint,
    control_fields,
    distort,
    draw_pulses,
    evolve,
    expectations,
    exponential,
    noise_fields,
    product,
)
from qnlr.data.qdataset_noise import draw_noise
from qnlr.data.qdataset_system import (
    AXES,
    OMEGA,
    PULSES,
    Grid,
    System,
    array_shapes,
    parse_system,
)

_IDENTITY = np.eye(2)


def full_example(
    system: str, rng: np.random.Generator, grid: Grid, hermitian: bool = False
) -> dict[str, Any]:
    """Generate one example with everything that a published one holds.

    With Ũ = U0(T) UI U0(T)†, V_O = O Ũ† O Ũ and E = Re Tr(V_O U0(T) ρ U0(T)† O) for each
    realisation; ``expectations`` and ``Vo_operator`` are the means of ``Eo`` and ``Vo``. Without
    noise all realisations are the same.

    Args:
        system: Name of the system, see :func:`qnlr.data.qdataset_system.parse_system`.
        rng: Draws pulses and noise, as :func:`qnlr.data.qdataset_generator.generate` does.
        grid: Steps M, realisations K and duration T; ``Grid(1024, 2000)`` as published, which
            takes some 100 MB.
        hermitian: Whether to put the noise spectrum right that the published data have wrong.

    Returns:
        Keys and values of :func:`qnlr.data.qdataset_system.array_shapes`, ``time_range`` and
        ``sim_parameters``.

    Raises:
        InputError: If the system is not known.

    Source: utilites.py of QDataSet, function simulate.

    Example:
        >>> example = full_example("G_1q_X_Z_N1", np.random.default_rng(0), Grid(64, 10))
        >>> example["H1"].shape, example["Eo"].dtype
        ((1, 64, 10, 2, 2), dtype('float32'))
    """
    made = parse_system(system)
    parameters, pulses = draw_pulses(made, rng, 1, grid)
    acting = distort(pulses, grid) if made.distorted else pulses
    noise = draw_noise(made.profiles, rng, 1, grid, hermitian)
    fields, disturbing = control_fields(made, acting), noise_fields(made, noise)
    assert disturbing is not None
    steps = exponential(fields, grid.step)
    driven = _cumulative(steps)
    last: SU2 = (driven[0][-1], driven[1][-1])
    final = evolve(steps, disturbing, grid.step)
    outcomes = expectations(final)
    away = _matrix(product(final, adjoint(last)))
    operators = [pauli @ np.swapaxes(away.conj(), -1, -2) @ pauli @ away for pauli in PAULIS]
    example: dict[str, Any] = {
        "pulse_parameters": parameters,
        "pulses": pulses[:, :, None, :],
        "distorted_pulses": acting[:, :, None, :],
        "expectations": outcomes.mean(axis=1),
        "Vo_operator": [operator.mean(axis=1) for operator in operators],
        "noise": noise,
        "H0": np.moveaxis(_hamiltonian(fields), 0, 1),
        "H1": np.moveaxis(_hamiltonian(disturbing), 0, 1),
        "U0": np.moveaxis(_matrix(driven), 0, 1),
        "UI": _matrix(product(adjoint(last), final)),
        "Vo": operators,
        "Eo": outcomes,
    }
    for key, (dtype, _) in array_shapes(made, grid.steps, grid.realisations).items():
        value = example[key]
        listed = isinstance(value, list)
        arrays = [np.ascontiguousarray(part, dtype) for part in (value if listed else [value])]
        example[key] = arrays if listed else arrays[0]
    return _parameters(made, grid) | {"time_range": grid.times.tolist()} | example


def _cumulative(steps: SU2) -> SU2:
    now: SU2 = (np.ones_like(steps[0][0]), np.zeros_like(steps[0][0]))
    before = []
    for step in zip(*steps, strict=True):
        now = product(step, now)
        before.append(now)
    return np.stack([a for a, _ in before]), np.stack([b for _, b in before])


def _matrix(unitary: SU2) -> ComplexArray:
    a, b = unitary
    rows = [np.stack([a, -b.conj()], axis=-1), np.stack([b, a.conj()], axis=-1)]
    return np.stack(rows, axis=-2)


def _hamiltonian(fields: np.ndarray[Any, np.dtype[np.float64]]) -> ComplexArray:
    return np.asarray(0.5 * np.einsum("...a,aij->...ij", fields, PAULIS))


def _parameters(system: System, grid: Grid) -> dict[str, Any]:
    states = [0.5 * (_IDENTITY + sign * pauli) for pauli in PAULIS for sign in (1, -1)]
    parameters = {
        "name": system.undistorted_name,
        "dim": 2,
        "Omega": OMEGA,
        "static_operators": [0.5 * OMEGA * PAULIS[2]],
        "dynamic_operators": [0.5 * PAULIS[AXES.index(axis)] for axis in system.controls],
        "noise_operators": [0.5 * PAULIS[AXES.index(axis)] for axis in system.noise_axes],
        "measurement_operators": list(PAULIS),
        "initial_states": states,
        "T": grid.duration,
        "M": grid.steps,
        "num_ex": 1,
        "batch_size": 1,
        "K": grid.realisations,
        "noise_profile": list(system.profiles),
        "pulse_shape": {"G": "Gaussian", "S": "Square"}[system.shape],
        "num_pulses": PULSES,
        "elapsed_time": 0.0,
    }
    return {"sim_parameters": parameters}

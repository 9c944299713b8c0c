"""Directions to look along from a point: random ones, filter-normalised ones, or a run's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from qnlr.diagnostics.recorded import Recorded
from qnlr.errors import InputError
from qnlr.problems import Problem
from qnlr.rng import stream
from qnlr.types import FloatArray

WALKS = 200


@dataclass(frozen=True, eq=False)
class Directions:
    """Directions in the space of weights, and how far to go along them.

    Args:
        vectors: One direction a row, shape (k, P).
        labels: What a step along each is, with its unit.
        radius: How far to go by default.
        explained: How much of the run's variance lies along each, for principal directions.
    """

    vectors: FloatArray
    labels: tuple[str, ...]
    radius: float
    explained: pd.DataFrame | None = None


def random_directions(
    recorded: Recorded, centre: FloatArray, number: int, seed: int = 0
) -> Directions:
    """Draw orthonormal directions, uniform over the sphere.

    Args:
        recorded: The run.
        centre: Weights to look from, shape (P,).
        number: How many directions, if there are as many weights.
        seed: Seed of the draw.

    Returns:
        The directions; by default as far as turns every weight by 1 rad (root mean square), √P.
    """
    size, number = len(centre), min(number, len(centre))
    drawn = stream("directions", seed, size).standard_normal((size, number))
    vectors = np.linalg.qr(drawn)[0].T
    labels = tuple(f"random direction {k + 1} (rad)" for k in range(number))
    return Directions(vectors, labels, radius=float(np.sqrt(size)))


def filter_directions(
    recorded: Recorded, centre: FloatArray, number: int, seed: int = 0
) -> Directions:
    r"""Draw directions whose every filter is as long as that of the weights.

    .. math:: d_f ← \frac{d_f}{‖d_f‖} ‖θ_f‖

    A filter f is what :func:`filters` makes one. Weights of the circuit are angles and repeat, so
    θ_f is taken to (−π, π] first; a weight that sets no angle of its own is taken as it is.

    Source: Li et al., NeurIPS 2018, arXiv:1712.09913, section 4.

    Args:
        recorded: The run.
        centre: Weights θ to look from, shape (P,).
        number: How many directions, if there are as many weights.
        seed: Seed of the draw.

    Returns:
        The directions; by default as far as all weights are from 0, that is 1.

    Raises:
        InputError: If all weights are 0.
    """
    size, number = len(centre), min(number, len(centre))
    problem = recorded.training.problem
    angles = np.array([len(own) == 1 for own in _angles(problem)])
    lengths = np.where(angles, _wrapped(centre), centre)
    drawn = stream("directions", seed, size).standard_normal((number, size))
    vectors = np.empty_like(drawn)
    for places in map(list, filters(problem)):
        norms = np.linalg.norm(drawn[:, places], axis=1, keepdims=True)
        vectors[:, places] = drawn[:, places] / norms * np.linalg.norm(lengths[places])
    if not vectors.any():
        raise InputError(
            'directions = "filter" is not valid where all weights are 0; take "random"'
        )
    labels = tuple(f"direction {k + 1} (lengths of θ)" for k in range(number))
    return Directions(vectors, labels, radius=1.0)


def principal_directions(
    recorded: Recorded, centre: FloatArray, number: int, seed: int = 0
) -> Directions:
    """Return the directions that a run moved along most: principal components of its weights.

    How much of its variance they hold is compared with random walks of as many points in as many
    dimensions as weights moved. Of those the first components hold much, too, 61 % and 15 % for
    long walks in many dimensions, and along the k-th a walk is a cosine of k half waves, so that it
    looks like a turn.

    Source: Li et al., NeurIPS 2018, arXiv:1712.09913, section 7; Antognini and Sohl-Dickstein,
    NeurIPS 2018, arXiv:1806.08805.

    Args:
        recorded: The run.
        centre: Weights to look from, shape (P,).
        number: How many directions, if the run moved along as many.
        seed: Seed of the random walks.

    Returns:
        Orthonormal directions; by default as far as the run went, and a quarter more.
    """
    shares, components = principal_components(recorded.weights)
    number = min(number, len(shares))
    vectors = components[:number]
    path = (recorded.weights - centre) @ vectors.T
    moved = int(np.count_nonzero(np.ptp(recorded.weights, axis=0)))
    walks = random_walk_shares(len(recorded.weights), moved, number, seed)
    low, high = np.quantile(walks, [0.025, 0.975], axis=0)
    explained = pd.DataFrame(
        {
            "component": np.arange(number) + 1,
            "explained": shares[:number],
            "random_walk": walks.mean(axis=0),
            "random_walk_low": low,
            "random_walk_high": high,
        }
    )
    labels = tuple(f"principal direction {k + 1} (rad)" for k in range(number))
    return Directions(vectors, labels, 1.25 * float(np.abs(path).max(initial=0)), explained)


DIRECTIONS: dict[str, Callable[[Recorded, FloatArray, int, int], Directions]] = {
    "random": random_directions,
    "filter": filter_directions,
    "principal": principal_directions,
}
"""Directions by name."""


def principal_components(weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the principal components of weights on their way.

    Args:
        weights: One point a row, shape (T, P).

    Returns:
        How much of the variance each holds, largest first, shape (k,), and the components, shape
        (k, P), the last point not below the first along each; k ≤ min(T − 1, P), without those
        that hold nothing.

    Example:
        >>> shares, components = principal_components(np.array([[0.0, 0], [1, 0], [2, 0]]))
        >>> shares, components
        (array([1.]), array([[1., 0.]]))
    """
    _, sizes, components = np.linalg.svd(weights - weights.mean(axis=0), full_matrices=False)
    kept = sizes > 1e-9 * max(1.0, float(np.abs(weights).max()))
    signs = np.where(components @ (weights[-1] - weights[0]) < 0, -1.0, 1.0)
    shares = sizes[kept] ** 2 / max(float(np.sum(sizes**2)), np.finfo(float).tiny)
    return shares, (signs[:, None] * components)[kept] + 0.0


def random_walk_shares(
    points: int, size: int, number: int, seed: int = 0, walks: int = WALKS
) -> FloatArray:
    """Return how much of their variance the first principal components of random walks hold.

    Args:
        points: T, points of a walk.
        size: P, dimensions.
        number: k, components.
        seed: Seed of the walks.
        walks: How many walks of independent normal steps.

    Returns:
        Shares, shape (walks, k).

    Example:
        >>> random_walk_shares(200, 200, 2, walks=20).mean(axis=0).round(2)
        array([0.6 , 0.15])
    """
    rng = stream("random walks", seed, [points, size])
    shares = np.zeros((walks, number))
    for share in shares:
        walk = rng.standard_normal((points, size)).cumsum(axis=0)
        walk -= walk.mean(axis=0)
        # the smaller of both Gram matrices has the same eigenvalues but for zeros
        squared = walk @ walk.T if points < size else walk.T @ walk
        found = np.linalg.eigvalsh(squared)[::-1][:number]
        share[: len(found)] = found / np.trace(squared)
    return shares


def filters(problem: Problem) -> tuple[tuple[int, ...], ...]:
    """Return which weights form a filter: those of one layer of rotations on one qubit.

    Rotations on one qubit with no gate to another one between them make one rotation together, as
    the weights into one neuron make one function; by itself none of them has a length that means
    anything. A weight of a gate on several qubits, or of several gates, is a filter of its own, and
    weights that set no gate, those of a head, are one.

    Args:
        problem: The problem.

    Returns:
        Places of the weights of each filter; every weight is in one.

    Example:
        >>> from qnlr.circuits import angle, hardware_efficient, variational_circuit, z
        >>> from qnlr.data import gaussian
        >>> from qnlr.problems import Classification
        >>> rng, encoding = np.random.default_rng(0), angle(2, 2)
        >>> model = variational_circuit(encoding, hardware_efficient(2, 2), z(2))
        >>> filters(Classification(model, encoding, gaussian(rng, rng, features=2, samples=20)))
        ((0, 1, 2), (3, 4, 5), (6, 7, 8), (9, 10, 11))
    """
    homes, together = _homes(problem), dict[tuple[int, ...], list[int]]()
    for k, own in enumerate(_angles(problem)):
        alone = homes[own[0]] if len(own) == 1 else None
        home = alone if own else HEAD
        together.setdefault(home or (k,), []).append(k)
    return tuple(tuple(places) for places in together.values())


HEAD = (-1, -1)


def _angles(problem: Problem) -> list[list[int]]:
    """Return which angles of the circuit each weight sets."""
    each = np.eye(problem.num_weights, dtype=bool)
    return [np.flatnonzero(problem.reached(one)).tolist() for one in each]


def _homes(problem: Problem) -> list[tuple[int, int] | None]:
    """Return qubit and layer of each angle of the circuit; None in a gate on several qubits."""
    circuit = problem.model.circuit
    met = [0] * circuit.num_qubits
    found: dict[object, tuple[int, int] | None] = {}
    for step in circuit.data:
        qubits = [circuit.find_bit(qubit).index for qubit in step.qubits]
        home = (qubits[0], met[qubits[0]]) if len(qubits) == 1 else None
        for value in step.operation.params:
            for parameter in getattr(value, "parameters", ()):
                found[parameter] = home
        if len(qubits) > 1 and step.operation.name != "barrier":
            for qubit in qubits:
                met[qubit] += 1
    return [found[parameter] for parameter in problem.model.weights]


def _wrapped(angles: FloatArray) -> FloatArray:
    return np.asarray(np.pi - np.mod(np.pi - angles, 2 * np.pi))

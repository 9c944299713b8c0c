"""The classical Fisher information of what is read out, and the effective dimension."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from qnlr.circuits import VariationalCircuit
from qnlr.errors import require_count, unknown_name
from qnlr.simulator import BatchedSampler, Simulator, exact_jacobian
from qnlr.simulator.gradients import BatchedSamplerGradient
from qnlr.types import FloatArray


def parity(outcome: int) -> int:
    """Return the parity of the ones of an outcome.

    Example:
        >>> [parity(outcome) for outcome in range(4)]
        [0, 1, 1, 0]
    """
    return outcome.bit_count() % 2


READ: dict[str, Callable[[int], int] | None] = {"outcomes": None, "parity": parity}
"""What is read out: the outcomes of all qubits, or the parity of the ones."""


@dataclass(frozen=True, eq=False)
class Information:
    """Fisher information of a read-out, and the effective dimension that follows.

    Args:
        fisher: Fisher information at each draw of the weights, its mean over the samples, shape
            (T, P, P).
        effective: Effective dimension for each number of samples, over all draws, shape (N,).
        local: The same at the first draw alone.
    """

    fisher: FloatArray
    effective: FloatArray
    local: FloatArray


def classical_fisher(
    model: VariationalCircuit,
    weights: FloatArray,
    angles: FloatArray,
    read: str = "outcomes",
    dataset_sizes: tuple[int, ...] = (1000, 10_000),
) -> Information:
    r"""Return the Fisher information of what is read out, and the effective dimension.

    .. math:: F_{kl} = \mathrm{E}_x \sum_o \frac{∂_k p_o \, ∂_l p_o}{p_o}, \qquad
              d_N = \frac{2 \ln \mathrm{E}_θ \sqrt{\det(1 + \frac{N}{2π \ln N} \hat F(θ))}}
              {\ln \frac{N}{2π \ln N}}

    with F̂ = P F / E_θ tr F. Both are computed by qiskit-machine-learning, from exact probabilities
    and their exact derivatives.

    Source: Abbas et al., Nature Computational Science 1, 403 (2021), Eqs. 2 to 4; the local one:
    Abbas et al., arXiv:2112.04807.

    Args:
        model: The circuit; its observable plays no part.
        weights: Draws of θ, shape (T, P).
        angles: Encoding angles, shape (B, D).
        read: ``"outcomes"`` of all qubits, or their ``"parity"``.
        dataset_sizes: N, each at least 100.

    Returns:
        Information and effective dimensions.

    Raises:
        InputError: If the read-out is not known, or a size is too small.

    Example:
        >>> from qnlr.circuits import angle, hardware_efficient, variational_circuit, z
        >>> model = variational_circuit(angle(1, 1), hardware_efficient(1, 1), z(1))
        >>> found = classical_fisher(model, np.array([[0.0, 0.3, 0.2]]), np.array([[0.5]]))
        >>> found.fisher.round(4) + 0.0
        array([[[0., 0., 0.],
                [0., 1., 0.],
                [0., 0., 0.]]])
    """
    if read not in READ:
        raise unknown_name("read-out", read, READ)
    for size in dataset_sizes:
        require_count("dataset size", size, low=100)
    from qiskit_machine_learning.neural_networks import (  # slow to import
        EffectiveDimension,
        LocalEffectiveDimension,
    )

    network = _network(model, read)
    sizes = np.asarray(dataset_sizes)
    dimension: Any = EffectiveDimension(network, np.asarray(weights), np.asarray(angles))
    found = dimension.run_monte_carlo()
    dimension.run_monte_carlo = lambda: found  # or it would run once more for the dimension
    fisher = dimension.get_fisher_information(*found)
    normalised, trace = dimension.get_normalized_fisher(fisher)
    local = LocalEffectiveDimension(network, np.asarray(weights)[0], np.asarray(angles))
    return Information(
        normalised * trace / weights.shape[1],
        np.atleast_1d(dimension.get_effective_dimension(sizes)),
        np.atleast_1d(local.get_effective_dimension(sizes)),
    )


def parity_information(
    model: VariationalCircuit, weights: FloatArray, angles: FloatArray
) -> FloatArray:
    r"""Return what reading an observable of eigenvalues ±1 tells of each weight.

    .. math:: F_{kk} = \frac{(∂_k f)^2}{1 - f^2}

    Args:
        model: The circuit, with a single Pauli string as observable.
        weights: θ, one row for each draw, shape (T, P).
        angles: Encoding angles, one row for each draw, shape (T, D).

    Returns:
        Diagonals of the Fisher information, shape (T, P).

    Example:
        >>> from qnlr.circuits import angle, hardware_efficient, variational_circuit, z
        >>> model = variational_circuit(angle(1, 1), hardware_efficient(1, 1), z(1))
        >>> given = np.array([[0.0, 0.3, 0.2]]), np.array([[0.5]])
        >>> parity_information(model, *given).round(4) + 0.0
        array([[0., 1., 0.]])
    """
    program = Simulator().program(model.circuit, range(model.circuit.num_qubits))
    place = {parameter: column for column, parameter in enumerate(model.parameters)}
    order = [place[parameter] for parameter in program.parameters]
    back = {parameter: column for column, parameter in enumerate(program.parameters)}
    wanted = np.array([column >= len(model.angles) for column in order], dtype=bool)
    found = exact_jacobian(
        program, np.hstack([angles, weights])[:, order], model.observable, wanted
    )
    slopes = found.derivatives[:, [back[parameter] for parameter in model.weights]]
    return np.asarray(slopes**2 / (1 - found.values[:, None] ** 2))


def _network(model: VariationalCircuit, read: str) -> Any:
    """Return a network that gives exact probabilities and derivatives."""
    from qiskit_machine_learning.neural_networks import SamplerQNN

    sampler = BatchedSampler(default_shots=None)
    interpret = READ[read]
    return SamplerQNN(
        circuit=model.circuit,
        sampler=sampler,
        gradient=BatchedSamplerGradient(sampler),
        input_params=list(model.angles),
        weight_params=list(model.weights),
        interpret=interpret,
        output_shape=None if interpret is None else 2,
    )

"""The metric of the states of a problem, by its weights."""

from __future__ import annotations

import numpy as np

from qnlr.diagnostics.quantum_fisher import quantum_fisher
from qnlr.problems import Batch, Energy, Problem
from qnlr.types import FloatArray


def fubini_study(problem: Problem, weights: FloatArray, batch: Batch) -> FloatArray:
    r"""Return the Fubini–Study metric of a problem's states, its mean over samples.

    .. math:: G = F / 4

    with F the quantum Fisher information. Weights that turn several gates share their rows; those
    of a head, which change no state, have the identity.

    Source: Stokes, Izaac, Killoran and Carleo, Quantum 4, 269 (2020), Eq. 4.

    Args:
        problem: The problem.
        weights: All its weights, shape (number of weights,).
        batch: The samples.

    Returns:
        Shape (number of weights, number of weights).

    Example:
        >>> from qnlr.circuits import hardware_efficient, transverse_ising
        >>> from qnlr.problems import energy_problem
        >>> problem = energy_problem(transverse_ising(2), hardware_efficient(2, 1))
        >>> np.diag(fubini_study(problem, np.zeros(6), problem.train)).round(3) + 0.0
        array([0.25, 0.25, 0.  , 0.25, 0.25, 0.  ])
    """
    if isinstance(problem, Energy):
        angles = problem.gate_angles(weights)
        whole = quantum_fisher(problem.model, angles, batch.angles) / 4
        return problem.ties.T @ whole @ problem.ties
    own = problem.num_circuit_weights
    found = np.eye(weights.size)
    found[:own, :own] = quantum_fisher(problem.model, weights[:own], batch.angles) / 4
    return found

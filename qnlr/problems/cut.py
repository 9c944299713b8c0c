"""The maximum cut of a graph, by a variational circuit: QAOA."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from qiskit import QuantumCircuit

from qnlr.circuits import Graph, VariationalCircuit, maxcut, maximum_cut, random_cut
from qnlr.errors import InputError
from qnlr.problems.energy import Energy, bare_model
from qnlr.problems.problem import Evaluation
from qnlr.types import FloatArray


class Cut(Energy):
    r"""Minus the expected cut of a graph, where a basis state parts the nodes by their bits.

    .. math:: E(θ) = -⟨C⟩ = \sum_{(i, j)} \frac{w_{ij}}{2} (⟨Z_i Z_j⟩ - 1)

    Source: Farhi, Goldstone and Gutmann, arXiv:1411.4028.

    Args:
        model: The circuit without encoding angles, with ``maxcut(graph)`` as its observable.
        ties: As for :class:`Energy`.
        offsets: As for :class:`Energy`.
        graph: The graph, of at most 24 nodes; its largest cut has a weight above 0.

    Raises:
        InputError: If the observable is not the graph's, or the graph has no cut above 0.

    Example:
        >>> from qnlr.backends import SimulatorBackend
        >>> from qnlr.circuits import qaoa, ring
        >>> graph = ring(6)
        >>> problem = cut_problem(graph, qaoa(6, 1, hamiltonian=maxcut(graph)))
        >>> backend, best = SimulatorBackend(problem.model), np.array([-np.pi / 4, np.pi / 8])
        >>> found = problem.evaluate(best, problem.train, backend, np.random.default_rng(0))
        >>> {name: round(value, 6) for name, value in problem.metrics({"train": found}).items()}
        {'metric_cut': 4.5, 'metric_cut_ratio': 0.75, 'metric_random_ratio': 0.5}
    """

    def __init__(
        self,
        model: VariationalCircuit,
        ties: FloatArray | None = None,
        offsets: FloatArray | None = None,
        *,
        graph: Graph,
    ) -> None:
        hamiltonian = maxcut(graph)
        if (
            model.observable.num_qubits != graph.nodes
            or np.abs((model.observable - hamiltonian).simplify().coeffs).max() > 1e-9
        ):
            raise InputError("the model's observable is not maxcut(graph), the graph's Hamiltonian")
        self.graph = graph
        self.maximum = maximum_cut(graph)
        if self.maximum <= 0:
            raise InputError(
                "the graph has no cut of a weight above 0, so there is no ratio to the largest; "
                "give some edge a weight above 0"
            )
        source = f"a graph of {graph.nodes} nodes and {len(graph.edges)} edges"
        super().__init__(model, ties, offsets, reference=-self.maximum, source=source)

    def metrics(self, found: Mapping[str, Evaluation]) -> dict[str, float]:
        """Say what the evaluation of the last weights means.

        Args:
            found: Evaluations, that of ``train`` among them.

        Returns:
            ``metric_cut``, the expected cut; ``metric_cut_ratio``, its ratio to the largest; and
            ``metric_random_ratio``, that of sides drawn by the toss of a coin.
        """
        expected = -float(found["train"].loss)
        return {
            "metric_cut": expected,
            "metric_cut_ratio": expected / self.maximum,
            "metric_random_ratio": random_cut(self.graph) / self.maximum,
        }


def cut_problem(graph: Graph, ansatz: QuantumCircuit) -> Cut:
    """Return the problem of finding the largest cut of a graph with an ansatz.

    Args:
        graph: The graph.
        ansatz: A circuit whose gate angles are affine in its parameters, which are the weights.

    Returns:
        The problem.

    Raises:
        InputError: If they differ in size, the ansatz cannot be untied, or no cut is above 0.
    """
    return Cut(*bare_model(ansatz, maxcut(graph)), graph=graph)

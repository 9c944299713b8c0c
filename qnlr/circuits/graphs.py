"""Weighted graphs as plain data, and their cuts."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import rustworkx

from qnlr.errors import InputError, is_number, require_count
from qnlr.rng import stream

LARGEST_EXACT_CUT = 24


@dataclass(frozen=True)
class Graph:
    """An undirected weighted graph.

    Args:
        nodes: n, at least 2.
        edges: Pairs of nodes out of 0 to n − 1 with a weight, (i, j, w); each pair at most once.

    Raises:
        InputError: If an edge joins a node with itself, repeats another, or is not of the graph.

    Example:
        >>> Graph(3, ((0, 1, 1.0), (1, 2, 0.5))).total_weight
        1.5
    """

    nodes: int
    edges: tuple[tuple[int, int, float], ...]

    def __post_init__(self) -> None:
        require_count("nodes", self.nodes, low=2)
        seen: set[frozenset[int]] = set()
        for edge in self.edges:
            _require_edge(edge, self.nodes)
            pair = frozenset(edge[:2])
            if pair in seen:
                raise InputError(
                    f"edges = {list(edge)} comes twice; join two nodes by one edge at most"
                )
            seen.add(pair)

    @property
    def total_weight(self) -> float:
        """The sum of all weights."""
        return math.fsum(weight for _, _, weight in self.edges)


def ring(nodes: int, weight: float = 1.0) -> Graph:
    """Join each node with the next, and the last with the first.

    Args:
        nodes: n, at least 3.
        weight: Weight of every edge.

    Returns:
        The ring.

    Raises:
        InputError: If there are fewer than 3 nodes, or the weight is not finite.

    Example:
        >>> ring(4).edges
        ((0, 1, 1.0), (1, 2, 1.0), (2, 3, 1.0), (0, 3, 1.0))
    """
    require_count("nodes", nodes, low=3)
    chain = [(node, node + 1, weight) for node in range(nodes - 1)]
    return Graph(nodes, (*chain, (0, nodes - 1, weight)))


def complete(nodes: int, seed: int = 0, low: float = 0.0, high: float = 1.0) -> Graph:
    """Join every two nodes, by random weights.

    Args:
        nodes: n, at least 2.
        seed: Draws the weights.
        low: Smallest weight.
        high: Largest weight; weights are drawn evenly.

    Returns:
        The complete graph.

    Raises:
        InputError: If there are fewer than 2 nodes, or low is above high.

    Example:
        >>> len(complete(5).edges)
        10
    """
    require_count("nodes", nodes, low=2)
    return _weighted(nodes, list(zip(*np.triu_indices(nodes, 1), strict=True)), seed, low, high)


def random_regular(
    nodes: int, degree: int = 3, seed: int = 0, low: float = 1.0, high: float = 1.0
) -> Graph:
    """Draw a random graph in which every node has as many edges, by default without weights.

    Args:
        nodes: n, above the degree.
        degree: Edges of each node, at least 1; degree times n is even.
        seed: Draws edges and weights.
        low: Smallest weight.
        high: Largest weight; weights are drawn evenly.

    Returns:
        The graph.

    Raises:
        InputError: If there is no such graph, or low is above high.

    Example:
        >>> graph = random_regular(8, degree=3, seed=1)
        >>> len(graph.edges), graph.total_weight
        (12, 12.0)
    """
    require_count("nodes", nodes, low=2)
    require_count("degree", degree, high=nodes - 1)
    require_count("seed", seed, low=0)
    if nodes * degree % 2:
        raise InputError(
            f"degree = {degree} is not valid; degree times nodes must be even, and {nodes} is odd"
        )
    drawn = rustworkx.random_regular_graph(nodes, degree, seed=seed).edge_list()
    return _weighted(nodes, [(min(pair), max(pair)) for pair in drawn], seed, low, high)


def listed(nodes: int, edges: list[list[float]]) -> Graph:
    """Take a graph as it is written down.

    Args:
        nodes: n, at least 2.
        edges: Lists of three numbers: two nodes out of 0 to n − 1, and a weight.

    Returns:
        The graph.

    Raises:
        InputError: If an edge is not of that form, or the graph is not valid.

    Example:
        >>> listed(3, [[0, 1, 1.0], [1, 2, -0.5]]).edges
        ((0, 1, 1.0), (1, 2, -0.5))
    """
    require_count("nodes", nodes, low=2)
    for edge in edges:
        _require_edge(edge, nodes)
    return Graph(nodes, tuple((int(i), int(j), float(weight)) for i, j, weight in edges))


def maximum_cut(graph: Graph) -> float:
    r"""Return the largest weight of edges between two parts of a graph, by trying all.

    .. math:: C_\max = \max_{s ∈ \{0, 1\}^n} \sum_{(i, j)} w_{ij} [s_i ≠ s_j]

    Args:
        graph: A graph of at most 24 nodes.

    Returns:
        The weight of the largest cut, at least 0.

    Raises:
        InputError: If the graph has more than 24 nodes.

    Example:
        >>> maximum_cut(ring(4)), maximum_cut(ring(5))
        (4.0, 4.0)
    """
    if graph.nodes > LARGEST_EXACT_CUT:
        raise InputError(
            f"nodes = {graph.nodes} is not valid; the exact maximum cut tries all parts, which "
            f"takes at most {LARGEST_EXACT_CUT} nodes: use a smaller graph"
        )
    # The last node stays on side 0: swapping the sides changes no cut.
    sides = np.arange(2 ** (graph.nodes - 1), dtype=np.int32)
    cuts = np.zeros(len(sides))
    for i, j, weight in graph.edges:
        cuts += weight * ((sides >> i ^ sides >> j) & 1)
    return float(cuts.max())


def random_cut(graph: Graph) -> float:
    """Return the expected cut where every node takes either side by the toss of a coin.

    Args:
        graph: Any graph.

    Returns:
        Half of the total weight.

    Example:
        >>> random_cut(ring(4))
        2.0
    """
    return graph.total_weight / 2


GRAPHS: dict[str, Callable[..., Graph]] = {
    "ring": ring,
    "complete": complete,
    "random_regular": random_regular,
    "listed": listed,
}


def _weighted(
    nodes: int, pairs: Sequence[tuple[int, int]], seed: int, low: float, high: float
) -> Graph:
    """Return the graph of some pairs, sorted, with random weights."""
    if not (_is_finite(low) and _is_finite(high) and low <= high):
        raise InputError(
            f"low = {low!r} and high = {high!r} are not valid; they must be finite, low not above "
            "high"
        )
    pairs = sorted((int(i), int(j)) for i, j in pairs)
    weights = stream("graph weights", seed, nodes).uniform(low, high, len(pairs))
    return Graph(nodes, tuple((i, j, float(w)) for (i, j), w in zip(pairs, weights, strict=True)))


def _require_edge(edge: Sequence[float], nodes: int) -> None:
    valid = (
        len(edge) == 3
        and all(is_number(value) and math.isfinite(value) for value in edge)
        and all(node in range(nodes) for node in edge[:2])
        and edge[0] != edge[1]
    )
    if not valid:
        raise InputError(
            f"edges = {list(edge)} is not valid; an edge is [i, j, weight] with two different "
            f"nodes out of 0 to {nodes - 1} and a finite weight"
        )


def _is_finite(value: float) -> bool:
    return is_number(value) and math.isfinite(value)

import math

import numpy as np
import pytest
from driving import driven
from qiskit.quantum_info import Statevector

from qnlr.backends import SimulatorBackend
from qnlr.circuits import (
    Graph,
    complete,
    hamiltonian_variational,
    hardware_efficient,
    listed,
    maxcut,
    maximum_cut,
    qaoa,
    random_regular,
    ring,
    transverse_ising,
)
from qnlr.errors import InputError
from qnlr.optimizers import NLR, Adam
from qnlr.problems.cut import Cut, cut_problem
from qnlr.problems.energy import energy_problem


def rng(seed=0):
    return np.random.default_rng(seed)


def of_layers(graph, layers):
    return cut_problem(graph, qaoa(graph.nodes, layers, hamiltonian=maxcut(graph)))


def metrics(problem, weights):
    found = problem.evaluate(weights, problem.train, SimulatorBackend(problem.model), rng())
    return problem.metrics({"train": found})


@pytest.mark.parametrize("nodes", [4, 6, 10])
def test_one_layer_on_a_ring_in_closed_form(nodes):
    """Source: Wang et al., Phys. Rev. A 97, 022304 (2018); H has the sign of -cut."""
    problem = of_layers(ring(nodes), 1)
    for gamma, beta in rng(1).uniform(-1, 1, (5, 2)):
        if nodes == 4:  # the two ways round meet
            break
        share = 0.5 - math.sin(4 * beta) * math.sin(2 * gamma) / 4
        assert metrics(problem, np.array([gamma, beta]))["metric_cut"] == pytest.approx(
            nodes * share, abs=1e-9
        )
    best = metrics(problem, np.array([-math.pi / 4, math.pi / 8]))
    assert best["metric_cut_ratio"] == pytest.approx(0.75, abs=1e-9)
    assert best["metric_random_ratio"] == 0.5


def test_one_layer_on_a_triangle_free_cubic_graph_has_the_known_ratio():
    """The Petersen graph: 0.6925 of all edges, Farhi et al.; the largest cut is 12 of 15."""
    outer = [[i, (i + 1) % 5, 1.0] for i in range(5)]
    inner = [[5 + i, 5 + (i + 2) % 5, 1.0] for i in range(5)]
    graph = listed(10, [*outer, *inner, *([i, 5 + i, 1.0] for i in range(5))])
    assert maximum_cut(graph) == 12
    best = metrics(of_layers(graph, 1), np.array([-math.atan(1 / math.sqrt(2)), math.pi / 8]))
    assert best["metric_cut"] / 15 == pytest.approx(0.5 + 1 / (3 * math.sqrt(3)), abs=1e-9)


@pytest.mark.parametrize("graph", [complete(4, seed=1), random_regular(6, seed=2, high=3.0)])
def test_the_expected_cut_is_the_mean_over_basis_states(graph):
    problem, weights = of_layers(graph, 2), rng(2).uniform(-1, 1, 4)
    ansatz = qaoa(graph.nodes, 2, hamiltonian=maxcut(graph)).assign_parameters(weights)
    shares = Statevector(ansatz).probabilities()
    cuts = [
        sum(w for i, j, w in graph.edges if (state >> i & 1) != (state >> j & 1))
        for state in range(2**graph.nodes)
    ]
    found = metrics(problem, weights)
    assert found["metric_cut"] == pytest.approx(shares @ cuts, abs=1e-10)
    assert found["metric_cut_ratio"] == pytest.approx(shares @ cuts / max(cuts), abs=1e-10)
    assert found["metric_random_ratio"] == pytest.approx(np.mean(cuts) / max(cuts), abs=1e-10)


def test_weights_of_zero_cut_as_the_toss_of_a_coin_does():
    found = metrics(of_layers(complete(6, seed=4), 3), np.zeros(6))
    assert found["metric_cut_ratio"] == pytest.approx(found["metric_random_ratio"], abs=1e-12)


@pytest.mark.parametrize("optimizer", [NLR(0.02), Adam(0.05)])
def test_training_beats_the_toss_of_a_coin(optimizer):
    graph = random_regular(8, seed=1, low=0.5, high=1.5)
    problem = of_layers(graph, 2)
    backend = SimulatorBackend(problem.model, shots=500)
    weights = driven(problem, optimizer, backend, np.array([-0.1, 0.1] * 2), steps=60)
    found = metrics(problem, weights)
    assert found["metric_cut_ratio"] > found["metric_random_ratio"] + 0.1
    assert found["metric_cut_ratio"] <= 1


def test_any_ansatz_finds_a_cut():
    graph = ring(4)
    problem = cut_problem(graph, hardware_efficient(4, 1))
    backend = SimulatorBackend(problem.model)
    weights = driven(problem, Adam(0.2), backend, rng(3).uniform(-1, 1, 12), steps=60)
    assert metrics(problem, weights)["metric_cut_ratio"] > 0.9


def test_the_reference_is_the_largest_cut():
    problem = of_layers(ring(5), 1)
    assert (problem.reference, problem.maximum) == (-4.0, 4.0)
    assert problem.source == "a graph of 5 nodes and 5 edges"


def test_what_does_not_fit_is_named():
    ising = transverse_ising(4)
    other = energy_problem(ising, hamiltonian_variational(4, 1, hamiltonian=ising))
    with pytest.raises(InputError, match="not maxcut"):
        Cut(other.model, other.ties, other.offsets, graph=ring(4))
    with pytest.raises(InputError, match="not maxcut"):
        Cut(other.model, other.ties, other.offsets, graph=ring(5))
    negative = Graph(3, ((0, 1, -1.0),))
    with pytest.raises(InputError, match="no cut of a weight above 0"):
        of_layers(negative, 1)

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qnlr.circuits import (
    GRAPHS,
    Graph,
    complete,
    listed,
    maximum_cut,
    random_cut,
    random_regular,
    ring,
)
from qnlr.errors import InputError


@st.composite
def graphs(draw):
    nodes = draw(st.integers(2, 6))
    pairs = [(i, j) for i in range(nodes) for j in range(i)]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=len(pairs)))
    weights = draw(st.lists(st.floats(-3, 3), min_size=len(chosen), max_size=len(chosen)))
    return Graph(nodes, tuple((i, j, w) for (i, j), w in zip(chosen, weights, strict=True)))


def cuts(graph):
    return [
        sum(w for i, j, w in graph.edges if sides[i] != sides[j])
        for sides in product((0, 1), repeat=graph.nodes)
    ]


@given(graphs())
def test_maximum_and_random_cut_against_all_parts(graph):
    every = cuts(graph)
    assert maximum_cut(graph) == pytest.approx(max(every), abs=1e-12)
    assert random_cut(graph) == pytest.approx(sum(every) / len(every), abs=1e-12)


@pytest.mark.parametrize(("nodes", "cut"), [(3, 2), (4, 4), (9, 8), (10, 10), (16, 16)])
def test_the_cut_of_a_ring_leaves_out_an_edge_where_it_is_odd(nodes, cut):
    assert maximum_cut(ring(nodes, weight=0.5)) == cut / 2


def test_the_cut_of_a_complete_graph_without_weights():
    graph = complete(7, low=1.0, high=1.0)
    assert maximum_cut(graph) == 3 * 4
    assert random_cut(graph) == 21 / 2


@pytest.mark.parametrize(("nodes", "degree"), [(4, 3), (10, 3), (12, 5), (5, 2), (6, 1)])
def test_random_regular_has_the_degree_at_every_node(nodes, degree):
    for seed in range(5):
        graph = random_regular(nodes, degree, seed)
        ends = [node for i, j, _ in graph.edges for node in (i, j)]
        assert [ends.count(node) for node in range(nodes)] == [degree] * nodes
        assert {weight for _, _, weight in graph.edges} == {1.0}


@pytest.mark.parametrize("make", [random_regular, complete])
def test_a_seed_draws_one_graph_and_another_seed_another(make):
    assert make(10, seed=3, low=0.2, high=0.9) == make(10, seed=3, low=0.2, high=0.9)
    assert make(10, seed=3, low=0.2, high=0.9) != make(10, seed=4, low=0.2, high=0.9)
    weights = [weight for _, _, weight in make(10, seed=3, low=0.2, high=0.9).edges]
    assert 0.2 <= min(weights) < 0.4 < 0.7 < max(weights) <= 0.9


def test_the_edges_of_a_weighted_graph_do_not_depend_on_its_weights():
    plain, weighted = random_regular(12, seed=5), random_regular(12, seed=5, low=0.0, high=2.0)
    assert [edge[:2] for edge in plain.edges] == [edge[:2] for edge in weighted.edges]


@pytest.mark.parametrize(
    ("edge", "said"),
    [
        ([0, 0, 1.0], "two different"),
        ([0, 3, 1.0], "0 to 2"),
        ([-1, 0, 1.0], "0 to 2"),
        ([0.5, 1, 1.0], "0 to 2"),
        ([0, 1], "weight"),
        ([0, 1, float("nan")], "finite weight"),
    ],
)
def test_bad_edges_are_named(edge, said):
    with pytest.raises(InputError, match=r"edges = .*" + said):
        listed(3, [[0, 2, 1.0], edge])


def test_an_edge_cannot_come_twice():
    with pytest.raises(InputError, match="twice"):
        listed(3, [[0, 1, 1.0], [1, 0, 2.0]])


@pytest.mark.parametrize("name", sorted(GRAPHS))
@pytest.mark.parametrize("nodes", [0, 1, 2.5, True, None])
def test_bad_numbers_of_nodes_are_named(name, nodes):
    with pytest.raises(InputError, match="nodes = "):
        GRAPHS[name](nodes, **({"edges": []} if name == "listed" else {}))


def test_settings_out_of_range_are_named():
    with pytest.raises(InputError, match=r"degree = 3 .*5 is odd"):
        random_regular(5, 3)
    with pytest.raises(InputError, match="degree = 4"):
        random_regular(4, 4)
    with pytest.raises(InputError, match="low = 2"):
        complete(4, low=2.0, high=1.0)
    with pytest.raises(InputError, match="at most 24"):
        maximum_cut(ring(25))

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recorded_runs import record

from qnlr.circuits import hamiltonian_variational, transverse_ising
from qnlr.diagnostics.directions import (
    DIRECTIONS,
    filter_directions,
    filters,
    principal_components,
    principal_directions,
    random_directions,
    random_walk_shares,
)
from qnlr.errors import InputError
from qnlr.problems.energy import energy_problem


@pytest.fixture(scope="module")
def run():
    return record()


@pytest.fixture(scope="module")
def with_head():
    return record(problem={"head": "scale_bias"}, training={"steps": 2, "batch_size": 8})


@pytest.mark.parametrize("name", ["random", "principal"])
@given(seed=st.integers(0, 2**32))
def test_random_and_principal_directions_are_orthonormal(run, name, seed):
    found = DIRECTIONS[name](run, run.weights[-1], 3, seed)
    np.testing.assert_allclose(found.vectors @ found.vectors.T, np.eye(3), atol=1e-12)
    assert len(found.labels) == 3


def test_random_directions_are_of_their_seed_alone(run):
    first, again, other = (
        random_directions(run, run.weights[at], 2, seed).vectors
        for at, seed in ((-1, 0), (0, 0), (-1, 1))
    )
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


@given(seed=st.integers(0, 2**32))
def test_every_filter_of_a_direction_is_as_long_as_that_of_the_weights(run, seed):
    centre = np.random.default_rng(seed).uniform(-math.pi, math.pi, 18)
    vectors = filter_directions(run, centre, 2, seed).vectors
    groups = filters(run.training.problem)
    assert sorted(place for group in groups for place in group) == list(range(18))
    for group in map(list, groups):
        assert len(group) == 3
        lengths = np.linalg.norm(vectors[:, group], axis=1)
        np.testing.assert_allclose(lengths, np.linalg.norm(centre[group]))


def test_turning_a_weight_by_a_whole_turn_changes_no_filter(run):
    centre = np.random.default_rng(1).uniform(-3, 3, 18)
    turned = centre + 2 * math.pi * np.arange(-9, 9)
    np.testing.assert_allclose(
        filter_directions(run, turned, 2).vectors, filter_directions(run, centre, 2).vectors
    )


def test_weights_of_a_head_are_a_filter_and_no_angles(with_head):
    problem = with_head.training.problem
    assert filters(problem)[-1] == (18, 19)
    centre = np.append(np.zeros(18), [7.0, 0.0])
    vectors = filter_directions(with_head, centre, 1).vectors
    assert not vectors[0, :18].any()
    assert np.linalg.norm(vectors[0, 18:]) == pytest.approx(7.0)


def test_a_weight_of_many_gates_is_a_filter_of_its_own():
    hamiltonian = transverse_ising(4)
    ansatz = hamiltonian_variational(4, 2, hamiltonian=hamiltonian)
    assert filters(energy_problem(hamiltonian, ansatz)) == ((0,), (1,), (2,), (3,))


def test_weights_that_are_all_zero_have_no_filters_to_normalise_by(run):
    with pytest.raises(InputError, match='take "random"'):
        filter_directions(run, np.zeros(18), 2)


@given(seed=st.integers(0, 2**32), points=st.integers(2, 12), size=st.integers(1, 12))
def test_components_rebuild_the_weights_and_shares_are_those_of_the_variance(seed, points, size):
    weights = np.random.default_rng(seed).standard_normal((points, size)).cumsum(axis=0)
    shares, components = principal_components(weights)
    apart = weights - weights.mean(axis=0)
    seen = apart @ components.T
    np.testing.assert_allclose(seen @ components, apart, atol=1e-9)
    np.testing.assert_allclose(shares, seen.var(axis=0) / weights.var(axis=0).sum(), atol=1e-12)
    assert shares.sum() == pytest.approx(1.0)
    assert (np.diff(shares) <= 1e-12).all()
    assert ((weights[-1] - weights[0]) @ components.T >= -1e-9).all()


def test_principal_directions_lie_along_the_way_of_the_run(run):
    flat = np.zeros_like(run.weights)
    flat[:, 4] = np.linspace(0, 3, len(flat))
    flat[:, 7] = 0.1 * np.sin(np.linspace(0, 9, len(flat)))
    straight = dataclasses.replace(run, weights=flat)
    found = principal_directions(straight, flat[-1], 3)
    assert len(found.vectors) == 2
    assert abs(found.vectors[0, 4]) > 0.99
    assert found.radius == pytest.approx(1.25 * 3, rel=0.05)
    assert found.explained["explained"].sum() == pytest.approx(1.0)


@pytest.mark.parametrize("shape", [(30, 200), (200, 30)])
def test_shares_of_random_walks_are_those_of_their_components(shape):
    shares = random_walk_shares(*shape, 3, walks=4)
    assert shares.shape == (4, 3)
    assert (shares > 0).all()
    again = random_walk_shares(*shape, 3, walks=8)[:4]
    np.testing.assert_allclose(shares, again)


def test_long_random_walks_have_the_shares_of_theory():
    r"""Antognini and Sohl-Dickstein: 6/π²k² for the k-th component."""
    shares = random_walk_shares(200, 200, 3, walks=20).mean(axis=0)
    np.testing.assert_allclose(shares, 6 / (math.pi * np.arange(1, 4)) ** 2, rtol=0.06)

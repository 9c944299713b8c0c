"""The convex stage is convex, and the ridge solution is its minimum."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import approx_fprime

from qnlr.errors import InputError
from qnlr.strategies.refinement.convex import ridge_start, surrogate
from qnlr.strategies.refinement.perceptron import Perceptron

CLASSES = Perceptron((3, 6, 4), "cross_entropy")


def task(count=25, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, 3)), np.eye(4)[rng.integers(4, size=count)]


@given(st.integers(0, 1000), st.floats(1e-3, 1.0))
@settings(max_examples=20, deadline=None)
def test_the_ridge_solution_is_the_minimum_of_the_surrogate(seed, penalty):
    x, y = task(seed=seed)
    weights = CLASSES.initial(np.random.default_rng(seed))
    started = ridge_start(CLASSES, weights, x, y, penalty)
    assert (started[: CLASSES.last.start] == weights[: CLASSES.last.start]).all()
    lowest = surrogate(CLASSES, started, x, y, penalty)
    np.testing.assert_allclose(lowest.gradient, 0.0, atol=1e-12)
    assert lowest.value <= surrogate(CLASSES, weights, x, y, penalty).value


@given(st.integers(0, 1000), st.floats(0.0, 1.0))
@settings(max_examples=30, deadline=None)
def test_the_surrogate_is_convex_in_the_last_layer(seed, share):
    x, y = task()
    rng = np.random.default_rng(seed)
    one = CLASSES.initial(rng)
    other = one.copy()
    other[CLASSES.last] = rng.normal(size=one[CLASSES.last].size)
    values = [
        surrogate(CLASSES, at, x, y).value for at in (one, other, share * one + (1 - share) * other)
    ]
    assert values[2] <= share * values[0] + (1 - share) * values[1] + 1e-12


@pytest.mark.parametrize("part", ["output", "all"])
def test_the_gradient_is_that_of_the_part_that_follows_it(part):
    x, y = task()
    weights = np.random.default_rng(2).normal(size=CLASSES.size)
    found = surrogate(CLASSES, weights, x, y, 0.1, part)
    numeric = approx_fprime(weights, lambda at: surrogate(CLASSES, at, x, y, 0.1).value, 1e-7)
    if part == "output":
        numeric[: CLASSES.last.start] = 0.0
    np.testing.assert_allclose(found.gradient, numeric, atol=1e-5)


def test_over_all_weights_it_is_not_convex():
    """Swapping two hidden neurons changes no output, and half way between lies a worse network."""
    network = Perceptron((1, 2, 1))
    x = np.array([[1.0], [2.0]])
    one = np.array([1.0, -2.0, 0.0, 0.5, 3.0, -1.0, 0.0])
    other = np.array([-2.0, 1.0, 0.5, 0.0, -1.0, 3.0, 0.0])
    y = network.activations(one, x)[-1]
    middle = surrogate(network, (one + other) / 2, x, y, 0.0, "all").value
    assert surrogate(network, other, x, y, 0.0, "all").value == pytest.approx(0.0, abs=1e-20)
    assert middle > 1.0


def test_what_is_not_valid_is_named():
    x, y = task()
    weights = np.zeros(CLASSES.size)
    with pytest.raises(InputError, match="part"):
        surrogate(CLASSES, weights, x, y, part="hidden")
    with pytest.raises(InputError, match="penalty"):
        ridge_start(CLASSES, weights, x, y, 0.0)

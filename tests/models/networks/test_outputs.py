"""Outputs and their errors: the variance of functions of them, against drawing."""

import numpy as np
import pytest

from qnlr.models.networks.outputs import Outputs, shares

P = np.array([0.2, 0.5, 0.3])
SLOPES = np.array([1.0, -2.0, 0.5])


def test_variance_of_a_function_of_shares_is_that_of_drawn_ones(fits_variance):
    rng = np.random.default_rng(0)
    shots, repeats = 200, 3000
    drawn = rng.multinomial(shots, P, size=repeats) / shots
    told = shares(drawn, shots).variance(np.tile(SLOPES, (repeats, 1)))
    true = (SLOPES**2 @ P - (SLOPES @ P) ** 2) / shots
    assert told.mean() == pytest.approx(true, rel=0.01)
    assert fits_variance(drawn @ SLOPES - SLOPES @ P, true)


def test_shares_that_do_not_add_up_to_one_have_the_rest_counted_for_none():
    """An outcome that counts for no output varies with slope 0."""
    values, slopes = np.array([[0.2, 0.5]]), np.array([[3.0, 3.0]])
    whole = shares(np.array([[0.2, 0.5, 0.3]]), 11).variance(np.array([[3.0, 3.0, 0.0]]))
    np.testing.assert_allclose(shares(values, 11).variance(slopes), whole)
    np.testing.assert_allclose(whole, 9 * 0.7 * 0.3 / 10)


def test_each_output_alone_has_the_variance_of_its_error():
    outputs = shares(P[None], 50)
    for output, slopes in enumerate(np.eye(3)):
        np.testing.assert_allclose(outputs.variance(slopes[None]), outputs.stds[:, output] ** 2)


def test_outputs_that_are_measured_by_themselves_add_their_variances():
    outputs = Outputs(np.zeros((2, 2)), np.array([[0.1, 0.2], [0.3, 0.0]]))
    slopes = np.array([[1.0, 2.0], [2.0, 5.0]])
    np.testing.assert_allclose(outputs.variance(slopes), [0.01 + 0.16, 0.36])


def test_one_shot_says_nothing_about_its_error_and_exact_values_have_none():
    one = shares(np.array([[1.0, 0.0]]), 1)
    assert np.isnan(one.stds).all()
    assert np.isnan(one.variance(np.ones((1, 2)))).all()
    exact = shares(P[None], None)
    assert not exact.stds.any()
    assert not exact.variance(SLOPES[None]).any()


def test_rounding_gives_no_variance_below_zero():
    outputs = shares(np.array([[1.0 + 1e-15, 0.0], [0.1 + 0.2, 0.7]]), 100)
    assert (outputs.variance(np.ones((2, 2))) >= 0).all()
    assert not np.isnan(outputs.stds).any()

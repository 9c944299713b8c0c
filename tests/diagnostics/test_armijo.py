"""Backtracking takes the first rate of its sequence that meets Armijo's condition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qnlr.diagnostics.armijo import Armijo
from qnlr.errors import InputError


@given(
    learning_rate=st.floats(0.01, 50.0),
    slope=st.floats(0.01, 0.9),
    curvature=st.floats(0.1, 10.0),
    shrink=st.sampled_from([0.25, 0.5, 0.8]),
)
def test_on_a_quadratic_the_rate_is_the_one_of_the_closed_form(
    learning_rate, slope, curvature, shrink
):
    # λx²/2 with g = λx: the condition is η ≤ 2(1 − c)/λ
    bound = 2 * (1 - slope) / curvature
    tried = learning_rate * shrink ** np.arange(41)
    if np.min(np.abs(tried / bound - 1)) < 1e-6:
        return  # rounding decides there
    expected = tried[tried <= bound][0]
    optimizer = Armijo(learning_rate, slope, shrink, shrinkings=40, maxiter=1)
    start = np.array([1.0, -2.0])
    result = optimizer.minimize(
        lambda x: curvature * float(x @ x) / 2, start, lambda x: curvature * x
    )
    np.testing.assert_allclose(result.x, start * (1 - expected * curvature), rtol=1e-6, atol=1e-9)


def test_losses_never_increase_where_a_rate_is_accepted():
    losses = []
    optimizer = Armijo(5.0, maxiter=30, shrinkings=30)
    fun = lambda x: float(np.sum(np.cos(x)))
    optimizer.start(fun, np.array([0.3, 1.0, -2.0]), lambda x: -np.sin(x))
    for _ in range(30):
        optimizer.step()
        losses.append(fun(optimizer.state.x))
    assert np.all(np.diff(losses) <= 1e-12)
    assert losses[-1] == pytest.approx(-3.0, abs=1e-4)


def test_uphill_directions_end_at_the_smallest_rate():
    optimizer = Armijo(1.0, shrinkings=3, maxiter=1)
    result = optimizer.minimize(lambda x: float(x[0]), [0.0], lambda x: np.array([-1.0]))
    assert result.x[0] == pytest.approx(0.125)


@pytest.mark.parametrize("setting", [{"slope": 1.5}, {"shrink": 1.0}, {"shrinkings": 0}])
def test_settings_outside_their_range_are_refused(setting):
    with pytest.raises(InputError):
        Armijo(0.1, **setting)

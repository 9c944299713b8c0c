import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qnlr.errors import InputError
from qnlr.problems import LOSSES, CrossEntropy, Logistic, SquaredError

STEP = 1e-5
labels = st.sampled_from([-1.0, 1.0])
inside = st.floats(-0.99, 0.99)


@pytest.mark.parametrize("loss", [kind() for kind in LOSSES.values()], ids=LOSSES)
@given(f=inside, y=labels)
def test_slope_and_curvature_equal_finite_differences(loss, f, y):
    y = np.array([y, y])
    around, here = np.array([f + STEP, f - STEP]), np.array([f])
    rise = np.subtract(*loss.value(around, y)) / (2 * STEP)
    bend = np.subtract(*loss.slope(around, y)) / (2 * STEP)
    assert loss.slope(here, y[:1])[0] == pytest.approx(rise, rel=1e-4, abs=1e-8)
    assert loss.curvature(here, y[:1])[0] == pytest.approx(bend, rel=1e-4, abs=1e-8)


@pytest.mark.parametrize("loss", [kind() for kind in LOSSES.values()], ids=LOSSES)
@given(f=st.lists(st.floats(-1.3, 1.3), min_size=1, max_size=5), y=labels)
def test_losses_fall_towards_the_label(loss, f, y):
    values, targets = np.array(f), np.full(len(f), y)
    found = loss.value(values, targets)
    assert found.shape == loss.slope(values, targets).shape == values.shape
    assert loss.curvature(values, targets).shape == values.shape
    assert (found >= 0).all()
    at_label = loss.value(np.array([y]), np.array([y]))[0]
    assert at_label == (
        0 if not isinstance(loss, Logistic) else pytest.approx(math.log1p(1 / math.e))
    )
    wrong_side = values * y < 1
    assert (loss.slope(values, targets)[wrong_side] * y < 0).all()


def test_squared_error_by_hand():
    found = SquaredError().value(np.array([0.5, 0.5, -1.0]), np.array([1.0, -1.0, 1.0]))
    assert found.tolist() == [0.25, 2.25, 4.0]


@pytest.mark.parametrize(("f", "y", "p"), [(0.0, 1.0, 0.5), (0.5, 1.0, 0.75), (0.5, -1.0, 0.25)])
def test_cross_entropy_by_hand(f, y, p):
    found = CrossEntropy().value(np.array([f]), np.array([y]))
    assert found[0] == pytest.approx(-math.log(p))


@pytest.mark.parametrize("smallest", [1e-6, 1e-3, 0.5])
@pytest.mark.parametrize("y", [-1.0, 1.0])
def test_cross_entropy_is_clipped_where_the_label_is_never_read(smallest, y):
    loss, f, y = CrossEntropy(smallest), np.array([-y, -1.1 * y]), np.full(2, y)
    assert loss.value(f, y) == pytest.approx(-math.log(smallest))
    assert loss.slope(f, y) == pytest.approx(-y / (2 * smallest))
    assert loss.curvature(f, y) == pytest.approx(0.25 / smallest**2)


@pytest.mark.parametrize("smallest", [0.0, -0.1, 0.6, math.nan])
def test_smallest_probability_is_checked(smallest):
    with pytest.raises(InputError, match="smallest"):
        CrossEntropy(smallest)

"""DoG against its formula, and what follows from it."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from qnlr.errors import InputError
from qnlr.optimizers import DistanceOverGradients, DoG, Feedback

CURVATURES = np.array([0.5, 1.0, 3.0])
FIRST_STEP = 1e-3
starts = arrays(float, 3, elements=st.floats(-3, 3)).filter(lambda x: np.linalg.norm(x) > 0.1)


def loss(x, scale=1.0):
    return float(scale * CURVATURES @ x**2 / 2)


def gradient(x, scale=1.0):
    return scale * CURVATURES * x


def descend(start, steps, scale=1.0):
    records = []
    optimizer = DoG(FIRST_STEP, maxiter=steps, callback=records.append)
    optimizer.minimize(lambda x: loss(x, scale), start, lambda x: gradient(x, scale))
    return records


def test_the_steps_are_those_of_the_formula():
    start = np.array([1.0, -2.0, 0.5])
    points, gradients = [start], []
    for record in descend(start, 60):
        np.testing.assert_allclose(record.parameters, points[-1], rtol=1e-12)
        gradients.append(gradient(points[-1]))
        largest = max(FIRST_STEP, *(np.linalg.norm(point - start) for point in points))
        rate = largest / math.sqrt(sum(g @ g for g in gradients) + 1e-8)
        assert record.rate == pytest.approx(rate, rel=1e-12)
        points.append(points[-1] - rate * gradients[-1])
    assert loss(points[-1]) < 0.01 * loss(start)


def test_two_steps_of_one_weight_by_hand():
    """Slopes 3 and 4: the steps are r, and r times 4/5 or the way come times 4/5."""
    rule = DistanceOverGradients(0.5, epsilon=1e-300)
    rate, state = rule(Feedback(0, 1.0, None, 3.0, distance=0.0), rule.initial_state())
    assert rate == pytest.approx(0.5 / 3)
    assert rule(Feedback(1, 1.0, None, 4.0, distance=0.1), state)[0] == pytest.approx(0.1)
    assert rule(Feedback(1, 1.0, None, 4.0, distance=2.5), state)[0] == pytest.approx(0.5)


@given(starts)
def test_the_distance_never_falls_and_the_first_step_is_as_long_as_it_is_set(start):
    rule, state, before = DistanceOverGradients(FIRST_STEP), None, FIRST_STEP
    state = rule.initial_state()
    records = descend(start, 15)
    for record in records:
        distance = float(np.linalg.norm(record.parameters - start))
        norm = record.gradient_norm
        rate, state = rule(Feedback(record.step, 1.0, None, norm, distance=distance), state)
        assert rate == pytest.approx(record.rate, rel=1e-12)
        assert state["distance"] >= max(before, distance)
        before = state["distance"]
    length = np.linalg.norm(records[0].next_parameters - start)
    assert length == pytest.approx(FIRST_STEP, rel=1e-5)


@given(starts, st.floats(0.1, 1e3))
def test_a_loss_in_other_units_makes_the_same_steps(start, scale):
    for record, scaled in zip(descend(start, 15), descend(start, 15, scale), strict=True):
        np.testing.assert_allclose(
            scaled.next_parameters, record.next_parameters, rtol=1e-4, atol=1e-6
        )


def test_where_the_gradient_is_zero_it_stays():
    records = []
    optimizer = DoG(maxiter=3, callback=records.append)
    optimizer.minimize(lambda x: 1.0, [0.3, 0.4], lambda x: np.zeros(2))
    assert [list(record.next_parameters) for record in records] == [[0.3, 0.4]] * 3
    assert np.isfinite([record.rate for record in records]).all()


def test_after_a_move_the_distance_is_from_where_it_began():
    optimizer = DoG(FIRST_STEP)
    optimizer.start(loss, np.zeros(3), gradient)
    optimizer.move_to(np.array([3.0, 0.0, 4.0]))
    optimizer.step()
    norm = np.linalg.norm(gradient(np.array([3.0, 0.0, 4.0])))
    assert optimizer.state.record.rate == pytest.approx(5 / norm)


def test_an_untold_distance_is_refused():
    rule = DistanceOverGradients()
    with pytest.raises(InputError, match="needs the distance"):
        rule(Feedback(0, 0.5, None, 1.0), rule.initial_state())


@pytest.mark.parametrize("value", [0, -1.0, math.nan, math.inf, "1"])
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (DoG, "initial_distance"),
        (DistanceOverGradients, "initial_distance"),
        (DistanceOverGradients, "epsilon"),
    ],
)
def test_bad_settings_of_dog_are_refused(kind, name, value):
    with pytest.raises(InputError, match=rf"^{name} = .* above 0$"):
        kind(**{name: value})


def test_weights_that_are_lost_end_as_lost_and_not_as_a_mistake_of_the_caller():
    optimizer = DoG(FIRST_STEP, maxiter=3)
    result = optimizer.minimize(
        lambda x: math.nan, np.array([1.0, 2.0, 3.0]), lambda x: np.full(3, np.nan)
    )
    assert result.nit == 3
    assert np.isnan(result.x).all()
    with pytest.raises(InputError, match="told none"):
        DistanceOverGradients()(
            Feedback(0, 1.0, None, 1.0), DistanceOverGradients().initial_state()
        )

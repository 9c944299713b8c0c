"""Annealing, the oscillation and the switch are what the two-stage paper's formulas say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import approx_fprime

from qnlr.errors import InputError
from qnlr.strategies.refinement.schedule import (
    Refinement,
    Sloped,
    blended,
    draw_phases,
    gradient_density,
    oscillation,
)


def test_annealing_is_the_recursion_of_the_paper():
    settings, convex, oscillating = Refinement(), 0.9, 0.05
    for step in range(300):
        assert settings.convex_weight_at(step) == pytest.approx(convex)
        assert settings.oscillation_weight_at(step) == pytest.approx(oscillating)
        convex, oscillating = max(0.0, 0.98 * convex), 0.99 * oscillating
    assert settings.convex_weight_at(10_000) < 1e-80


@given(st.integers(1, 8), st.floats(0.1, 5.0), st.integers(0, 1000))
def test_the_gradient_of_the_oscillation_is_that_of_finite_differences(count, frequency, seed):
    weights = np.random.default_rng(seed).normal(size=count)
    phases = draw_phases(count, seed)
    found = oscillation(weights, frequency, phases)
    numeric = approx_fprime(weights, lambda x: oscillation(x, frequency, phases).value, 1e-6)
    np.testing.assert_allclose(found.gradient, numeric, atol=1e-4)
    assert abs(found.value) <= 1
    assert (np.abs(found.gradient) <= frequency / count + 1e-12).all()


def test_phases_are_of_the_seed_and_fill_the_circle():
    phases = draw_phases(4000, 3)
    assert (phases != draw_phases(4000, 4)).all()
    assert phases.min() >= 0
    assert phases.max() < 2 * np.pi
    assert abs(np.exp(1j * phases).mean()) < 0.05


def test_the_switches_disagree_in_direction():
    steep, flat = np.array([3.0, 4.0]), np.array([3e-6, 4e-6])
    assert gradient_density(steep) == 2.5
    below, above = Refinement(switch="below"), Refinement(switch="above")
    assert [below.switches(1, g) for g in (steep, flat)] == [False, True]
    assert [above.switches(1, g) for g in (steep, flat)] == [True, False]


@pytest.mark.parametrize("switch", ["below", "above", "steps"])
def test_stage_1_always_ends(switch):
    between = Refinement(switch=switch, threshold=1.0, most_steps=7)
    never = np.array([2.0]) if switch == "below" else np.array([0.5])
    assert [between.switches(step, never) for step in (0, 6, 7)] == [False, False, True]


def test_on_a_convex_loss_above_switches_at_once_or_never():
    """Gradient descent on a quadratic: its gradient norm only falls, so Eq. 3 read as it stands."""
    curvature = np.array([1.0, 0.3, 0.05])
    weights, gradients = np.array([1.0, -2.0, 3.0]), []
    for _ in range(200):
        gradients.append(curvature * weights)
        weights = weights - 0.5 * gradients[-1]
    for threshold in (0.01, 0.1, 1.0, 10.0):
        literal = Refinement(switch="above", threshold=threshold, most_steps=1000)
        leaves = [literal.switches(step, g) for step, g in enumerate(gradients)]
        assert leaves[0] or not any(leaves)
        settled = Refinement(switch="below", threshold=threshold, most_steps=1000)
        assert any(settled.switches(step, g) for step, g in enumerate(gradients))


def test_the_blend_is_the_convex_loss_task_and_oscillation_in_their_shares():
    parts = [Sloped(float(k), np.eye(3)[k]) for k in range(3)]
    blend = blended(*parts, 0.9, 0.05)
    assert blend.value == pytest.approx(0.9 * 1 + 0.05 * 2)
    np.testing.assert_allclose(blend.gradient, [0.1, 0.9, 0.05])


@pytest.mark.parametrize(
    "wrong",
    [
        {"convex_weight": 1.5},
        {"oscillation_weight": -0.1},
        {"convex_decay": 2.0},
        {"frequency": 0.0},
        {"threshold": 0.0},
        {"most_steps": -1},
        {"switch": "beneath"},
    ],
)
def test_settings_outside_their_range_are_named(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        Refinement(**wrong)


def test_a_gradient_needs_a_component():
    with pytest.raises(InputError, match="at least one weight"):
        gradient_density([])

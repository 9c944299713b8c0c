import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qnlr.errors import InputError
from qnlr.optimizers import DIRECTIONS, AdaptiveMoments, HeavyBall, Plain, RootMeanSquare

GRADIENTS = np.random.default_rng(8).normal(size=(6, 3))
NAMES = [name for name in DIRECTIONS if name != "natural"]  # which needs a metric besides
KINDS = [*(DIRECTIONS[name] for name in NAMES), lambda: AdaptiveMoments(amsgrad=True)]
NAMES = [*NAMES, "amsgrad"]


def directions(rule, gradients=GRADIENTS):
    state, found = rule.initial_state(gradients.shape[1]), []
    for gradient in gradients:
        direction, state = rule(gradient, state)
        found.append(direction)
    return np.array(found)


def test_plain_is_the_gradient():
    np.testing.assert_array_equal(directions(Plain()), GRADIENTS)


def test_momentum_is_the_fading_sum():
    expected = [
        sum(0.8 ** (t - s) * GRADIENTS[s] for s in range(t + 1)) for t in range(len(GRADIENTS))
    ]
    np.testing.assert_allclose(directions(HeavyBall(0.8)), expected, rtol=1e-12)


def test_rmsprop_divides_by_the_root_of_the_fading_mean_square():
    expected = []
    for t, gradient in enumerate(GRADIENTS):
        square = sum(0.3 * 0.7 ** (t - s) * GRADIENTS[s] ** 2 for s in range(t + 1))
        expected.append(gradient / (np.sqrt(square) + 1e-3))
    np.testing.assert_allclose(directions(RootMeanSquare(0.7, 1e-3)), expected, rtol=1e-12)


@pytest.mark.parametrize("amsgrad", [False, True])
def test_adam_is_the_ratio_of_weighted_means(amsgrad):
    expected, largest = [], np.zeros(3)
    for t, _ in enumerate(GRADIENTS):
        mean = sum(0.6 ** (t - s) * GRADIENTS[s] for s in range(t + 1))
        mean /= sum(0.6**s for s in range(t + 1))
        square = sum(0.1 * 0.9 ** (t - s) * GRADIENTS[s] ** 2 for s in range(t + 1))
        largest = np.maximum(largest, square)
        used = (largest if amsgrad else square) / (1 - 0.9 ** (t + 1))
        expected.append(mean / (np.sqrt(used) + 1e-4))
    found = directions(AdaptiveMoments(0.6, 0.9, 1e-4, amsgrad))
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_amsgrad_remembers_the_largest_mean_square():
    fading = np.array([[4.0], [0.1], [0.1], [0.1]])
    adam = directions(AdaptiveMoments(0.5, 0.5), fading)
    amsgrad = directions(AdaptiveMoments(0.5, 0.5, amsgrad=True), fading)
    np.testing.assert_array_equal(adam[0], amsgrad[0])
    assert np.all(np.abs(amsgrad[1:]) < np.abs(adam[1:]))


@pytest.mark.parametrize("rule", [HeavyBall(0.0), RootMeanSquare(0.0), AdaptiveMoments(0.0, 0.0)])
def test_without_memory_only_the_present_gradient_counts(rule):
    found = directions(rule)
    for row, gradient in zip(found, GRADIENTS, strict=True):
        np.testing.assert_array_equal(row, rule(gradient, rule.initial_state(3))[0])


@given(st.lists(st.floats(0.01, 1e3), min_size=1, max_size=5), st.floats(1e-3, 1e3))
def test_adam_starts_with_the_sign_whatever_the_scale(values, scale):
    gradient = np.array(values) * np.where(np.arange(len(values)) % 2, -1, 1)
    rule = AdaptiveMoments(epsilon=1e-12)
    first = rule(scale * gradient, rule.initial_state(gradient.size))[0]
    np.testing.assert_allclose(first, np.sign(gradient), rtol=1e-6)


@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
def test_a_zero_gradient_gives_a_zero_direction(kind):
    np.testing.assert_array_equal(directions(kind(), np.zeros((4, 2))), np.zeros((4, 2)))


@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
def test_neither_gradient_nor_state_is_changed(kind):
    rule = kind()
    _, state = rule(GRADIENTS[0], rule.initial_state(3))
    before = {name: np.copy(value) for name, value in state.items()}
    gradient = GRADIENTS[1].copy()
    first, _ = rule(gradient, state)
    again, _ = rule(gradient, state)
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(gradient, GRADIENTS[1])
    np.testing.assert_equal({name: np.asarray(value) for name, value in state.items()}, before)


@pytest.mark.parametrize("value", [-0.1, 1, 1.0, 1.5, math.nan, math.inf, "0.9", None])
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (HeavyBall, "momentum"),
        (RootMeanSquare, "decay"),
        (AdaptiveMoments, "beta1"),
        (AdaptiveMoments, "beta2"),
    ],
)
def test_a_decay_outside_0_to_1_is_refused(kind, name, value):
    with pytest.raises(InputError, match=rf"^{name} = .* must .*\[0, 1\)"):
        kind(**{name: value})


@pytest.mark.parametrize("value", [0, -1e-8, math.nan, math.inf])
@pytest.mark.parametrize("kind", [RootMeanSquare, AdaptiveMoments])
def test_a_bad_epsilon_is_refused(kind, value):
    with pytest.raises(InputError, match=r"^epsilon = .* above 0$"):
        kind(epsilon=value)

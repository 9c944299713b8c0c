import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qnlr.diagnostics.classifier_problem import classifier
from qnlr.diagnostics.plateau_problems import (
    curvature,
    plateau,
    random_weights,
    resolution,
    trainable,
)
from qnlr.errors import InputError

SEEDS = st.integers(0, 2**32 - 1)


@pytest.fixture(
    scope="module",
    params=[
        lambda: plateau(3, 2, shots=200),
        lambda: trainable(3, 2, shots=200),
        lambda: classifier(200, 4, samples=40),
    ],
    ids=["plateau", "trainable", "classifier"],
)
def landscape(request):
    return request.param()


def along(landscape, weights, direction, step):
    """The exact cost at equal steps along a direction."""
    steps = step * np.arange(-1, 2)[:, None]
    return landscape.exact(weights + steps * direction)


@settings(max_examples=10, deadline=None)
@given(seed=SEEDS)
def test_gradient_and_curvature_are_those_of_finite_differences(landscape, seed):
    rng = np.random.default_rng(seed)
    weights, direction = random_weights(landscape, rng), rng.normal(size=landscape.num_weights)
    before, here, after = along(landscape, weights, direction, 1e-3)
    slope = landscape.gradient(weights) @ direction
    assert slope == pytest.approx((after - before) / 2e-3, abs=1e-3)
    bend = (after - 2 * here + before) / 1e-6
    assert curvature(landscape, weights, direction) == pytest.approx(bend, abs=2e-2, rel=1e-3)


@settings(max_examples=10, deadline=None)
@given(seed=SEEDS, factor=st.floats(0.1, 10))
def test_curvature_is_quadratic_in_the_direction(landscape, seed, factor):
    rng = np.random.default_rng(seed)
    weights, direction = random_weights(landscape, rng), rng.normal(size=landscape.num_weights)
    once = curvature(landscape, weights, direction)
    assert curvature(landscape, weights, factor * direction) == pytest.approx(
        factor**2 * once, rel=1e-5, abs=1e-5 * factor**2
    )


def test_nothing_bends_along_no_direction(landscape):
    nothing = np.zeros(landscape.num_weights)
    assert curvature(landscape, nothing + 1.0, nothing) == 0.0


def test_measurements_scatter_around_the_truth_as_their_errors_say(landscape):
    rng = np.random.default_rng(3)
    weights = random_weights(landscape, rng)
    true, cost = landscape.gradient(weights), float(landscape.exact(weights))
    drawn = [landscape.measured_gradient(weights, rng) for _ in range(300)]
    scores = np.array([(g - true) / s for g, s in drawn])
    assert abs(scores.mean()) < 0.1
    assert scores.std() == pytest.approx(1.0, abs=0.1)
    losses = [landscape.measured_loss(weights, rng) for _ in range(300)]
    scores = np.array([(loss - cost) / loss.std for loss in losses])
    assert scores.std() == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("make", [plateau, trainable])
def test_measured_costs_differ_by_multiples_of_the_resolution(make):
    landscape, rng = make(3, 1, shots=50), np.random.default_rng(0)
    weights = random_weights(landscape, rng)
    losses = np.array([landscape.measured_loss(weights, rng) for _ in range(40)])
    counts = (losses - losses[0]) / resolution(landscape)
    assert counts == pytest.approx(np.round(counts), abs=1e-6)
    assert np.ptp(counts) > 1


def test_exact_landscapes_measure_the_truth():
    rng = np.random.default_rng(0)
    for landscape in (plateau(3, 1, shots=None), classifier(None, 4, samples=40)):
        weights = random_weights(landscape, rng)
        gradient, stds = landscape.measured_gradient(weights, rng)
        loss = landscape.measured_loss(weights, rng)
        assert resolution(landscape) == loss.std == stds.max() == 0
        assert gradient == pytest.approx(landscape.gradient(weights))
        assert float(loss) == pytest.approx(float(landscape.exact(weights)))


def test_a_mean_over_batches_is_the_loss_of_all_samples():
    whole = classifier(None, None, samples=40)
    weights = random_weights(whole, np.random.default_rng(1))
    halves = [
        dataclasses.replace(whole, batch=whole.batch.take(taken)).exact(weights)
        for taken in np.split(np.arange(32), 2)
    ]
    assert np.mean(halves) == pytest.approx(float(whole.exact(weights)))


def test_gradients_of_the_plateau_vanish_faster_than_those_of_the_other():
    def shrinks(make):
        squares = []
        for qubits in (3, 8):
            landscape, rng = make(qubits), np.random.default_rng(0)
            drawn = [landscape.gradient(random_weights(landscape, rng)) for _ in range(100)]
            squares.append(np.mean([gradient @ gradient for gradient in drawn]))
        return squares[1] / squares[0]

    assert shrinks(lambda qubits: plateau(qubits, 2)) < 0.05
    assert shrinks(trainable) == pytest.approx((3 / 8) ** 2, rel=0.3)


def test_an_unknown_observable_is_refused():
    with pytest.raises(InputError, match=r'observable "globl_z".*global_z'):
        plateau(2, 1, "globl_z")

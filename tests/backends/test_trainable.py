"""Derivatives by some weights alone: the same as those of all, and cheaper."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from qnlr.backends import (
    AerBackend,
    Meter,
    MeteredBackend,
    MitigatedBackend,
    SimulatorBackend,
    statevector,
)
from qnlr.backends.gradients import Coordinates, ParameterShift, SimultaneousPerturbation
from qnlr.backends.gradients.trainable import Trainable
from qnlr.noise import from_rate

ANGLES = np.array([[0.3, -1.2], [0.8, 0.1]])
masks = arrays(bool, 6, elements=st.booleans())


def measured(gradient, backend, weights, mask, seed=0):
    trainable = Trainable(gradient, mask)
    rng, choices = np.random.default_rng(seed), np.random.default_rng(seed + 1)
    state = trainable.initial_state(weights.size)
    return trainable.jacobian(backend, weights, ANGLES, rng, choices, state)[0]


@settings(max_examples=25)
@given(mask=masks)
def test_exact_derivatives_are_those_of_all_weights(mask, model, weights):
    for backend in (SimulatorBackend(model), statevector(model)):
        whole = backend.jacobian(weights, ANGLES, np.random.default_rng(0))
        some = measured(ParameterShift(), backend, weights, mask)
        np.testing.assert_allclose(some.values, whole.values)
        np.testing.assert_allclose(
            some.derivatives, np.where(mask, whole.derivatives, 0), atol=1e-9
        )


@settings(max_examples=25)
@given(mask=masks)
def test_frozen_weights_cost_no_circuits(mask, model, weights):
    meter = Meter()
    backend = MeteredBackend(SimulatorBackend(model, shots=7), meter)
    found = measured(ParameterShift(), backend, weights, mask)
    rows = 2 * int(mask.sum()) + 1
    assert Trainable(ParameterShift(), mask).rows(6) == rows
    assert meter.cost.circuits == found.cost.circuits == rows * len(ANGLES)
    assert (meter.cost.shots, meter.cost.jobs) == (7 * rows * len(ANGLES), 1)
    assert not found.derivatives[:, ~mask].any()
    assert not found.derivative_stds[:, ~mask].any()


def test_a_backend_without_a_way_of_its_own_measures_the_same_rows(model, weights):
    mask = np.array([True, False, False, True, False, True])
    meter = Meter()
    measured(ParameterShift(), MeteredBackend(AerBackend(model, shots=5), meter), weights, mask)
    assert (meter.cost.circuits, meter.cost.jobs) == (7 * len(ANGLES), 1)


@pytest.mark.parametrize("shots", [None, 40])
def test_all_weights_give_the_whole_jacobian_draw_for_draw(shots, model, weights):
    backend = SimulatorBackend(model, shots=shots)
    whole = backend.jacobian(weights, ANGLES, np.random.default_rng(5))
    some = backend.partial_jacobian(weights, ANGLES, np.random.default_rng(5), np.ones(6, bool))
    for name in ("values", "stds", "derivatives", "derivative_stds", "cost"):
        np.testing.assert_equal(getattr(some, name), getattr(whole, name))


def test_sampled_derivatives_spread_as_their_errors_say(model, weights, fits_variance):
    mask = np.array([True, False, True, True, False, False])
    truth = statevector(model).jacobian(weights, ANGLES, np.random.default_rng(0)).derivatives
    found = [
        measured(ParameterShift(), SimulatorBackend(model, shots=100), weights, mask, seed)
        for seed in range(200)
    ]
    away = np.array([one.derivatives for one in found])[..., mask] - truth[:, mask]
    stds = np.array([one.derivative_stds for one in found])[..., mask]
    assert fits_variance(away, (stds**2).mean(axis=0))


def test_mitigation_is_not_gone_round(model, weights):
    noise = from_rate(0.0, readout=0.2)
    mask = np.array([False, True, True, False, False, True])
    truth = SimulatorBackend(model).jacobian(weights, ANGLES, np.random.default_rng(0))
    backend = MitigatedBackend(model, shots=200_000, noise=noise, readout=True)
    meter = Meter()
    found = measured(ParameterShift(), MeteredBackend(backend, meter), weights, mask)
    np.testing.assert_allclose(found.derivatives[:, mask], truth.derivatives[:, mask], atol=0.02)
    np.testing.assert_allclose(found.values, truth.values, atol=0.02)
    assert meter.cost == found.cost
    assert meter.cost.circuits > 7 * len(ANGLES)  # its calibration, too
    bare = measured(ParameterShift(), SimulatorBackend(model, noise=noise), weights, mask)
    np.testing.assert_allclose(
        bare.derivatives, 0.6 * np.where(mask, truth.derivatives, 0), atol=1e-12
    )


def test_without_mitigation_the_short_way_is_taken(model, weights):
    mask = np.arange(6) < 2
    backend = MitigatedBackend(model, shots=None)
    found = backend.partial_jacobian(weights, ANGLES, np.random.default_rng(0), mask)
    assert found.cost.circuits == 5 * len(ANGLES)


@pytest.mark.parametrize(
    "gradient", [SimultaneousPerturbation(directions=2), Coordinates(coordinates=2)]
)
def test_other_gradients_move_within_the_trained_weights(gradient, model, weights):
    mask = np.array([True, False, True, True, False, False])
    meter = Meter()
    found = measured(gradient, MeteredBackend(statevector(model), meter), weights, mask)
    assert meter.cost.circuits == gradient.rows(3) * len(ANGLES)
    assert not found.derivatives[:, ~mask].any()
    assert found.derivatives[:, mask].any()

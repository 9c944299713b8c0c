"""Every way to measure a gradient, against exact derivatives and the cost it claims."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit.quantum_info import SparsePauliOp

from qnlr.backends import BACKENDS, GRADIENTS, GradientBackend, SimulatorBackend, statevector
from qnlr.backends.gradients import (
    Coordinates,
    ParameterShift,
    SimultaneousPerturbation,
    central_differences,
    neyman_allocation,
)
from qnlr.circuits import hardware_efficient, variational_circuit
from qnlr.errors import InputError
from qnlr.noise import from_rate
from qnlr.types import Cost, Expectations

RNG = np.random.default_rng
ANGLES = np.array([[0.2, 0.9], [1.3, -0.4], [2.2, 0.1]])
MIXED = SparsePauliOp(["ZZ", "IX", "YX", "II"], [0.5, 0.4, -0.3, 0.2])
METHODS = {
    "parameter_shift": (ParameterShift(), 13),
    "spsa": (SimultaneousPerturbation(), 3),
    "spsa-4": (SimultaneousPerturbation(directions=4), 9),
    "coordinates": (Coordinates(), 13),
    "coordinates-2": (Coordinates(coordinates=2), 5),
    "unbiased": (Coordinates(coordinates=2, unbiased=True), 5),
    "repeated": (Coordinates(coordinates=4, evaluations=15), 31),
    "variance": (Coordinates(coordinates=4, evaluations=15, allocation="variance"), 31),
}
each_method = pytest.mark.parametrize("method", METHODS)


def measure(method, backend, weights, angles=ANGLES, choices=0, shots=1, state=None):
    gradient = METHODS[method][0] if isinstance(method, str) else method
    state = gradient.initial_state(weights.size) if state is None else state
    return gradient.jacobian(backend, weights, angles, RNG(shots), RNG(choices), state)


def test_every_registered_gradient_is_here():
    assert {type(gradient) for gradient, _ in METHODS.values()} == set(GRADIENTS.values())


@each_method
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_gradient_is_one_job_of_as_many_circuits_as_it_says(method, backend, encoding, weights):
    model = variational_circuit(encoding, hardware_efficient(2, 1), MIXED)
    found, _ = measure(method, BACKENDS[backend](model, shots=20), weights)
    gradient, rows = METHODS[method]
    assert gradient.rows(6) == rows
    circuits = rows * len(ANGLES) * 2
    assert found.cost == Cost(circuits, 20 * circuits, jobs=1)
    assert found.values.shape == found.stds.shape == (3,)
    assert found.derivatives.shape == found.derivative_stds.shape == (3, 6)


@each_method
def test_the_value_is_that_at_the_weights(method, model, weights):
    if METHODS[method][1] <= 13:
        found, _ = measure(method, statevector(model), weights)
        expected = statevector(model).values(weights, ANGLES, RNG(0))
        np.testing.assert_allclose(found.values, expected.values, atol=1e-12)
    noisy, _ = measure(method, SimulatorBackend(model, shots=400), weights, np.tile(ANGLES, (9, 1)))
    exact = SimulatorBackend(model).values(weights, np.tile(ANGLES, (9, 1)), RNG(0)).values
    assert np.all(np.abs(noisy.values - exact) < 5 * noisy.stds)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("shots", [None, 30])
def test_the_default_is_the_jacobian_of_the_backend_to_the_last_bit(backend, shots, model, weights):
    own = BACKENDS[backend](model, shots=shots)
    around = GradientBackend(own, ParameterShift(), RNG(0), {})
    found = around.jacobian(weights, ANGLES, RNG(3))
    np.testing.assert_equal(vars(found), vars(own.jacobian(weights, ANGLES, RNG(3))))
    assert around.choices.bit_generator.state == RNG(0).bit_generator.state
    assert (around.shots, around.circuits_per_value) == (own.shots, own.circuits_per_value)


def test_all_coordinates_are_the_parameter_shift_rule(model, weights):
    found, _ = measure("coordinates", statevector(model), weights)
    expected = statevector(model).jacobian(weights, ANGLES, RNG(0))
    np.testing.assert_allclose(found.derivatives, expected.derivatives, atol=1e-12)


def test_coordinates_are_right_where_they_are_measured_and_zero_elsewhere(model, weights):
    exact = statevector(model).jacobian(weights, ANGLES, RNG(0)).derivatives
    times = np.zeros(6)
    for seed in range(60):
        backend = SimulatorBackend(model, shots=50)
        drawn, _ = measure("coordinates-2", backend, weights, choices=seed)
        measured = drawn.derivative_stds.any(axis=0)
        assert measured.sum() == 2
        assert not drawn.derivatives[:, ~measured].any()
        found, _ = measure("coordinates-2", statevector(model), weights, choices=seed)
        np.testing.assert_allclose(found.derivatives, exact * measured, atol=1e-12)
        scaled, _ = measure("unbiased", backend, weights, choices=seed)
        np.testing.assert_allclose(scaled.derivatives, 3 * drawn.derivatives)
        np.testing.assert_allclose(scaled.derivative_stds, 3 * drawn.derivative_stds)
        times += measured
    assert times.sum() == 120
    assert times.min() > 20 - 4 * np.sqrt(60 * 2 / 9)


@pytest.mark.parametrize("shots", [None, 100])
@pytest.mark.parametrize(
    "gradient",
    [
        SimultaneousPerturbation(directions=2, shift=0.02),
        Coordinates(coordinates=2, unbiased=True),
    ],
    ids=["spsa", "coordinates"],
)
def test_the_mean_over_many_draws_is_the_exact_gradient(gradient, shots, model, weights):
    backend, choices, rng = SimulatorBackend(model, shots=shots), RNG(5), RNG(6)
    exact = SimulatorBackend(model).jacobian(weights, ANGLES, RNG(0)).derivatives
    draws = np.array(
        [
            gradient.jacobian(backend, weights, ANGLES, rng, choices, {})[0].derivatives
            for _ in range(2000)
        ]
    )
    errors = draws.std(axis=0, ddof=1) / np.sqrt(len(draws))
    assert np.all(np.abs(draws.mean(axis=0) - exact) < 4.5 * errors + 1e-3)
    assert errors.max() < (0.1 if shots else 0.03)
    assert np.abs(exact).max() > 0.3


@pytest.mark.parametrize(
    "name", ["spsa", "spsa-4", "coordinates-2", "unbiased", "repeated", "variance"]
)
@pytest.mark.parametrize(
    ("backend", "options"),
    [("simulator", {}), ("simulator", {"noise": from_rate(0.03)}), ("statevector", {})],
    ids=["simulator", "simulator-noisy", "statevector"],
)
def test_standard_errors_are_the_spread_over_shots(
    name, backend, options, model, weights, fits_variance
):
    """All samples are one and the same, so that they share directions but no shots."""
    shots, angles = 100, np.tile(ANGLES[0], (300, 1))
    found, _ = measure(name, BACKENDS[backend](model, shots=shots, **options), weights, angles)
    known = {"variances": np.zeros(6), "shares": np.zeros(6)} if name == "variance" else {}
    exact, _ = measure(name, BACKENDS[backend](model, **options), weights, ANGLES[:1], state=known)
    measured = found.derivative_stds.any(axis=0)
    deviations = found.derivatives - exact.derivatives
    assert not deviations[:, ~measured].any()
    for k in np.flatnonzero(measured):
        assert fits_variance(deviations[:, k], np.mean(found.derivative_stds[:, k] ** 2))


def test_repeats_divide_the_variance(model, weights):
    backend, angles = SimulatorBackend(model, shots=100), np.tile(ANGLES[0], (200, 1))
    once, _ = measure(Coordinates(), backend, weights, angles)
    thrice, _ = measure(Coordinates(evaluations=18), backend, weights, angles)
    uneven, _ = measure(Coordinates(evaluations=15), backend, weights, angles)
    ratios = (once.derivative_stds**2).mean(axis=0) / (thrice.derivative_stds**2).mean(axis=0)
    np.testing.assert_allclose(ratios, 3, rtol=0.03)
    ratios = (once.derivative_stds**2).mean(axis=0) / (uneven.derivative_stds**2).mean(axis=0)
    np.testing.assert_allclose(np.sort(ratios), [2, 2, 2, 3, 3, 3], rtol=0.03)


class Cosines:
    """f = cos θ₁ cos θ₂ cos θ₃, exact."""

    def values(self, weights, angles, rng):
        found = np.repeat(np.cos(weights).prod(axis=-1)[..., None], len(angles), axis=-1)
        return Expectations(found, np.zeros_like(found))


@pytest.mark.parametrize("shift", [0.05, 0.3, np.pi / 2])
def test_the_damping_of_simultaneous_perturbation_is_as_documented(shift):
    weights, angles = np.array([0.4, -0.9, 1.2]), np.zeros((1, 1))
    signs = np.array(list(itertools.product([-1.0, 1.0], repeat=3)))
    _, halves = central_differences(Cosines(), weights, shift * signs, angles, RNG(0))
    mean = halves.values[:, 0] @ signs / (len(signs) * shift)
    exact = -np.tan(weights) * np.cos(weights).prod()
    damping = np.sin(shift) / shift * np.cos(shift) ** 2
    np.testing.assert_allclose(mean, damping * exact, atol=1e-12)


def test_directions_vary_as_documented():
    spsa, weights = SimultaneousPerturbation(directions=2, shift=1e-3), np.array([0.4, -0.9, 1.2])
    choices = RNG(2)
    draws = np.array(
        [
            spsa.jacobian(Cosines(), weights, np.zeros((1, 1)), RNG(0), choices, {})[0].derivatives
            for _ in range(4000)
        ]
    )[:, 0]
    exact = -np.tan(weights) * np.cos(weights).prod()
    np.testing.assert_allclose(draws.var(axis=0), (exact @ exact - exact**2) / 2, rtol=0.1)


@given(
    st.lists(st.floats(0, 10).map(lambda x: round(x, 3)), min_size=1, max_size=4),
    st.integers(0, 5),
)
def test_allocation_is_optimal_among_integers(deviations, extra):
    deviations = np.array(deviations)
    number = len(deviations)
    counts = neyman_allocation(deviations, number + extra)
    assert counts.min() >= 1
    assert counts.sum() == number + extra
    best = min(
        (deviations**2 / np.array(one)).sum()
        for one in itertools.product(range(1, extra + 2), repeat=number)
        if sum(one) == number + extra
    )
    assert (deviations**2 / counts).sum() <= best * (1 + 1e-12)


def test_allocation_is_proportional_to_deviations():
    deviations = np.array([0.1, 0.5, 0.2, 0.2])
    np.testing.assert_allclose(neyman_allocation(deviations, 10_000), 10_000 * deviations, atol=2)
    assert neyman_allocation(np.zeros(3), 7).tolist() == [3, 2, 2]


def test_evaluations_go_where_the_variance_is(encoding):
    """At θ = 0 and x = 0 turns about z change nothing: their values have no variance at all."""
    model = variational_circuit(encoding, hardware_efficient(2, 1), SparsePauliOp(["ZI"]))
    gradient = Coordinates(evaluations=18, allocation="variance", decay=0.5)
    backend, weights, angles = SimulatorBackend(model, shots=200), np.zeros(6), np.zeros((50, 2))
    state = gradient.initial_state(6)
    even, state = measure(gradient, backend, weights, angles, state=state)
    variances = state["variances"] / state["shares"]
    sure = variances == 0
    assert 0 < sure.sum() < 6
    np.testing.assert_allclose(variances[~sure], 1 / 400, rtol=0.02)
    led, _ = measure(gradient, backend, weights, angles, state=state)
    repeats = 1 / 400 / (led.derivative_stds[:, ~sure] ** 2).mean(axis=0)
    np.testing.assert_allclose(repeats.sum(), 18 - sure.sum(), rtol=0.02)
    assert (led.derivative_stds**2).sum() < 0.8 * (even.derivative_stds**2).sum()


def test_running_variances_are_bias_corrected_averages_of_what_was_measured(model, weights):
    gradient = Coordinates(coordinates=2, evaluations=5, allocation="variance", decay=0.75)
    backend, state = SimulatorBackend(model, shots=80), gradient.initial_state(6)
    sums, shares = np.zeros(6), np.zeros(6)
    for step in range(6):
        before = {name: array.copy() for name, array in state.items()}
        found, after = measure(gradient, backend, weights, choices=step, shots=step, state=state)
        np.testing.assert_equal(state, before)
        measured = after["variances"] != before["variances"]
        assert measured.sum() == 2
        # Two coordinates share five evaluations, so one of them has twice as many, or four times.
        once = (found.derivative_stds**2).mean(axis=0)[measured]
        seen = (after["variances"] - 0.75 * before["variances"])[measured] / 0.25
        assert np.isclose((seen / once).sum(), 5)
        sums[measured] = 0.75 * sums[measured] + 0.25 * seen
        shares[measured] = 0.75 * shares[measured] + 0.25
        state = after
    np.testing.assert_allclose(state["variances"], sums)
    np.testing.assert_allclose(state["shares"], shares)
    assert len(set(shares.round(6))) > 1


def test_choices_come_from_their_own_generator(model, weights):
    for method in ("spsa", "coordinates-2"):
        one, _ = measure(method, statevector(model), weights, choices=1, shots=1)
        same, _ = measure(method, statevector(model), weights, choices=1, shots=2)
        other, _ = measure(method, statevector(model), weights, choices=2, shots=1)
        np.testing.assert_array_equal(one.derivatives, same.derivatives)
        assert not np.allclose(one.derivatives, other.derivatives)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: SimultaneousPerturbation(directions=0), "directions = 0"),
        (lambda: SimultaneousPerturbation(directions=1.5), "directions = 1.5"),
        (lambda: SimultaneousPerturbation(shift=0.0), "shift = 0.0"),
        (lambda: SimultaneousPerturbation(shift=1.6), r"must lie in \(0, π/2\]"),
        (lambda: SimultaneousPerturbation(shift=float("nan")), "shift = nan"),
        (lambda: Coordinates(coordinates=0), "coordinates = 0"),
        (lambda: Coordinates(evaluations=-1), "evaluations = -1"),
        (lambda: Coordinates(unbiased=1), "unbiased = 1"),
        (lambda: Coordinates(allocation="neyman"), "must be one of uniform, variance"),
        (lambda: Coordinates(decay=1.0), "decay = 1.0"),
    ],
)
def test_settings_are_checked(make, words):
    with pytest.raises(InputError, match=words):
        make()


@pytest.mark.parametrize(
    ("settings", "shots", "words"),
    [
        ({"coordinates": 7}, 10, "^coordinates = 7 is not valid; .* from 1 to 6"),
        ({"coordinates": 4, "evaluations": 3}, 10, "^evaluations = 3 is not valid; .* at least 4"),
        ({"evaluations": 5}, 10, "^evaluations = 5 is not valid; .* at least 6"),
        ({"evaluations": 7}, None, "^evaluations = 7 is not valid for exact values"),
        ({"allocation": "variance"}, 10, '^allocation = "variance" has nothing to spread'),
        ({"allocation": "variance", "evaluations": 9}, 1, '^allocation = "variance" needs values'),
    ],
)
def test_settings_must_fit_circuit_and_backend(settings, shots, words):
    gradient = Coordinates(**settings)
    with pytest.raises(InputError, match=words):
        gradient.require_fit(6, shots)


def test_settings_that_fit():
    Coordinates(coordinates=6).require_fit(6, None)
    Coordinates(coordinates=4, evaluations=4).require_fit(6, None)
    Coordinates(coordinates=4, evaluations=5, allocation="variance").require_fit(6, 2)
    Coordinates(evaluations=7).require_fit(6, 1)

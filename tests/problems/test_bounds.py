import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter

from qnlr.backends import SimulatorBackend
from qnlr.circuits import angle, hardware_efficient, variational_circuit, z
from qnlr.errors import InputError
from qnlr.problems import CrossEntropy, ScaleBias, SquaredError
from qnlr.problems.bounds import (
    clipped_cross_entropy_bound,
    cross_entropy_bound,
    needed_scale,
    squared_error_bound,
)

ROUNDING = 1 + 1e-9
SIZES = [(2, 1), (2, 3), (3, 2), (4, 1), (4, 3)]
SAMPLES = 12


@pytest.fixture(scope="module", params=SIZES, ids=[f"n={n}, L={layers}" for n, layers in SIZES])
def exact(request):
    """Draw weights and inputs of a circuit: labels, expectation values and their derivatives."""
    qubits, layers = request.param
    model = variational_circuit(
        angle(qubits, qubits), hardware_efficient(qubits, layers), z(qubits, qubit=0)
    )
    backend = SimulatorBackend(model)

    def draw(seed):
        rng = np.random.default_rng(seed)
        weights = rng.uniform(-np.pi, np.pi, len(model.weights))
        inputs = rng.uniform(-np.pi, np.pi, (SAMPLES, qubits))
        found = backend.jacobian(weights, inputs, rng)
        return rng.choice([-1.0, 1.0], SAMPLES), found.values, found.derivatives

    return draw


def losses_and_norms(loss, y, f, derivatives):
    """Loss and gradient norm of every sample, and of mini-batches of 2, 4, … of them."""
    values, slopes = loss.value(f, y), loss.slope(f, y)
    gradients = slopes[:, None] * derivatives
    found = list(zip(values, np.linalg.norm(gradients, axis=1), [1] * len(y), strict=True))
    for size in (2, 4, SAMPLES):
        mean = values[:size].mean(), np.linalg.norm(gradients[:size].mean(axis=0))
        found.append((*mean, size))
    return found, values


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_no_derivative_is_larger_than_the_sine_of_its_value(exact, seed):
    _, f, derivatives = exact(seed)
    assert (derivatives**2 <= 1 - f[:, None] ** 2 + 1e-12).all()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_squared_errors_of_samples_and_batches_keep_to_the_bound(exact, seed):
    y, f, derivatives = exact(seed)
    found, _ = losses_and_norms(SquaredError(), y, f, derivatives)
    for loss, norm, _ in found:
        assert norm <= squared_error_bound(loss, derivatives.shape[1]) * ROUNDING


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_cross_entropies_keep_to_the_bound_up_to_ln_2(exact, seed):
    y, f, derivatives = exact(seed)
    found, losses = losses_and_norms(CrossEntropy(), y, f, derivatives)
    for loss, norm, size in found:
        if size == 1 or losses[:size].max() <= math.log(2):
            assert norm <= cross_entropy_bound(loss, derivatives.shape[1]) * ROUNDING


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_batches_of_what_is_rightly_classified_keep_to_the_cross_entropy_bound(exact, seed):
    _, f, derivatives = exact(seed)
    found, losses = losses_and_norms(CrossEntropy(), np.where(f >= 0, 1.0, -1.0), f, derivatives)
    assert losses.max() <= math.log(2)
    for loss, norm, _ in found:
        assert norm <= cross_entropy_bound(loss, derivatives.shape[1]) * ROUNDING


def test_a_batch_with_a_sample_of_more_than_ln_2_can_exceed_the_cross_entropy_bound():
    f = np.array([1.0, -0.98])
    derivative = np.sqrt(1 - f**2)
    loss, slope = CrossEntropy().value(f, np.ones(2)), CrossEntropy().slope(f, np.ones(2))
    assert abs(slope @ derivative) / 2 > 1.5 * cross_entropy_bound(loss.mean(), 1)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), smallest=st.sampled_from([1e-3, 0.05, 0.3, 0.49]))
def test_batches_of_clipped_cross_entropies_keep_to_the_hull(exact, seed, smallest):
    y, f, derivatives = exact(seed)
    found, _ = losses_and_norms(CrossEntropy(smallest), y, f, derivatives)
    for loss, norm, _ in found:
        bound = clipped_cross_entropy_bound(loss, derivatives.shape[1], smallest)
        assert norm <= bound * ROUNDING


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    sizes=st.lists(st.integers(1, 200), min_size=2, max_size=2),
    smallest=st.sampled_from([1e-3, 0.1]),
)
def test_mixtures_of_two_losses_keep_to_the_hull(seed, sizes, smallest):
    losses = np.random.default_rng(seed).uniform(0, -math.log(smallest), 2)
    mean = np.average(losses, weights=sizes)
    root = np.average(np.sqrt(np.expm1(losses)), weights=sizes)
    assert root <= clipped_cross_entropy_bound(mean, 1, smallest) * ROUNDING


@pytest.mark.parametrize("smallest", [1e-3, 0.1, 0.49])
def test_the_hull_is_the_least_concave_bound(smallest):
    """On a grid, it is what the best mixture of two losses reaches."""
    grid = np.linspace(0, -math.log(smallest), 401)
    root = np.sqrt(np.expm1(grid))
    for index in (1, 20, 80, 200, 390):
        left, right = grid[: index + 1, None], grid[None, index:]
        span = np.where(right > left, right - left, 1.0)
        part = np.where(right > left, (grid[index] - left) / span, 0.0)
        best = ((1 - part) * root[: index + 1, None] + part * root[None, index:]).max()
        bound = clipped_cross_entropy_bound(grid[index], 1, smallest)
        assert best <= bound * ROUNDING
        assert best == pytest.approx(float(bound), rel=0.02)


@given(st.floats(1e-6, math.log(2)))
def test_the_hull_is_no_lower_than_the_bound_without_wrong_samples(loss):
    hull, bound = clipped_cross_entropy_bound(loss, 7), cross_entropy_bound(loss, 7)
    assert hull >= bound / ROUNDING
    assert clipped_cross_entropy_bound(loss * 1e-2, 7) == pytest.approx(
        float(cross_entropy_bound(loss * 1e-2, 7))
    )


def test_a_batch_that_exceeds_the_bound_for_right_samples_keeps_to_the_hull():
    f = np.array([1.0, -0.98])
    loss, slope = CrossEntropy().value(f, np.ones(2)), CrossEntropy().slope(f, np.ones(2))
    norm = abs(slope @ np.sqrt(1 - f**2)) / 2
    bound = float(clipped_cross_entropy_bound(loss.mean(), 1))
    assert cross_entropy_bound(loss.mean(), 1) < norm <= bound


@pytest.mark.parametrize("smallest", [0.0, 0.5, math.nan])
def test_the_clip_must_be_a_probability_below_a_half(smallest):
    with pytest.raises(InputError, match="smallest"):
        clipped_cross_entropy_bound(0.1, 3, smallest)


def test_no_mean_is_larger_than_the_largest_clipped_loss():
    with pytest.raises(InputError, match=r"loss = 7.0 .* at most 6\.9"):
        clipped_cross_entropy_bound(7.0, 3)


def rotation():
    """One qubit, one RX: f = cos θ."""
    ansatz = QuantumCircuit(1, metadata={"layers": 1})
    ansatz.rx(Parameter("θ"), 0)
    return SimulatorBackend(variational_circuit(angle(1, 1), ansatz, z(1)))


@pytest.mark.parametrize("theta", [0.02, 0.1, 0.25])
def test_one_rotation_comes_within_a_percent_of_the_bounds(theta):
    rng = np.random.default_rng(0)
    found = rotation().jacobian(np.array([theta]), np.zeros((1, 1)), rng)
    f, derivative = found.values, found.derivatives[0, 0]
    assert f[0] == pytest.approx(math.cos(theta))
    assert abs(derivative) == pytest.approx(math.sqrt(1 - f[0] ** 2), rel=1e-9)
    for kind, bound in (
        (SquaredError(), squared_error_bound),
        (CrossEntropy(), cross_entropy_bound),
    ):
        loss = kind.value(f, np.ones(1))[0]
        norm = abs(kind.slope(f, np.ones(1))[0] * derivative)
        assert 0.99 <= norm / bound(loss, 1) <= ROUNDING


@pytest.mark.parametrize("theta", [0.3, 1.0, 2.0, 3.0])
def test_the_cross_entropy_of_one_rotation_is_on_its_bound(theta):
    f = np.array([math.cos(theta)])
    norm = abs(CrossEntropy().slope(f, np.ones(1))[0] * math.sin(theta))
    bound = cross_entropy_bound(CrossEntropy().value(f, np.ones(1))[0], 1)
    assert norm == pytest.approx(bound) == pytest.approx(math.tan(theta / 2))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), scale=st.floats(-30, 30), bias=st.floats(-2, 2))
def test_no_head_needs_a_larger_scale_than_its_own(exact, seed, scale, bias):
    y, f, derivatives = exact(seed)
    head, w = ScaleBias(), np.array([scale, bias])
    outputs = head.value(f, w)
    found, _ = losses_and_norms(SquaredError(), y, outputs, head.slope(w) * derivatives)
    for loss, norm, _ in found:
        if loss > 1e-12:
            assert needed_scale(loss, norm, derivatives.shape[1]) <= abs(scale) * ROUNDING + 1e-12


def test_a_head_can_need_all_of_its_scale():
    scale, theta = 7.0, math.pi / 2
    f, derivative = math.cos(theta), -math.sin(theta)
    output = scale * f + 0.5
    loss, norm = (1 - output) ** 2, abs(-2 * (1 - output) * scale * derivative)
    assert needed_scale(loss, norm, 1) == pytest.approx(scale)
    assert norm > squared_error_bound(loss, 1)


@given(st.lists(st.floats(0, 4), min_size=1, max_size=5), st.integers(1, 300))
def test_bounds_have_the_shape_of_the_losses_and_grow_with_the_root_of_the_weights(losses, weights):
    for bound in (squared_error_bound, cross_entropy_bound):
        found = bound(losses, weights)
        assert found.shape == (len(losses),)
        assert found == pytest.approx(math.sqrt(weights) * bound(losses, 1))
    assert squared_error_bound(0.0, weights) == cross_entropy_bound(0.0, weights) == 0


def test_the_papers_best_row_lies_far_above_both_bounds():
    assert squared_error_bound(0.000155, 90) == pytest.approx(
        2 * math.sqrt(180) * 0.000155**0.75, rel=1e-12
    )
    assert 6.381 > 50 * cross_entropy_bound(0.000155, 90) > 50 * squared_error_bound(0.000155, 90)
    assert needed_scale(0.000155, 6.381, 90) == pytest.approx(
        6.381 / (2 * math.sqrt(90 * 0.000155))
    )


@pytest.mark.parametrize("bound", [squared_error_bound, cross_entropy_bound])
@pytest.mark.parametrize("loss", [-0.1, [0.1, -0.1], math.nan])
def test_losses_must_not_be_negative(bound, loss):
    with pytest.raises(InputError, match=r"loss = .* must be at least 0"):
        bound(loss, 3)
    with pytest.raises(InputError, match=r"loss = .* must be at least 0"):
        needed_scale(loss, 1.0, 3)


@pytest.mark.parametrize("weights", [0, -1, 1.5])
def test_there_must_be_weights(weights):
    for call in (
        squared_error_bound,
        cross_entropy_bound,
        lambda ell, p: needed_scale(ell, 1.0, p),
    ):
        with pytest.raises(InputError, match=f"weights = {weights}"):
            call(0.1, weights)

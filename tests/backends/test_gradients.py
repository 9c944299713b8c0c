import numpy as np
import pytest
from qiskit.primitives import StatevectorEstimator, StatevectorSampler
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer.primitives import EstimatorV2

from qnlr.backends import (
    AerBackend,
    EstimatorBackend,
    SamplerBackend,
    parameter_shift,
    statevector,
)
from qnlr.circuits import (
    ANSATZES,
    OBSERVABLES,
    amplitude,
    hardware_efficient,
    needs_hamiltonian,
    variational_circuit,
    zz,
)
from qnlr.noise import from_rate
from qnlr.types import Cost, Jacobian

ANGLES = np.array([[0.2, 0.9], [1.3, -0.4], [2.2, 0.1]])
SHOTS = 100
OBSERVED = {name: make(2) for name, make in OBSERVABLES.items()}
OBSERVED["mixed"] = SparsePauliOp(["ZZ", "IX", "YX", "II"], [0.5, 0.4, -0.3, 0.2])


@pytest.mark.parametrize("observable", OBSERVED.values(), ids=OBSERVED)
@pytest.mark.parametrize("ansatz", [name for name in ANSATZES if not needs_hamiltonian(name)])
@pytest.mark.parametrize("make", [statevector, AerBackend])
def test_jacobian_equals_finite_differences_and_aer(make, ansatz, observable, encoding):
    model = variational_circuit(encoding, ANSATZES[ansatz](2, 2), observable)
    rng = np.random.default_rng(0)
    weights = rng.uniform(-np.pi, np.pi, len(model.weights))
    backend = make(model)
    found = backend.jacobian(weights, ANGLES, rng)

    step = 1e-4 * np.eye(weights.size)
    plus, minus = (backend.values(weights + s, ANGLES, rng).values for s in (step, -step))
    assert np.allclose(found.derivatives, (plus - minus).T / 2e-4, atol=1e-7)

    shift = np.pi / 2 * np.eye(weights.size)
    shifted = np.array([np.vstack([weights + shift, weights - shift])] * len(ANGLES))
    columns = np.concatenate([np.repeat(ANGLES[:, None], 2 * weights.size, axis=1), shifted], 2)
    pub = (model.circuit, model.observable, {model.parameters: columns})
    own = EstimatorV2().run([pub]).result()[0].data.evs
    plus, minus = np.split(own, 2, axis=1)
    assert np.allclose(found.derivatives, (plus - minus) / 2)


@pytest.mark.parametrize("make_encoding", [amplitude, zz])
def test_jacobian_with_other_encodings(make_encoding):
    encoding = make_encoding(2, 2)
    model = variational_circuit(encoding, hardware_efficient(2, 1), OBSERVED["mixed"])
    backend, rng = statevector(model), np.random.default_rng(0)
    weights = rng.uniform(-np.pi, np.pi, 6)
    angles = encoding.angles_from(ANGLES)
    found = backend.jacobian(weights, angles, rng).derivatives
    step = 1e-4 * np.eye(6)
    plus, minus = (backend.values(weights + s, angles, rng).values for s in (step, -step))
    assert np.allclose(found, (plus - minus).T / 2e-4, atol=1e-7)


def test_derivatives_and_stds_are_those_of_the_shifted_values(model, weights):
    backend = statevector(model, shots=30)
    found = parameter_shift(backend, weights, ANGLES, np.random.default_rng(4))
    shift = np.pi / 2 * np.eye(6)
    points = np.vstack([weights, weights + shift, weights - shift])
    measured = backend.values(points, ANGLES, np.random.default_rng(4))
    for sample, k in np.ndindex(3, 6):
        plus, minus = measured.values[[1 + k, 7 + k], sample]
        assert found.derivatives[sample, k] == pytest.approx((plus - minus) / 2)
        stds = measured.stds[[1 + k, 7 + k], sample]
        assert found.derivative_stds[sample, k] == pytest.approx(np.sqrt((stds**2).sum()) / 2)
    assert np.array_equal(found.values, measured.values[0])
    assert np.array_equal(found.stds, measured.stds[0])
    assert found.cost == measured.cost == Cost(39, 39 * 30, 1)


class TwoCalls:
    """Measures the two shifts in calls of their own, as one PUB each."""

    def jacobian(self, weights, angles, rng):
        shift = np.pi / 2 * np.eye(weights.size)
        plus = self.values(weights + shift, angles, rng)
        minus = self.values(weights - shift, angles, rng)
        stds = np.hypot(plus.stds, minus.stds).T / 2
        return Jacobian(plus.values[0], plus.stds[0], (plus.values - minus.values).T / 2, stds)


class TwoSamplerCalls(TwoCalls, SamplerBackend):
    pass


class TwoEstimatorCalls(TwoCalls, EstimatorBackend):
    pass


def gradient_noise(sampled, exact, weights, repetitions=300):
    """Return deviations of derivatives from the truth, and their variances in theory."""
    rng = np.random.default_rng(11)
    shift = np.pi / 2 * np.eye(weights.size)
    values = exact.values(np.vstack([weights + shift, weights - shift]), ANGLES[:1], rng).values
    plus, minus = np.split(values[:, 0], 2)
    measured = sampled.jacobian(weights, np.tile(ANGLES[0], (repetitions, 1)), rng)
    variances = ((1 - plus**2) / SHOTS + (1 - minus**2) / SHOTS) / 4
    return measured, measured.derivatives - (plus - minus) / 2, variances


@pytest.mark.parametrize(
    ("make", "options"),
    [(statevector, {}), (AerBackend, {}), (AerBackend, {"noise": from_rate(0.03)})],
    ids=["statevector", "aer", "aer-noisy"],
)
def test_variance_of_a_shot_noise_gradient(make, options, model, weights, fits_variance):
    sampled, exact = make(model, shots=SHOTS, **options), make(model, **options)
    measured, deviations, variances = gradient_noise(sampled, exact, weights)
    assert variances.min() > 0.3 / (2 * SHOTS)
    assert fits_variance(deviations, variances)
    for k, variance in enumerate(variances):
        assert fits_variance(deviations[:, k], variance)
        assert np.mean(measured.derivative_stds[:, k] ** 2) == pytest.approx(variance, rel=0.03)


def test_two_calls_on_one_generator_pass(model, weights, fits_variance):
    sampled = TwoSamplerCalls(model, lambda rng: StatevectorSampler(seed=rng), SHOTS)
    _, deviations, variances = gradient_noise(sampled, statevector(model), weights)
    assert fits_variance(deviations, variances)


def test_shifts_that_share_their_noise_are_rejected(model, weights, fits_variance):
    broken = TwoSamplerCalls(model, lambda rng: StatevectorSampler(seed=7), SHOTS)
    _, deviations, variances = gradient_noise(broken, statevector(model), weights)
    assert not fits_variance(deviations, variances)


def test_estimator_that_restarts_its_noise_is_rejected(model, weights, fits_variance):
    broken = TwoEstimatorCalls(model, StatevectorEstimator(seed=7), SHOTS)
    _, deviations, variances = gradient_noise(broken, statevector(model), weights)
    assert np.abs(deviations).max() < 1e-12
    assert not fits_variance(deviations, variances)


@pytest.mark.parametrize("make", [statevector, AerBackend])
def test_noise_of_the_two_shifts_is_uncorrelated(make, model, weights):
    repetitions = 250
    shift = np.pi / 2 * np.eye(6)
    measured = make(model, shots=SHOTS).values(
        np.vstack([weights + shift, weights - shift]),
        np.tile(ANGLES[0], (repetitions, 1)),
        np.random.default_rng(12),
    )
    noise = measured.values - measured.values.mean(axis=1, keepdims=True)
    noise /= noise.std(axis=1, keepdims=True)
    correlations = noise @ noise.T / repetitions
    others = correlations[~np.eye(12, dtype=bool)]
    assert np.abs(others).max() < 4.5 / np.sqrt(repetitions)
    plus_minus = np.diag(correlations, 6)
    assert abs(plus_minus.mean()) < 4 / np.sqrt(6 * repetitions)

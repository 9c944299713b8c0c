import inspect
from dataclasses import replace

import numpy as np
import pytest
from device_reference import exact_values
from qiskit.quantum_info import SparsePauliOp, Statevector
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error

from qnlr.backends import BACKENDS, DeviceSettings, IBMBackend
from qnlr.circuits import efficient_su2, hardware_efficient, mean_z, variational_circuit, z
from qnlr.errors import InputError
from qnlr.noise import Noise
from qnlr.types import Cost, Expectations

ANGLES = np.array([[0.2, 0.9], [1.3, -0.4], [2.2, 0.1]])
MIXED = SparsePauliOp(["ZZ", "IX", "YX", "II"], [0.5, 0.4, -0.3, 0.2])


def noisy_gates_and_readout():
    model = NoiseModel()
    one_qubit = ["rx", "ry", "rz", "h", "sdg"]
    model.add_all_qubit_quantum_error(depolarizing_error(0.02, 1), one_qubit)
    model.add_all_qubit_quantum_error(depolarizing_error(0.05, 2), ["cx"])
    model.add_readout_error(ReadoutError([[0.97, 0.03], [0.08, 0.92]]), [0])
    model.add_readout_error(ReadoutError([[0.9, 0.1], [0.05, 0.95]]), [1])
    return Noise(model, "uneven noise")


def takes_noise(name):
    return "noise" in inspect.signature(BACKENDS[name]).parameters


ENTRIES = [pytest.param(name, {}, id=name) for name in BACKENDS] + [
    pytest.param(name, {"noise": noisy_gates_and_readout()}, id=f"{name}-noisy")
    for name in BACKENDS
    if takes_noise(name)
]
exactly = pytest.mark.parametrize(("name", "options"), ENTRIES)
sampled = pytest.mark.parametrize(
    ("name", "options"), [*ENTRIES, pytest.param("ibm", {}, id="ibm")]
)


class OnDevice:
    """A device without shot noise, which no real one gives."""

    def __init__(self, backend):
        self.backend = backend

    def values(self, weights, angles, rng):
        values = exact_values(self.backend, weights, angles)
        return Expectations(values, np.zeros_like(values), Cost())


def ibm(model, shots=None):
    settings = DeviceSettings("fake_manila", transpiler_seeds=1)
    if shots is None:
        return OnDevice(IBMBackend(model, settings))
    return IBMBackend(model, replace(settings, shots=shots))


MAKERS = {**BACKENDS, "ibm": ibm}


def number(name, rows):
    """Rows enough for a test; fewer where a row takes milliseconds."""
    return rows // 4 if name == "ibm" else rows


def state_values(model, weights, angles):
    found = []
    for row in angles:
        binding = dict(zip(model.parameters, [*row, *weights], strict=True))
        state = Statevector(model.circuit.assign_parameters(binding))
        found.append(state.expectation_value(model.observable).real)
    return np.array(found)


@exactly
@pytest.mark.parametrize("observable", [z(2), z(2, 1), mean_z(2), MIXED])
def test_exact_values(name, options, observable, encoding, weights):
    model = variational_circuit(encoding, hardware_efficient(2, 1), observable)
    backend = MAKERS[name](model, **options)
    assert backend.shots is None
    found = backend.values(weights, ANGLES, np.random.default_rng(0))
    expected = state_values(model, weights, ANGLES)
    if options:
        assert np.abs(found.values - expected).max() > 0.02
    else:
        assert found.values == pytest.approx(expected)
    assert found.stds.tolist() == [0, 0, 0]
    assert found.cost.shots == 0
    assert found.cost.jobs == 1


@exactly
@pytest.mark.parametrize("ansatz", [hardware_efficient(2, 1), efficient_su2(2, 1)])
@pytest.mark.parametrize("observable", [z(2, 1), MIXED])
def test_jacobian_equals_finite_differences(name, options, ansatz, observable, encoding):
    model = variational_circuit(encoding, ansatz, observable)
    backend = MAKERS[name](model, **options)
    rng = np.random.default_rng(1)
    weights = rng.uniform(-np.pi, np.pi, len(model.weights))
    found = backend.jacobian(weights, ANGLES, rng)
    step = 1e-4 * np.eye(weights.size)
    plus = backend.values(weights + step, ANGLES, rng).values
    minus = backend.values(weights - step, ANGLES, rng).values
    assert found.derivatives.shape == (3, weights.size)
    assert np.allclose(found.derivatives, (plus - minus).T / 2e-4, atol=1e-7)
    assert np.abs(found.derivatives).max() > 0.1
    assert np.allclose(found.values, backend.values(weights, ANGLES, rng).values)
    assert not found.stds.any()
    assert not found.derivative_stds.any()


@sampled
def test_shot_noise_of_a_pauli(name, options, model, weights, fits_variance):
    shots, angles = 200, np.tile(ANGLES[0], (number(name, 800), 1))
    found = MAKERS[name](model, shots=shots, **options).values(
        weights, angles, np.random.default_rng(2)
    )
    exact = MAKERS[name](model, **options)
    (f,) = exact.values(weights, ANGLES[:1], np.random.default_rng(2)).values
    variance = (1 - f**2) / shots
    assert abs(f) < 0.9
    assert fits_variance(found.values - f, variance)
    assert abs(found.values.mean() - f) < 4 * np.sqrt(variance / len(angles))
    assert np.mean(found.stds**2) == pytest.approx((1 - f**2) / shots, rel=0.02)


@sampled
def test_reported_stds_fit_an_observable_of_several_bases(
    name, options, encoding, weights, fits_variance
):
    model = variational_circuit(encoding, hardware_efficient(2, 1), MIXED)
    angles = np.tile(ANGLES[1], (number(name, 600), 1))
    rng = np.random.default_rng(3)
    found = MAKERS[name](model, shots=100, **options).values(weights, angles, rng)
    exact = MAKERS[name](model, **options).values(weights, ANGLES[1:2], rng).values
    assert fits_variance(found.values - exact, np.mean(found.stds**2))
    assert np.std(found.stds) < 0.1 * np.mean(found.stds)


@sampled
def test_noise_comes_from_the_generator(name, options, model, weights):
    backend = MAKERS[name](model, shots=50, **options)
    angles = np.tile(ANGLES, (20, 1))
    first = backend.values(weights, angles, np.random.default_rng(5)).values
    again = backend.values(weights, angles, np.random.default_rng(5)).values
    other = backend.values(weights, angles, np.random.default_rng(6)).values
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    rng = np.random.default_rng(5)
    assert np.array_equal(first, backend.values(weights, angles, rng).values)
    assert not np.array_equal(first, backend.values(weights, angles, rng).values)


@sampled
def test_successive_calls_are_independent(name, options, model, weights):
    backend = MAKERS[name](model, shots=50, **options)
    rows = number(name, 1000)
    angles = np.tile(ANGLES[0], (rows, 1))
    rng = np.random.default_rng(8)
    first, second = (backend.values(weights, angles, rng).values for _ in range(2))
    assert abs(np.corrcoef(first, second)[0, 1]) < 4 / np.sqrt(rows)


@sampled
def test_elements_of_a_pub_are_independent(name, options, model, weights):
    backend = MAKERS[name](model, shots=50, **options)
    rows = number(name, 1500)
    found = backend.values(weights, np.tile(ANGLES[0], (rows, 1)), np.random.default_rng(9)).values
    for lag in (1, 2, 3, 8):
        assert abs(np.corrcoef(found[:-lag], found[lag:])[0, 1]) < 4 / np.sqrt(rows - lag)


@sampled
def test_one_shot_has_no_standard_error(name, options, model, weights):
    backend = MAKERS[name](model, shots=1, **options)
    found = backend.jacobian(weights, ANGLES, np.random.default_rng(0))
    assert set(found.values) <= {-1.0, 1.0}
    assert set(found.derivatives.ravel()) <= {-1.0, 0.0, 1.0}
    assert np.isnan(found.stds).all()
    assert np.isnan(found.derivative_stds).all()


@sampled
@pytest.mark.parametrize(("observable", "bases"), [(z(2), 1), (mean_z(2), 1), (MIXED, 2)])
def test_cost(name, options, observable, bases, encoding, weights):
    model = variational_circuit(encoding, hardware_efficient(2, 1), observable)
    backend = MAKERS[name](model, shots=20, **options)
    rng = np.random.default_rng(0)
    assert backend.shots == 20
    found = backend.values(weights, ANGLES, rng).cost
    assert found == Cost(circuits=3 * bases, shots=60 * bases, jobs=1)
    found = backend.jacobian(weights, ANGLES, rng).cost
    assert found == Cost(circuits=39 * bases, shots=780 * bases, jobs=1)


@sampled
@pytest.mark.parametrize("shots", [0, -5, 0.5])
def test_shots_are_checked(name, options, shots, model):
    with pytest.raises(InputError, match="shots"):
        MAKERS[name](model, shots=shots, **options)


@exactly
@pytest.mark.parametrize("shots", [None, 10])
def test_constant_observable(name, options, shots, encoding, weights):
    constant = SparsePauliOp(["II"], [2.0])
    model = variational_circuit(encoding, hardware_efficient(2, 1), constant)
    found = MAKERS[name](model, shots=shots, **options).jacobian(
        weights, ANGLES, np.random.default_rng(0)
    )
    assert found.values == pytest.approx([2, 2, 2])
    assert np.allclose(found.derivatives, 0)
    assert not found.stds.any()

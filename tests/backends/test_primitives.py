import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector
from qiskit.primitives import StatevectorEstimator, StatevectorSampler
from qiskit.quantum_info import SparsePauliOp, Statevector
from qiskit_aer.primitives import EstimatorV2

from qnlr.backends import EstimatorBackend, SamplerBackend, statevector
from qnlr.backends.primitives import parameter_array
from qnlr.circuits import VariationalCircuit, amplitude, hardware_efficient, variational_circuit, z
from qnlr.errors import InputError
from qnlr.types import Cost

ANGLES = np.array([[0.2, 0.9], [1.3, -0.4], [2.2, 0.1]])


def test_parameter_array_puts_angles_first_and_broadcasts():
    weights = np.arange(8.0).reshape(2, 4)
    array = parameter_array(weights, ANGLES)
    assert array.shape == (2, 3, 6)
    for i, j in np.ndindex(2, 3):
        assert array[i, j].tolist() == [*ANGLES[j], *weights[i]]


def test_amplitude_encoded_values_equal_those_of_the_state():
    encoding = amplitude(features=4, qubits=2)
    model = variational_circuit(encoding, hardware_efficient(2, 1), z(2))
    rng = np.random.default_rng(0)
    samples, weights = rng.normal(size=(5, 4)), rng.uniform(-3, 3, 6)
    found = statevector(model).values(weights, encoding.angles_from(samples), rng)
    ansatz = hardware_efficient(2, 1).assign_parameters(weights)
    for value, sample in zip(found.values, samples, strict=True):
        state = Statevector(sample / np.linalg.norm(sample)).evolve(ansatz)
        assert value == pytest.approx(state.expectation_value(model.observable).real)


@pytest.mark.parametrize("shots", [None, 7])
def test_weights_of_any_shape(model, shots):
    rng = np.random.default_rng(0)
    weights = rng.uniform(-1, 1, (2, 4, 6))
    found = statevector(model, shots).values(weights, ANGLES, rng)
    assert found.values.shape == found.stds.shape == (2, 4, 3)
    assert found.cost == Cost(24, 24 * (shots or 0), 1)
    exact = statevector(model).values(weights[1, 2], ANGLES, rng).values
    if shots is None:
        assert np.allclose(found.values[1, 2], exact)


@pytest.mark.parametrize("make", [StatevectorEstimator, EstimatorV2])
def test_any_estimator_without_shots_is_exact(model, weights, make):
    rng = np.random.default_rng(0)
    found = EstimatorBackend(model, make()).jacobian(weights, ANGLES, rng)
    expected = statevector(model).jacobian(weights, ANGLES, rng)
    assert np.allclose(found.values, expected.values)
    assert np.allclose(found.derivatives, expected.derivatives)
    assert not found.stds.any()
    assert not found.derivative_stds.any()
    assert found.cost == Cost(circuits=39, shots=0, jobs=1)


@pytest.mark.parametrize(
    "make",
    [
        lambda: StatevectorEstimator(seed=np.random.default_rng(3)),
        lambda: EstimatorV2(options={"run_options": {"seed_simulator": 3}}),
    ],
    ids=["statevector", "aer"],
)
def test_any_estimator_is_asked_for_a_precision(model, weights, make, fits_variance):
    rng = np.random.default_rng(0)
    backend = EstimatorBackend(model, make(), shots=400)
    angles = np.tile(ANGLES[0], (500, 1))
    found = backend.values(weights, angles, rng)
    exact = statevector(model).values(weights, ANGLES[:1], rng).values
    assert np.allclose(found.stds, 0.05)
    assert fits_variance(found.values - exact, 0.05**2)
    assert found.cost == Cost(circuits=500, shots=200_000, jobs=1)


def test_estimator_gradient_noise_is_independent_of_shift(model, weights, fits_variance):
    estimator = StatevectorEstimator(seed=np.random.default_rng(5))
    rng = np.random.default_rng(0)
    angles = np.tile(ANGLES[0], (300, 1))
    found = EstimatorBackend(model, estimator, shots=100).jacobian(weights, angles, rng)
    exact = statevector(model).jacobian(weights, ANGLES[:1], rng)
    assert fits_variance(found.derivatives - exact.derivatives, 0.1**2 / 2)


def test_any_sampler(model, weights):
    backend = SamplerBackend(model, lambda rng: StatevectorSampler(seed=rng), shots=64)
    twin = statevector(model, shots=64)
    found = backend.values(weights, ANGLES, np.random.default_rng(4))
    assert np.array_equal(
        found.values, twin.values(weights, ANGLES, np.random.default_rng(4)).values
    )


def test_one_pub_and_one_job_for_each_basis(encoding, weights):
    seen = []

    class Watched(StatevectorSampler):
        def run(self, pubs, **options):
            seen.append(len(pubs))
            return super().run(pubs, **options)

    observable = SparsePauliOp(["ZZ", "XX", "IZ"])
    model = variational_circuit(encoding, hardware_efficient(2, 1), observable)
    backend = SamplerBackend(model, lambda rng: Watched(seed=rng), shots=5)
    found = backend.jacobian(weights, ANGLES, np.random.default_rng(0))
    assert seen == [2]
    assert found.cost == Cost(circuits=2 * 39, shots=2 * 39 * 5, jobs=1)


@pytest.mark.parametrize("shots", [0, -1, 1.5, "many", True])
def test_shots_are_checked(model, shots):
    with pytest.raises(InputError, match="shots"):
        statevector(model, shots)


@pytest.mark.parametrize("shots", [None, 10])
def test_weights_without_shift_rule_are_refused(shots):
    circuit = QuantumCircuit(2)
    x, theta = Parameter("x"), ParameterVector("θ", 1)
    circuit.ry(x, 0)
    circuit.crx(theta[0], 0, 1)
    model = VariationalCircuit(circuit, (x,), tuple(theta), SparsePauliOp("ZI"), layers=1)
    with pytest.raises(InputError, match="parameter-shift"):
        statevector(model, shots)

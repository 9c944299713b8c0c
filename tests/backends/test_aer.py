import itertools
import os

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import DensityMatrix, Pauli, SparsePauliOp
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error

from qnlr.backends import AerBackend, statevector
from qnlr.circuits import angle, hardware_efficient, mean_z, variational_circuit, z
from qnlr.errors import InputError
from qnlr.noise import Noise, from_device, from_rate

ANGLES = np.array([[0.2, 0.9], [1.3, -0.4]])
ONE, TWO = 0.03, 0.08
CONFUSION = [np.array([[0.97, 0.03], [0.08, 0.92]]), np.array([[0.9, 0.1], [0.05, 0.95]])]


def uneven_noise():
    model = NoiseModel()
    one_qubit = ["rx", "ry", "rz", "h", "sdg"]
    model.add_all_qubit_quantum_error(depolarizing_error(ONE, 1), one_qubit)
    model.add_all_qubit_quantum_error(depolarizing_error(TWO, 2), ["cx"])
    for qubit, matrix in enumerate(CONFUSION):
        model.add_readout_error(ReadoutError(matrix.tolist()), [qubit])
    return Noise(model, "depolarizing noise and uneven read-out errors")


def depolarized(state, strength, qubits):
    labels = ["".join(paulis) for paulis in itertools.product("IXYZ", repeat=len(qubits))]
    mixed = sum(state.evolve(Pauli(label), qargs=qubits).data for label in labels)
    return DensityMatrix((1 - strength) * state.data + strength * mixed / len(labels))


def noisy_outcomes(circuit):
    """Return the probabilities of what is read, by the channels of ``uneven_noise``."""
    state = DensityMatrix.from_label("00")
    for step in circuit.data:
        qubits = [circuit.find_bit(qubit).index for qubit in step.qubits]
        state = state.evolve(step.operation, qargs=qubits)
        state = depolarized(state, ONE if len(qubits) == 1 else TWO, qubits)
    return state.probabilities() @ np.kron(CONFUSION[1], CONFUSION[0])


def noisy_value(model, weights, sample):
    """Return ⟨0.5 ZZ + 0.3 IZ + 0.4 XI + 0.2 YX + 0.1⟩, measured in three bases."""
    binding = dict(zip(model.parameters, [*sample, *weights], strict=True))
    bound = model.circuit.assign_parameters(binding)
    x, yx = QuantumCircuit(2), QuantumCircuit(2)
    x.h(1)
    yx.sdg(1)
    yx.h([0, 1])
    z0, z1, zz = np.array([1, -1, 1, -1]), np.array([1, 1, -1, -1]), np.array([1, -1, -1, 1])
    return (
        noisy_outcomes(bound) @ (0.5 * zz + 0.3 * z0)
        + noisy_outcomes(bound.compose(x)) @ (0.4 * z1)
        + noisy_outcomes(bound.compose(yx)) @ (0.2 * zz)
        + 0.1
    )


@pytest.fixture(scope="module")
def mixed_model(encoding):
    observable = SparsePauliOp(["ZZ", "IZ", "XI", "YX", "II"], [0.5, 0.3, 0.4, 0.2, 0.1])
    return variational_circuit(encoding, hardware_efficient(2, 1), observable)


def test_noisy_values_equal_channels_applied_by_hand(mixed_model, weights):
    backend = AerBackend(mixed_model, noise=uneven_noise())
    found = backend.values(weights, ANGLES, np.random.default_rng(0)).values
    expected = [noisy_value(mixed_model, weights, sample) for sample in ANGLES]
    assert found == pytest.approx(expected, abs=1e-12)
    noiseless = statevector(mixed_model).values(weights, ANGLES, np.random.default_rng(0)).values
    assert np.abs(found - noiseless).min() > 0.01


def test_noisy_jacobian_equals_channels_applied_by_hand(mixed_model, weights):
    backend = AerBackend(mixed_model, noise=uneven_noise())
    found = backend.jacobian(weights, ANGLES[:1], np.random.default_rng(0)).derivatives[0]
    for k, derivative in enumerate(found):
        step = 1e-4 * np.eye(6)[k]
        plus, minus = (noisy_value(mixed_model, weights + s, ANGLES[0]) for s in (step, -step))
        assert derivative == pytest.approx((plus - minus) / 2e-4, abs=1e-7)


@pytest.mark.parametrize("qubit", [0, 1])
def test_read_out_errors_are_those_of_the_qubit_read(encoding, qubit):
    model = variational_circuit(encoding, hardware_efficient(2, 1), z(2, qubit))
    readout = NoiseModel()
    for index, matrix in enumerate(CONFUSION):
        readout.add_readout_error(ReadoutError(matrix.tolist()), [index])
    backend = AerBackend(model, noise=Noise(readout, "read-out errors"))
    found = backend.values(np.zeros(6), np.array([[0.0, 0.0]]), np.random.default_rng(0)).values
    assert found[0] == pytest.approx(1 - 2 * CONFUSION[qubit][0, 1])


def test_values_equal_aers_own_without_read_out_errors(model, weights):
    noise = from_rate(0.02, readout=0.0)
    backend = AerBackend(model, noise=noise)
    found = backend.values(weights, ANGLES, np.random.default_rng(0)).values
    simulator = AerSimulator(method="density_matrix", noise_model=noise.model)
    for value, sample in zip(found, ANGLES, strict=True):
        binding = dict(zip(model.parameters, [*sample, *weights], strict=True))
        circuit = model.circuit.assign_parameters(binding)
        circuit.save_expectation_value(model.observable, [0, 1])
        own = simulator.run(circuit).result().data()["expectation_value"]
        assert value == pytest.approx(own)


def test_results_do_not_depend_on_the_number_of_cores(model, weights, monkeypatch):
    def found():
        backend = AerBackend(model, shots=50, noise=from_rate(0.02))
        return backend.values(weights, np.tile(ANGLES, (10, 1)), np.random.default_rng(0)).values

    several = found()
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    assert np.array_equal(found(), several)


@pytest.mark.parametrize("observable", [z(3, 1), mean_z(3), SparsePauliOp(["ZIZ", "XYI"])])
def test_transpiling_to_a_device_keeps_the_values(observable):
    encoding = angle(features=3, qubits=3)
    model = variational_circuit(encoding, hardware_efficient(3, 1), observable)
    rng = np.random.default_rng(0)
    weights, angles = rng.uniform(-3, 3, 9), rng.uniform(-3, 3, (4, 3))
    device = Noise(NoiseModel(), "no errors", from_device("fake_manila").device)
    found = AerBackend(model, noise=device).jacobian(weights, angles, rng)
    expected = statevector(model).jacobian(weights, angles, rng)
    assert np.allclose(found.values, expected.values)
    assert np.allclose(found.derivatives, expected.derivatives)


def test_shots_on_a_device_agree_with_its_exact_values(mixed_model, weights, fits_variance):
    noise = from_device("fake_manila")
    rng = np.random.default_rng(0)
    exact = AerBackend(mixed_model, noise=noise).values(weights, ANGLES, rng)
    sampled = AerBackend(mixed_model, shots=4000, noise=noise).values(
        weights, np.repeat(ANGLES, 20, axis=0), rng
    )
    deviations = sampled.values - np.repeat(exact.values, 20)
    assert fits_variance(deviations, sampled.stds**2)
    assert np.abs(deviations.reshape(2, 20).mean(axis=1) / sampled.stds[::20]).max() < 4 / 20**0.5
    noiseless = statevector(mixed_model).values(weights, ANGLES, rng).values
    assert np.abs(exact.values - noiseless).max() > 5 * sampled.stds.max() / 20**0.5


def test_gate_errors_on_measurements_need_shots(model, weights):
    noisy = NoiseModel()
    noisy.add_all_qubit_quantum_error(depolarizing_error(0.4, 1), ["measure"])
    noise = Noise(noisy, "noisy measurements")
    with pytest.raises(InputError, match="set shots"):
        AerBackend(model, noise=noise)
    found = AerBackend(model, shots=20_000, noise=noise).values(
        weights, ANGLES, np.random.default_rng(0)
    )
    exact = statevector(model).values(weights, ANGLES, np.random.default_rng(0)).values
    assert np.abs(found.values - 0.6 * exact).max() < 4 * found.stds.max()
    assert np.abs(found.values - exact).max() > 8 * found.stds.max()


@pytest.mark.parametrize("noise", [0.01, from_rate(0.01).model])
def test_noise_of_another_kind_is_refused(noise):
    model = variational_circuit(angle(2, 2), hardware_efficient(2, 1), z(2))
    with pytest.raises(InputError, match=r"it must be a qnlr\.noise\.Noise"):
        AerBackend(model, noise=noise)

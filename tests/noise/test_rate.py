import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.transpiler import InstructionProperties
from qiskit_aer.noise import (
    NoiseModel,
    amplitude_damping_error,
    coherent_unitary_error,
    depolarizing_error,
    pauli_error,
    reset_error,
)

from qnlr.circuits import efficient_su2, hardware_efficient
from qnlr.errors import InputError
from qnlr.noise import Noise, from_device, from_rate, noise_level, noise_rate, readout_confusion


@pytest.fixture(scope="module")
def manila():
    return from_device("fake_manila")


@settings(max_examples=30, deadline=None)
@given(st.floats(0.0, 0.35))
def test_the_rate_of_a_model_from_a_rate_is_that_rate(rate):
    assert noise_rate(from_rate(rate).model) == pytest.approx(rate, abs=1e-12)


@settings(max_examples=15, deadline=None)
@given(st.floats(0.0, 0.5), st.floats(0.0, 0.75), st.floats(0.0, 0.5))
def test_given_rates_are_averaged(one_qubit, two_qubit, readout):
    noise = from_rate(0.1, one_qubit=one_qubit, two_qubit=two_qubit, readout=readout)
    expected = (one_qubit + two_qubit + readout) / 3
    assert noise_rate(noise) == pytest.approx(expected, abs=1e-12)  # Aer drops an error of 1e-13


def model_with(*errors):
    model = NoiseModel()
    for error, gates in errors:
        model.add_all_qubit_quantum_error(error, gates)
    return model


def flip(pauli, probability):
    return pauli_error([(pauli, probability), ("I" * len(pauli), 1 - probability)])


GAMMA, PHI = 0.2, 0.3
KEEP = ((1 + math.sqrt(1 - GAMMA)) / 2) ** 2  # entanglement fidelity of amplitude damping
SMALL = np.diag([np.exp(-0.5j * PHI), np.exp(0.5j * PHI)])


@pytest.mark.parametrize(
    ("error", "gate", "infidelity"),
    [
        (flip("X", 0.1), "x", 0.1 * 2 / 3),
        (flip("XY", 0.1), "cx", 0.1 * 4 / 5),
        (depolarizing_error(0.2, 1), "x", 0.2 / 2),
        (depolarizing_error(0.2, 2), "cx", 0.2 * 3 / 4),
        (amplitude_damping_error(GAMMA), "x", (1 - KEEP) * 2 / 3),
        (coherent_unitary_error(SMALL), "x", (1 - math.cos(PHI / 2) ** 2) * 2 / 3),
    ],
)
def test_the_infidelity_of_one_error_by_hand(error, gate, infidelity):
    assert noise_rate(model_with((error, gate))) == pytest.approx(infidelity / 3, rel=1e-12)


def hand_made_model():
    model = model_with(
        (flip("X", 0.1), ["x", "h"]), (flip("Z", 0.4), "sx"), (flip("XX", 0.2), "cx")
    )
    model.add_quantum_error(flip("ZZ", 0.4), "cx", [0, 1])
    model.add_readout_error([[0.9, 0.1], [0.2, 0.8]], [0])
    model.add_readout_error([[1.0, 0.0], [0.1, 0.9]], [1])
    return model


def test_the_rate_of_a_hand_made_model():
    one_qubit = (0.1 + 0.1 + 0.4) / 3 * 2 / 3
    two_qubit = (0.2 + 0.4) / 2 * 4 / 5
    readout = (0.15 + 0.05) / 2
    expected = (one_qubit + two_qubit + readout) / 3
    assert noise_rate(hand_made_model()) == pytest.approx(expected, rel=1e-12)


def test_errors_of_reset_measure_id_and_delay_are_no_gate_errors():
    model = hand_made_model()
    for name in ("reset", "measure", "id", "delay"):
        model.add_all_qubit_quantum_error(reset_error(0.3), name)
    assert noise_rate(model) == pytest.approx(noise_rate(hand_made_model()), rel=1e-12)


def test_a_kind_without_errors_counts_as_zero():
    model = NoiseModel()
    assert noise_rate(model) == 0
    model.add_all_qubit_readout_error([[0.7, 0.3], [0.3, 0.7]])
    assert noise_rate(model) == pytest.approx(0.1, rel=1e-12)


def test_an_error_that_leaves_a_qubit_alone_is_still_a_two_qubit_error():
    quiet = flip("X", 0.3).tensor(flip("X", 0.0))
    assert noise_rate(model_with((quiet, "cx"))) == pytest.approx(0.3 * 4 / 5 / 3, rel=1e-12)


def test_read_out_of_two_qubits_at_once_counts_by_the_bit():
    one, two = np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([[0.95, 0.05], [0.05, 0.95]])
    model = NoiseModel()
    model.add_readout_error(np.kron(two, one), [0, 1])
    assert noise_rate(model) == pytest.approx((0.15 + 0.05) / 2 / 3, rel=1e-12)


def test_the_rate_of_a_device_is_the_mean_of_its_calibration():
    device = GenericBackendV2(2, basis_gates=["sx", "rz", "cx"], seed=1)
    calibration = {
        "sx": {(0,): 0.01, (1,): 0.03},
        "rz": {(0,): 0.0, (1,): None},  # virtual: no error
        "cx": {(0, 1): 0.06, (1, 0): 1.0},  # 1 marks a gate out of service
        "measure": {(0,): 0.1, (1,): 0.2},
        "reset": {(0,): 0.5, (1,): 0.5},
        "id": {(0,): 0.4, (1,): 0.4},
        "delay": {(0,): None, (1,): None},
    }
    for name, errors in calibration.items():
        for qubits, error in errors.items():
            if device.target.instruction_supported(name, qubits):
                properties = InstructionProperties(error=error)
                device.target.update_instruction_properties(name, qubits, properties)
    assert noise_rate(device) == pytest.approx((0.02 + 0.06 + 0.15) / 3, rel=1e-12)


def test_the_rates_of_manila_and_of_its_model_are_close(manila):
    of_device, of_model = noise_rate(manila.device), noise_rate(manila.model)
    assert of_device > 0.001
    assert of_model == pytest.approx(of_device, rel=0.2)
    assert noise_rate(manila) == of_device != of_model
    assert noise_rate(Noise(manila.model, "no device")) == of_model


def test_noise_level_takes_the_layers_of_the_ansatz(manila):
    for ansatz in (hardware_efficient(4, 6), efficient_su2(4, 6)):
        level = noise_level(manila, ansatz)
        assert (level.rate, level.layers) == (noise_rate(manila), 6)
    assert noise_level(manila.device, hardware_efficient(2, 1)).rate == noise_rate(manila.device)
    assert noise_level(from_rate(0.02).model, QuantumCircuit(1)).layers == 1


def test_noise_level_counts_two_qubit_depth_without_metadata():
    circuit = QuantumCircuit(3)
    circuit.h(range(3))
    circuit.cx(0, 1)
    circuit.barrier()
    circuit.rx(0.1, 1)
    circuit.cz(1, 2)
    level = noise_level(from_rate(0.02), circuit)
    assert level.layers == 2
    assert level.scaling == pytest.approx(1 / 1.04, rel=1e-12)


def test_confusion_is_local_then_default_then_none():
    default, local = [[0.97, 0.03], [0.08, 0.92]], [[0.9, 0.1], [0.2, 0.8]]
    model = NoiseModel()
    np.testing.assert_array_equal(readout_confusion(model, 0), np.eye(2))
    model.add_readout_error(local, [1])
    np.testing.assert_array_equal(readout_confusion(model, 0), np.eye(2))
    np.testing.assert_allclose(readout_confusion(model, 1), local, rtol=0, atol=1e-15)
    model.add_all_qubit_readout_error(default)
    np.testing.assert_allclose(readout_confusion(model, 0), default, rtol=0, atol=1e-15)
    np.testing.assert_allclose(readout_confusion(model, 1), local, rtol=0, atol=1e-15)


def test_confusion_of_a_device_is_its_calibration(manila):
    for qubit in range(5):
        wrong = 1 - np.diag(readout_confusion(manila.model, qubit))
        reported = manila.device.target["measure"][(qubit,)].error
        assert wrong.mean() == pytest.approx(reported, rel=1e-6)


def test_confusion_of_two_qubits_at_once_is_refused():
    model = NoiseModel()
    model.add_readout_error(np.full((4, 4), 0.25), [0, 1])
    with pytest.raises(InputError, match="several qubits at once"):
        readout_confusion(model, 0)

import math

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit.library import get_standard_gate_name_mapping
from qiskit.quantum_info import average_gate_fidelity
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel

from qnlr.errors import InputError
from qnlr.noise import NOISE_MODELS, from_device, from_file, from_rate
from qnlr.noise.models import ONE_QUBIT_GATES, TWO_QUBIT_GATES


@pytest.fixture(scope="module")
def manila():
    return from_device("fake_manila")


def test_from_device_knows_snake_and_class_names(manila):
    assert manila.device.name == from_device("FakeManilaV2").device.name == "fake_manila"
    assert manila.model == NoiseModel.from_backend(manila.device)


def test_an_unknown_device_is_named_with_the_nearest():
    with pytest.raises(InputError, match='"fake_manilla" is not known; did you mean "fake_manila"'):
        from_device("fake_manilla")


SIMULATOR_LACKS = {"ecr", "crx", "cry"}  # as a superoperator


def superop_of(gate, noise_model):
    operation = get_standard_gate_name_mapping()[gate]
    angles = [0.7, 0.3, 0.4][: len(operation.params)]
    circuit = QuantumCircuit(operation.num_qubits)
    circuit.append(type(operation)(*angles), range(operation.num_qubits))
    circuit.save_superop()
    simulator = AerSimulator(method="superop", noise_model=noise_model)
    return simulator.run(circuit, shots=1).result().data()["superop"]


@pytest.mark.parametrize(
    ("gates", "rate"), [(ONE_QUBIT_GATES, 0.03 / 7), (TWO_QUBIT_GATES, 0.3 / 7)]
)
def test_simulated_gates_have_the_infidelity_of_their_rate(gates, rate):
    model = from_rate(0.03).model
    for gate in set(gates) - SIMULATOR_LACKS:
        error_channel = superop_of(gate, model) @ superop_of(gate, None).adjoint()
        assert 1 - average_gate_fidelity(error_channel) == pytest.approx(rate, rel=1e-9), gate
    assert set(gates) <= set(model.noise_instructions)


def test_read_out_of_a_rate_is_simulated():
    circuit = QuantumCircuit(1)
    circuit.measure_all()
    simulator = AerSimulator(noise_model=from_rate(0.0, readout=0.2).model, seed_simulator=1)
    wrong = simulator.run(circuit, shots=100_000).result().get_counts()["1"] / 100_000
    assert wrong == pytest.approx(0.2, abs=5 * math.sqrt(0.2 * 0.8 / 100_000))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rate": -0.01}, "noise rate ν = -0.01"),
        ({"rate": 1.01}, "noise rate ν = 1.01"),
        ({"rate": math.nan}, "noise rate ν = nan"),
        ({"rate": "0.1"}, "noise rate ν = '0.1'"),
        ({"rate": 0.36}, "rate = 0.36 is not valid by itself: above 0.35"),
        ({"rate": 0.1, "one_qubit": 0.51}, "one_qubit = 0.51"),
        ({"rate": 0.1, "two_qubit": 0.76}, "two_qubit = 0.76"),
        ({"rate": 0.1, "readout": math.nan}, "readout = nan"),
    ],
)
def test_rates_outside_are_named(settings, message):
    with pytest.raises(InputError, match=message):
        from_rate(**settings)


def test_numpy_numbers_are_rates():
    assert from_rate(np.float32(0.25)).model == from_rate(0.25).model
    assert from_rate(np.int64(0)).model.is_ideal()


def test_every_kind_of_noise_is_registered():
    assert {"rate": from_rate, "device": from_device, "file": from_file} == NOISE_MODELS


def test_what_names_no_device_is_refused():
    with pytest.raises(InputError, match='fake device "3" is not known'):
        from_device(3)

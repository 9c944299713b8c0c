import pytest
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel

from qnlr.backends.ibm.devices import counterpart, local_device
from qnlr.errors import InputError
from qnlr.noise import noise_rate


def test_a_fake_device_has_the_qubits_and_the_noise_of_the_real_one():
    fez = local_device("fake_fez")
    assert (fez.name, fez.num_qubits) == ("fake_fez", 156)
    assert 0.001 < noise_rate(fez) < 0.05


def test_the_aer_simulator_has_no_noise():
    simulator = local_device("aer_simulator")
    assert isinstance(simulator, AerSimulator)
    assert simulator.options.noise_model is None
    assert NoiseModel.from_backend(local_device("fake_manila")).is_ideal() is False


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("fake_fezz", "fake_fez"), ("aer_simulater", "aer_simulator"), ("ibm_fez", "fake_fez")],
)
def test_an_unknown_device_is_named_with_the_nearest_one(name, nearest):
    with pytest.raises(InputError, match=f'"{name}" is not known; did you mean "{nearest}"'):
        local_device(name)


def test_the_counterpart_of_a_device_of_the_service_is_the_fake_one():
    assert counterpart("ibm_fez").name == "fake_fez"
    for name in ("ibm_atlantis", "aer_simulator", "fake_fez", "least_busy", "fez", ""):
        assert counterpart(name) is None

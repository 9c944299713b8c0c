import json
import pickle

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import Kraus, random_quantum_channel, random_unitary
from qiskit_aer import AerSimulator
from qiskit_aer.noise import (
    NoiseModel,
    QuantumError,
    coherent_unitary_error,
    kraus_error,
    pauli_error,
    thermal_relaxation_error,
)

from qnlr.errors import InputError
from qnlr.noise import from_device, from_file, save


def mixed_model():
    channel_on_one = Kraus(random_quantum_channel(2, seed=1))
    relax = thermal_relaxation_error(50, 30, 4)
    model = NoiseModel()
    model.add_all_qubit_quantum_error(kraus_error(channel_on_one.data), "x")
    model.add_all_qubit_quantum_error(thermal_relaxation_error(50, 80, 4, 0.1), ["sx", "h"])
    model.add_all_qubit_quantum_error(pauli_error([("XZ", 0.1), ("II", 0.9)]), "cx")
    model.add_quantum_error(coherent_unitary_error(random_unitary(2, seed=2)), "x", [1])
    model.add_quantum_error(QuantumError(random_quantum_channel(4, seed=3)), "cx", [2, 0])
    model.add_quantum_error(relax.tensor(relax), ["cx", "cz"], [0, 1])
    model.add_all_qubit_readout_error([[0.97, 0.03], [0.08, 0.92]])
    model.add_readout_error([[0.9, 0.1], [0.2, 0.8]], [2])
    return model


def round_trip(model, tmp_path):
    save(model, tmp_path / "noise.json")
    return from_file(tmp_path / "noise.json").model


def entries(model):
    """What to_dict says of each error, by where it acts, without its random id."""
    listed = json.loads(json.dumps(model.to_dict(serializable=True)))["errors"]
    place = lambda entry: (
        json.dumps([entry[key] for key in ("type", "operations")])
        + json.dumps(entry.get("gate_qubits"))
    )
    return {place(entry): entry | {"id": None} for entry in listed}


def assert_same_errors(first, second, count):
    first, second = entries(first), entries(second)
    assert first.keys() == second.keys()
    assert len(first) == count
    for place, entry in first.items():
        other = second[place]
        ours, theirs = entry.pop("probabilities"), other.pop("probabilities")
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-15)
        assert entry == other


def noisy_state(model):
    circuit = QuantumCircuit(3)
    for qubit in range(3):
        circuit.h(qubit)
        circuit.x(qubit)
        circuit.sx(qubit)
    for pair in ((0, 1), (2, 0), (1, 2)):
        circuit.cx(*pair)
    circuit.cz(0, 1)
    circuit.save_density_matrix()
    simulator = AerSimulator(method="density_matrix", noise_model=model)
    return simulator.run(circuit, shots=1).result().data()["density_matrix"].data


def test_a_mixed_model_survives_the_round_trip(tmp_path):
    model = mixed_model()
    restored = round_trip(model, tmp_path)
    assert_same_errors(restored, model, count=10)
    expected = noisy_state(model)
    assert not np.allclose(expected, noisy_state(None), atol=0.05)
    np.testing.assert_allclose(noisy_state(restored), expected, rtol=0, atol=1e-12)


def test_an_error_that_leaves_a_qubit_alone_survives_the_round_trip(tmp_path):
    flip = QuantumCircuit(2)
    flip.x(0)
    model = NoiseModel()
    error = QuantumError([(flip, 0.2), (QuantumCircuit(2), 0.8)])
    model.add_all_qubit_quantum_error(error, "cx")
    model.add_quantum_error(error, "cz", [0, 1])
    restored = round_trip(model, tmp_path)
    np.testing.assert_allclose(noisy_state(restored), noisy_state(model), rtol=0, atol=1e-12)


def test_the_model_of_a_device_survives_the_round_trip(tmp_path):
    model = from_device("fake_manila").model
    restored = round_trip(model, tmp_path)
    assert_same_errors(restored, model, count=33)


def test_an_ideal_model_survives_the_round_trip(tmp_path):
    assert round_trip(NoiseModel(), tmp_path).is_ideal()


def test_a_file_names_itself_and_belongs_to_no_device(tmp_path):
    save(mixed_model(), tmp_path / "mine.json")
    noise = from_file(str(tmp_path / "mine.json"))
    assert "mine.json" in noise.description
    assert noise.device is None


BAD_FILES = {
    "broken JSON": '{"errors": [',
    "empty": "",
    "a list": "[]",
    "a number": "3",
    "no errors": '{"basis_gates": []}',
    "errors that are an object": '{"errors": {}}',
    "errors that are a text": '{"errors": ""}',
    "an entry that is a number": '{"errors": [3]}',
    "an unknown type": '{"errors": [{"type": "mystery", "operations": ["x"]}]}',
    "an unknown instruction": json.dumps(
        {
            "errors": [
                {
                    "type": "qerror",
                    "operations": ["x"],
                    "instructions": [[{"name": "wobble", "qubits": [0]}]],
                    "probabilities": [1.0],
                }
            ]
        }
    ),
    "probabilities that do not add up": json.dumps(
        {"errors": [{"type": "roerror", "probabilities": [[0.5, 0.2], [0.0, 1.0]]}]}
    ),
    "a NaN probability": '{"errors": [{"type": "roerror", "probabilities": [[NaN, 1], [0, 1]]}]}',
}


@pytest.mark.parametrize("kind", sorted(BAD_FILES))
def test_a_file_without_a_noise_model_is_named(kind, tmp_path):
    file = tmp_path / "bad.json"
    file.write_text(BAD_FILES[kind])
    with pytest.raises(InputError, match=r"bad\.json holds no noise model"):
        from_file(file)


class Trap:
    def __reduce__(self):
        return pytest.fail, ("a pickle was loaded",)


def test_a_pickle_is_refused_and_not_loaded(tmp_path):
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        (tmp_path / "model.pkl").write_bytes(pickle.dumps(Trap(), protocol=protocol))
        with pytest.raises(InputError, match=r"model\.pkl holds no noise model"):
            from_file(tmp_path / "model.pkl")


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nothing\.json cannot be read: No such file"):
        from_file(tmp_path / "nothing.json")
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        from_file(tmp_path)

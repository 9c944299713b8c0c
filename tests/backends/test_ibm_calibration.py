import json
import math

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.transpiler import InstructionProperties

from qnlr.backends.ibm.calibration import digest, snapshot
from qnlr.backends.ibm.circuit import IsaCircuit, compile_circuit
from qnlr.backends.ibm.compact import compacted
from qnlr.backends.ibm.devices import local_device
from qnlr.circuits import hardware_efficient
from qnlr.noise import noise_rate

ANSATZ = hardware_efficient(3, 1)


@pytest.fixture(scope="module")
def nairobi():
    return local_device("fake_nairobi")


@pytest.fixture(scope="module")
def isa(nairobi):
    return compile_circuit(ANSATZ, nairobi, [2], seeds=2)


def test_a_snapshot_says_what_the_device_reports_of_the_qubits_and_gates_in_use(nairobi, isa):
    properties = nairobi.properties()
    found = snapshot(nairobi, isa)
    assert found["device"] == "fake_nairobi"
    assert found["calibrated"] == properties.last_update_date.isoformat()
    assert found["noise_rate"] == noise_rate(nairobi)
    assert set(found["qubits"]) == {str(qubit) for qubit in isa.qubits}
    for qubit in isa.qubits:
        values = found["qubits"][str(qubit)]
        assert values["t1"] == pytest.approx(properties.t1(qubit))
        assert values["t2"] == pytest.approx(properties.t2(qubit))
        assert values["readout_error"] == pytest.approx(properties.readout_error(qubit))
    used = {
        (step.operation.name, "-".join(str(isa.circuit.find_bit(q).index) for q in step.qubits))
        for step in isa.circuit.data
    }
    assert used == {(name, where) for name, gate in found["gates"].items() for where in gate}
    for name, where in used:
        qubits = [int(qubit) for qubit in where.split("-")]
        assert found["gates"][name][where] == pytest.approx(properties.gate_error(name, qubits))


def test_the_means_are_those_of_what_is_in_use_and_of_the_whole_device(nairobi, isa):
    properties = nairobi.properties()
    found = snapshot(nairobi, isa)
    for key, qubits in (("used", isa.qubits), ("whole_device", range(7))):
        readouts = [properties.readout_error(qubit) for qubit in qubits]
        assert found[key]["readout_error"] == pytest.approx(np.mean(readouts))
        assert found[key]["t1"] == pytest.approx(np.mean([properties.t1(q) for q in qubits]))
    gates = found["gates"]["cx"].values()
    assert found["used"]["two_qubit_error"] == pytest.approx(np.mean(list(gates)))
    edges = nairobi.coupling_map.get_edges()
    whole = found["whole_device"]
    assert whole["two_qubit_error"] == pytest.approx(
        np.mean([properties.gate_error("cx", edge) for edge in edges])
    )
    kinds = ("one_qubit_error", "two_qubit_error", "readout_error")
    assert found["noise_rate"] == pytest.approx(sum(whole[kind] for kind in kinds) / 3)


def test_a_snapshot_is_small_plain_json_with_a_digest_of_its_own():
    fez = local_device("fake_fez")
    isa = compile_circuit(ANSATZ, fez, [2], seeds=1)
    found = snapshot(fez, isa)
    text = json.dumps(found, allow_nan=False)
    assert len(text) < 4000
    assert digest(json.loads(text)) == digest(found) == digest(snapshot(fez, isa))
    found["qubits"][str(isa.qubits[0])]["t1"] *= 1 + 1e-12
    assert digest(found) != digest(json.loads(text))


def test_a_device_of_the_service_reports_as_its_fake_twin_does(plain_service):
    device, fake = plain_service.backend("ibm_lagos"), local_device("fake_lagos")
    isa, twin = (compile_circuit(ANSATZ, one, [2], seeds=2) for one in (device, fake))
    assert (isa.digest, isa.expected_error) == (twin.digest, twin.expected_error)
    found = snapshot(device, isa)
    json.dumps(found, allow_nan=False)
    assert found == {
        **snapshot(fake, twin),
        "device": "ibm_lagos",
        "calibrated": device.properties().last_update_date.isoformat(),
    }


def test_a_simulator_without_noise_reports_nothing():
    simulator = local_device("aer_simulator")
    isa = compile_circuit(ANSATZ, simulator, [2])
    assert snapshot(simulator, isa) == {
        "device": "aer_simulator",
        "calibrated": None,
        "noise_rate": 0.0,
        "qubits": {},
        "gates": {},
        "used": {},
        "whole_device": {},
    }


def test_a_part_of_a_device_has_no_date(nairobi, isa):
    small = compacted(isa.circuit, nairobi)
    place = [small.qubits.index(qubit) for qubit in isa.qubits]
    part = IsaCircuit(small.circuit, tuple(place), isa.seed, isa.expected_error)
    found = snapshot(small.device, part)
    assert found["calibrated"] is None
    assert found["used"] == pytest.approx(snapshot(nairobi, isa)["used"])


def test_what_is_not_reported_or_out_of_service_is_left_out_of_the_means():
    device = local_device("fake_manila")
    target = device.target
    target.update_instruction_properties("cx", (0, 1), InstructionProperties(1e-7, 1.0))
    target.update_instruction_properties("cx", (1, 2), InstructionProperties(1e-7, math.nan))
    target.update_instruction_properties("measure", (2,), None)
    circuit = QuantumCircuit(5)
    circuit.cx(0, 1)
    circuit.cx(1, 2)
    circuit.cx(2, 3)
    circuit.delay(10, 4)
    found = snapshot(device, IsaCircuit(circuit, (0, 1, 2), seed=0, expected_error=1.0))
    json.dumps(found, allow_nan=False)
    assert found["gates"]["cx"].keys() == {"0-1", "2-3"}
    assert found["gates"]["cx"]["0-1"] == 1.0
    assert found["used"]["two_qubit_error"] == found["gates"]["cx"]["2-3"]
    assert "readout_error" not in found["qubits"]["2"]
    assert set(found["qubits"]) == {"0", "1", "2", "3"}

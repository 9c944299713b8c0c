import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.circuit import Clbit, Parameter
from qiskit.quantum_info import SparsePauliOp, Statevector, SuperOp
from qiskit.transpiler import Target, generate_preset_pass_manager
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel
from qiskit_aer.primitives import EstimatorV2

from qnlr.backends.ibm.circuit import compile_circuit
from qnlr.backends.ibm.compact import DevicePart, compacted, renumbered
from qnlr.backends.ibm.devices import local_device
from qnlr.circuits import amplitude, hardware_efficient, variational_circuit, z
from qnlr.entries import quantum_error
from qnlr.errors import InputError

MODEL = variational_circuit(amplitude(4, 3), hardware_efficient(3, 2), z(3))


@pytest.fixture(scope="module")
def nairobi():
    return local_device("fake_nairobi")


@pytest.fixture(scope="module")
def fez():
    return local_device("fake_fez")


def channels(model, place):
    """Every error of a noise model, by what and where it is, on qubits under their new numbers."""
    found = {}
    for entry in model.to_dict()["errors"]:
        for where in entry["gate_qubits"]:
            if not set(where) <= set(place):
                continue
            readout = entry["type"] == "roerror"
            matrix = (
                np.array(entry["probabilities"]) if readout else SuperOp(quantum_error(entry)).data
            )
            found[*entry["operations"], tuple(place[qubit] for qubit in where)] = matrix
    return found


@pytest.mark.parametrize("qubits", [(1, 3, 5), (6, 5, 3), (0,), (0, 6)])
def test_a_part_of_a_device_has_the_same_noise_channel_by_channel(nairobi, qubits):
    place = {old: new for new, old in enumerate(qubits)}
    expected = channels(NoiseModel.from_backend(nairobi), place)
    found = channels(
        NoiseModel.from_backend(DevicePart(nairobi, qubits)), {new: new for new in place.values()}
    )
    assert found.keys() == expected.keys()
    assert len(found) >= 4 * len(qubits)
    for key, matrix in found.items():
        assert matrix == pytest.approx(expected[key], abs=1e-12)


def test_a_part_of_a_device_has_its_times_and_limits_and_no_control_flow(nairobi):
    part = DevicePart(nairobi, (5, 3)).target
    whole = nairobi.target
    for name in ("dt", "granularity", "min_length", "pulse_alignment", "acquire_alignment"):
        assert getattr(part, name) == getattr(whole, name)
    assert part["cx"].keys() == {(0, 1), (1, 0)}
    assert part["cx"][0, 1].duration == whole["cx"][5, 3].duration
    assert part.qubit_properties[1].t1 == whole.qubit_properties[3].t1
    assert "if_else" in whole.operation_names
    assert set(part.operation_names) == {"reset", "measure", "cx", "x", "rz", "id", "sx", "delay"}


def test_gates_that_a_device_has_everywhere_remain(nairobi):
    class Everywhere(DevicePart):
        @property
        def target(self):
            target = Target(num_qubits=4)
            target.add_instruction(super().target.operation_from_name("sx"))
            return target

    assert DevicePart(Everywhere(nairobi, (1,)), (2, 3)).target["sx"] == {None: None}


def test_delays_and_barriers_carry_over_with_their_decay():
    device = local_device("fake_manila")
    wide = QuantumCircuit(5)
    wide.x(3)
    wide.barrier(0, 3, 1)
    wide.delay(20000, 3)
    wide.delay(20000, 0)
    wide.barrier(0, 2)
    wide.sx(1)
    small = compacted(wide, device)
    assert small.qubits == (1, 3)
    assert [step.operation.name for step in small.circuit.data] == ["x", "barrier", "delay", "sx"]
    states = []
    for circuit, where, qubits in ((wide, device, [1, 3]), (small.circuit, small.device, [0, 1])):
        saved = circuit.copy()
        saved.save_density_matrix(qubits)
        simulator = AerSimulator.from_backend(where, method="density_matrix")
        states.append(np.asarray(simulator.run(saved).result().data()["density_matrix"]))
    assert states[1] == pytest.approx(states[0], abs=1e-12)
    assert np.abs(states[1] - np.diag([0, 0, 0.5, 0.5])).max() > 0.02


def test_classical_bits_keep_their_order_and_registers():
    bits = [Clbit() for _ in range(3)]
    wide = QuantumCircuit(4, name="w", metadata={"layers": 2})
    wide.add_bits(bits)
    wide.add_register(ClassicalRegister(name="meas", bits=[bits[2], bits[0]]))
    wide.x(2)
    wide.measure(2, bits[2])
    wide.measure(0, bits[1])
    small = renumbered(wide, [0, 2])
    assert small.clbits == bits
    assert small.cregs == wide.cregs
    assert [small.find_bit(step.clbits[0]).index for step in small.get_instructions("measure")] == [
        2,
        1,
    ]
    assert (small.name, small.metadata) == ("w", {"layers": 2})


def test_parameters_and_the_global_phase_are_kept():
    a, b = Parameter("a"), Parameter("b")
    wide = QuantumCircuit(6, global_phase=2 * b + 0.1)
    wide.ry(a + 0.3, 4)
    wide.cx(4, 1)
    small = renumbered(wide, [1, 4])
    assert set(small.parameters) == {a, b}
    expected = QuantumCircuit(2, global_phase=1.5)
    expected.ry(1.1, 1)
    expected.cx(1, 0)
    found = Statevector(small.assign_parameters({a: 0.8, b: 0.7}))
    assert found.data == pytest.approx(Statevector(expected).data, abs=1e-14)


def test_idle_qubits_are_kept_on_request(nairobi):
    wide = QuantumCircuit(7)
    wide.x(4)
    assert compacted(wide, nairobi).qubits == (4,)
    small = compacted(wide, nairobi, keep=(6, 2))
    assert small.qubits == (2, 4, 6)
    assert small.circuit.num_qubits == small.device.num_qubits == 3
    assert small.device.name == "fake_nairobi_compact"


def test_an_aer_simulator_and_its_circuit_are_left_alone():
    circuit = QuantumCircuit(3)
    circuit.h(1)
    simulator = local_device("aer_simulator")
    small = compacted(circuit, simulator)
    assert small.circuit is circuit
    assert small.device is simulator
    assert small.qubits == (0, 1, 2)


def test_qubits_that_do_not_exist_are_refused(nairobi):
    wide = QuantumCircuit(9)
    wide.x(8)
    with pytest.raises(InputError, match=r"qubits \[8\] are no part of the device fake_nairobi"):
        compacted(wide, nairobi)
    with pytest.raises(InputError, match="at least one of them must be in use"):
        compacted(QuantumCircuit(7), nairobi)
    with pytest.raises(InputError, match=r'gate "x" on qubits \[8\]'):
        renumbered(wide, [1, 2])


@pytest.fixture(scope="module")
def on_fez(fez):
    """A bound circuit for the 156 qubits, where each logical qubit is, and its compact form."""
    isa = compile_circuit(MODEL.circuit, fez, [2], seeds=2)
    values = np.random.default_rng(0).uniform(-3, 3, len(isa.circuit.parameters))
    bound = isa.circuit.assign_parameters(values)
    return bound, isa.qubits, compacted(bound, fez)


def exact_noisy(small, qubit):
    """⟨Z⟩ by density matrix with the noise of the compact device, read-out errors aside."""
    saved = small.circuit.copy()
    saved.save_expectation_value(SparsePauliOp("Z"), [small.qubits.index(qubit)])
    simulator = AerSimulator.from_backend(small.device, method="density_matrix")
    return simulator.run(saved).result().data()["expectation_value"]


@pytest.mark.slow
def test_the_compact_device_gives_the_values_of_156_qubits(fez, on_fez):
    bound, qubits, small = on_fez
    options = {"method": "density_matrix", "noise_model": NoiseModel.from_backend(fez)}
    estimator = EstimatorV2(options={"backend_options": options, "default_precision": 0.0})
    observables = [SparsePauliOp.from_sparse_list([("Z", [qubit], 1.0)], 156) for qubit in qubits]
    expected = estimator.run([(bound, observables)]).result()[0].data.evs.astype(float)
    found = [exact_noisy(small, qubit) for qubit in qubits]
    assert np.array(found) == pytest.approx(expected, abs=1e-8)
    ideal = Statevector(small.circuit).expectation_value(
        SparsePauliOp("Z"), [small.qubits.index(qubits[0])]
    )
    assert abs(found[0] - ideal) > 0.005


@pytest.mark.slow
def test_the_primitives_of_the_runtime_run_on_the_compact_device(on_fez):
    from qiskit_ibm_runtime.executor_estimator import Estimator
    from qiskit_ibm_runtime.executor_sampler import Sampler

    _, qubits, small = on_fez
    place = small.qubits.index(qubits[0])
    noisy = exact_noisy(small, qubits[0])
    error = small.device.target["measure"][place,].error
    shots, options = 4000, {"simulator": {"seed_simulator": 7}}
    measured = small.circuit.copy()
    measured.add_register(ClassicalRegister(1, "meas"))
    measured.measure(place, 0)
    sampler = Sampler(mode=small.device, options={"default_shots": shots, **options})
    counts = sampler.run([(measured,)]).result()[0].data.meas.get_int_counts()
    read = 1 - 2 * counts.get(1, 0) / shots
    assert read == pytest.approx((1 - 2 * error) * noisy, abs=5 / np.sqrt(shots))
    estimator = Estimator(
        mode=small.device, options={"default_shots": shots, "resilience_level": 1, **options}
    )
    observable = SparsePauliOp.from_sparse_list([("Z", [place], 1.0)], len(small.qubits))
    mitigated = float(estimator.run([(small.circuit, observable)]).result()[0].data.evs)
    assert mitigated == pytest.approx(noisy, abs=7 / np.sqrt(shots))


def test_scheduled_circuits_lose_the_waiting_of_idle_qubits(nairobi):
    manager = generate_preset_pass_manager(
        optimization_level=0, backend=nairobi, scheduling_method="alap"
    )
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    scheduled = manager.run(circuit)
    small = compacted(scheduled, nairobi)
    assert small.qubits == (0, 1)
    assert small.circuit.count_ops()["delay"] == 1 < scheduled.count_ops()["delay"]

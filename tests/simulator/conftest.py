from types import SimpleNamespace

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.circuit.library import (
    StatePreparation,
    UnitaryGate,
    XGate,
    get_standard_gate_name_mapping,
)
from qiskit.quantum_info import PauliList, Statevector, random_statevector, random_unitary
from qiskit_aer import AerSimulator
from qiskit_aer.noise import (
    NoiseModel,
    ReadoutError,
    amplitude_damping_error,
    coherent_unitary_error,
    depolarizing_error,
    kraus_error,
    pauli_error,
    phase_damping_error,
    thermal_relaxation_error,
)
from scipy.linalg import expm

from qnlr.simulator.channels import GateNoise
from qnlr.simulator.densities import Densities
from qnlr.simulator.running import Threads
from qnlr.simulator.tape import compile_tape
from qnlr.simulator.vectors import Vectors

NO_GATES = {"measure", "reset", "delay"}
GATES = {name: g for name, g in get_standard_gate_name_mapping().items() if name not in NO_GATES}
AER_GATES = sorted(
    set(GATES) & set(AerSimulator(method="density_matrix").configuration().basis_gates)
)
EXTRAS = ("unitary", "preparation", "barrier", "controlled", "composite", "mcx")


def _gate(name, angles):
    return GATES[name].base_class(*angles)


def _angle(rng, known):
    a, b = rng.choice(known, 2, replace=False)
    kinds = [
        lambda: a,
        lambda: 2 * a + b,
        lambda: 0.5 - a / 3,
        lambda: a * b,
        lambda: a.sin(),
        lambda: (a - 2 * b).cos() + a,
        lambda: a**2,
    ]
    return kinds[rng.integers(len(kinds))]()


def _extra(rng, circuit, kind, angle):
    where = rng.permutation(circuit.num_qubits).tolist()
    seed = int(rng.integers(2**31))
    if kind == "unitary":
        size = int(rng.integers(1, min(3, len(where)) + 1))
        circuit.append(UnitaryGate(random_unitary(2**size, seed=seed)), where[:size])
    elif kind == "preparation":
        circuit.append(StatePreparation(random_statevector(4, seed=seed)), where[:2])
    elif kind == "barrier":
        circuit.barrier(where[:2])
    elif kind == "controlled":
        state = int(rng.integers(4))
        inner = [
            lambda: XGate().control(2, ctrl_state=state, annotated=False),
            lambda: _gate("u", [angle(), angle(), angle()]).control(
                2, ctrl_state=state, annotated=False
            ),
            lambda: _gate("ry", [angle()]).control(2, ctrl_state=state, annotated=False),
        ][rng.integers(3)]()
        circuit.append(inner, where[:3])
    elif kind == "composite":
        inner = QuantumCircuit(3, name="mine", global_phase=0.3)
        inner.h(0)
        inner.rxx(angle(), 0, 2)
        inner.cx(2, 1)
        inner.p(angle(), 1)
        circuit.append(inner.to_gate(), where[:3])
    else:
        circuit.mcx(where[:-1], where[-1])


def _random_circuit(seed, qubits=4, size=14, names=None, opened=0.5, extras=True, initialize=True):
    """Make a circuit of random gates, with the given share of angles left open."""
    rng = np.random.default_rng(seed)
    known = [Parameter(f"p{number}") for number in range(4)]
    angle = lambda: _angle(rng, known) if rng.random() < opened else rng.uniform(-4, 4)
    circuit = QuantumCircuit(qubits, global_phase=rng.uniform(-3, 3))
    if initialize:
        circuit.initialize(random_statevector(4, seed=seed), rng.permutation(qubits)[:2].tolist())
    names = sorted(GATES) if names is None else names
    names = [name for name in names if GATES[name].num_qubits <= qubits]
    for _ in range(size):
        if extras and rng.random() < 0.3:
            _extra(rng, circuit, EXTRAS[rng.integers(len(EXTRAS))], angle)
            continue
        name = names[rng.integers(len(names))]
        gate = _gate(name, [angle() for _ in GATES[name].params])
        circuit.append(gate, rng.permutation(qubits)[: gate.num_qubits].tolist())
    return circuit


def _values(circuit, elements=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(-3, 3, (elements, circuit.num_parameters))


def _strings(qubits, count=12, seed=0):
    rng = np.random.default_rng(seed)
    x, z = rng.random((2, count, qubits)) < 0.5
    return PauliList.from_symplectic(z, x)


def _on_vectors(circuit, values, paulis, threads=1):
    tape = compile_tape(circuit, None, range(circuit.num_qubits))
    return Vectors(tape, Threads(threads)).expectations(tape.angles.values(values), paulis)


def _on_densities(circuit, values, paulis, noise_model=None, threads=1):
    noise = None if noise_model is None else GateNoise(noise_model)
    tape = compile_tape(circuit, noise, range(circuit.num_qubits))
    runner = Densities(tape, Threads(threads))
    observables = [(number[None], np.ones(1)) for number in runner.strings_of(paulis)]
    return runner.expectations(tape.angles.values(values), observables)


def _bound(circuit, values):
    return [
        circuit.assign_parameters(dict(zip(circuit.parameters, v, strict=True))) for v in values
    ]


def _qiskits(circuit, values, paulis):
    states = [Statevector(one) for one in _bound(circuit, values)]
    return np.array([[state.expectation_value(p).real for state in states] for p in paulis])


def _aers(circuit, values, noise_model, where=None):
    """Return Aer's density matrix of some qubits for every row of values."""
    simulator = AerSimulator(
        method="density_matrix", noise_model=noise_model, max_parallel_threads=1
    )
    found = []
    for one in _bound(circuit, values):
        one.save_density_matrix(where)
        found.append(simulator.run(one).result().data()["density_matrix"])
    return found


def _error(rng, qubits):
    small = lambda: rng.uniform(0.01, 0.15)
    seed = int(rng.integers(2**31))
    rotated = lambda: random_unitary(2**qubits, seed=seed).data
    p = small()

    def near():
        hermitian = rotated() + rotated().conj().T
        return expm(-0.1j * hermitian)

    def kraus():
        return kraus_error([np.sqrt(1 - p) * near(), np.sqrt(p) * rotated()])

    one = [
        lambda: depolarizing_error(small(), 1),
        lambda: pauli_error([("X", 0.05), ("Y", 0.02), ("Z", 0.1), ("I", 0.83)]),
        lambda: thermal_relaxation_error(50.0, 60.0, 10.0, rng.uniform(0, 0.3)),
        lambda: thermal_relaxation_error(50.0, 90.0, 10.0, 0.1),
        lambda: amplitude_damping_error(small(), rng.uniform(0, 0.4)),
        lambda: phase_damping_error(small()).compose(amplitude_damping_error(small())),
        lambda: coherent_unitary_error(near()),
        kraus,
    ]
    two = [
        lambda: depolarizing_error(small(), 2),
        lambda: pauli_error([("XZ", 0.05), ("IY", 0.02), ("ZZ", 0.1), ("II", 0.83)]),
        lambda: thermal_relaxation_error(50.0, 60.0, 10.0).tensor(_error(rng, 1)),
        lambda: amplitude_damping_error(small()).expand(_error(rng, 1)),
        lambda: coherent_unitary_error(near()),
        kraus,
    ]
    kinds = one if qubits == 1 else two
    return kinds[rng.integers(len(kinds))]()


def _random_noise(seed, qubits=4, readout=False):
    """Make errors on some of Aer's gates, everywhere or on some qubits, or both."""
    rng = np.random.default_rng(seed)
    model = NoiseModel()
    for name in AER_GATES:
        size = GATES[name].num_qubits
        if size not in (1, 2):
            continue
        if rng.random() < 0.6:
            model.add_all_qubit_quantum_error(_error(rng, size), [name], warnings=False)
        if rng.random() < 0.6:
            where = rng.permutation(qubits)[:size].tolist()
            model.add_quantum_error(_error(rng, size), [name], where, warnings=False)
    if readout:
        for qubit in range(qubits):
            a, b = rng.uniform(0, 0.3, 2)
            model.add_readout_error(ReadoutError([[1 - a, a], [b, 1 - b]]), [qubit])
    return model


@pytest.fixture(scope="session")
def make():
    """Makers of gates, circuits, values, strings, errors and noise, all from seeds."""
    return SimpleNamespace(
        gates=GATES,
        aer_gates=AER_GATES,
        gate=_gate,
        circuit=_random_circuit,
        values=_values,
        strings=_strings,
        error=_error,
        noise=_random_noise,
        bound=_bound,
    )


@pytest.fixture(scope="session")
def find():
    """Expectation values on both paths, and those of Qiskit and Aer."""
    return SimpleNamespace(
        vectors=_on_vectors, densities=_on_densities, qiskits=_qiskits, aers=_aers
    )

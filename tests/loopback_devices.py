"""The devices of the loopback service: what is told of them, and a simulator of their qubits."""

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import qiskit_ibm_runtime.fake_provider as fakes
from qiskit import QuantumCircuit
from qiskit.providers import BackendV2, Options
from qiskit.transpiler import Target
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel


@dataclass
class Device:
    """A device as the service lists it.

    Args:
        name: Such as "ibm_lagos", or "mock_lagos" for its stand-in of dry runs.
        queue_length: Jobs of others that wait.
        online: Whether it takes jobs.
        properties: Its calibration, as JSON data.
        configuration: Its configuration, as JSON data.
    """

    name: str
    queue_length: int = 0
    online: bool = True
    properties: dict = field(default_factory=dict)
    configuration: dict = field(default_factory=dict)

    def __post_init__(self):
        fake = _fake(self.model)
        folder = Path(fake.dirname)
        conf = json.loads((folder / fake.conf_filename).read_text(encoding="utf-8"))
        props = json.loads((folder / fake.props_filename).read_text(encoding="utf-8"))
        self.configuration = conf | {"backend_name": self.name} | self.configuration
        self.properties = props | {"backend_name": self.name} | self.properties

    @property
    def model(self):
        """What stands behind the first underscore: "lagos"."""
        return self.name.split("_", 1)[1]

    @property
    def mock(self):
        """Whether it only checks jobs and makes data up."""
        return self.name.startswith("mock_")

    def listed(self):
        """Its row in the list of devices."""
        status = {"name": "online"} if self.online else {"name": "paused", "reason": "maintenance"}
        return {
            "name": self.name,
            "class": "mock" if self.mock else "qpu",
            "qubits": self.configuration["n_qubits"],
            "queue_length": self.queue_length,
            "status": status,
        }

    def status(self):
        """Its answer to a request for its status."""
        return {
            "backend_version": self.configuration["backend_version"],
            "length_queue": self.queue_length,
            "state": self.online,
            "status": "active" if self.online else "maintenance",
        }

    def simulator(self, qubits):
        """An Aer simulator of some of its qubits, with their noise, numbered in their order."""
        return _simulator(self.model, qubits)


def on_active_qubits(circuit):
    """Leave the idle qubits of a circuit out.

    Args:
        circuit: An ISA circuit.

    Returns:
        The circuit on its active qubits alone, and the numbers these had.
    """
    active = sorted(
        {
            circuit.find_bit(qubit).index
            for instruction in circuit.data
            if instruction.operation.name not in {"barrier", "delay"}
            for qubit in instruction.qubits
        }
    )
    number = {circuit.qubits[old]: new for new, old in enumerate(active)}
    small = QuantumCircuit(len(active), name=circuit.name, metadata=circuit.metadata)
    for register in circuit.cregs:
        small.add_register(register)
    for instruction in circuit.data:
        qubits = [number[qubit] for qubit in instruction.qubits if qubit in number]
        whole = len(qubits) == len(instruction.qubits)
        if whole:
            small.append(instruction.operation, qubits, instruction.clbits)
        elif qubits and instruction.operation.name == "barrier":
            small.barrier(qubits)
    return small, tuple(active)


@cache
def _fake(model):
    titles = [title for title in dir(fakes) if title.lower() in {f"fake{model}", f"fake{model}v2"}]
    if not titles:
        raise LookupError(f"no fake device stands for {model!r}")
    return getattr(fakes, max(titles))()


@cache
def _simulator(model, qubits):
    part = _Part(_fake(model).target, qubits)
    # A density matrix of more qubits takes longer than the shots one by one.
    method = "density_matrix" if len(qubits) <= 10 else "statevector"
    noise = NoiseModel.from_backend(part)
    return AerSimulator(noise_model=noise, method=method, max_parallel_threads=1)


class _Part(BackendV2):
    """Some qubits of a device, numbered in their order."""

    def __init__(self, target, qubits):
        super().__init__(name="part")
        number = {old: new for new, old in enumerate(qubits)}
        self._target = Target(
            num_qubits=len(qubits),
            dt=target.dt,
            qubit_properties=[target.qubit_properties[old] for old in qubits],
        )
        for name in target.operation_names:
            operation = target.operation_from_name(name)
            if isinstance(operation, type):
                continue
            properties = {
                tuple(number[qubit] for qubit in where): values
                for where, values in target[name].items()
                if where is not None and set(where) <= number.keys()
            }
            if properties:
                self._target.add_instruction(operation, properties, name=name)

    @property
    def target(self):
        return self._target

    @property
    def max_circuits(self):
        return None

    @classmethod
    def _default_options(cls):
        return Options()

    def run(self, run_input, **options):
        raise NotImplementedError

"""Circuits and devices on nothing but the qubits in use, so that large fake devices run fast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qiskit import QuantumCircuit
from qiskit.providers import BackendV2, Options
from qiskit.transpiler import CouplingMap, Target
from qiskit_aer import AerSimulator

from qnlr.errors import InputError

IDLING = frozenset({"barrier", "delay"})


@dataclass(frozen=True)
class Compacted:
    """A circuit on its active qubits, and the part of the device that these are.

    Args:
        circuit: The circuit, qubits numbered from 0.
        device: The part of the device; what is simulated on it has the same noise.
        qubits: What each qubit is called on the whole device.
    """

    circuit: QuantumCircuit
    device: BackendV2
    qubits: tuple[int, ...]


def compacted(circuit: QuantumCircuit, device: BackendV2, keep: Sequence[int] = ()) -> Compacted:
    """Leave out the qubits on which nothing but idling happens.

    The Estimator measures every qubit of a device, and Aer builds the noise of every gate: on 156
    qubits the one does not run, the other takes seconds. An Aer simulator, which has neither
    trouble, is returned as it is, with the circuit.

    Args:
        circuit: An ISA circuit for the device, measured or not.
        device: The device.
        keep: Qubits of the device to keep even if idle, such as those of an observable.

    Returns:
        Circuit, device and the qubits that remain, in ascending order.

    Raises:
        InputError: If the circuit or ``keep`` has qubits that the device has not.

    Example:
        >>> from qiskit import QuantumCircuit
        >>> from qnlr.backends.ibm.devices import local_device
        >>> wide = QuantumCircuit(7)
        >>> wide.cx(3, 5)
        <...>
        >>> small = compacted(wide, local_device("fake_nairobi"))
        >>> small.circuit.num_qubits, small.device.num_qubits, small.qubits
        (2, 2, (3, 5))
    """
    if isinstance(device, AerSimulator):
        return Compacted(circuit, device, tuple(range(circuit.num_qubits)))
    active = {
        circuit.find_bit(qubit).index
        for instruction in circuit.data
        if instruction.operation.name not in IDLING
        for qubit in instruction.qubits
    }
    qubits = tuple(sorted(active.union(keep)))
    return Compacted(renumbered(circuit, qubits), DevicePart(device, qubits), qubits)


def renumbered(circuit: QuantumCircuit, qubits: Sequence[int]) -> QuantumCircuit:
    """Put a circuit on some of its qubits; barriers and delays on the others are dropped.

    Args:
        circuit: The circuit.
        qubits: The qubits that remain, in their new order.

    Returns:
        The circuit on as many qubits, with the classical bits, parameters, global phase, name and
        metadata of the old one.

    Raises:
        InputError: If something is done to another qubit.

    Example:
        >>> wide = QuantumCircuit(4)
        >>> wide.cx(3, 1)
        <...>
        >>> print(renumbered(wide, [1, 3]))
             ┌───┐
        q_0: ┤ X ├
             └─┬─┘
        q_1: ──■──
        <BLANKLINE>
    """
    place = {old: new for new, old in enumerate(qubits)}
    small = QuantumCircuit(
        len(qubits),
        name=circuit.name,
        global_phase=circuit.global_phase,
        metadata=circuit.metadata,
    )
    small.add_bits(circuit.clbits)
    for register in circuit.cregs:
        small.add_register(register)
    for instruction in circuit.data:
        old = [circuit.find_bit(qubit).index for qubit in instruction.qubits]
        new = [place[qubit] for qubit in old if qubit in place]
        operation = instruction.operation
        if len(new) == len(old):
            small.append(operation, new, instruction.clbits)
        elif operation.name == "barrier":
            if new:
                small.barrier(new, label=operation.label)
        elif operation.name not in IDLING:
            raise InputError(
                f'the circuit has the gate "{operation.name}" on qubits {old}, of which not all '
                f"are among the ones to keep, {list(qubits)}"
            )
    return small


class DevicePart(BackendV2):  # type: ignore[misc]
    """Some qubits of a device, with their errors, durations and timing constraints.

    Args:
        device: The device.
        qubits: The qubits, in their new order.

    Raises:
        InputError: If the device has no such qubits.
    """

    def __init__(self, device: BackendV2, qubits: Sequence[int]) -> None:
        size = device.target.num_qubits or 0
        if not qubits or min(qubits) < 0 or max(qubits) >= size:
            raise InputError(
                f"qubits {list(qubits)} are no part of the device {device.name}; it has the "
                f"qubits 0 to {size - 1}, and at least one of them must be in use"
            )
        super().__init__(name=f"{device.name}_compact", backend_version=device.backend_version)
        self._target = _target_part(device.target, qubits)

    @property
    def target(self) -> Target:
        """Instructions on these qubits."""
        return self._target

    @property
    def coupling_map(self) -> CouplingMap:
        """Which qubits are joined; Aer asks for it even where none are."""
        return self._target.build_coupling_map() or CouplingMap()

    @property
    def max_circuits(self) -> None:
        """No limit."""
        return

    @classmethod
    def _default_options(cls) -> Options:
        return Options()

    def run(self, run_input: object, **options: object) -> object:
        """Not supported: primitives simulate a device by its target."""
        raise NotImplementedError(f"{self.name} has a target to be simulated, and does not run")


def _target_part(whole: Target, qubits: Sequence[int]) -> Target:
    place = {old: new for new, old in enumerate(qubits)}
    part = Target(
        num_qubits=len(qubits),
        dt=whole.dt,
        granularity=whole.granularity,
        min_length=whole.min_length,
        pulse_alignment=whole.pulse_alignment,
        acquire_alignment=whole.acquire_alignment,
        qubit_properties=whole.qubit_properties and [whole.qubit_properties[old] for old in qubits],
    )
    for name in whole.operation_names:
        operation = whole.operation_from_name(name)
        if isinstance(operation, type):  # control flow
            continue
        everywhere = whole[name]
        if everywhere is None or None in everywhere:
            part.add_instruction(operation, name=name)
            continue
        here = {
            tuple(place[qubit] for qubit in where): properties
            for where, properties in everywhere.items()
            if place.keys() >= set(where)
        }
        if here:
            part.add_instruction(operation, here, name=name)
    return part

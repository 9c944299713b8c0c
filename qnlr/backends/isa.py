"""Circuits for a device: transpiled once, to the device that a noise model belongs to."""

from __future__ import annotations

from qiskit import QuantumCircuit
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_aer import AerSimulator

from qnlr.errors import InputError
from qnlr.noise import Noise

TRANSPILER_SEED = 0


def require_noise(noise: Noise | None, qubits: int) -> None:
    """Refuse what is no noise, or belongs to a device with too few qubits.

    Args:
        noise: Gate and read-out errors, or None.
        qubits: Qubits of the circuit.

    Raises:
        InputError: If it is not valid.
    """
    if noise is None:
        return
    if not isinstance(noise, Noise):
        raise InputError(
            f"noise = {noise!r} is not valid; it must be a qnlr.noise.Noise: from_rate(ν), "
            "from_device(name), from_file(path), or Noise(model, description)"
        )
    if noise.device is not None and qubits > noise.device.num_qubits:
        raise InputError(
            f"{qubits} qubits do not fit the device {noise.device.name}, which has "
            f"{noise.device.num_qubits}; take fewer qubits or a larger device"
        )


def isa_circuit(circuit: QuantumCircuit, noise: Noise | None) -> QuantumCircuit:
    """Transpile a circuit to the device of a noise model; without a device, to Aer's gates.

    Args:
        circuit: The circuit.
        noise: Gate and read-out errors, or None.

    Returns:
        The ISA circuit.
    """
    device = noise.device if noise else None
    manager = generate_preset_pass_manager(
        optimization_level=0 if device is None else 3,
        backend=AerSimulator() if device is None else device,
        seed_transpiler=TRANSPILER_SEED,
    )
    return manager.run(circuit)

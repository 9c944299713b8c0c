"""The noise of a circuit's layers of two-qubit gates: who needs it, and how it is kept.

Source: van den Berg et al., Nat. Phys. 19, 1116 (2023), the sparse Pauli-Lindblad model; Kim et
al., Nature 618, 500 (2023), its use for amplification.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction, QuantumRegister
from qiskit.providers import BackendV2
from qiskit.quantum_info import PauliLindbladMap

from qnlr.backends.ibm.settings import DeviceSettings
from qnlr.errors import InputError

Maps = Mapping[str, PauliLindbladMap]
Arrays = Mapping[str, np.ndarray]
WANTED = (
    "options.resilience.pec_mitigation = true, or options.resilience.zne_mitigation = true with "
    'options.resilience.zne.amplifier = "pea"'
)


def require_learning(settings: DeviceSettings, options: Any) -> None:
    """Refuse PEA and PEC without learned noise, and learned noise without PEA or PEC.

    Args:
        settings: How circuits are run.
        options: The options of the primitive.

    Raises:
        InputError: If one is there without the other.
    """
    from qnlr.backends.ibm.runtime import needs_layer_noise

    needed = needs_layer_noise(options)
    if needed and settings.is_local:
        raise InputError(
            f"PEA and PEC are not valid on {settings.device}: they need the noise of the circuit's "
            f"layers, which is learned on hardware only; leave out {WANTED}"
        )
    if needed and not settings.learn_layer_noise:
        raise InputError(
            "PEA and PEC need the noise of the circuit's layers; set learn_layer_noise = true in "
            "[backend], so that it is learned before the first phase"
        )
    if settings.learn_layer_noise and not needed:
        raise InputError(
            f"learn_layer_noise = true is of use to PEA and PEC alone; set {WANTED}, or leave it "
            "out"
        )


def to_arrays(maps: Maps) -> dict[str, np.ndarray]:
    """Return noise as plain arrays, to be kept without pickling.

    Args:
        maps: The noise of each layer, by its digest.

    Returns:
        ``digests`` and ``qubits``, shape (number of layers,), and for the n-th layer ``paulis_n``
        and ``rates_n``, shape (number of terms,): labels of its Pauli generators, the last letter
        for its first qubit, and their rates.

    Example:
        >>> noise = PauliLindbladMap.from_list([("IX", 0.01), ("ZZ", 0.02)])
        >>> arrays = to_arrays({"a1": noise})
        >>> arrays["paulis_0"].tolist(), arrays["rates_0"].tolist()
        (['IX', 'ZZ'], [0.01, 0.02])
        >>> from_arrays(arrays) == {"a1": noise}
        True
    """
    arrays = {
        "digests": np.array(list(maps), dtype=str),
        "qubits": np.array([one.num_qubits for one in maps.values()], dtype=np.int64),
    }
    for number, one in enumerate(maps.values()):
        terms = one.to_sparse_list()
        labels = [_label(letters, places, one.num_qubits) for letters, places, _ in terms]
        arrays[f"paulis_{number}"] = np.array(labels, dtype=str)
        arrays[f"rates_{number}"] = np.array([rate for *_, rate in terms], dtype=float)
    return arrays


def _label(letters: str, places: Sequence[int], qubits: int) -> str:
    label = ["I"] * qubits
    for letter, place in zip(letters, places, strict=True):
        label[qubits - 1 - place] = letter
    return "".join(label)


def from_arrays(arrays: Arrays) -> dict[str, PauliLindbladMap]:
    """Return the noise that :func:`to_arrays` made arrays of, by the digests of layers."""
    found = {}
    both = zip(arrays["digests"].tolist(), arrays["qubits"].tolist(), strict=True)
    for number, (digest, qubits) in enumerate(both):
        names = arrays[f"paulis_{number}"].tolist()
        terms = list(zip(names, arrays[f"rates_{number}"].tolist(), strict=True))
        found[digest] = PauliLindbladMap.from_list(terms, num_qubits=qubits)
    return found


def learning_circuit(layer: CircuitInstruction, depth: int, device: BackendV2) -> QuantumCircuit:
    """Return a circuit that takes as long as those by which the noise of a layer is learned.

    Args:
        layer: The layer, a box on qubits of the device.
        depth: How many pairs of the layer follow each other, at least 0.
        device: The device.

    Returns:
        The layer 2 · ``depth`` times, each with what twirls it, on the qubits of the device.
    """
    circuit = QuantumCircuit(QuantumRegister(device.num_qubits, "q"))
    where = [circuit.find_bit(qubit).index for qubit in layer.qubits]
    body = layer.operation.body
    for number in range(2 * depth + 1):
        for qubit in where:  # any rotation, by two pulses and virtual rotations
            circuit.sx(qubit)
            circuit.sx(qubit)
        circuit.barrier(where)
        for step in body.data if number else ():
            places = [where[body.find_bit(qubit).index] for qubit in step.qubits]
            circuit.append(step.operation, places)
        circuit.barrier(where)
    return circuit

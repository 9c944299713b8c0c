"""The average error rate ν of a noise model, and what the negative rate is scaled with."""

from __future__ import annotations

import numpy as np
from qiskit import QuantumCircuit
from qiskit.providers import BackendV2
from qiskit.quantum_info import average_gate_fidelity
from qiskit_aer.noise import NoiseModel

from qnlr.entries import quantum_error
from qnlr.errors import InputError
from qnlr.noise.models import Noise
from qnlr.types import FloatArray, NoiseLevel, depth_in_layers

NOT_GATES = frozenset({"reset", "measure", "id", "delay"})


def noise_rate(noise: NoiseModel | BackendV2 | Noise) -> float:
    """Return the average error rate ν of a noise model or device.

    .. math:: ν = (r_1 + r_2 + r_m) / 3

    with r₁ and r₂ the mean average gate infidelities of the noisy one- and two-qubit gates, and r_m
    the mean probability to read a bit wrongly; a kind without errors counts as 0. A device is taken
    at the errors that its calibration reports.

    Source: the "average hardware noise rate" of the NLR paper, which does not define it.

    Args:
        noise: An Aer noise model, a device, or a :class:`Noise`.

    Returns:
        ν, 0 to 1.

    Example:
        >>> noise_rate(NoiseModel())
        0.0
    """
    if isinstance(noise, Noise):
        noise = noise.model if noise.device is None else noise.device
    rates = _model_rates(noise) if isinstance(noise, NoiseModel) else _device_rates(noise)
    return float(sum(np.mean(kind) for kind in rates if kind) / len(rates))


def _model_rates(model: NoiseModel) -> tuple[list[float], list[float], list[float]]:
    one_qubit: list[float] = []
    two_qubit: list[float] = []
    readout: list[float] = []
    for entry in model.to_dict()["errors"]:
        if entry["type"] == "roerror":
            readout += _bit_errors(np.asarray(entry["probabilities"], dtype=float))
        elif gates := len(set(entry["operations"]) - NOT_GATES):
            error = quantum_error(entry)
            infidelity = 1.0 - average_gate_fidelity(error.to_quantumchannel())
            kind = one_qubit if error.num_qubits == 1 else two_qubit
            kind += [infidelity] * gates
    return one_qubit, two_qubit, readout


def _bit_errors(confusion: FloatArray) -> list[float]:
    """Return the mean probability to read each bit wrongly."""
    states = np.arange(len(confusion))
    flipped = states[:, None] ^ states[None, :]
    bits = range(len(confusion).bit_length() - 1)
    return [float((confusion * (flipped >> bit & 1)).sum() / len(confusion)) for bit in bits]


def _device_rates(device: BackendV2) -> tuple[list[float], list[float], list[float]]:
    one_qubit: list[float] = []
    two_qubit: list[float] = []
    readout: list[float] = []
    target = device.target
    for name in target.operation_names:
        for qubits, properties in (target[name] or {}).items():
            error = getattr(properties, "error", None)
            if qubits is None or error is None or not 0 < error < 1:  # 1: out of service
                continue
            if name == "measure":
                readout.append(error)
            elif name not in NOT_GATES:
                (one_qubit if len(qubits) == 1 else two_qubit).append(error)
    return one_qubit, two_qubit, readout


def noise_level(noise: NoiseModel | BackendV2 | Noise, circuit: QuantumCircuit) -> NoiseLevel:
    """Return ν and L, which scale the negative rate: η'_eff = η'/(1 + νL).

    Args:
        noise: An Aer noise model, a device, or a :class:`Noise`.
        circuit: The ansatz; L is ``layers`` of its metadata, or else the depth of its gates on two
            or more qubits.

    Returns:
        Both, for ``NLR(noise_level=...)``.

    Example:
        >>> from qnlr.noise import from_rate
        >>> ansatz = QuantumCircuit(2, metadata={"layers": 5})
        >>> noise_level(from_rate(0.02), ansatz).layers
        5
    """
    return NoiseLevel(noise_rate(noise), depth_in_layers(circuit))


def readout_confusion(model: NoiseModel, qubit: int) -> FloatArray:
    """Return the read-out confusion matrix of a qubit.

    Args:
        model: Aer's noise model.
        qubit: The qubit, as the model numbers it.

    Returns:
        P(read j | prepared i) at [i, j], shape (2, 2); the identity where there is no error.

    Raises:
        InputError: If a read-out error acts on several qubits at once.

    Example:
        >>> from qnlr.noise import from_rate
        >>> readout_confusion(from_rate(0.0, readout=0.1).model, qubit=3)
        array([[0.9, 0.1],
               [0.1, 0.9]])
    """
    found = np.eye(2)
    for entry in model.to_dict()["errors"]:
        if entry["type"] != "roerror":
            continue
        matrix = np.asarray(entry["probabilities"], dtype=float)
        if matrix.shape != (2, 2):
            raise InputError("a read-out error on several qubits at once is not supported here")
        where = entry.get("gate_qubits")
        if where is None:
            found = matrix
        elif any(tuple(qubits) == (qubit,) for qubits in where):
            return matrix
    return found

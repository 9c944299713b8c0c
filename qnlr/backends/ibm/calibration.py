"""What a device reported of itself when a circuit was run."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import numpy as np
from qiskit.providers import BackendV2
from qiskit.transpiler import Target

from qnlr.backends.ibm.circuit import IsaCircuit
from qnlr.noise import noise_rate
from qnlr.noise.rate import NOT_GATES


def snapshot(device: BackendV2, isa: IsaCircuit) -> dict[str, Any]:
    """Write down the calibration of a device, as far as it matters to a circuit.

    What the device does not report is left out, as are errors of 0 (virtual gates) and of 1 or
    more (out of service) from the means.

    Args:
        device: The device.
        isa: The circuit.

    Returns:
        Plain data for JSON: ``device``; ``calibrated``, when, or None; ``noise_rate`` ν, over the
        whole device; ``qubits``, by number, with ``t1`` and ``t2`` in seconds and
        ``readout_error``; ``gates``, the error of each gate in use, by name and qubits; and the
        means ``used`` and ``whole_device`` of those kinds of values.

    Example:
        >>> from qnlr.backends.ibm.circuit import compile_circuit
        >>> from qnlr.backends.ibm.devices import local_device
        >>> from qnlr.circuits import hardware_efficient
        >>> device = local_device("fake_nairobi")
        >>> found = snapshot(device, compile_circuit(hardware_efficient(2, 1), device, [1]))
        >>> found["device"], round(found["noise_rate"], 4), len(found["qubits"])
        ('fake_nairobi', 0.0119, 2)
    """
    target = device.target
    reported = list(_reported(target))
    used = _used(isa)
    used_qubits = {qubit for _, where in used for qubit in where}.union(isa.qubits)
    kept = [
        (name, where, error)
        for name, where, error in reported
        if (name, where) in used or (name == "measure" and used_qubits.issuperset(where))
    ]
    qubits = {qubit: _coherence(target, qubit) for qubit in sorted(used_qubits)}
    for name, where, error in kept:
        if name == "measure":
            qubits[where[0]]["readout_error"] = error
    gates: dict[str, dict[str, float]] = {}
    for name, where, error in sorted(kept):
        if name != "measure":
            gates.setdefault(name, {})["-".join(map(str, where))] = error
    return {
        "device": device.name,
        "calibrated": _calibrated(device),
        "noise_rate": noise_rate(device),
        "qubits": {str(qubit): values for qubit, values in qubits.items() if values},
        "gates": gates,
        "used": _means(kept, list(qubits.values())),
        "whole_device": _means(
            reported, [_coherence(target, qubit) for qubit in range(target.num_qubits or 0)]
        ),
    }


def digest(calibration: dict[str, Any]) -> str:
    """Name a snapshot by its content.

    Args:
        calibration: The snapshot.

    Returns:
        SHA-256 of its canonical JSON.

    Example:
        >>> digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
        True
    """
    text = json.dumps(calibration, sort_keys=True, allow_nan=False, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _reported(target: Target) -> Iterator[tuple[str, tuple[int, ...], float]]:
    """Yield name, qubits and error of every instruction whose error is known."""
    for name in target.operation_names:
        for where, properties in (target[name] or {}).items():
            error = getattr(properties, "error", None)
            if where is not None and error is not None and math.isfinite(error):
                yield name, tuple(where), float(error)


def _used(isa: IsaCircuit) -> set[tuple[str, tuple[int, ...]]]:
    index = isa.circuit.find_bit
    return {
        (step.operation.name, tuple(index(qubit).index for qubit in step.qubits))
        for step in isa.circuit.data
        if step.operation.name not in ("barrier", "delay")
    }


def _coherence(target: Target, qubit: int) -> dict[str, float]:
    properties = (target.qubit_properties or {}) and target.qubit_properties[qubit]
    found = {name: getattr(properties, name, None) for name in ("t1", "t2")}
    return {
        name: float(value)
        for name, value in found.items()
        if value is not None and math.isfinite(value)
    }


def _means(
    errors: list[tuple[str, tuple[int, ...], float]], qubits: list[dict[str, float]]
) -> dict[str, float]:
    kinds: dict[str, list[float]] = {}
    for name, where, error in errors:
        if 0 < error < 1:
            gate = "one_qubit_error" if len(where) == 1 else "two_qubit_error"
            kind = "readout_error" if name == "measure" else gate
            if name == "measure" or name not in NOT_GATES:
                kinds.setdefault(kind, []).append(error)
    for values in qubits:
        for name in ("t1", "t2"):
            if name in values:
                kinds.setdefault(name, []).append(values[name])
    return {kind: float(np.mean(values)) for kind, values in sorted(kinds.items())}


def _calibrated(device: BackendV2) -> str | None:
    properties = getattr(device, "properties", None)
    found = properties() if callable(properties) else properties
    date = getattr(found, "last_update_date", None)
    return date.isoformat() if isinstance(date, datetime) else date

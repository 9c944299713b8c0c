"""Aer noise models: from an average rate, from a fake IBM device, from a file."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qiskit.providers import BackendV2
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error

from qnlr.entries import quantum_error
from qnlr.errors import InputError, require_within, unknown_name

ONE_QUBIT_GATES = ("rx", "ry", "rz", "h", "x", "y", "z", "s", "sdg", "t", "sx", "sxdg", "p", "u")
TWO_QUBIT_GATES = ("cx", "cy", "cz", "ecr", "swap", "rxx", "ryy", "rzz", "rzx", "cp")


@dataclass(frozen=True)
class Noise:
    """A noise model, and the device it belongs to, if any.

    Args:
        model: Aer's noise model.
        description: One sentence on where it came from.
        device: The (fake) device whose qubits the model speaks of; circuits are transpiled to it.
    """

    model: NoiseModel
    description: str
    device: BackendV2 | None = None


def from_rate(
    rate: float,
    one_qubit: float | None = None,
    two_qubit: float | None = None,
    readout: float | None = None,
) -> Noise:
    """Build a depolarizing and read-out noise model with average error rate ν.

    By default one-qubit gates are ten times better than two-qubit gates and read-out, as on
    current devices, at a mean of the three of ν: the rates are ν/7, 10ν/7 and 10ν/7. The rate of a
    gate is its average gate infidelity, r = λ(2^n − 1)/2^n for a depolarizing channel
    ρ → (1 − λ)ρ + λI/2^n.

    Args:
        rate: ν, 0 to 1 (the default proportions need ν ≤ 0.35, where read-out is a coin toss).
        one_qubit: Rate of one-qubit gates, instead of ν/7.
        two_qubit: Rate of two-qubit gates, instead of 10ν/7.
        readout: Probability to read a bit wrongly, instead of 10ν/7.

    Returns:
        The noise, on every gate and qubit alike.

    Raises:
        InputError: If ν lies outside [0, 1], or a rate above what its channel can have (½ for one
            qubit and read-out, ¾ for two qubits).

    Example:
        >>> from qnlr.noise import noise_rate
        >>> round(noise_rate(from_rate(0.007).model), 6)
        0.007
    """
    require_within("noise rate ν", rate, 0.0, 1.0)
    if rate > 0.35 and readout is None:
        raise InputError(
            f"rate = {rate!r} is not valid by itself: above 0.35 it would read bits wrongly more "
            "often than not; choose a rate of at most 0.35, or give one_qubit, two_qubit and "
            "readout apart"
        )
    r1 = require_within("one_qubit", rate / 7 if one_qubit is None else one_qubit, 0.0, 0.5)
    r2 = require_within("two_qubit", 10 * rate / 7 if two_qubit is None else two_qubit, 0.0, 0.75)
    ro = require_within("readout", 10 * rate / 7 if readout is None else readout, 0.0, 0.5)
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(2 * r1, 1), list(ONE_QUBIT_GATES))
    model.add_all_qubit_quantum_error(depolarizing_error(4 * r2 / 3, 2), list(TWO_QUBIT_GATES))
    model.add_all_qubit_readout_error(ReadoutError([[1 - ro, ro], [ro, 1 - ro]]))
    return Noise(
        model,
        f"depolarizing noise, error rates {r1:.2g} on one-qubit gates, {r2:.2g} on two-qubit gates,"
        f" {ro:.2g} on read-out",
    )


def from_device(device: str) -> Noise:
    """Take the noise model of a fake IBM device: thermal relaxation, depolarizing, read-out.

    Args:
        device: Name such as ``"fake_manila"`` (or its class, ``"FakeManilaV2"``).

    Returns:
        The noise, with the device.

    Raises:
        InputError: If there is no such fake device.

    Example:
        >>> from_device("fake_manila").device.num_qubits
        5
    """
    classes = fake_devices()
    name = _snake(str(device))
    if name not in classes:
        raise unknown_name("fake device", str(device), classes)
    fake = classes[name]()
    return Noise(NoiseModel.from_backend(fake), f"noise model of {name}", fake)


def fake_devices() -> dict[str, Callable[[], BackendV2]]:
    """Return what makes each of the fake IBM devices, by the device's name.

    Returns:
        Their classes, ``"fake_manila"`` and so on.

    Example:
        >>> fake_devices()["fake_manila"]().num_qubits
        5
    """
    from qiskit_ibm_runtime import fake_provider

    return {
        _snake(name): kind
        for name, kind in inspect.getmembers(fake_provider, inspect.isclass)
        if name.startswith("Fake") and issubclass(kind, BackendV2)
    }


def from_file(path: str | Path) -> Noise:
    """Read a noise model from a JSON file that :func:`save` wrote.

    The format is ``NoiseModel.to_dict(serializable=True)``, so a file written without qnlr is read
    as well. Nothing is unpickled.

    Args:
        path: The file.

    Returns:
        The noise.

    Raises:
        InputError: If the file cannot be read or holds no noise model.
    """
    file = Path(path)
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"), parse_constant=_no_constant)
        model = _from_entries(content["errors"])
    except OSError as error:
        raise InputError(f"noise model {file} cannot be read: {error.strerror}") from error
    except Exception as error:
        raise InputError(
            f"{file} holds no noise model ({type(error).__name__}: {error}); expected JSON of "
            "NoiseModel.to_dict(serializable=True), as qnlr.noise.save writes it"
        ) from error
    return Noise(model, f"noise model from {file.name}")


def save(model: NoiseModel, path: str | Path) -> None:
    """Write a noise model as JSON, for :func:`from_file`.

    Args:
        model: The noise model.
        path: The file.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save(from_rate(0.01).model, Path(folder) / "noise.json")
        ...     from_file(Path(folder) / "noise.json").model == from_rate(0.01).model
        True
    """
    Path(path).write_text(json.dumps(model.to_dict(serializable=True)))


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a probability")


def _from_entries(entries: list[dict[str, Any]]) -> NoiseModel:
    if not isinstance(entries, list):
        raise TypeError("errors are not a list")
    model = NoiseModel()
    for entry in entries:
        where = entry.get("gate_qubits")
        if entry["type"] == "roerror":
            error = ReadoutError(entry["probabilities"])
            if where is None:
                model.add_all_qubit_readout_error(error)
            for qubits in where or ():
                model.add_readout_error(error, qubits)
        else:
            channel = quantum_error(entry)
            if where is None:
                model.add_all_qubit_quantum_error(channel, entry["operations"])
            for qubits in where or ():
                model.add_quantum_error(channel, entry["operations"], qubits)
    return model


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.removesuffix("V2")).lower()


NOISE_MODELS: dict[str, Callable[..., Noise]] = {
    "rate": from_rate,
    "device": from_device,
    "file": from_file,
}

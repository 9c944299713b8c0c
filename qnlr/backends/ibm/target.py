"""What a run is bound to: a device, one ISA circuit, and the calibration it was chosen at."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from qiskit.providers import BackendV2

from qnlr.backends.ibm.calibration import digest, snapshot
from qnlr.backends.ibm.circuit import IsaCircuit, compile_circuit, load_qpy, save_qpy
from qnlr.backends.ibm.devices import counterpart, local_device
from qnlr.backends.ibm.settings import DeviceSettings
from qnlr.circuits import VariationalCircuit
from qnlr.errors import InputError
from qnlr.files import replacing

CIRCUIT, DEVICE, CALIBRATIONS = "circuit.qpy", "device.json", "calibrations"


@dataclass(frozen=True)
class Target:
    """A device with the ISA circuit of a run.

    Args:
        device: The device, as Qiskit knows it.
        name: Its name; that of the real one where a fake one stands in for it offline.
        isa: The ISA circuit.
        calibration: What was known of the device when the circuit was chosen.
        service: The service that has the device, or None.
        offline: Whether the device stands in for a real one, and nothing can be run.
    """

    device: BackendV2
    name: str
    isa: IsaCircuit
    calibration: Mapping[str, Any]
    service: Any = None
    offline: bool = False

    @property
    def noise_rate(self) -> float:
        """Average error rate ν of the device, at that calibration."""
        return float(self.calibration["noise_rate"])


def observed_qubits(model: VariationalCircuit) -> tuple[int, ...]:
    """Return the qubits that the observable of a model acts on."""
    paulis = model.observable.simplify().paulis
    return tuple(np.flatnonzero((paulis.x | paulis.z).any(axis=0)).tolist())


def offline_target(model: VariationalCircuit, settings: DeviceSettings) -> Target:
    """Return a target for estimates, without any network.

    Args:
        model: The circuit, its parameters and its observable.
        settings: Names the device; for a real one the fake device of its name stands in.

    Raises:
        InputError: If there is no fake device of that name, or the device has too few qubits.
    """
    if settings.is_local:
        return local_target(model, settings)
    device = counterpart(settings.device)
    if device is None:
        raise InputError(
            f'device = "{settings.device}" is not known without a network; give a real device that '
            'has a fake one, such as --device ibm_fez, or a fake one, such as "fake_fez"'
        )
    return _target(model, settings, device, settings.device, offline=True)


def local_target(model: VariationalCircuit, settings: DeviceSettings) -> Target:
    """Return a target on a device that is simulated on this machine."""
    return _target(model, settings, local_device(settings.device), settings.device)


def remote_target(
    model: VariationalCircuit, settings: DeviceSettings, service: Any, device: BackendV2
) -> Target:
    """Return a target on a device of the service."""
    return _target(model, settings, device, device.name, service=service)


def _target(
    model: VariationalCircuit,
    settings: DeviceSettings,
    device: BackendV2,
    name: str,
    *,
    service: Any = None,
    offline: bool = False,
) -> Target:
    require_room(model, device, name)
    isa = compile_circuit(model.circuit, device, observed_qubits(model), settings.transpiler_seeds)
    return Target(device, name, isa, snapshot(device, isa), service, offline)


def require_room(model: VariationalCircuit, device: BackendV2, name: str) -> None:
    """Refuse a device with fewer qubits than the circuit.

    Raises:
        InputError: If it has too few.
    """
    qubits = model.circuit.num_qubits
    if qubits > device.num_qubits:
        raise InputError(
            f"{qubits} qubits do not fit the device {name}, which has {device.num_qubits}; take "
            "fewer qubits or a larger device"
        )


@dataclass(frozen=True)
class Kept:
    """What the folder of a run says of its device.

    Args:
        name: The device.
        isa: The ISA circuit.
        calibration: What was known of the device when the circuit was chosen.
    """

    name: str
    isa: IsaCircuit
    calibration: Mapping[str, Any]


def kept_target(folder: Path) -> Kept | None:
    """Return what the folder of a run says of its device, or None if it says nothing.

    Raises:
        InputError: If what it says is damaged.
    """
    file = folder / DEVICE
    if not file.is_file():
        return None
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
        name, calibration = said["device"], said["calibration"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{file} is damaged ({error}); restore it") from error
    return Kept(name, load_qpy(folder / CIRCUIT), calibration)


def keep_calibration(folder: Path, calibration: Mapping[str, Any]) -> str:
    """Keep what a device reported when jobs were submitted, once for every calibration.

    Args:
        folder: Folder of the run.
        calibration: What it reported.

    Returns:
        The name that journals call it by, that of its file.
    """
    name = digest(dict(calibration))[:16]
    file = folder / CALIBRATIONS / f"{name}.json"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file) as beside:
            text = json.dumps(calibration, indent=2, allow_nan=False)
            beside.write_text(text + "\n", encoding="utf-8")
    return name


def keep_target(folder: Path, target: Target, about: Mapping[str, Any]) -> None:
    """Write device, ISA circuit and calibration of a run into its folder.

    Args:
        folder: Folder of the run.
        target: What it is bound to.
        about: What else is known, such as the resolved options.
    """
    folder.mkdir(parents=True, exist_ok=True)
    save_qpy(target.isa, folder / CIRCUIT)
    content = {
        "device": target.name,
        "circuit": target.isa.digest,
        "layout": list(target.isa.qubits),
        "transpiler_seed": target.isa.seed,
        "expected_error": target.isa.expected_error,
        "calibration": dict(target.calibration),
        **about,
    }
    with replacing(folder / DEVICE) as beside:
        beside.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")

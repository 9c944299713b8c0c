"""Devices that are simulated on this machine."""

from __future__ import annotations

from qiskit.providers import BackendV2
from qiskit_aer import AerSimulator

from qnlr.errors import unknown_name
from qnlr.noise import fake_devices


def local_device(name: str) -> BackendV2:
    """Return a device that runs on this machine.

    Args:
        name: A fake device, such as ``"fake_fez"``, which has the noise of its calibration at some
            past day; or ``"aer_simulator"``, which has none.

    Returns:
        The device.

    Raises:
        InputError: If there is no such device.

    Example:
        >>> local_device("fake_nairobi").num_qubits
        7
    """
    devices = {**fake_devices(), "aer_simulator": AerSimulator}
    if name not in devices:
        raise unknown_name("local device", name, devices)
    return devices[name]()


def counterpart(name: str) -> BackendV2 | None:
    """Return the fake device that stands for a device of the service.

    Args:
        name: Such as ``"ibm_fez"``.

    Returns:
        The fake device, or None if there is none.

    Example:
        >>> counterpart("ibm_nairobi").name, counterpart("ibm_atlantis")
        ('fake_nairobi', None)
    """
    prefix, _, model = name.partition("_")
    make = fake_devices().get(f"fake_{model}") if prefix == "ibm" else None
    return None if make is None else make()

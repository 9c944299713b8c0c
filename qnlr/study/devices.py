"""Backends on devices, as runs need them: one connection for all, one circuit for each run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from qnlr.backends.ibm import DeviceSettings, IBMBackend
from qnlr.backends.ibm.devices import counterpart
from qnlr.backends.ibm.errors import AccountProblem
from qnlr.backends.ibm.target import (
    Kept,
    Target,
    kept_target,
    local_target,
    offline_target,
    remote_target,
)
from qnlr.circuits import VariationalCircuit
from qnlr.study.schema import RunSpec

LEAST_BUSY = "least_busy"


class Devices:
    """Builds backends on devices, and keeps the connection that they share.

    Args:
        offline: Whether fake devices stand in for real ones, for estimates without a network.
        submitting: Whether jobs are to be submitted, and not only collected: a device must take
            them then.
    """

    def __init__(self, offline: bool = False, submitting: bool = True) -> None:
        self.offline = offline
        self._submitting = submitting
        self._services: dict[tuple[str | None, str | None], Any] = {}
        self._devices: dict[tuple[str | None, str | None, str], Any] = {}

    def backend(
        self, model: VariationalCircuit, settings: DeviceSettings, folder: Path | None = None
    ) -> IBMBackend:
        """Build a backend on a device.

        Args:
            model: The circuit, its parameters and its observable.
            settings: How circuits are run.
            folder: Folder of the run. If it was begun, its device and circuit are those of then.

        Returns:
            The backend, not yet bound to the folder.

        Raises:
            InputError: If a setting is not valid, there is no such device, or no account for it.
            Unreachable: If the service does not answer.
        """
        kept = None if folder is None else kept_target(folder)
        if settings.is_local or self.offline:
            make = local_target if settings.is_local else offline_target
            return IBMBackend(model, settings, _as_kept(make(model, settings), kept))
        service, device = self._remote(model, settings, kept)
        if kept is None:
            return IBMBackend(model, settings, remote_target(model, settings, service, device))
        name = kept.name if device.name.startswith("fake_") else device.name  # it is retired
        target = Target(device, name, kept.isa, kept.calibration, service)
        return IBMBackend(model, settings, target)

    def service(self, settings: DeviceSettings) -> Any:
        """Return the connection to the service that an account has."""
        from qnlr.backends.ibm.service import connect

        key = (settings.account, settings.instance)
        if key not in self._services:
            self._services[key] = connect(settings)
        return self._services[key]

    def _remote(
        self, model: VariationalCircuit, settings: DeviceSettings, kept: Kept | None
    ) -> tuple[Any, Any]:
        from qnlr.backends.ibm.service import find_device

        service = self.service(settings)
        if kept is not None and settings.device == LEAST_BUSY:
            settings = replace(settings, device=kept.name)
        key = (settings.account, settings.instance, settings.device)
        if key not in self._devices:  # the least busy one is chosen once for all runs
            qubits = model.circuit.num_qubits
            try:
                found = find_device(service, settings, qubits, submitting=self._submitting)
            except AccountProblem:
                retired = None if kept is None else counterpart(kept.name)
                if self._submitting or retired is None:
                    raise
                found = retired  # whose jobs can be collected all the same
            self._devices[key] = found
        return service, self._devices[key]


def _as_kept(target: Target, kept: Kept | None) -> Target:
    if kept is None or kept.name != target.name:
        return target
    return replace(target, isa=kept.isa, calibration=kept.calibration)


def device_settings(spec: RunSpec) -> DeviceSettings | None:
    """Return the settings of the device that a run is trained or evaluated on, or None."""
    tables = [spec.backend] if spec.evaluation is None else [spec.backend, spec.evaluation.backend]
    for part in tables:
        built = part.build() if part.name == "ibm" else None
        if isinstance(built, DeviceSettings):
            return built
    return None


def is_paid(spec: RunSpec) -> bool:
    """Return whether a run is submitted to a device that somebody pays for."""
    settings = device_settings(spec)
    return settings is not None and not settings.is_local

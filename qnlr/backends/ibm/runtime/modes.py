"""Sessions, batches and devices of the service."""

from __future__ import annotations

from qiskit.providers import BackendV2
from qiskit_ibm_runtime import Batch, IBMBackend, Session

from qnlr.backends.ibm.runtime.trouble import translated


def instance_of(device: BackendV2) -> str | None:
    """Return the instance that a device is used through, which is nothing to be shown."""
    found = getattr(device, "_instance", None)
    return None if found is None else str(found)


def open_mode(kind: str, device: IBMBackend) -> Session:
    """Open a session or a batch.

    Args:
        kind: ``"session"`` or ``"batch"``.
        device: The device.

    Raises:
        Refused: If the plan has none, or its time is used up.
        Unreachable: If the service does not answer.
    """
    with translated():
        return (Session if kind == "session" else Batch)(device)


def reopened_mode(kind: str, mode_id: str, device: IBMBackend) -> Session | None:
    """Return a session or batch of a device that was opened before, or None if it is closed."""
    with translated():
        found = (Session if kind == "session" else Batch).from_id(mode_id, device.service)
        details = found.details() or {}
    same = details.get("backend_name") == device.name
    return found if same and details.get("accepting_jobs") else None


def active_seconds(session: Session) -> float | None:
    """Return how long a session has been active, which is what it is billed for; None if unknown.

    Raises:
        Unreachable: If the service does not answer.
    """
    with translated():
        found = session.usage()
    return None if found is None else float(found)


def close_mode(mode: Session) -> None:
    """Let a session or batch take no more jobs; what is queued in it still runs."""
    with translated():
        mode.close()


def refresh(device: IBMBackend) -> None:
    """Ask a device for its newest calibration.

    Raises:
        Unreachable: If the service does not answer.
    """
    with translated():
        before = device.properties().last_update_date
        if device.properties(refresh=True).last_update_date != before:
            device.refresh()

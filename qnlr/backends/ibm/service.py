"""The account on the service, and its devices; imports qiskit-ibm-runtime, so it takes seconds."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterable

from qiskit.providers.exceptions import QiskitBackendNotFoundError
from qiskit_ibm_runtime import IBMBackend, QiskitRuntimeService
from qiskit_ibm_runtime.accounts import AccountManager, AccountNotFoundError, InvalidAccountError
from qiskit_ibm_runtime.exceptions import IBMInputValueError

from qnlr.backends.ibm.accounts import (
    CHANNEL,
    HOW_TO_SAVE,
    SHOWN,
    SITE,
    account_file,
    saved_accounts,
)
from qnlr.backends.ibm.accounts import account_warning as account_warning
from qnlr.backends.ibm.errors import AccountProblem, Unreachable
from qnlr.backends.ibm.network import asked, network_problem
from qnlr.backends.ibm.secrets import install_log_filter
from qnlr.backends.ibm.settings import DeviceSettings
from qnlr.errors import InputError, QnlrError, unknown_name


def connect(settings: DeviceSettings) -> QiskitRuntimeService:
    """Connect to the service with the account of the environment, or a saved one.

    From then on the client logs errors only, unless ``QISKIT_IBM_RUNTIME_LOG_LEVEL`` says
    otherwise: its warnings name instances that nobody asked for.

    Args:
        settings: Names the account and the instance, if it is not the default ones.

    Returns:
        The service, which has answered.

    Raises:
        AccountProblem: If there is no account or instance of that name, or the key is refused.
        Unreachable: If the service does not answer.
        Refused: If it answers that it will not.
    """
    install_log_filter()
    _quieten()
    _require_account(settings)
    problem: QnlrError | None = None
    try:
        service = QiskitRuntimeService(
            filename=str(account_file()), instance=settings.instance, **_selection(settings)
        )
    except Exception as error:  # of many kinds, whose texts and arguments may hold secrets
        problem = _problem(error, settings)
    if problem is not None:
        raise problem
    # The client takes an instance that refuses it for one without devices.
    asked(service.usage)
    return service


def find_device(
    service: QiskitRuntimeService,
    settings: DeviceSettings,
    qubits: int,
    *,
    submitting: bool = True,
) -> IBMBackend:
    """Return the device that is asked for, and make its instance the one that is spoken to.

    Args:
        service: The service.
        settings: Names the device, or says ``"least_busy"``.
        qubits: Qubits that the circuit needs, at least 1.
        submitting: Whether jobs are to be submitted, so that it must be taking some; not so if
            jobs that it has already run are to be collected.

    Returns:
        The device.

    Raises:
        AccountProblem: If the account has no such device, it was retired, or takes no jobs.
        InputError: If it has too few qubits.
        Unreachable: If the service does not answer.
    """
    device = (
        _least_busy(service, qubits)
        if settings.device == "least_busy"
        else _named(service, settings.device)
    )
    if device.num_qubits < qubits:
        enough = [one.name for one in _devices(service) if one.num_qubits >= qubits]
        raise InputError(
            f'device = "{device.name}" has {device.num_qubits} qubits, and the circuit needs '
            f"{qubits}; "
            + (f"set device to {_listed(enough)}" if enough else "no device has as many: use fewer")
        )
    if submitting and (state := _closed(device)):
        others = [one.name for one in _devices(service) if one.name != device.name]
        raise AccountProblem(
            f'device = "{device.name}" takes no jobs now (its state: {state}); wait until it does'
            + (f", or set device to {_listed(others)} or least_busy" if others else "")
        )
    return device


def plan(service: QiskitRuntimeService) -> str | None:
    """Return the plan of the instance that is spoken to.

    Without an instance in the account, that is the one of the device found last.

    Args:
        service: The service.

    Returns:
        ``"open"``, ``"flex"``, ``"premium"``, ``"pay-as-you-go"`` and so on, or None if the
        service does not tell.

    Raises:
        Unreachable: If the service does not answer.
    """
    instances = asked(service.instances)
    here = service.active_instance()
    found = next((one.get("plan") for one in instances if one["crn"] == here), None)
    return None if found in (None, "", "unknown") else str(found)


def remaining_seconds(service: QiskitRuntimeService) -> float | None:
    """Return the QPU seconds that are left to the instance that is spoken to.

    Args:
        service: The service.

    Returns:
        0 if a limit has been reached; None if there is none, or the service does not tell.

    Raises:
        Unreachable: If the service does not answer.
    """
    usage = asked(service.usage)
    if usage.get("usage_limit_reached"):
        return 0.0
    left = usage.get("usage_remaining_seconds")
    return None if left is None else float(left)


def pending_jobs(device: IBMBackend) -> int:
    """Return how many jobs wait for a device.

    Args:
        device: The device.

    Raises:
        Unreachable: If the service does not answer.
    """
    return int(asked(device.status).pending_jobs)


def _quieten() -> None:
    client = logging.getLogger("qiskit_ibm_runtime")
    if client.level == logging.NOTSET:
        client.setLevel(logging.ERROR)


def _selection(settings: DeviceSettings) -> dict[str, str]:
    """Return what selects the account; the client takes either a name or a channel."""
    return {"channel": CHANNEL} if settings.account is None else {"name": settings.account}


def _from_environment(settings: DeviceSettings) -> bool:
    return settings.account is None and bool(os.environ.get("QISKIT_IBM_TOKEN"))


def _require_account(settings: DeviceSettings) -> None:
    """Refuse what the client would not say clearly, or would repeat secrets of."""
    if _from_environment(settings):
        return
    saved = saved_accounts()
    if not saved:
        named = f' for account = "{settings.account}"' if settings.account is not None else ""
        raise AccountProblem(f"there is no IBM Quantum account{named}; {HOW_TO_SAVE}")
    if settings.account is None:
        return
    if settings.account not in saved:
        raise AccountProblem(str(unknown_name("account", settings.account, saved)))
    account = saved[settings.account]
    if not account.get("token") or account.get("channel") not in (CHANNEL, "ibm_cloud"):
        raise AccountProblem(
            f'saved account "{settings.account}" is not valid: it needs a token, and channel '
            f'"{CHANNEL}"; {HOW_TO_SAVE}'
        )


def _problem(error: Exception, settings: DeviceSettings) -> QnlrError:
    """Say in a sentence why there is no connection, without the words of the client."""
    if isinstance(error, AccountNotFoundError):
        return AccountProblem(
            f'no saved account is of channel "{CHANNEL}"; set account to one of those saved '
            f"({', '.join(sorted(saved_accounts()))}), or {HOW_TO_SAVE}"
        )
    if isinstance(error, IBMInputValueError):
        return _unknown_instance(settings)
    if (found := network_problem(error)) is not None:
        return found
    if isinstance(error, InvalidAccountError) and error.__cause__ is not None:
        return Unreachable(
            "the IBM Quantum service does not answer as expected; see that no log-in page answers "
            "in its place, and try again"
        )
    whose = "QISKIT_IBM_TOKEN" if _from_environment(settings) else f"the account in {SHOWN}"
    return AccountProblem(
        f"{whose} cannot be used ({type(error).__name__}): its token, channel, url, proxies, "
        f"region, plans or tags are not as qiskit-ibm-runtime takes them; {HOW_TO_SAVE}"
    )


def _unknown_instance(settings: DeviceSettings) -> AccountProblem:
    names = sorted({f'"{name}"' for name in _instance_names(settings)})
    has = (
        f"the account has {', '.join(names)}"
        if names
        else f"the account has none: create one at {SITE}/instances"
    )
    if settings.instance is not None:
        return AccountProblem(f'instance = "{settings.instance}" is not known; {has}')
    if _from_environment(settings):
        return AccountProblem(
            "QISKIT_IBM_INSTANCE is not an instance that the API key in QISKIT_IBM_TOKEN may use; "
            f"{has}"
            if os.environ.get("QISKIT_IBM_INSTANCE")
            else f"no instance goes with the API key in QISKIT_IBM_TOKEN; {has}"
        )
    which = f'"{settings.account}"' if settings.account is not None else f"in {SHOWN}"
    return AccountProblem(
        f"the instance, region, plans or tags of the saved account {which} fit no instance that "
        f"its API key may use; {has}; set instance, or save the account again"
    )


def _instance_names(settings: DeviceSettings) -> list[str]:
    with contextlib.suppress(Exception):
        account = AccountManager.get(filename=str(account_file()), **_selection(settings))
        return [str(one["name"]) for one in account.list_instances()]
    return []


def _named(service: QiskitRuntimeService, name: str) -> IBMBackend:
    # Stand-ins for dry runs would take jobs, and answer them with random numbers.
    if not name.startswith("mock_"):
        with contextlib.suppress(QiskitBackendNotFoundError):
            return asked(lambda: service.backend(name))
    names = [device.name for device in _devices(service)]
    problem = unknown_name("device", name, [*names, "least_busy"])
    raise AccountProblem(f"{problem}; a device that was retired is no longer offered")


def _least_busy(service: QiskitRuntimeService, qubits: int) -> IBMBackend:
    with contextlib.suppress(QiskitBackendNotFoundError):
        return asked(lambda: service.least_busy(min_num_qubits=qubits))
    devices = _devices(service)
    large = [device.name for device in devices if device.num_qubits >= qubits]
    if large:
        raise AccountProblem(
            f'device = "least_busy" finds none that takes jobs now: {_listed(large)} '
            f"{'is' if len(large) == 1 else 'are'} paused; try again later"
        )
    sizes = ", ".join(f"{device.name} has {device.num_qubits}" for device in devices)
    raise InputError(
        f'device = "least_busy" finds none with {qubits} qubits, which the circuit needs; use '
        f"fewer: {sizes}"
    )


def _devices(service: QiskitRuntimeService) -> list[IBMBackend]:
    """Return all devices of the account; there are some."""
    if devices := asked(service.backends):
        return sorted(devices, key=lambda device: str(device.name))
    # The client takes every failure for an empty list: see whether it was one.
    asked(service.usage)
    raise AccountProblem(
        f"the service offers this account no device; see at {SITE}/instances which devices its "
        "instance may use"
    )


def _closed(device: IBMBackend) -> str | None:
    """Return the state of a device that takes no jobs, or runs none of those it takes."""
    status = asked(device.status)
    if status.operational and status.status_msg == "active":
        return None
    return str(status.status_msg or "not operational")


def _listed(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} or {last}" if most else last

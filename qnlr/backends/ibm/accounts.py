"""The file that qiskit-ibm-runtime keeps accounts in, read without that package."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qnlr.backends.ibm.errors import AccountProblem

SHOWN = "~/.qiskit/qiskit-ibm.json"
CHANNEL = "ibm_quantum_platform"
SITE = "https://quantum.cloud.ibm.com"
HOW_TO_SAVE = (
    f"set QISKIT_IBM_TOKEN to an API key and QISKIT_IBM_INSTANCE to a CRN, both from {SITE}, or "
    f'save them once with QiskitRuntimeService.save_account(channel="{CHANNEL}", token=..., '
    f"instance=...) and chmod 600 {SHOWN}"
)


def account_file() -> Path:
    """Return the path of the account file, in the home folder as it is now.

    Example:
        >>> account_file().name
        'qiskit-ibm.json'
    """
    return Path.home() / ".qiskit" / "qiskit-ibm.json"


def saved_accounts() -> dict[str, Mapping[str, Any]]:
    """Return the saved accounts by name; they hold keys, so they are never to be shown.

    Returns:
        Empty if there is no file.

    Raises:
        AccountProblem: If the file cannot be read.
    """
    accounts, why = _read()
    if why is not None:
        # Raised here because the error of the parser, behind it, would carry the whole text along.
        raise AccountProblem(f"the account file {SHOWN} {why}")
    return accounts


def _read() -> tuple[dict[str, Mapping[str, Any]], str | None]:
    """Return the accounts, and what is wrong with their file."""
    try:
        accounts = json.loads(account_file().read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}, None
    except OSError as error:
        return {}, f"cannot be read: {error.strerror}"
    except ValueError:  # neither UTF-8 nor JSON
        accounts = None
    if isinstance(accounts, dict) and all(isinstance(one, dict) for one in accounts.values()):
        return accounts, None
    return {}, (
        "is damaged: it is no JSON table of accounts; mend it, or move it away and save the "
        "account again"
    )


def account_warning() -> str | None:
    """Return a warning with its remedy if other users of this machine can read the account file.

    Returns:
        None if they cannot, or if there is nothing in it.
    """
    if os.name == "nt":
        return None
    try:
        open_to_others = account_file().stat().st_mode & (stat.S_IRGRP | stat.S_IROTH)
    except OSError:
        return None
    accounts, why = _read()
    if not open_to_others or not (accounts or why):
        return None
    return (
        f"other users of this machine can read your API key in {SHOWN}; to stop that: "
        f"chmod 600 {SHOWN}"
    )

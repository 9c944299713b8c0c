"""Diagnostics by the verbs that the command line and configs know them by."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from qnlr.diagnostics import DIAGNOSTICS
from qnlr.diagnostics.findings import Findings
from qnlr.errors import unknown_name

Diagnostic = Callable[..., Findings]


def diagnostic(verb: str) -> Diagnostic:
    """Return a diagnostic by its verb; its module is imported now.

    Args:
        verb: Name in the registry.

    Returns:
        The function.

    Raises:
        InputError: If there is none of that name.

    Example:
        >>> diagnostic("cavee")
        Traceback (most recent call last):
        ...
        qnlr.errors.InputError: diagnostic "cavee" is not known; did you mean "cave"? valid: ...
    """
    if verb not in DIAGNOSTICS:
        raise unknown_name("diagnostic", verb, DIAGNOSTICS)
    module, _, function = DIAGNOSTICS[verb].partition(":")
    found: Diagnostic = getattr(importlib.import_module(module), function)
    return found

"""Where a result came from: versions, commit, and host facts that name nobody."""

from __future__ import annotations

import functools
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import joblib

PACKAGES = (
    "qnlr",
    "qiskit",
    "qiskit-aer",
    "qiskit-ibm-runtime",
    "qiskit-machine-learning",
    "numpy",
    "scipy",
    "scikit-learn",
    "pandas",
)


def provenance(source: str) -> dict[str, Any]:
    """Return what a result should be traced back to.

    Args:
        source: One sentence on where the data came from.

    Returns:
        Versions, the commit of this source tree if it is one, kind of host, and the data's source.

    Example:
        >>> sorted(provenance("made up"))
        ['commit', 'data', 'host', 'python', 'versions']
    """
    return {"data": source, **_process()}


@functools.cache
def _process() -> dict[str, Any]:
    """Return what is the same for all runs of a process: the code that it has loaded."""
    return {
        "versions": {name: metadata.version(name) for name in PACKAGES},
        "commit": _commit(),
        "python": platform.python_version(),
        "host": {
            "system": platform.system(),
            "machine": platform.machine(),
            "cores": joblib.cpu_count(),
        },
    }


def _commit() -> str | None:
    """Return the commit of the tree that holds this file, with ``-dirty`` if it was changed."""
    here = Path(__file__)
    try:
        _git("ls-files", "--error-unmatch", here.name, folder=here.parent)
        commit = _git("rev-parse", "HEAD", folder=here.parent).strip()
        changed = _git("status", "--porcelain", "--untracked-files=no", folder=here.parent).strip()
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{commit}-dirty" if changed else commit


def _git(*arguments: str, folder: Path) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=folder, check=True, capture_output=True, text=True, timeout=10
    ).stdout

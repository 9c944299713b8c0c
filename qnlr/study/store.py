"""Where results are kept: one folder a run, every file written whole or not at all.

results/<study>/study.json                   which runs the study has, in its order
results/<study>/<run_id>/spec.json           what was run
                         status.json         how it ended, final metrics and cost
                         history.parquet     one row a step
                         checkpoint.npz      where to go on
                         provenance.json     versions, commit, kind of host: a list, longer than one
                                                 where a resumed run found them changed
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import BaseModel, ValidationError

from qnlr.errors import CheckpointError, InputError
from qnlr.files import replacing
from qnlr.training import History, Status, read_checkpoint, write_checkpoint

EXACT_LOSSES = "exact_losses.json"
"""Beside a leaderboard's runs: what their final weights are worth without shot noise."""


class _Ending(BaseModel):
    """What ``status.json`` must hold for a run to count as ended."""

    status: Status
    sentence: str
    steps: int = 0
    metrics: dict[str, int | float | None] = {}
    cost: dict[str, int | float] = {}
    caps: dict[str, int | float | None] = {}


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run.

    Args:
        path: The folder; its name is the run's identity.
    """

    path: Path

    @property
    def run_id(self) -> str:
        """Identity of the run."""
        return self.path.name

    def status(self) -> dict[str, Any] | None:
        """Return ``status.json``, or None if the run has not ended, or nobody can tell how."""
        try:
            return _Ending.model_validate(read_json(self.path / "status.json")).model_dump()
        except (InputError, ValidationError):
            return None

    @property
    def is_done(self) -> bool:
        """Whether the run has ended for good."""
        status = self.status()
        return status is not None and Status(status["status"]).is_final

    @property
    def checkpointed(self) -> float:
        """When its last checkpoint was written, in seconds since the epoch; 0 if it has none."""
        path = self.path / "checkpoint.npz"
        return path.stat().st_mtime if path.exists() else 0.0

    def begin(self, spec: Mapping[str, Any], provenance: Mapping[str, Any]) -> None:
        """Make the folder and say what is run, and with what: once more where that has changed.

        How the run ended before, if it was interrupted or failed, is no longer true. A damaged
        provenance is set aside.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        write_json(self.path / "spec.json", spec)
        try:
            sessions = self.provenance()
        except InputError:
            damaged, sessions = self.path / "provenance.json", []
            damaged.rename(unused(damaged.with_name("provenance.json.unreadable")))
        if not sessions or sessions[-1] != provenance:
            write_json(self.path / "provenance.json", [*sessions, provenance])
        for stale in ("status.json", "error.txt"):
            (self.path / stale).unlink(missing_ok=True)

    def provenance(self) -> list[dict[str, Any]]:
        """Return what the run was executed with; more than one entry if that changed on the way.

        Raises:
            InputError: If the file is damaged.
        """
        sessions = read_json(self.path / "provenance.json") or []
        if not isinstance(sessions, list) or not all(isinstance(one, dict) for one in sessions):
            raise InputError(f"{self.path / 'provenance.json'} is damaged; move it away")
        return sessions

    def save_checkpoint(self, state: Mapping[str, Any]) -> None:
        """Write where to go on, then the history for those who look on meanwhile."""
        write_checkpoint(self.path / "checkpoint.npz", self.run_id, state)
        frame = pd.DataFrame(History.from_state(state["history"]).state_dict())
        with replacing(self.path / "history.parquet") as beside:
            frame.to_parquet(beside, index=False)

    def load_checkpoint(self) -> dict[str, Any] | None:
        """Return where to go on, or None if the run has no checkpoint.

        Raises:
            CheckpointError: If there is one that cannot be used; it is set aside, and the message
                names where.
        """
        path = self.path / "checkpoint.npz"
        if not path.exists():
            return None
        try:
            return read_checkpoint(path, self.run_id)
        except CheckpointError as error:
            raise self.set_aside(error) from error

    def set_aside(self, error: Exception) -> CheckpointError:
        """Rename a checkpoint that cannot be used, and return the error that says so."""
        aside = unused(self.path / "checkpoint.npz.unreadable")
        (self.path / "checkpoint.npz").rename(aside)
        return CheckpointError(
            f"{error}; it is set aside as {aside.name}, and nothing was run: run again to start "
            f"run {self.run_id} from its first step"
        )

    def end(self, status: Mapping[str, Any]) -> None:
        """Say how the run ended."""
        write_json(self.path / "status.json", status)


def writable_folder(path: Path) -> None:
    """Make sure that a folder and the one it is in can be written, without leaving anything there.

    Args:
        path: The folder, existing or not.

    Raises:
        InputError: If it cannot be made or written.
    """
    if path.exists():
        writable_folder(path.parent / "new")
    existing = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    if not existing.is_dir():
        raise InputError(f"results folder {path} cannot be made: {existing} is not a folder")
    probe = existing / f".qnlr-{os.getpid()}.tmp"
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise InputError(
            f"results folder {path} cannot be written: {error.strerror}; choose another with "
            "--results"
        ) from error


def listed_runs(folder: Path) -> dict[str, dict[str, Any]] | None:
    """Return the specs of the runs that a study lists.

    Args:
        folder: The folder of the study.

    Returns:
        Specs by identity, or None if there is no list.

    Raises:
        InputError: If the list is damaged.
    """
    study = read_json(folder / "study.json")
    if study is None:
        return None
    runs = study.get("runs") if isinstance(study, dict) else None
    specs = list(runs.values()) if isinstance(runs, dict) else []
    if not specs or not all(isinstance(spec, dict) and "optimizer" in spec for spec in specs):
        raise InputError(
            f"{folder / 'study.json'} lists no runs; run the study again to have it written"
        )
    return dict(runs or {})


def unused(path: Path) -> Path:
    """Return the path with the first number behind it that is not taken.

    Example:
        >>> unused(Path("no-such-folder/checkpoint.npz.unreadable")).name
        'checkpoint.npz.unreadable-1'
    """
    number = 1
    while (found := path.with_name(f"{path.name}-{number}")).exists():
        number += 1
    return found


def write_json(path: Path, content: Any) -> None:
    """Write JSON, whole or not at all.

    Args:
        path: The file.
        content: Plain data, without NaN.
    """
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    with replacing(path) as beside:
        beside.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read JSON.

    Args:
        path: The file.

    Returns:
        Its content, or None if there is no such file.

    Raises:
        InputError: If it cannot be read, or is damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path} is damaged ({error}); restore it, or move it away") from error

"""One run again, to see that it gives what is kept of it."""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qnlr.errors import InputError
from qnlr.study.build import Builder
from qnlr.study.runner import Task, Tell, execute_run
from qnlr.study.schema import RunSpec
from qnlr.study.store import RunFolder, read_json

ROUNDING = 1e-9


@dataclass(frozen=True)
class Repeated:
    """A run beside what is kept of it.

    Args:
        run_id: Identity of the run.
        kept: Folder of what is kept.
        numbers: By name the number that is kept and the one found now.
    """

    run_id: str
    kept: Path
    numbers: dict[str, tuple[float, float]]

    @property
    def equal(self) -> bool:
        """Whether all numbers are the same, but for rounding at 1e-9."""
        return all(_same(before, now) for before, now in self.numbers.values())

    @property
    def identical(self) -> bool:
        """Whether all numbers are the same to the last bit."""
        return all(
            before == now or (math.isnan(before) and math.isnan(now))
            for before, now in self.numbers.values()
        )


def repeat(
    run: str, results: str | Path = "results", watch: Tell = lambda progress: None
) -> Repeated:
    """Execute one run again, in a folder of its own, and compare it with what is kept of it.

    Args:
        run: Identity of the run, or its first digits, with or without its study before a slash.
        results: Folder of all results.
        watch: Told of every step.

    Returns:
        Final metrics and costs, kept and found.

    Raises:
        InputError: If no run or several begin so, or the run has not ended.
    """
    kept = find_run(run, Path(results))
    status = kept.status()
    if status is None or not kept.is_done:
        raise InputError(f"run {kept.run_id} has not ended, so there is nothing to compare with")
    spec = read_json(kept.path / "spec.json")
    study = read_json(kept.path.parent / "study.json") or {}
    folder = Path(study.get("config") or ".").parent
    with tempfile.TemporaryDirectory(prefix="qnlr-") as temporary:
        task = Task(
            RunSpec.model_validate(spec), RunFolder(Path(temporary) / kept.run_id), kept.run_id
        )
        execute_run(task, Builder(folder), step=watch)
        now = task.folder.status() or {}
    before, after = _numbers(status), _numbers(now)
    return Repeated(
        kept.run_id,
        kept.path,
        {name: (value, after.get(name, math.nan)) for name, value in before.items()},
    )


def find_run(run: str, results: Path) -> RunFolder:
    """Find a run in a folder of all results.

    Args:
        run: Its identity, or its first digits, with or without its study before a slash.
        results: The folder.

    Returns:
        Its folder; that of the first study that has it.

    Raises:
        InputError: If no run or several begin so.
    """
    study, _, digits = run.rpartition("/")
    found: dict[str, Path] = {}
    if digits.isalnum():
        for file in sorted(results.glob(f"{study or '*'}/{digits}*/spec.json")):
            found.setdefault(file.parent.name, file.parent)
    if not found:
        raise InputError(
            f"there is no run {run!r} in {results}; give the identity of a run, as it stands in a "
            "report, or its first digits"
        )
    if len(found) > 1:
        raise InputError(f"{run!r} is the beginning of {len(found)} runs: {', '.join(found)}")
    return RunFolder(next(iter(found.values())))


def _numbers(status: dict[str, Any]) -> dict[str, float]:
    numbers = {**status.get("metrics", {}), **status.get("cost", {})}
    return {
        name: math.nan if value is None else float(value)
        for name, value in numbers.items()
        if not name.endswith("seconds")
    }


def _same(before: float, now: float) -> bool:
    both_unknown = math.isnan(before) and math.isnan(now)
    return both_unknown or math.isclose(before, now, rel_tol=ROUNDING, abs_tol=ROUNDING)

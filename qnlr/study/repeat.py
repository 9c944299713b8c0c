"""One run again, to see that it gives what is kept of it."""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from qnlr.errors import InputError
from qnlr.study.build import Builder
from qnlr.study.devices import is_paid
from qnlr.study.parts import BuildError
from qnlr.study.runner import Task, Tell, execute_run
from qnlr.study.schema import RunSpec
from qnlr.study.store import RunFolder, read_json
from qnlr.training import Outcome, Status

ROUNDING = 1e-9


@dataclass(frozen=True)
class Repeated:
    """A run beside what is kept of it.

    Args:
        run_id: Identity of the run.
        kept: Folder of what is kept.
        numbers: By name the number that is kept and the one found now.
        endings: How it ended, as it is kept and now: status and sentence.
    """

    run_id: str
    kept: Path
    numbers: dict[str, tuple[float, float]]
    endings: tuple[Outcome, Outcome]

    @property
    def equal(self) -> bool:
        """Whether it ended alike, with the same numbers but for rounding at 1e-9."""
        before, now = self.endings
        return before.status == now.status and all(_same(*pair) for pair in self.numbers.values())

    @property
    def identical(self) -> bool:
        """Whether it ended the same way, with the same numbers to the last bit."""
        before, now = self.endings
        return before == now and all(
            before == now or (math.isnan(before) and math.isnan(now))
            for before, now in self.numbers.values()
        )


def repeat(
    run: str, results: str | Path = "results", watch: Tell = lambda progress: None
) -> Repeated:
    """Execute one run again, in a folder of its own, and compare it with what is kept of it.

    Args:
        run: Identity of the run, or its first digits, with or without its study before a slash; or
            the path of its folder.
        results: Folder of all results.
        watch: Told of every step.

    Returns:
        Final metrics and costs, and how it ended, kept and found.

    Raises:
        InputError: If no run or several begin so, or the run has not ended or cannot be built.
    """
    kept = find_run(run, Path(results))
    status = kept.status()
    if status is None or not kept.is_done:
        raise InputError(f"run {kept.run_id} has not ended, so there is nothing to compare with")
    spec, folder = kept_spec(kept), config_folder(kept)
    if is_paid(spec):
        raise InputError(
            f"run {kept.run_id} was on a device, which would have to be paid for again; its phases "
            "are kept in its folder"
        )
    with tempfile.TemporaryDirectory(prefix="qnlr-") as temporary:
        task = Task(spec, RunFolder(Path(temporary) / kept.run_id), kept.run_id)
        try:
            _, ending = execute_run(task, Builder(folder), step=watch)
        except BuildError as error:
            raise InputError(
                f"run {kept.run_id} cannot be built: {error}; paths in its config are taken "
                f"relative to {folder.absolute()}, so call this from where it was run"
            ) from error
        now = task.folder.status() or {}
    before, after = _numbers(status), _numbers(now)
    return Repeated(
        kept.run_id,
        kept.path,
        {name: (value, after.get(name, math.nan)) for name, value in before.items()},
        (Outcome(Status(status["status"]), status["sentence"]), ending),
    )


def find_run(run: str, results: Path) -> RunFolder:
    """Find a run in a folder of all results.

    Args:
        run: Its identity, or its first digits, with or without its study before a slash; or the
            path of its folder.
        results: The folder.

    Returns:
        Its folder; that of the first study that has it.

    Raises:
        InputError: If no run or several begin so.
    """
    study, digits = Path(run).parent, Path(run).name
    places = (results / study, study) if study.name else sorted(results.glob("*/"))
    found: dict[str, Path] = {}
    if digits.isalnum():
        for file in (one for place in places for one in sorted(place.glob(f"{digits}*/spec.json"))):
            found.setdefault(file.parent.name, file.parent)
    if not found:
        raise InputError(
            f"there is no run {run!r} in {results}; give the identity of a run, as it stands in a "
            "report, or its first digits"
        )
    if len(found) > 1:
        raise InputError(f"{run!r} is the beginning of {len(found)} runs: {', '.join(found)}")
    return RunFolder(next(iter(found.values())))


def kept_spec(kept: RunFolder) -> RunSpec:
    """Return the spec of a run that is kept.

    Args:
        kept: Its folder.

    Returns:
        The spec.

    Raises:
        InputError: If it is of another version.
    """
    file = kept.path / "spec.json"
    try:
        return RunSpec.model_validate(read_json(file))
    except ValidationError as error:
        wrong = ".".join(str(key) for key in error.errors()[0]["loc"])
        raise InputError(
            f"{file} is no run of this version of qnlr ({wrong or 'all of it'} is not valid); "
            "provenance.json beside it names the version that it was run with"
        ) from error


def config_folder(kept: RunFolder) -> Path:
    """Return the folder that paths in the config of a run are relative to.

    Args:
        kept: Folder of the run.
    """
    study = read_json(kept.path.parent / "study.json")
    config = study.get("config") if isinstance(study, dict) else None
    return Path(config or ".").parent


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

"""A study from its results folder alone, to go on with it where its config may not be at hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from qnlr.errors import InputError
from qnlr.study.messages import Place
from qnlr.study.schema import RunSpec
from qnlr.study.spec import Study
from qnlr.study.store import listed_runs, read_json


def kept_study(folder: Path, caps: Mapping[str, Any] | None = None) -> Study:
    """Return the study that a results folder is of.

    Args:
        folder: Results folder of the study, which may come from another machine.
        caps: Keys of ``[backend]`` that say how runs on a device are paid for, instead of those
            that they were begun with.

    Returns:
        The study, with all runs that it lists.

    Raises:
        InputError: If there is no study, or a run or cap is not valid.
    """
    listed = listed_runs(folder)
    if listed is None:
        raise InputError(f"there is no study in {folder}; give the name of one, or its folder")
    specs = []
    for plain in listed.values():
        for table in (plain, plain.get("evaluation") or {}):
            if (table.get("backend") or {}).get("name") == "ibm":
                table["backend"] = {**table["backend"], **(caps or {})}
        try:
            specs.append(RunSpec.model_validate(plain))
        except ValidationError as error:
            wrong = ".".join(str(key) for key in error.errors()[0]["loc"])
            raise InputError(
                f"{folder / 'study.json'} lists a run that is not valid here ({wrong}); "
                "provenance.json of its folder names the version that it was run with"
            ) from error
    config = (read_json(folder / "study.json") or {}).get("config")
    origins: tuple[Mapping[tuple[str, ...], tuple[Any, ...]], ...] = tuple({} for _ in specs)
    base = Path(config or ".").parent
    return Study(folder.name, tuple(specs), base, Place(None, ""), origins)

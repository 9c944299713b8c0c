"""The list of a study's runs, ``study.json`` in its results folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qnlr.errors import InputError
from qnlr.rng import content_hash
from qnlr.study.spec import Study, run_id
from qnlr.study.store import listed_runs, write_json

Specs = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Listed:
    """What became of the runs that a study listed before.

    Args:
        dropped: How many are listed no more: those of another config of its name.
        kept: How many are of seeds that it is not executed with, and stay listed.
    """

    dropped: int
    kept: int


def list_runs(study: Study, folder: Path) -> Listed:
    """Write which runs a study has.

    Args:
        study: The study.
        folder: Its results folder.

    Returns:
        What became of the runs that were listed there before.
    """
    own = {run_id(spec): spec.model_dump(mode="json") for spec in (*study.earlier, *study.runs)}
    before = listed_before(folder)
    kept = _of_other_seeds(before, own) if study.seeds_given else {}
    config = None if study.source is None else named(study.source)
    write_list(folder, study.name, config, {**kept, **own})
    return Listed(len(before.keys() - own.keys() - kept.keys()), len(kept))


def listed_before(folder: Path) -> Specs:
    """Return the specs that a study lists; none where there is no list, or it is damaged.

    Args:
        folder: Results folder of the study.
    """
    try:
        return listed_runs(folder) or {}
    except InputError:  # the list is written anew
        return {}


def write_list(folder: Path, name: str, config: str | None, runs: Specs) -> None:
    """Write a list of runs.

    Args:
        folder: Results folder of the study.
        name: Name of the study.
        config: Its config as :func:`named` names it, or None if it was a dict.
        runs: Specs by identity.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "study.json", {"name": name, "config": config, "runs": runs})


def named(config: Path) -> str:
    """Name a config without saying where on a machine it is.

    Args:
        config: Path of the config.

    Returns:
        Its path from the working directory, or its file name alone if it is not below that.

    Example:
        >>> named(Path("configs/paper.toml").absolute()), named(Path("/home/me/paper.toml"))
        ('configs/paper.toml', 'paper.toml')
    """
    path, here = Path(os.path.normpath(config.absolute())), Path.cwd()
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else path.name


def _of_other_seeds(before: Specs, own: Specs) -> Specs:
    """Return the runs listed before that differ from those of now in their seed alone."""
    cells = {_cell(spec) for spec in own.values()}
    return {run: spec for run, spec in before.items() if run not in own and _cell(spec) in cells}


def _cell(spec: Mapping[str, Any]) -> str:
    training = {**(spec.get("training") or {}), "checkpoint_every": None}
    return content_hash({**spec, "seed": None, "training": training})

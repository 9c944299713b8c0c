"""What a leaderboard is: who takes part, on which problems, in which modes, and how long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from qnlr.errors import InputError, unknown_name
from qnlr.study.messages import Place
from qnlr.study.parts import Table

Positive = Annotated[float, Field(gt=0)]
Seed = Annotated[int, Field(ge=0)]


class BoardTable(Table):
    """``[leaderboard]``: how long, on which seeds, from which rates, and who is judged.

    Its ``remarks`` are what else a reader should know of how it came about; the page says them.
    """

    reference: str
    subject: str | None = None
    parameter_free: list[str] = Field(default=[])
    seeds: int | Annotated[list[Seed], Field(min_length=1)] = Field(default=10)
    tuning_seeds: list[Seed] = Field(default=[1000, 1001], min_length=1)
    decade_seeds: Annotated[int, Field(ge=1)] | None = None
    rates: Annotated[list[Positive], Field(min_length=1)]
    decades: Annotated[list[Positive], Field(min_length=1)]
    steps: int = Field(default=300, ge=1)
    most_steps: int = Field(default=3000, ge=1)
    evaluations: int = Field(default=20, ge=1)
    tolerance: float = Field(default=0.02, gt=0, lt=1)
    share_of_reference: float = Field(default=0.2, gt=0)
    remarks: list[str] = Field(default=[])


@dataclass(frozen=True)
class Part:
    """A problem or a mode: a name, and the tables of a run that it sets.

    Args:
        name: Its name.
        tables: The tables.
        number: Its place in the config.
    """

    name: str
    tables: Mapping[str, Any]
    number: int


@dataclass(frozen=True)
class Entry:
    """A competitor.

    Args:
        name: Its name.
        tables: Its tables ``optimizer`` and, where it has one, ``gradient``.
        sweep: Dotted key of the optimizer that is tuned, or None.
        rates: Values that it is tuned over.
        decades: Values that its worst case is sought among.
        decade_seeds: How many seeds these are run on; None for all.
        number: Its place in the config, or None if it was given besides.
        problems: Names of the problems that it takes part on; none for all.
        modes: Names of the modes that it takes part in; none for all.
        most_steps: Most steps of a run of it; None for those of all.
    """

    name: str
    tables: Mapping[str, Any]
    sweep: str | None
    rates: tuple[float, ...]
    decades: tuple[float, ...]
    decade_seeds: int | None
    number: int | None
    problems: tuple[str, ...] = ()
    modes: tuple[str, ...] = ()
    most_steps: int | None = None

    def takes_part(self, problem: str, mode: str) -> bool:
        """Return whether it takes part on a problem in a mode.

        Args:
            problem: Name of the problem.
            mode: Name of the mode.
        """
        return problem in (self.problems or (problem,)) and mode in (self.modes or (mode,))


@dataclass(frozen=True)
class Board:
    """A leaderboard, or a part of one.

    Args:
        name: Its name, and that of its results folder.
        table: How it is held.
        base: Tables that all runs have in common.
        problems: What is minimised.
        modes: How losses are measured.
        entries: The competitors.
        seeds: Seeds of the comparison.
        folder: Folder that paths in the config are relative to.
        place: The config, for messages.
        extra: Files of optimizers that were given besides the config's entries.
    """

    name: str
    table: BoardTable
    base: Mapping[str, Any]
    problems: tuple[Part, ...]
    modes: tuple[Part, ...]
    entries: tuple[Entry, ...]
    seeds: tuple[int, ...]
    folder: Path
    place: Place
    extra: tuple[Path, ...] = ()

    def most_steps(self, entry: Entry) -> int:
        """Return how many steps a run of an entry may make, whatever they cost.

        Args:
            entry: The entry.
        """
        return self.table.most_steps if entry.most_steps is None else entry.most_steps

    def only(
        self,
        problems: Sequence[str] = (),
        modes: Sequence[str] = (),
        entries: Sequence[str] = (),
        seeds: int | None = None,
    ) -> Board:
        """Return a part of it.

        Args:
            problems: Names of problems; none for all.
            modes: Names of modes; none for all.
            entries: Names of entries; none for all.
            seeds: How many of the seeds; None for all.

        Raises:
            InputError: If a name is not known, or there are not so many seeds.
        """
        if seeds is not None and not 1 <= seeds <= len(self.seeds):
            raise InputError(
                f"seeds = {seeds} is not valid; the leaderboard has {len(self.seeds)} seeds"
            )
        return replace(
            self,
            problems=_chosen("problem", self.problems, problems),
            modes=_chosen("mode", self.modes, modes),
            entries=_chosen("entry", self.entries, entries),
            seeds=self.seeds[:seeds],
        )


def _chosen(what: str, parts: tuple[Any, ...], names: Sequence[str]) -> tuple[Any, ...]:
    known = [part.name for part in parts]
    for name in names:
        if name not in known:
            raise unknown_name(what, name, known)
    return tuple(part for part in parts if not names or part.name in names)

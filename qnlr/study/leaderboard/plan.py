"""Which runs a leaderboard has: budgets, rates and seeds, as specs of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from qnlr.errors import InputError, unknown_name
from qnlr.study.build import Builder
from qnlr.study.grid import merged
from qnlr.study.leaderboard.board import Board, Entry, Part
from qnlr.study.messages import Origin, in_config
from qnlr.study.parts import BuildError
from qnlr.study.results import flatten
from qnlr.study.schema import RunSpec
from qnlr.study.spec import run_id, validated
from qnlr.study.tune_config import put
from qnlr.training.work import planned

OWN = None
"""In place of a rate: the one that the entry has by itself."""
SPARE = 3
"""How many times as often a run is evaluated whose optimizer may end long before its last step."""


@dataclass(frozen=True)
class Cell:
    """A competitor on a problem in a mode.

    Args:
        entry: The competitor.
        problem: The problem.
        mode: The mode.
        spec: Its run at the rate of its own, on the first seed.
        origin: Where in the config the tables of its runs come from.
        budget: What a run of it may spend, in shots, or in circuits where values are exact.
    """

    entry: Entry
    problem: Part
    mode: Part
    spec: RunSpec
    origin: Origin
    budget: int

    @property
    def key(self) -> tuple[str, str, str]:
        """Names of entry, problem and mode."""
        return self.entry.name, self.problem.name, self.mode.name

    def at(self, rate: float | None, seed: int) -> RunSpec:
        """Return a run of it.

        Args:
            rate: The initial rate, or None for the entry's own.
            seed: The seed.
        """
        plain = {**self.spec.model_dump(mode="json"), "seed": seed}
        if rate is not OWN and self.entry.sweep is not None:
            plain = put(plain, ("optimizer", *self.entry.sweep.split(".")), rate)
        return RunSpec.model_validate(plain)


@dataclass(frozen=True)
class Planned:
    """A run, and what it is there for.

    Args:
        cell: Competitor, problem and mode.
        rate: Its initial rate, or None for the entry's own.
        spec: The run.
    """

    cell: Cell
    rate: float | None
    spec: RunSpec

    @property
    def run(self) -> str:
        """Identity of the run."""
        return run_id(self.spec)

    @property
    def label(self) -> str:
        """What the run is called while it goes on."""
        rate = "" if self.rate is None else f", {self.rate:g}"
        return ", ".join(self.cell.key) + rate


@dataclass(frozen=True)
class _Costs:
    """What a step costs: circuits before bases, bases, shots of the backend (0: exact values).

    The circuits of a metric have no bases. ``chosen`` tells whether the optimizer chooses its
    shots, so that steps differ in what they cost.
    """

    circuits: int
    bases: int
    shots: int
    metric: int
    chosen: bool


@dataclass
class Plan:
    """All runs of a leaderboard.

    A run on shots may spend what ``steps`` steps of SGD with parameter-shift gradients cost there:
    steps · (2P + 1) · B · bases · shots. Exact values have no shots, so there the steps are chosen
    to spend as many circuits. Either way there are at most ``most_steps`` steps. Losses on all
    samples are evaluated about ``evaluations`` times, evenly in steps and so in cost; where the
    optimizer chooses its shots, and nobody knows how many steps it will make, every
    most_steps / (3 · evaluations) steps.

    Args:
        board: The leaderboard.
        builder: Builds runs, to learn what their steps cost.
    """

    board: Board
    builder: Builder
    cells: tuple[Cell, ...] = field(init=False)

    def __post_init__(self) -> None:
        board = self.board
        budgets = {
            (problem.name, mode.name): self._circuits(problem, mode)
            for problem in board.problems
            for mode in board.modes
        }
        self.cells = tuple(
            self._cell(entry, problem, mode, budgets[problem.name, mode.name])
            for entry in board.entries
            for problem in board.problems
            for mode in board.modes
            if entry.takes_part(problem.name, mode.name)
        )

    def tuning(self, cell: Cell) -> list[Planned]:
        """Return the runs that a cell's rate is chosen by; none if nothing of it is swept."""
        if cell.entry.sweep is None:
            return []
        seeds = self.board.table.tuning_seeds
        return [_planned(cell, rate, seed) for rate in cell.entry.rates for seed in seeds]

    def comparison(self, cell: Cell, tuned: float | None) -> list[Planned]:
        """Return the runs that a cell is compared by: tuned, at its own rate, and at each decade.

        The rate that it is judged by, which is its own where it is not tuned, has all seeds.

        Args:
            cell: The cell.
            tuned: Its tuned rate, or None if nothing of it is swept.
        """
        rates = [OWN] if cell.entry.sweep is None else [tuned, OWN, *cell.entry.decades]
        seeds = self.board.seeds
        few = seeds[: cell.entry.decade_seeds]
        runs = [
            _planned(cell, rate, seed)
            for rate in dict.fromkeys(rates)
            for seed in (seeds if rate == tuned else few)
        ]
        return list({one.run: one for one in runs}.values())

    def _circuits(self, problem: Part, mode: Part) -> int:
        """Return the circuits that SGD's steps take, before bases."""
        sgd = Entry("sgd", {"optimizer": {"name": "sgd"}}, None, (), (), None, None)
        spec, origin = self._spec(sgd, problem, mode, {"steps": 1})
        return self.board.table.steps * self._costs(spec, origin).circuits

    def _cell(self, entry: Entry, problem: Part, mode: Part, circuits: int) -> Cell:
        evaluations, most = self.board.table.evaluations, self.board.most_steps(entry)
        spec, origin = self._spec(entry, problem, mode, {"steps": 1})
        costs = self._costs(spec, origin)
        each = costs.circuits * costs.bases + costs.metric
        steps = max(1, min(most, circuits * costs.bases // each))
        every = most // (SPARE * evaluations) if costs.chosen else round(steps / evaluations)
        budget = circuits * costs.bases * (costs.shots or 1)
        limits = {
            "steps": most if costs.shots else steps,
            "evaluate_every": max(1, every),
            **({"max_shots": budget} if costs.shots else {}),
        }
        spec, origin = self._spec(entry, problem, mode, limits)
        cell = Cell(entry, problem, mode, spec, origin, budget)
        self._require_sweep(cell)
        return cell

    def _costs(self, spec: RunSpec, origin: Origin) -> _Costs:
        """Return what a step of a run costs."""
        try:
            training = self.builder.run(spec)
        except BuildError as error:
            path = error.table if error.key is None else (*error.table, error.key)
            place = self.board.place
            where = place.at(*in_config(path, origin))
            raise InputError(f"{where}[{place.named(error.table, origin)}] {error}") from error
        step = sum(phase.circuits for phase in planned(training).step)
        chosen = getattr(training.optimizer, "planned_shots", None) is not None
        training.optimizer.close()
        backend, metric = training.backend, training.circuits_of_metric
        return _Costs(step, backend.circuits_per_value, backend.shots or 0, metric, chosen)

    def _spec(
        self, entry: Entry, problem: Part, mode: Part, limits: Mapping[str, Any]
    ) -> tuple[RunSpec, Origin]:
        board = self.board
        raw = merged(merged(merged(board.base, problem.tables), mode.tables), entry.tables)
        training = raw.get("training", {})
        table = {**raw, "training": {**training, **limits}, "seed": board.seeds[0]}
        origin = {
            **_leaves(problem.tables, ("problem", problem.number)),
            **_leaves(mode.tables, ("mode", mode.number)),
            **({} if entry.number is None else _leaves(entry.tables, ("entry", entry.number))),
        }
        return validated(table, origin, board.place, board.folder), origin

    def _require_sweep(self, cell: Cell) -> None:
        """Require that what is swept is a key of the optimizer that can be a number."""
        entry, place = cell.entry, self.board.place
        if entry.sweep is None:
            return
        keys = flatten(cell.spec.optimizer.model_dump(mode="json"), ".")
        valid = [
            key
            for key, value in keys.items()
            if key not in ("name", "path", "class", "sha256") and not isinstance(value, (bool, str))
        ]
        if entry.sweep not in valid:
            where = place.at("entry", entry.number, "sweep")
            raise InputError(
                f"{where}{unknown_name('sweep: key of the optimizer', entry.sweep, valid)}"
            )


def _planned(cell: Cell, rate: float | None, seed: int) -> Planned:
    return Planned(cell, rate, cell.at(rate, seed))


def _leaves(
    tables: Mapping[str, Any], where: Sequence[Any]
) -> dict[tuple[str, ...], tuple[Any, ...]]:
    """Return where the tables come from, with their keys, as tables are merged."""
    found: dict[tuple[str, ...], tuple[Any, ...]] = {}
    for key, value in tables.items():
        found[key,] = (*where, key)
        if isinstance(value, Mapping):
            found |= {(key, inner): (*where, key, inner) for inner in value}
    return found

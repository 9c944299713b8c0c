r"""Final losses beside the best tuned rival's, so that 2 % means the same on every problem.

A loss of a classifier is at least 0, and its excess is relative to the rival's. An energy, or minus
a cut, has no zero that means anything: its excess is the share of the way that was not gone,

.. math:: \frac{L - L_\mathrm{rival}}{L_0 - L_\mathrm{rival}}

with the loss at the initial weights. The share of the way is given for every problem.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from qnlr.study.leaderboard.board import Board
from qnlr.study.leaderboard.outcomes import ABOUT, Kept
from qnlr.study.stats import Interval, mean_interval

FINAL = ("tuned", "untuned", "decade")
PERCENT = 100.0
ALL = "all modes"
MINIMISED = ("vqe", "qaoa")
"""Names of problems whose loss is an energy."""


def percent(share: float, digits: int = 1) -> str:
    """Return a share as a text, in percent.

    Example:
        >>> percent(0.0213), percent(0.02, 0)
        ('2.1 %', '2 %')
    """
    return f"{PERCENT * share:.{digits}f} %"


@dataclass(frozen=True)
class Standings:
    """All that is known of a leaderboard.

    Args:
        board: The leaderboard.
        runs: A row for each use of each run, see :func:`runs_frame`.
        starts: Mean loss at the initial weights, by problem and mode; NaN where it is not known.
    """

    board: Board
    runs: pd.DataFrame
    starts: dict[tuple[str, str], float]

    @property
    def places(self) -> list[tuple[str, str]]:
        """Problems and modes, in the order of the config."""
        board = self.board
        return [(problem.name, mode.name) for mode in board.modes for problem in board.problems]

    @property
    def groups(self) -> dict[str, list[str]]:
        """The modes that were run: all of them, and each, by the name of the group."""
        have = set(self.runs.loc[self.runs["use"] == "tuned", "mode"])
        modes = [mode.name for mode in self.board.modes if mode.name in have]
        return {ALL: modes, **{mode: [mode] for mode in modes}}

    @property
    def entries(self) -> list[str]:
        """Names of the entries that have a tuned run anywhere."""
        have = set(self.runs.loc[self.runs["use"] == "tuned", "entry"])
        return [entry.name for entry in self.board.entries if entry.name in have]

    def entries_in(self, modes: Iterable[str]) -> list[str]:
        """Return the entries that have tuned runs in all of some modes, and leave out no problem.

        Args:
            modes: Names of the modes.
        """
        tuned = self.runs[(self.runs["use"] == "tuned") & self.runs["mode"].isin(list(modes))]
        places = set(zip(tuned["problem"], tuned["mode"], strict=True))
        have = tuned.groupby("entry")["mode"].nunique()
        return [
            entry.name
            for entry in self.board.entries
            if have.get(entry.name, 0) == len({mode for _, mode in places})
            and all(entry.takes_part(*place) for place in places)
        ]

    def is_energy(self, problem: str) -> bool:
        """Return whether the loss of a problem is an energy.

        Args:
            problem: Its name.
        """
        tables = next(one.tables for one in self.board.problems if one.name == problem)
        table = tables.get("problem") or self.board.base.get("problem") or {}
        return isinstance(table, dict) and table.get("name") in MINIMISED

    def losses(self, use: str, problem: str, mode: str) -> pd.DataFrame:
        """Return final losses on a problem in a mode: a row for each seed, a column for each entry.

        Args:
            use: ``"tuned"`` or ``"untuned"``.
            problem: The problem.
            mode: The mode.
        """
        chosen = self.runs[
            (self.runs["use"] == use)
            & (self.runs["problem"] == problem)
            & (self.runs["mode"] == mode)
        ]
        return chosen.pivot(index="seed", columns="entry", values="loss")


def rival(entry: str, tuned: pd.DataFrame) -> str | None:
    """Return the best tuned rival of an entry: of all others that with the lowest mean loss.

    Args:
        entry: The entry.
        tuned: Final losses at tuned rates, a column for each entry.

    Example:
        >>> rival("sgd", pd.DataFrame({"sgd": [0.1, 0.2], "nlr": [0.5, 0.3], "adam": [0.2, 0.3]}))
        'adam'
    """
    others = tuned.drop(columns=entry, errors="ignore").mean()
    finite = others[np.isfinite(others)]
    return None if finite.empty else str(finite.idxmin())


def standings(board: Board, runs: pd.DataFrame, kept: Kept) -> Standings:
    """Put together what is known of a leaderboard.

    Args:
        board: The leaderboard.
        runs: A row for each use of each run.
        kept: What is kept of them; the loss at the initial weights is read from histories.

    Returns:
        It.
    """
    reference = runs[(runs["entry"] == board.table.reference) & (runs["use"] == "tuned")]
    starts = {}
    for (problem, mode), own in reference.groupby(["problem", "mode"]):
        first = []
        for run in own["run"]:
            history = kept.history(run)
            if history is not None and len(history):
                first.append(float(history["metric_loss"].iloc[0]))
        starts[str(problem), str(mode)] = float(np.mean(first)) if first else math.nan
    return Standings(board, runs, starts)


def excesses(found: Standings) -> pd.DataFrame:
    """Hold every entry, at every rate it was compared at, against its best tuned rival.

    Args:
        found: What is known.

    Returns:
        A row for each entry, problem, mode, use and rate: its ``rival``; mean and interval of the
        final ``loss``, of its ``excess`` over the rival's on the same seeds (see above), and of the
        share of the ``way`` that was not gone; ``seeds``, and how many of them ``failed``. Where
        any failed, means are infinite.
    """
    rows = []
    of_all = {place: found.losses("tuned", *place) for place in found.places}
    for (entry, problem, mode, use, rate), own in _groups(found):
        tuned = of_all[problem, mode]
        best = rival(entry, tuned)
        row = {"entry": entry, "problem": problem, "mode": mode, "use": use, "rate": rate}
        losses = own.set_index("seed")["loss"]
        row |= {"rival": best or "", "seeds": len(losses), "failed": int(np.isinf(losses).sum())}
        row |= _interval(losses).columns("loss")
        losses_of_best = None if best is None else tuned[best]
        excess, way = _beside(found, losses, losses_of_best, problem, mode)
        rows.append({**row, **excess.columns("excess"), **way.columns("way")})
    return pd.DataFrame(rows)


def _groups(
    found: Standings,
) -> Iterator[tuple[tuple[str, str, str, str, float], pd.DataFrame]]:
    final = found.runs[found.runs["use"].isin(FINAL)]
    yield from final.groupby([*ABOUT, "use", "rate"], sort=False, dropna=False)  # type: ignore[misc]


def _beside(
    found: Standings, losses: pd.Series, of_rival: pd.Series | None, problem: str, mode: str
) -> tuple[Interval, Interval]:
    """Return the excess over a rival, and the share of the way that was not gone."""
    unknown = Interval(math.nan, math.nan, math.nan, 0)
    if of_rival is None:
        return unknown, unknown
    best = float(of_rival.mean())
    difference = losses - of_rival.reindex(losses.index)
    distance = found.starts.get((problem, mode), math.nan) - best
    way = _interval(difference / distance) if distance > 0 else unknown
    if found.is_energy(problem):
        return way, way
    return (_interval(difference / best) if best > 0 else unknown), way


def _interval(values: pd.Series) -> Interval:
    """Return mean and interval; an infinite mean where a run diverged or failed."""
    if np.isposinf(values.to_numpy(dtype=float)).any():
        return Interval(math.inf, math.nan, math.nan, len(values))
    return mean_interval(values.to_numpy(dtype=float))

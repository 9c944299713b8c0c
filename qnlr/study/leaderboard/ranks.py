"""Ranks of entries over problems, modes and seeds, and intervals for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from qnlr.intervals import LEVEL
from qnlr.study.leaderboard.standings import Standings
from qnlr.study.stats import Comparison, Ranks, compare, holm, mean_ranks
from qnlr.types import FloatArray

RESAMPLES = 2000
BLOCK = ["problem", "mode", "seed"]
Statistic = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True, eq=False)
class Blocks:
    """A value of each entry on each problem, in each mode, on each seed: all of them there.

    Args:
        values: Shape (problems, modes, seeds, entries).
        problems: Names of the problems.
        modes: Names of the modes.
        entries: Names of the entries.
        left_out: Problems that lack a run.
    """

    values: FloatArray
    problems: tuple[str, ...]
    modes: tuple[str, ...]
    entries: tuple[str, ...]
    left_out: tuple[str, ...]

    @classmethod
    def of(
        cls, frame: pd.DataFrame, column: str, entries: Sequence[str], modes: Sequence[str]
    ) -> Blocks:
        """Arrange a column of a frame; problems that lack a value are left out.

        Args:
            frame: Rows with ``entry``, ``problem``, ``mode``, ``seed`` and the column.
            column: The column.
            entries: The entries that all must have a value.
            modes: The modes that count.
        """
        wide = frame[frame["mode"].isin(list(modes))].pivot_table(
            index=BLOCK, columns="entry", values=column, aggfunc="first"
        )
        wide = wide.reindex(columns=list(entries)).dropna()
        problems = list(dict.fromkeys(frame["problem"]))
        seeds = sorted(set(frame["seed"]))
        whole = [
            problem
            for problem in problems
            if all((problem, mode, seed) in wide.index for mode in modes for seed in seeds)
        ]
        index = pd.MultiIndex.from_product([whole, list(modes), seeds], names=BLOCK)
        values = wide.reindex(index).to_numpy(dtype=float)
        return cls(
            values.reshape(len(whole), len(modes), len(seeds), len(entries)),
            tuple(whole),
            tuple(modes),
            tuple(entries),
            tuple(one for one in problems if one not in whole),
        )

    def interval(self, statistic: Statistic) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return a statistic of all blocks, with its percentile bootstrap interval.

        Problems are drawn with replacement, and within each of them seeds; a seed brings all its
        modes along, so that what is shared between modes is not taken for more evidence.

        Args:
            statistic: Takes blocks of shape (n, entries), returns shape (entries,).

        Returns:
            Value, lower and upper end of each entry; NaN where there are no blocks.
        """
        count, _, seeds, entries = self.values.shape
        if not self.values.size:
            nothing = np.full(entries, np.nan)
            return nothing, nothing, nothing
        rng = np.random.default_rng(0)
        found = np.empty((RESAMPLES, entries))
        for number in range(RESAMPLES):
            chosen = np.asarray(rng.integers(count, size=count))
            drawn = rng.integers(seeds, size=(count, seeds))
            sample = self.values[chosen.reshape(-1, 1), :, drawn, :]
            found[number] = statistic(sample.reshape(-1, entries))
        ordered = np.sort(found, axis=0)  # and no interpolation, which infinities do not bear
        at = round((1 - LEVEL) / 2 * (RESAMPLES - 1))
        value = statistic(self.values.reshape(-1, entries))
        return value, ordered[at], ordered[-1 - at]


def ranked(found: Standings, modes: Sequence[str]) -> pd.DataFrame:
    """Rank the entries, tuned, by final training loss on each problem, mode and seed.

    Args:
        found: What is known.
        modes: The modes; entries that do not take part in all of them, or not in all problems,
            are not ranked.

    Returns:
        Rows with ``problem``, ``mode``, ``seed``, ``entry`` and ``rank``: 1 for the lowest loss;
        runs that diverged or failed share the last ranks, and ties the mean of theirs. Only where
        every entry has a run.
    """
    tuned = found.runs[(found.runs["use"] == "tuned") & found.runs["mode"].isin(list(modes))]
    wide = tuned.pivot(index=BLOCK, columns="entry", values="loss")
    wide = wide.reindex(columns=found.entries_in(modes)).dropna()
    ranks = wide.rank(axis=1, method="average").reset_index()
    return ranks.melt(id_vars=BLOCK, var_name="entry", value_name="rank")


def mean_rank_frame(found: Standings) -> pd.DataFrame:
    """Return the mean rank of each entry over all modes, and in each.

    Args:
        found: What is known.

    Returns:
        Rows with ``entry``, ``mode`` (``"all modes"`` first), ``mean``, ``low``, ``high`` and
        ``problems``, on how many it rests. An entry is ranked in the modes in which it takes part
        in all problems, and over all modes if in all.
    """
    rows = []
    for name, chosen in found.groups.items():
        own, entries = ranked(found, chosen), found.entries_in(chosen)
        if own.empty:
            continue
        blocks = Blocks.of(own, "rank", entries, chosen)
        mean, low, high = blocks.interval(lambda values: values.mean(axis=0))
        for number, entry in enumerate(entries):
            rows.append(
                {
                    "entry": entry,
                    "mode": name,
                    "mean": mean[number],
                    "low": low[number],
                    "high": high[number],
                    "problems": len(blocks.problems),
                }
            )
    return pd.DataFrame(rows)


def friedman(ranks: pd.DataFrame) -> Ranks:
    """Test whether all entries rank alike, over problems and modes as blocks.

    Args:
        ranks: What :func:`ranked` returned.
    """
    return mean_ranks(_by_place(ranks))


def rank_comparisons(ranks: pd.DataFrame, subject: str) -> list[tuple[Comparison, float]]:
    """Compare the mean ranks of an entry over problems and modes with those of each other.

    Args:
        ranks: What :func:`ranked` returned.
        subject: The entry.

    Returns:
        For each other entry the comparison subject − other, and its p-value adjusted by Holm.
    """
    long = (
        _by_place(ranks)
        .reset_index(drop=True)
        .melt(ignore_index=False, var_name="label", value_name="rank")
    )
    long = long.rename_axis("spec_seed").reset_index().assign(status="finished")
    others = [name for name in dict.fromkeys(long["label"]) if name != subject]
    if subject not in set(long["label"]):
        return []
    compared = [compare(long, subject, other, "rank") for other in others]
    adjusted = holm([one.p_value for one in compared])
    return list(zip(compared, (float(p) for p in adjusted), strict=True))


def _by_place(ranks: pd.DataFrame) -> pd.DataFrame:
    """Return mean ranks over seeds: a row for each problem and mode, a column for each entry."""
    return ranks.pivot_table(index=["problem", "mode"], columns="entry", values="rank", sort=False)

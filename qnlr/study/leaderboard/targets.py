"""What entries spend to reach what the tuned reference reached, tuning counted and not.

The target of a run is the final loss of the tuned reference on the same problem, mode and seed,
plus the tolerance: a share of that loss, or of an energy a share of the way to it. A mean over
seeds would not do: what can be reached differs from one split of the data to the next. Losses are
as the runs measured them, so that shot noise can take one below a target a little early: runs are
evaluated alike, and so are all of them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from qnlr.study.costs import cost_to_target
from qnlr.study.leaderboard.outcomes import ABOUT, Kept
from qnlr.study.leaderboard.standings import Standings

LOSS = "metric_train_loss"


def targets(found: Standings) -> dict[tuple[str, str, int], float]:
    """Return the loss that is to be reached, by problem, mode and seed.

    Args:
        found: What is known.
    """
    table = found.board.table
    tuned = found.runs[(found.runs["entry"] == table.reference) & (found.runs["use"] == "tuned")]
    wanted = {}
    for (problem, mode), own in tuned.groupby(["problem", "mode"]):
        way = found.starts.get((str(problem), str(mode)), math.nan) - own["measured"].mean()
        for seed, loss in zip(own["seed"], own["measured"], strict=True):
            allowed = way if found.is_energy(str(problem)) else abs(loss)
            if math.isfinite(loss) and math.isfinite(allowed):
                slack = table.tolerance * max(allowed, 0.0)
                wanted[str(problem), str(mode), int(seed)] = loss + slack
    return wanted


def costs_frame(found: Standings, kept: Kept) -> pd.DataFrame:
    """Return what each run of the comparison spent to reach its target.

    Args:
        found: What is known.
        kept: What is kept of the runs.

    Returns:
        A row for each entry, problem, mode, seed and ``use`` (``"tuned"`` or ``"untuned"``):
        ``cost`` to the target, infinite if it was not reached; ``counted``, with what tuning spent,
        one run for each rate; and both as ratios to those of the tuned reference on the same seed,
        ``ratio`` and ``ratio_counted``. Shots, or circuits where values are exact.
    """
    wanted = targets(found)
    tuning = _tuning(found)
    rows: list[dict[str, Any]] = []
    chosen = found.runs[found.runs["use"].isin(["tuned", "untuned"])]
    known: dict[tuple[str, float], float] = {}
    for row in chosen.to_dict("records"):
        target = wanted.get((row["problem"], row["mode"], row["seed"]))
        if target is None:
            continue
        key = (row["run"], target)
        if key not in known:
            known[key] = _cost(kept, row["run"], row["measured"], row["spent"], target)
        place = (row["entry"], row["problem"], row["mode"])
        before = tuning.get(place, 0.0) if row["use"] == "tuned" else 0.0
        rows.append(
            {name: row[name] for name in (*ABOUT, "seed", "use")}
            | {"cost": known[key], "counted": known[key] + before, "tuning": before}
        )
    columns = [*ABOUT, "seed", "use", "cost", "counted", "tuning"]
    numbers = dict.fromkeys(("cost", "counted", "tuning"), float)
    frame = pd.DataFrame(rows, columns=columns).astype(numbers)
    reference = frame[(frame["entry"] == found.board.table.reference) & (frame["use"] == "tuned")]
    base = reference[["problem", "mode", "seed", "cost", "counted"]]
    both = frame.merge(base, on=["problem", "mode", "seed"], suffixes=("", "_base"))
    both["ratio"] = both["cost"] / both["cost_base"]
    both["ratio_counted"] = both["counted"] / both["counted_base"]
    return both.drop(columns=["cost_base", "counted_base"])


def paired_ratio(costs: pd.DataFrame, subject: str, rival: str) -> pd.DataFrame:
    """Return the ratio of what two entries spent, both untuned, on each problem, mode and seed.

    Args:
        costs: What :func:`costs_frame` returned.
        subject: The entry above the line.
        rival: The entry below it.

    Returns:
        Rows with ``problem``, ``mode``, ``seed`` and ``ratio``: infinite where the subject alone
        did not reach the target, 0 where the rival alone did not, 1 where neither did.
    """
    untuned = costs[costs["use"] == "untuned"]
    wide = untuned.pivot(index=["problem", "mode", "seed"], columns="entry", values="cost")
    wide = wide.reindex(columns=[subject, rival])
    own, other = wide.to_numpy(dtype=float).T
    neither = np.isinf(own) & np.isinf(other)
    with np.errstate(invalid="ignore"):
        ratio = np.where(neither, 1.0, own / other)
    frame = pd.DataFrame({"ratio": ratio}, index=wide.index).reset_index()
    return frame.dropna()


def _tuning(found: Standings) -> dict[tuple[str, str, str], float]:
    """Return what tuning each cell spent, one run for each rate."""
    tuning = found.runs[found.runs["use"] == "tuning"]
    each = tuning.groupby(ABOUT)["spent"].sum() / len(found.board.table.tuning_seeds)
    rows = each.reset_index().to_dict("records")
    return {(row["entry"], row["problem"], row["mode"]): float(row["spent"]) for row in rows}


def _cost(kept: Kept, run: str, loss: float, spent: float, target: float) -> float:
    """Return what a run had spent when it first came to a target, at its end at the latest."""
    history = kept.history(run)
    if history is None or history.empty:
        return math.inf
    shots = float(history["cost_shots"].iloc[-1]) > 0
    column = "cost_shots" if shots else "cost_circuits"
    seen = history[["step", column, LOSS]]
    end = {"step": int(seen["step"].iloc[-1]) + 1, column: spent, LOSS: loss}
    whole = pd.concat([seen.dropna(), pd.DataFrame([end])], ignore_index=True)
    return cost_to_target(whole, target, LOSS, column)

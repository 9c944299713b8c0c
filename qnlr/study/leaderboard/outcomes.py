"""What became of a leaderboard's runs: which rates are best, and a frame of all runs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from qnlr.study.leaderboard.plan import OWN, Cell, Plan, Planned
from qnlr.study.stats import ENDED
from qnlr.study.store import EXACT_LOSSES, RunFolder, read_json
from qnlr.training import Status

COST = {True: "cost_shots", False: "cost_circuits"}
"""What a run spends: shots where there are some, circuits where values are exact."""
ABOUT = ["entry", "problem", "mode"]


class Kept:
    """What is kept of runs, each read once when it has ended.

    Args:
        folder: Results folder of the leaderboard.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.exact: dict[str, dict[str, float]] = read_json(folder / EXACT_LOSSES) or {}
        self._known: dict[str, dict[str, Any]] = {}

    def of(self, run: str) -> dict[str, Any]:
        """Return how a run ended, with metrics and costs; status ``"pending"`` if it has not.

        Args:
            run: Its identity.
        """
        if run not in self._known:
            status = RunFolder(self.folder / run).status()
            if status is None:
                return {"status": "pending", "metrics": {}, "cost": {}}
            if not Status(status["status"]).is_final:  # it may go on yet
                return status
            self._known[run] = status
        return self._known[run]

    def loss(self, run: str) -> float:
        """Return the training loss that was measured at the end of a run.

        Args:
            run: Its identity.

        Returns:
            The loss; infinity if the run diverged or failed, NaN if it has not ended.
        """
        status = self.of(run)
        value = status["metrics"].get("metric_train_loss")
        if status["status"] in ("pending", "interrupted"):
            return math.nan
        ended = status["status"] in ENDED and value is not None and math.isfinite(value)
        return float(value) if ended else math.inf

    def exact_loss(self, run: str) -> float | None:
        """Return the loss without shot noise of a run's final weights, None if it is not known.

        What is known of a run that was made anew since, and ended elsewhere, does not count.

        Args:
            run: Its identity.
        """
        known = self.exact.get(run)
        same = known is not None and known["measured"] == self.loss(run)
        return known["loss"] if known is not None and same else None

    def history(self, run: str) -> pd.DataFrame | None:
        """Return a run's history, None if it has none.

        Args:
            run: Its identity.
        """
        file = self.folder / run / "history.parquet"
        return pd.read_parquet(file) if file.is_file() else None


def tuned_rate(runs: Iterable[Planned], kept: Kept) -> float | None:
    """Return the rate with the lowest mean final training loss; of equal ones the first.

    Args:
        runs: The runs of a cell's tuning.
        kept: What is kept of them.

    Returns:
        The rate; one at which a run diverged or failed is worse than any other. None without runs,
        or while some have not ended.
    """
    losses: dict[float | None, list[float]] = {}
    for one in runs:
        losses.setdefault(one.rate, []).append(kept.loss(one.run))
    means = {rate: float(np.mean(values)) for rate, values in losses.items()}
    if not means or any(math.isnan(value) for value in means.values()):
        return None
    return min(means, key=lambda rate: means[rate])


def tuned_rates(plan: Plan, kept: Kept) -> dict[tuple[str, str, str], float | None]:
    """Return the tuned rate of each cell.

    Args:
        plan: All runs.
        kept: What is kept of them.

    Returns:
        By names of entry, problem and mode; None where nothing is swept, or tuning has not ended.
    """
    return {cell.key: tuned_rate(plan.tuning(cell), kept) for cell in plan.cells}


def runs_frame(plan: Plan, kept: Kept) -> pd.DataFrame:
    """Return a row for each use of each run that has ended.

    Args:
        plan: All runs.
        kept: What is kept of them.

    Returns:
        ``entry``, ``problem``, ``mode``; ``use`` (``"tuning"``, ``"tuned"``, ``"untuned"``,
        ``"decade"``), ``rate`` (NaN for that of the entry itself), ``seed``, ``run``, ``status``,
        ``measured``, the final training loss as the run measured it, and ``loss``, that of the same
        weights without shot noise where it is known, see :mod:`qnlr.study.leaderboard.exact` (both
        infinite if the run diverged or failed); what training ``spent`` of its ``budget``, in
        shots, or in circuits where values are exact, and in how many ``steps``; and whether the
        loss is ``noisy``: measured with shots, and not known without.
    """
    rows = []
    for cell in plan.cells:
        tuning = plan.tuning(cell)
        tuned = tuned_rate(tuning, kept)
        if tuning and tuned is None:
            uses = [("tuning", one) for one in tuning]
        else:
            found = plan.comparison(cell, tuned)
            uses = [("tuning", one) for one in tuning] + _uses(cell, tuned, found)
        rows += [_row(use, one, kept) for use, one in uses]
    columns = [*ABOUT, "use", "rate", "seed", "run", "status", "loss", "measured"]
    columns += ["noisy", "spent", "budget", "steps"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame[frame["loss"].notna()].reset_index(drop=True)


def _uses(cell: Cell, tuned: float | None, runs: list[Planned]) -> list[tuple[str, Planned]]:
    """Return what runs of a comparison are there for; one may be there for several things."""
    by_run = {one.run for one in runs}
    seeds = list(dict.fromkeys(one.spec.seed for one in runs))
    wanted: list[tuple[str, float | None]] = [("tuned", tuned), ("untuned", OWN)]
    swept = cell.entry.sweep is not None
    wanted += [("decade", rate) for rate in (cell.entry.decades if swept else ())]
    uses = []
    for use, rate in wanted:
        for seed in seeds:
            one = Planned(cell, rate, cell.at(rate, seed))
            if one.run in by_run:
                uses.append((use, one))
    return uses


def _row(use: str, one: Planned, kept: Kept) -> Mapping[str, Any]:
    entry, problem, mode = one.cell.key
    status, measured, exact = kept.of(one.run), kept.loss(one.run), kept.exact_loss(one.run)
    shots = one.spec.backend.model_dump().get("shots") is not None
    return {
        "entry": entry,
        "problem": problem,
        "mode": mode,
        "use": use,
        "rate": math.nan if one.rate is None else one.rate,
        "seed": one.spec.seed,
        "run": one.run,
        "status": status["status"],
        "loss": measured if exact is None else exact,
        "measured": measured,
        "noisy": shots and math.isfinite(measured) and exact is None,
        "spent": float(status["cost"].get(COST[shots], math.nan)),
        "budget": one.cell.budget,
        "steps": float(status.get("steps", math.nan)),
    }

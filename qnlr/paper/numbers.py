"""The numbers of a table: means with intervals for its cells, and comparisons with baselines."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from qnlr.paper.evidence import KEY, Evidence, measured, until
from qnlr.paper.reference import Reported
from qnlr.paper.tables import ADAM, SGD, PaperTable
from qnlr.study.costs import at_cost, common_cost, cost_to_target, target_summary
from qnlr.study.stats import ENDED, Comparison, Interval, bootstrap_interval, compare, holm

SUMMARISED = (
    "last_train_loss",
    "last_test_loss",
    "last_train_accuracy",
    "last_test_accuracy",
    "best_train_loss",
    "best_test_loss",
    "best_train_accuracy",
    "best_test_accuracy",
    "gradient_norm",
    "gradient_norm_without_shots",
    "flips",
    "shots",
    "circuits",
    "equal_cost_train_loss",
)
TARGET = 1.05
"""The target loss, as a multiple of the mean that SGD ends with."""


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Args:
        setting: Its setting's label.
        method: Its method's label.
        mode: How it was evaluated.
        values: Means over seeds with bootstrap intervals, by name.
        endings: Numbers of runs: ``total``, ``ended``, ``failed``, ``diverged``.
        to_target: Runs that reached the target loss and the median cost of that, as text parts.
        paper: What the paper reports for it, or None.
        runs: Identities of its runs, each with its study before a slash.
    """

    setting: str
    method: str
    mode: str
    values: dict[str, Interval]
    endings: dict[str, int]
    to_target: tuple[int, float]
    paper: Reported | None
    runs: tuple[str, ...]


@dataclass(frozen=True)
class Compared:
    """How a cell compares with a baseline of its setting and mode.

    Args:
        setting: Label of the setting.
        method: Label of the method.
        mode: How both were evaluated.
        at_end: Training loss at the last evaluation, at equal steps.
        at_cost: Training loss at equal shots; at equal circuits where there are no shots.
        p_adjusted: The p-value of ``at_end``, by Holm over all methods of the table in that mode
            that are compared with this baseline.
    """

    setting: str
    method: str
    mode: str
    at_end: Comparison
    at_cost: Comparison
    p_adjusted: float


@dataclass(frozen=True)
class Numbers:
    """All that was measured for a table.

    Args:
        table: The table.
        runs: One row for each run of each cell, see :func:`qnlr.paper.evidence.measured`.
        cells: Its cells, in order.
        compared: Comparisons with SGD and with Adam.
    """

    table: PaperTable
    runs: pd.DataFrame
    cells: tuple[Cell, ...]
    compared: tuple[Compared, ...]

    def cell(self, setting: str, method: str, mode: str) -> Cell | None:
        """Return a cell, or None if nothing was run for it."""
        wanted = (setting, method, mode)
        return next((c for c in self.cells if (c.setting, c.method, c.mode) == wanted), None)

    def seeds(self, setting: str, method: str, mode: str, column: str) -> pd.Series[float]:
        """Return one value for each seed of a cell's runs that ended, by seed."""
        runs = self.runs
        if column not in runs:
            return pd.Series(dtype=float)
        own = runs[
            (runs["setting"] == setting)
            & (runs["method"] == method)
            & (runs["mode"] == mode)
            & runs["status"].isin(ENDED)
        ]
        found: pd.Series[float] = own.set_index("spec_seed")[column].astype(float).dropna()
        return found.sort_index()

    def lost(self, setting: str, method: str, mode: str) -> int:
        """Return how many runs of a cell failed, diverged or have not ended."""
        runs = self.runs
        if runs.empty:
            return 0
        own = runs[
            (runs["setting"] == setting) & (runs["method"] == method) & (runs["mode"] == mode)
        ]
        return int((~own["status"].isin(ENDED)).sum())


def numbers(table: PaperTable, evidence: Evidence) -> Numbers:
    """Return the numbers of a table.

    Args:
        table: The table.
        evidence: The runs of its studies.

    Returns:
        The numbers; without cells if nothing was run.
    """
    runs = measured(table, evidence)
    if runs.empty:
        return Numbers(table, runs, (), ())
    runs = _with_costs(table, runs, evidence)
    return Numbers(table, runs, tuple(_cells(table, runs)), tuple(_comparisons(runs)))


def cost_column(mode: str) -> str:
    """Return what cost is counted in: shots, or circuits where values are exact."""
    return "cost_circuits" if mode == "exact" else "cost_shots"


def _with_costs(table: PaperTable, runs: pd.DataFrame, evidence: Evidence) -> pd.DataFrame:
    """Add what each run had reached at equal cost, and what it spent to reach the target."""
    steps = {setting.label: setting.step for setting in table.settings}
    histories = dict(list(evidence.history.groupby("run_id"))) if len(evidence.history) else {}
    parts = []
    for (setting, mode), group in runs.groupby(["setting", "mode"], sort=False):
        cost = cost_column(str(mode))
        ended = group["run_id"][group["status"].isin(ENDED)]
        own = {
            str(run): until(histories[run], steps[str(setting)])
            for run in ended
            if run in histories
        }
        equal = common_cost(pd.concat(own.values()), cost) if own else math.nan
        of_sgd = (group["method"] == SGD.label) & group["status"].isin(ENDED)
        base = group["last_train_loss"][of_sgd].mean()
        parts.append(
            group.assign(
                equal_cost_train_loss=[
                    at_cost(own[run], "metric_train_loss", equal, cost) if run in own else math.nan
                    for run in group["run_id"]
                ],
                to_target=[
                    cost_to_target(own[run], TARGET * base, cost_column=cost)
                    if run in own and math.isfinite(base)
                    else math.inf
                    for run in group["run_id"]
                ],
            )
        )
    return pd.concat(parts)


def _cells(table: PaperTable, runs: pd.DataFrame) -> Iterator[Cell]:
    settings = {setting.label: setting for setting in table.settings}
    methods = {method.label: method for method in table.methods}
    for (setting, method, mode), group in runs.groupby(KEY, sort=False):
        ended = group[group["status"].isin(ENDED)]
        target = target_summary(group["to_target"])
        yield Cell(
            str(setting),
            str(method),
            str(mode),
            {
                name: bootstrap_interval(ended[name]) if name in ended else bootstrap_interval([])
                for name in SUMMARISED
            },
            {
                "total": len(group),
                "ended": len(ended),
                "failed": int((group["status"] == "failed").sum()),
                "diverged": int((group["status"] == "diverged").sum()),
            },
            (target.reached, target.median),
            table.paper_row(settings[str(setting)], methods[str(method)]),
            tuple(group["study"] + "/" + group["run_id"]),
        )


def _comparisons(runs: pd.DataFrame) -> Iterator[Compared]:
    labelled = runs.rename(columns={"method": "label"})
    for baseline in (SGD.label, ADAM.label):
        for mode, of_mode in labelled.groupby("mode", sort=False):
            found: list[tuple[str, str, Comparison, Comparison]] = []
            for setting, group in of_mode.groupby("setting", sort=False):
                if baseline not in set(group["label"]):
                    continue
                for label in dict.fromkeys(group["label"]):
                    if label != baseline:
                        found.append(
                            (
                                str(setting),
                                label,
                                compare(group, label, baseline, "last_train_loss"),
                                compare(group, label, baseline, "equal_cost_train_loss"),
                            )
                        )
            adjusted = holm([at_end.p_value for _, _, at_end, _ in found])
            for (name, label, at_end, at_equal), p in zip(found, adjusted, strict=True):
                yield Compared(name, label, str(mode), at_end, at_equal, float(p))

"""What a tuning shows in a terminal."""

from __future__ import annotations

import math

from rich.progress import TaskID
from rich.table import Table

from qnlr.study.display import Progress, console
from qnlr.study.summary import shots_text
from qnlr.study.tune import TuningReport
from qnlr.study.tune_config import Tuning
from qnlr.study.tune_results import remarks


class TuningProgress(Progress):
    """Live bars: rounds, the runs of all rounds, and the present runs.

    Args:
        name: Name of the study.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._rounds: TaskID | None = None
        self._runs_of_all = 0

    def begin_study(self, runs: int, done: int, dropped: int) -> None:
        """Show how many runs all rounds have, and how many are done already."""
        super().begin_study(runs, done, dropped)
        self._runs_of_all = runs

    def begin_round(self, number: int, rounds: int) -> None:
        """Show which round begins; runs that failed before, or were done twice, count as done."""
        assert self._runs is not None
        if self._rounds is None:
            self._rounds = self._bars.add_task("round", total=rounds, figures="")
        else:
            self._bars.update(self._runs, completed=self._runs_of_all * number // rounds)
        self._bars.update(self._rounds, completed=number + 1)


def show_tuning(tuning: Tuning, report: TuningReport) -> None:
    """Print the table of best rates, what is to be said of them, and where everything is.

    Args:
        tuning: The tuning.
        report: How it went.
    """
    out, table = console(), tuning.table
    lower = "lower" if tuning.lower_is_better else "higher"
    grid = Table(
        title=f"best {table.parameter} of {table.trials} trials by {table.metric} ({lower} is "
        f"better), mean over the seeds {', '.join(map(str, tuning.seeds))}",
        title_justify="left",
        box=None,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    grid.add_column("method")  # may wrap, so that no number is cut
    for column in ("best\nrate", "value", "config's\nrate", "value\nthere", "failed", "shots"):
        grid.add_column(column, justify="right", no_wrap=True)
    for _, row in report.best.iterrows():
        figures = (row["rate"], row["value"], row["own_rate"], row["own_value"])
        texts = ("–" if math.isnan(number) else f"{number:.3g}" for number in figures)
        grid.add_row(row["label"], *texts, f"{row['failed']}", shots_text(row["shots"]))
    out.print(grid, markup=False)
    for sentence in remarks(tuning, report.trials, report.best):
        out.print(sentence, markup=False, soft_wrap=not out.is_terminal)
    for name in ("trials.csv", "best.csv", "best.toml"):
        out.print(f"{name}: {report.folder / name}", markup=False, soft_wrap=True)

"""What a study shows in a terminal."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars
from rich.table import Table

from qnlr.backends.ibm.orders import Waiting
from qnlr.study.observer import Observer, RunProgress
from qnlr.study.remote import Standing
from qnlr.training import Outcome, Status

SHOWN = (
    *("training loss", "test accuracy", "energy", "energy error", "cut ratio"),
    *("gradient norm", "flips", "shots"),
)


def console(*, stderr: bool = False) -> Console:
    """Return a console that does not guess at markup or colours of numbers."""
    return Console(stderr=stderr, highlight=False)


class Progress(Observer):
    """Live bars: runs done, and the present run's steps, loss, gradient norm, flips and shots.

    Where the output is no terminal, a line for every run that ended is printed instead.

    Args:
        name: Name of the study.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._console = console(stderr=True)
        self._bars = Bars(
            TextColumn("{task.description}", table_column=None),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[figures]}"),
            console=self._console,
        )
        self._runs: TaskID | None = None
        self._steps: dict[str, TaskID] = {}
        self._waits: dict[str, str] = {}

    def __enter__(self) -> Progress:
        self._runs = self._bars.add_task(f"{self._name}: checking", total=None, figures="")
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None and self._runs is not None:
            self._bars.remove_task(self._runs)
        self._bars.stop()

    def begin_study(self, runs: int, done: int, dropped: int) -> None:
        """Show how many runs there are, and how many are done already or listed no more."""
        assert self._runs is not None
        self._bars.update(self._runs, description=self._name, total=runs, completed=done)
        if done:
            self._console.print(f"{done} of {runs} runs are done already")
        if dropped:
            self._console.print(
                f"{dropped} runs of an earlier config of this name are listed no more; they are "
                "kept, see load_results(…, every_run=True)",
                markup=False,
                soft_wrap=True,
            )

    def other_seeds(self, runs: int) -> None:
        """Say that fewer seeds were asked for than the results have."""
        self._console.print(
            f"{runs} runs of other seeds than those asked for are kept, and count in what is shown",
            soft_wrap=True,
        )

    def begin_run(self, progress: RunProgress) -> None:
        """Show a bar for the run."""
        self._drop(progress)
        self._steps[progress.run_id] = self._bars.add_task(
            _name(progress),
            total=progress.steps,
            completed=progress.done,
            figures=figures(progress),
        )
        if progress.done:
            line = f"{_name(progress)}: resumed after step {progress.done}"
            self._console.print(line, markup=False, soft_wrap=True)

    def step(self, progress: RunProgress) -> None:
        """Move the bar of the run."""
        if progress.run_id in self._steps:
            task = self._steps[progress.run_id]
            self._bars.update(task, completed=progress.done, figures=figures(progress))

    def wait(self, progress: RunProgress, waiting: Waiting) -> None:
        """Show on the bar of the run what it waits for, and what is spent."""
        text = waiting_text(waiting)
        if progress.run_id in self._steps:
            line = "  ".join(part for part in (text, figures(progress)) if part)
            self._bars.update(self._steps[progress.run_id], figures=line)
        if not self._console.is_terminal and self._waits.get(progress.run_id) != waiting.state:
            self._waits[progress.run_id] = waiting.state
            self._console.print(f"{_name(progress)}: {text}", markup=False, soft_wrap=True)

    def end_run(self, progress: RunProgress, outcome: Outcome) -> None:
        """Take the run's bar away, and say how it ended if that is news."""
        assert self._runs is not None
        self._drop(progress)
        self._bars.advance(self._runs, outcome.status.is_final)
        if not self._console.is_terminal or outcome.status is not Status.FINISHED:
            line = f"{_name(progress)}: {outcome.status} ({outcome.sentence})"
            shown = f"{line}  {figures(progress)}"
            self._console.print(shown, markup=False, soft_wrap=True)

    def _drop(self, progress: RunProgress) -> None:
        if progress.run_id in self._steps:
            self._bars.remove_task(self._steps.pop(progress.run_id))


def _name(progress: RunProgress) -> str:
    return f"{progress.label}, seed {progress.seed}"


def figures(progress: RunProgress) -> str:
    """Return loss, gradient norm, flips and shots of a run as one short text."""
    from qnlr.study.summary import shots_text

    if not progress.done:
        return ""
    return (
        f"loss {progress.loss:.3f}  |g| {progress.gradient_norm:.3f}  flips {progress.flips}  "
        f"shots {shots_text(progress.shots)}"
    )


def waiting_text(waiting: Waiting) -> str:
    """Return what a run on a device waits for as one short text.

    Args:
        waiting: What it waits for.

    Example:
        >>> waiting_text(Waiting("queued", 2, 14, spent=31.4, left=268.6, seconds=95))
        'queued 1:35 at place 14, 2 jobs, 31 s spent, 269 s left'
    """
    minutes, seconds = divmod(int(waiting.seconds), 60)
    place = "" if waiting.position is None else f" at place {waiting.position}"
    jobs = f"{waiting.pending} job{'s' if waiting.pending > 1 else ''}"
    return (
        f"{waiting.state} {minutes}:{seconds:02d}{place}, {jobs}, {waiting.spent:.0f} s spent, "
        f"{waiting.left:.0f} s left"
    )


def show_standing(found: Standing) -> None:
    """Print how a study on a device stands.

    Args:
        found: How it stands.
    """
    out = console()
    grid = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for head in ("run", "device", "status", "phases", "jobs", "QPU s"):
        grid.add_column(head, justify="right" if head in ("phases", "jobs", "QPU s") else "left")
    for run in found.runs:
        numbers = (str(run.phases), str(run.jobs), f"{run.spent:.1f}")
        name = f"{run.label}, seed {run.seed}"
        grid.add_row(name, run.device or "", run.ending, *numbers)
    out.print(grid)
    for run in found.runs:
        if run.sentence:
            out.print(f"{run.label}, seed {run.seed}: {run.sentence}", markup=False, soft_wrap=True)
        for job in run.pending:
            place = "" if job.position is None else f", place {job.position} in the queue"
            line = f"job {job.record.job_id}: {job.state}{place}"
            out.print(line, markup=False, soft_wrap=True)
    for device, waiting in found.queues.items():
        out.print(f"{device}: {waiting} jobs wait in its queue", markup=False)
    out.print(f"{found.spent:.1f} of {found.budget_seconds:g} QPU seconds spent", markup=False)


def show_study(folder: Path) -> list[Path]:
    """Draw the figures of a study, print its table, and say where everything is.

    Args:
        folder: Results folder of the study.

    Returns:
        Files of the figures; none where there is nothing to draw, or they cannot be written.

    Raises:
        InputError: If there is no study in the folder.
    """
    from qnlr.study.figures import save_figures
    from qnlr.study.report_evaluation import evaluation_lines
    from qnlr.study.results import load_history, load_results
    from qnlr.study.summary import findings, seeds_text, summary

    results = load_results(folder)
    out = console()
    with out.status("drawing the figures"):
        history = load_history(folder)
        try:
            files = [] if history.empty else save_figures(history, folder)
        except OSError as error:  # what was measured is worth showing all the same
            files = []
            out.print(f"figures cannot be written to {folder}: {error.strerror}", markup=False)
    for file in files:
        out.print(f"{file.stem.replace('_', ' ')}: {file}", markup=False, soft_wrap=True)
    table = summary(results)
    if not table.empty:
        seeds = sorted({int(number) for number in table["seeds"]})
        over = seeds_text(seeds[0]) if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]} seeds"
        grid = Table(
            title=f"mean ± 95 % interval over {over}",
            title_justify="left",
            box=None,
            padding=(0, 1, 0, 0),
            pad_edge=False,
        )
        grid.add_column("method", overflow="fold")  # may wrap, so that no number is cut
        shown = [column for column in SHOWN if column in table]
        if {"energy error", "cut ratio"} & {*shown}:  # which say more than the energy itself
            shown = [column for column in shown if column != "energy"]
        for column in shown:
            grid.add_column(column.replace(" ", "\n"), justify="right", no_wrap=True)
        for name, row in table.iterrows():
            grid.add_row(str(name), *(row[column] for column in shown))
        out.print(grid)
        for sentence in findings(results):
            out.print(sentence, markup=False, soft_wrap=not out.is_terminal)
    for line in evaluation_lines(results):
        out.print(line, markup=False, soft_wrap=True)
    for _, row in results[~results["status"].isin(["finished", "target_reached"])].iterrows():
        out.print(
            f"{row['label']}, seed {row['spec_seed']}: {row['status']} ({row['sentence']})",
            markup=False,
        )
    out.print(f"results: {folder}", markup=False, soft_wrap=True)
    return files

"""A diagnosis in a terminal: how far it is, and what it found."""

from __future__ import annotations

from types import TracebackType

from rich.progress import BarColumn, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from qnlr.study.diagnosis.performing import Performed
from qnlr.study.display import console


class Bar:
    """A live bar on standard error; nothing where that is no terminal.

    Args:
        name: Name of the diagnosis.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TimeRemainingColumn(compact=True),
            console=console(stderr=True),
            transient=True,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Bar:
        self._task = self._bars.add_task(self._name, total=None)
        if self._bars.console.is_terminal:
            self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bars.console.is_terminal:
            self._bars.stop()

    def stage(self, text: str) -> None:
        """Say what is being done, from its beginning."""
        assert self._task is not None
        self._bars.reset(self._task, total=None, description=f"{self._name}: {text}")

    def told(self, done: int, total: int) -> None:
        """Show how much is done."""
        assert self._task is not None
        self._bars.update(self._task, completed=done, total=total)


def show(performed: Performed) -> None:
    """Print what was found, the verdicts on what was to be expected, and where the page is.

    Args:
        performed: What a diagnostic gave.
    """
    out = console()
    found = performed.findings
    lines = [found.title, *found.says]
    for check in found.checks:
        remark = f" ({check.remark})" if check.remark else ""
        lines.append(
            f"{check.word}: {check.statement}; predicted {check.predicted}, measured "
            f"{check.measured}{remark}"
        )
    lines += [f"note: {caveat}" for caveat in (*performed.caveats, *found.caveats)]
    for line in lines:
        out.print(line, markup=False, soft_wrap=not out.is_terminal)
    out.print(f"report: {performed.page}", markup=False, soft_wrap=True)

"""An estimate as it is shown in a terminal, and as plain data for scripts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from qnlr.backends.ibm.limits import OPEN_PLAN_DAYS, OPEN_PLAN_SECONDS
from qnlr.backends.ibm.price import Price, quick_seconds
from qnlr.study.estimate import RunEstimate, StudyEstimate
from qnlr.study.estimate_limits import assumptions, by_mode, objections
from qnlr.study.estimate_server import ServerEstimate
from qnlr.study.estimate_variants import Variant
from qnlr.study.summary import shots_text

UNITS = (("years", 365.25 * 86_400.0), ("days", 86_400.0), ("h", 3600.0), ("min", 60.0), ("s", 1.0))


def seconds_text(seconds: float) -> str:
    """Return a time with three digits, in the unit that suits it.

    Example:
        >>> seconds_text(2.5), seconds_text(1490), seconds_text(745_000)
        ('2.5 s', '24.8 min', '8.62 days')
    """
    unit, size = next((one for one in UNITS if seconds >= 2 * one[1]), UNITS[-1])
    return f"{_digits(seconds / size)} {unit}"


def share_text(share: float) -> str:
    """Return a share in per cent, or as how many times the whole it is.

    Example:
        >>> share_text(0.004), share_text(0.25), share_text(1.5), share_text(2480.0)
        ('0.4 %', '25 %', '1.5 times', '2,480 times')
    """
    return f"{_digits(100 * share)} %" if share <= 1 else f"{_digits(share)} times"


def _digits(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def headline(estimate: StudyEstimate) -> str:
    """Return what a study costs: a sentence, and one on its budget.

    Args:
        estimate: The study.
    """
    if not estimate.runs:
        return f"{estimate.name}: all runs are done, and nothing is left to pay."
    price, where = estimate.price, " and ".join(estimate.devices)
    left = " more" if estimate.done or estimate.spent else ""
    share = share_text(estimate.open_plan_share)
    budget, known = estimate.budget_seconds, estimate.budget_share
    charged = not all(run.settings.is_local for run in estimate.runs)
    own = ""
    if budget is not None and known is not None and charged:
        own = (
            f" It is {share_text(known)}{' of' if known <= 1 else ''} budget_seconds = {budget:g}."
        )
    return (
        f"{estimate.name} takes {seconds_text(price.seconds)} of QPU time{left} on {where}: {share}"
        f"{' of' if estimate.open_plan_share <= 1 else ''} the {OPEN_PLAN_SECONDS / 60:g} minutes "
        f"that the open plan has in {OPEN_PLAN_DAYS} days.{own}"
    )


def timings(estimate: StudyEstimate) -> list[str]:
    """Return how long one execution takes, a sentence for each device and length of circuit.

    Args:
        estimate: The study.
    """
    found = [
        f"On {run.device} an execution takes {_microseconds(run.timing.execution_seconds)}: a "
        f"circuit of {_microseconds(run.timing.circuit_seconds)} with measurement and reset, and a "
        f"rep_delay of {_microseconds(run.timing.rep_delay)}."
        for run in estimate.runs
    ]
    return list(dict.fromkeys(found))


def _microseconds(seconds: float) -> str:
    return f"{_digits(seconds * 1e6)} µs"


@dataclass(frozen=True)
class Row:
    """Runs that cost the same and differ in their seed alone.

    Args:
        run: The first of them.
        number: How many there are.
    """

    run: RunEstimate
    number: int

    @property
    def price(self) -> Price:
        """Price of all of them."""
        return self.run.price.times(self.number)


def rows(estimate: StudyEstimate) -> list[Row]:
    """Return the runs of an estimate, those that cost the same as one."""
    alike: dict[tuple[Any, ...], list[RunEstimate]] = {}
    for run in estimate.runs:
        alike.setdefault((run.label, run.device, run.work, run.prices), []).append(run)
    return [Row(runs[0], len(runs)) for runs in alike.values()]


def show(estimate: StudyEstimate, variants: Sequence[Variant], out: Console) -> None:
    """Print an estimate: a sentence, tables, limits, variants, and what it rests on.

    Args:
        estimate: The study.
        variants: Cheaper ones.
        out: Where to.
    """
    out.print(headline(estimate), markup=False)
    if estimate.done or estimate.spent:
        out.print(
            f"{estimate.done} runs are done; {estimate.spent:,.1f} QPU seconds are spent.",
            markup=False,
        )
    if not estimate.runs:
        return
    for sentence in timings(estimate):
        out.print(sentence, markup=False)
    out.print()
    out.print(_runs(estimate))
    out.print()
    out.print(_modes(estimate))
    _list(out, "limits", objections(estimate) or ["none is passed"])
    out.print()
    if variants:
        out.print(_variants(variants))
    _list(out, "assumptions", assumptions(estimate))


def _list(out: Console, title: str, sentences: Sequence[str]) -> None:
    out.print(f"\n{title}", markup=False)
    for sentence in sentences:
        grid = Table.grid(padding=(0, 1))
        grid.add_row("-", _plain(sentence))
        out.print(grid)


def _plain(text: str) -> Any:
    from rich.text import Text

    return Text(text)


def _grid(title: str, heads: Sequence[str]) -> Table:
    grid = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for number, head in enumerate(heads):
        first = number == 0
        grid.add_column(
            head, justify="left" if first else "right", no_wrap=not first, overflow="fold"
        )
    return grid


def _runs(estimate: StudyEstimate) -> Table:
    heads = (
        "method",
        "runs",
        "steps",
        "executions\na step",
        "a step",
        "evaluated",
        "in all",
        "jobs",
    )
    grid = _grid("QPU time that is left", heads)
    for row in rows(estimate):
        run = row.run
        grid.add_row(
            _plain(run.label if len(estimate.devices) == 1 else f"{run.label} on {run.device}"),
            str(row.number),
            str(run.work.steps),
            shots_text(run.step.executions),
            seconds_text(run.step.seconds),
            seconds_text(run.evaluation.times(run.work.evaluations).seconds),
            seconds_text(row.price.seconds),
            f"{row.price.jobs:,}",
        )
    whole = estimate.price
    end = (seconds_text(whole.seconds), f"{whole.jobs:,}")
    grid.add_row("study", str(len(estimate.runs)), "", "", "", "", *end)
    return grid


def _modes(estimate: StudyEstimate) -> Table:
    grid = _grid("by mode, without queues", ("mode", "wall clock", "charged", "times queued"))
    for one in by_mode(estimate):
        grid.add_row(
            one.mode if one.open_plan else f"{one.mode} (not on the open plan)",
            seconds_text(one.wall_seconds),
            seconds_text(one.charged_seconds),
            f"{one.queues:,}",
        )
    return grid


def _variants(variants: Sequence[Variant]) -> Table:
    grid = _grid("cheaper variants", ("variant", "QPU time", "of the open plan", "change"))
    grid.columns[3].justify, grid.columns[3].no_wrap = "left", False
    for one in variants:
        grid.add_row(
            one.name,
            seconds_text(one.price.seconds),
            share_text(one.price.seconds / OPEN_PLAN_SECONDS),
            _plain(one.keys),
        )
    return grid


def server_text(asked: ServerEstimate) -> str:
    """Return what the service says of a job beside the formula, in one sentence.

    Args:
        asked: Both estimates.
    """
    about = f"the first job on {asked.device}, a {asked.phase} of {asked.circuits:,} circuits"
    ours = f"{asked.ours.seconds:,.1f} QPU seconds by the formula"
    if asked.theirs is None:
        return f"{about}: {ours}; {asked.why_not}"
    return f"{about}: {asked.theirs:,.1f} QPU seconds by the service, {ours}"


def as_plain(
    estimate: StudyEstimate, variants: Sequence[Variant], asked: ServerEstimate | None = None
) -> dict[str, Any]:
    """Return an estimate as plain data.

    Args:
        estimate: The study.
        variants: Cheaper ones.
        asked: What the service says, if it was asked.

    Returns:
        What ``--json`` prints; times are in seconds.
    """
    return {
        "study": estimate.name,
        "devices": list(estimate.devices),
        "done": estimate.done,
        "spent_seconds": estimate.spent,
        **asdict(estimate.price),
        "quick_seconds": quick_seconds(estimate.price.executions, estimate.price.jobs),
        "open_plan_share": estimate.open_plan_share,
        "budget_seconds": estimate.budget_seconds,
        "budget_share": estimate.budget_share,
        "runs": [_plain_run(run) for run in estimate.runs],
        "modes": [asdict(one) for one in by_mode(estimate)],
        "limits": objections(estimate),
        "variants": [asdict(one) for one in variants],
        "assumptions": assumptions(estimate),
        **({} if asked is None else {"server": asdict(asked)}),
    }


def _plain_run(run: RunEstimate) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "label": run.label,
        "seed": run.seed,
        "device": run.device,
        "steps": run.work.steps,
        "evaluations": run.work.evaluations,
        **asdict(run.timing),
        "rows_per_job": run.rows_per_job,
        "learning": asdict(run.learning),
        "step": asdict(run.step),
        "evaluation": asdict(run.evaluation),
        **asdict(run.price),
    }

"""How long a study on a device takes by mode, and what of it passes a limit."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from qnlr.backends.ibm import limits
from qnlr.backends.ibm.modes import CLIENT_SECONDS, PREPARE_SECONDS
from qnlr.study.estimate import RunEstimate, StudyEstimate
from qnlr.study.hardware import CLOSED_LOOPS, SIDE_BY_SIDE

DAY = 86_400.0


@dataclass(frozen=True)
class ModeEstimate:
    """What a study takes in one mode.

    Args:
        mode: ``"job"``, ``"batch"`` or ``"session"``.
        wall_seconds: Wall-clock time without any queue.
        charged_seconds: QPU seconds charged: in a session, wall-clock time.
        queues: How many times it waits in the queue.
        open_plan: Whether the open plan has this mode.
    """

    mode: str
    wall_seconds: float
    charged_seconds: float
    queues: int
    open_plan: bool


def by_mode(estimate: StudyEstimate) -> list[ModeEstimate]:
    r"""Return what a study takes in each mode.

    .. math:: t_\mathrm{wall} = t_\mathrm{QPU}
              + \frac{1}{s} \sum_\mathrm{phases} (t_\mathrm{prepare} \lceil n/5 \rceil
              + t_\mathrm{client})

    with s runs side by side and n jobs in a phase, of which the service prepares five at once. In
    job mode every phase waits in the queue; a batch or a session waits once for as long as it may
    stay open, and a session is charged by the clock.

    Args:
        estimate: The study.

    Returns:
        The three modes.
    """
    price = estimate.price
    phases = [
        (number, one)
        for run in estimate.runs
        for number, one in [
            *zip([number for _, number in run.work.by_phase], run.prices, strict=True),
            *([(1, run.learning)] if run.learning.jobs else []),
        ]
    ]
    beside = sum(
        number
        * (PREPARE_SECONDS * math.ceil(one.jobs / limits.JOBS_PREPARED_AT_ONCE) + CLIENT_SECONDS)
        for number, one in phases
    )
    wall = price.seconds + beside / side_by_side(estimate)
    batches = math.ceil(wall / limits.BATCH_MAX_SECONDS["paid"])
    sessions = math.ceil(wall / limits.SESSION_MAX_SECONDS)
    return [
        ModeEstimate("job", wall, price.seconds, sum(n for n, _ in phases), open_plan=True),
        ModeEstimate("batch", wall, price.seconds, batches, open_plan=True),
        ModeEstimate("session", wall, wall, sessions, open_plan=False),
    ]


def side_by_side(estimate: StudyEstimate) -> int:
    """Return how many runs go on at a time: one where an optimizer is a closed loop."""
    closed = any(run.optimizer in CLOSED_LOOPS for run in estimate.runs)
    return 1 if closed else max(1, min(SIDE_BY_SIDE, len(estimate.runs)))


def objections(estimate: StudyEstimate) -> list[str]:
    """Return which limits a study passes, and what becomes of it there.

    Args:
        estimate: The study.

    Returns:
        Sentences, without repetition: first what refuses the study, then what splits it.
    """
    return list(
        dict.fromkeys(
            [
                *_circuits(estimate),
                *_caps(estimate),
                *_open_plan(estimate),
                *_split_phases(estimate),
                *_modes(estimate),
            ]
        )
    )


def _circuits(estimate: StudyEstimate) -> Iterator[str]:
    for run in estimate.runs:
        yield from (f"{sentence} (on {run.device})" for sentence in run.exceeded)


def _caps(estimate: StudyEstimate) -> Iterator[str]:
    if all(run.settings.is_local for run in estimate.runs):  # nothing is charged
        return
    budget = estimate.budget_seconds
    needed = estimate.spent + estimate.price.seconds
    if budget is not None and needed > budget:
        first = next((run for run in estimate.runs if run.work.steps), None)
        steps = ""
        if first is not None and first.step.seconds > 0:
            left = max(0.0, budget - estimate.spent - first.learning.seconds)
            number = math.floor(left / first.step.seconds)
            steps = f": enough for {number} step{'s' * (number != 1)} of one run"
        yield (
            f"qnlr run refuses the study as it is: it takes {needed:,.0f} QPU seconds, and "
            f"budget_seconds = {budget:g} in [backend]{steps}"
        )
    caps = [run.settings.max_jobs for run in estimate.runs if run.settings.max_jobs is not None]
    if caps and estimate.price.jobs > min(caps):
        yield f"it takes {estimate.price.jobs:,} jobs, and max_jobs = {min(caps):,} in [backend]"


def _open_plan(estimate: StudyEstimate) -> Iterator[str]:
    windows = math.ceil(estimate.open_plan_share)
    if windows > 1:
        days = (windows - 1) * limits.OPEN_PLAN_DAYS
        wait = f"{days:,} days" if days < 730 else f"{days / 365.25:,.0f} years"
        yield (
            f"the open plan has {limits.OPEN_PLAN_SECONDS:g} QPU seconds in any "
            f"{limits.OPEN_PLAN_DAYS} days: there the study waits {wait} for its time"
        )
    if any(run.settings.mode == "session" for run in estimate.runs):
        yield 'the open plan has no sessions: mode = "session" is refused there'


def _split_phases(estimate: StudyEstimate) -> Iterator[str]:
    jobs: Counter[str] = Counter()
    for run in estimate.runs:
        for phase, price in run.phases:
            if price.jobs > 1:
                jobs[_split(run, phase.name, phase.circuits, price.jobs)] += 1
    yield from jobs


def _split(run: RunEstimate, name: str, circuits: int, jobs: int) -> str:
    kind = "gradient" if name == "gradient" else "loss" if name == "loss" else "evaluation"
    most = run.settings.max_execution_time
    hours = f"{limits.JOB_MAX_SECONDS / 3600:g} hours"
    time = hours if most is None else f"max_execution_time = {most} s"
    return (
        f"a {kind} of {circuits:,} circuits is split into {jobs} jobs: one takes at "
        f"most {limits.EXECUTIONS_PER_JOB / 1e6:g} million executions and {time} of QPU time, "
        f"here {run.rows_per_job:,} circuits"
    )


def _modes(estimate: StudyEstimate) -> Iterator[str]:
    wanted = {run.settings.mode for run in estimate.runs}
    wall = by_mode(estimate)[0].wall_seconds
    if wanted & {"session", "auto"} and wall > limits.SESSION_MAX_SECONDS:
        number = math.ceil(wall / limits.SESSION_MAX_SECONDS)
        yield (
            f"a session closes after {limits.SESSION_MAX_SECONDS / 3600:g} hours: in mode session "
            f"it takes {number:,} of them, one after another"
        )
    several = len(estimate.runs) > 1
    if ("batch" in wanted or ("auto" in wanted and several)) and (
        wall > limits.BATCH_MAX_SECONDS["open"]
    ):
        number = math.ceil(wall / limits.BATCH_MAX_SECONDS["open"])
        yield (
            f"a batch closes after {limits.BATCH_MAX_SECONDS['open'] / 60:g} minutes on the open "
            f"plan, and after {limits.BATCH_MAX_SECONDS['paid'] / 3600:g} hours on others: in mode "
            f"batch it takes {number:,} of them on the open plan"
        )


def assumptions(estimate: StudyEstimate) -> list[str]:
    """Return what an estimate rests on.

    Args:
        estimate: The study.

    Returns:
        Sentences.
    """
    found = [
        "QPU seconds by IBM's formula, 2 s a job + (rep_delay + circuit length) × executions "
        "(documentation, Estimate job run time, September 2026); gate lengths and rep_delay are "
        "those of the device, or of its last published snapshot",
        "queues are not counted; beside the QPU a job takes "
        f"{PREPARE_SECONDS:g} s to be checked and prepared, {limits.JOBS_PREPARED_AT_ONCE} at a "
        f"time, and a phase {CLIENT_SECONDS:g} s to be sent, fetched and computed with: no figures "
        "of IBM's",
        "all steps are made: a run that reaches its target loss or diverges costs less",
    ]
    local = sorted({run.device for run in estimate.runs if run.settings.is_local})
    if local:
        found.append(
            f"{', '.join(local)} runs on this machine, where nothing is charged; the price is that "
            "of a device with its gate lengths"
        )
    found += _layer_noise(estimate)
    if estimate.others:
        found.append(f"{estimate.others} runs on other backends cost nothing, and are not counted")
    return found


def _layer_noise(estimate: StudyEstimate) -> Iterator[str]:
    learnt = [run.learning for run in estimate.runs if run.learning.jobs]
    if learnt:
        executions = max(price.executions for price in learnt)
        seconds = max(price.seconds for price in learnt)
        yield (
            f"learning the noise of the circuit's layers takes up to {executions:,} executions and "
            f"{seconds:,.0f} QPU seconds, once for each run, and is counted in all of it"
        )
    options = [run.settings.options or {} for run in estimate.runs]
    if learnt and any((one.get("resilience") or {}).get("pec_mitigation") for one in options):
        yield (
            "PEC takes more randomisations the more noise there is, up to options.resilience.pec."
            "max_overhead times as many (100 by default): that is not known before the noise is "
            "learned, and not counted"
        )

"""What is told while a study is executed, in this process or in others."""

from __future__ import annotations

import math
from dataclasses import dataclass

from qnlr.backends.ibm.orders import Waiting
from qnlr.training import Outcome, Training


@dataclass(frozen=True)
class RunProgress:
    """Where a run stands, as plain data.

    Args:
        run_id: Identity of the run.
        label: What sets it apart.
        seed: Its seed.
        done: Steps made.
        steps: Steps to make.
        loss: Loss of the last mini-batch; NaN before the first.
        gradient_norm: ‖g‖ of the last step; NaN before the first.
        flips: Steps with the negative rate.
        shots: Shots that training has spent.
    """

    run_id: str
    label: str
    seed: int
    done: int
    steps: int
    loss: float = math.nan
    gradient_norm: float = math.nan
    flips: int = 0
    shots: int = 0

    @classmethod
    def of(cls, run_id: str, label: str, seed: int, training: Training) -> RunProgress:
        """Return where a run stands.

        Args:
            run_id: Identity of the run.
            label: What sets it apart.
            seed: Its seed.
            training: The run.

        Returns:
            Its progress.
        """
        columns = training.history.columns
        return cls(
            run_id=run_id,
            label=label,
            seed=seed,
            done=training.steps_done,
            steps=training.total_steps,
            loss=[math.nan, *columns["metric_loss"][-1:]][-1],
            gradient_norm=[math.nan, *columns["metric_gradient_norm"][-1:]][-1],
            flips=int(sum(columns["metric_flipped"])),
            shots=training.meter.cost.shots,
        )


class Observer:
    """Told how a study goes on; does nothing. Subclass it to show progress.

    Runs may go on side by side: ``progress.run_id`` says which one is spoken of.
    """

    def begin_study(self, runs: int, done: int, dropped: int) -> None:
        """Told how many runs there are, how many are done, and how many are listed no more.

        The last are those of an earlier config of that name; their results are kept.
        """

    def other_seeds(self, runs: int) -> None:
        """Told how many runs of seeds that were not asked for are listed, and stay so."""

    def begin_round(self, number: int, rounds: int) -> None:
        """Told which of the rounds of a tuning begins, counted from 0."""

    def begin_run(self, progress: RunProgress) -> None:
        """Told that a run begins, or goes on from where it stands."""

    def step(self, progress: RunProgress) -> None:
        """Told that a run has made steps."""

    def wait(self, progress: RunProgress, waiting: Waiting) -> None:
        """Told what a run on a device waits for."""

    def end_run(self, progress: RunProgress, outcome: Outcome) -> None:
        """Told how a run ended."""

"""The training loop: the only one. It knows neither file nor screen."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from qiskit_machine_learning.optimizers import AskData, TellData

from qnlr.backends import Gradient, GradientBackend, Meter, MeteredBackend, ParameterShift
from qnlr.errors import InputError, Suspended
from qnlr.optimizers import AskTell
from qnlr.problems import Batch, Classification, Evaluation
from qnlr.rng import generator_state, restore_generator
from qnlr.training.history import (
    History,
    evaluation_columns,
    pack_evaluations,
    unpack_evaluations,
)
from qnlr.training.stopping import Outcome, Status, TrainingSettings
from qnlr.training.streams import Streams
from qnlr.types import Backend, Estimate, FloatArray


class Training:
    """One run: an optimizer on mini-batches of a problem, on a backend.

    The optimizer's phases are driven one by one; all phases of a step see the same mini-batch.

    Args:
        problem: What is minimised.
        backend: Where the circuits run.
        optimizer: Asks and is told; it is started at ``weights``.
        settings: How long, on which mini-batches.
        streams: Random numbers.
        weights: Initial weights θ₀, shape (P,).
        gradient: How gradients are measured; None for the parameter-shift rule.

    Raises:
        InputError: If a mini-batch is larger than the training set, a shot budget is set for a
            backend without shots, or the gradient does not fit circuit or backend.
    """

    def __init__(
        self,
        problem: Classification,
        backend: Backend,
        optimizer: AskTell,
        settings: TrainingSettings,
        streams: Streams,
        weights: FloatArray,
        gradient: Gradient | None = None,
    ) -> None:
        if settings.batch_size > len(problem.train):
            raise InputError(
                f"batch_size = {settings.batch_size} is not valid; there are "
                f"{len(problem.train)} training samples"
            )
        if settings.max_shots is not None and backend.shots is None:
            raise InputError("max_shots is set, but the backend has no shots: values are exact")
        self.gradient = ParameterShift() if gradient is None else gradient
        self.gradient.require_fit(problem.num_circuit_weights, backend.shots)
        self._gradient_state = self.gradient.initial_state(problem.num_circuit_weights)
        self.problem = problem
        self.optimizer = optimizer
        self.settings = settings
        self.total_steps = settings.total_steps(len(problem.train))
        self.streams = streams
        self.history = History()
        self.meter = Meter()
        self.evaluation_meter = Meter()
        self._backend = backend
        self._evaluations: tuple[int, dict[str, Evaluation]] | None = None
        optimizer.start(None, weights)

    @property
    def backend(self) -> Backend:
        """Where the circuits run."""
        return self._backend

    @backend.setter
    def backend(self, backend: Backend) -> None:
        self._backend = backend

    @property
    def suspendable(self) -> bool:
        """Whether the backend may suspend the run, which then goes back to its last whole step."""
        return getattr(self._backend, "suspends", False)

    @property
    def steps_done(self) -> int:
        """The number of whole steps made so far."""
        return len(self.history)

    def run(
        self,
        *,
        on_step: Callable[[Training], object] = lambda training: None,
        on_checkpoint: Callable[[Training], object] = lambda training: None,
        interrupted: Callable[[], bool] = lambda: False,
    ) -> Outcome:
        """Train until the steps are made, or there is another reason to stop.

        Args:
            on_step: Called after every step.
            on_checkpoint: Called after every ``checkpoint_every`` steps, and at the end.
            interrupted: Asked after every step whether to stop there.

        Returns:
            How it ended.
        """
        outcome = self._outcome(interrupted)
        while outcome is None:
            suspended = self._try_step()
            if suspended is not None:
                outcome = Outcome(Status(suspended.status), str(suspended))
                break
            on_step(self)
            outcome = self._outcome(interrupted)
            if outcome is None and self.steps_done % self.settings.checkpoint_every == 0:
                on_checkpoint(self)
        on_checkpoint(self)
        return outcome

    def _try_step(self) -> Suspended | None:
        """Make one step; if the backend suspends the run within it, go back to where it began."""
        before = self.state_dict() if self.suspendable else None
        try:
            self.step()
        except Suspended as suspended:
            if before is None:
                raise
            self.load_state_dict(before)
            return suspended
        return None

    def step(self) -> None:
        """Make one step on a fresh mini-batch, and evaluate if it is time to."""
        size = len(self.problem.train)
        chosen = self.streams.batches.choice(size, self.settings.batch_size, replace=False)
        batch = self.problem.train.take(chosen)
        gradient_std = math.nan
        while self.optimizer.state.nit == self.steps_done:
            ask = self.optimizer.ask()
            tell, stds = self._measure(ask, batch)
            if stds is not None:
                gradient_std = float(np.linalg.norm(stds))
            self.optimizer.tell(ask, tell)
        record = self.optimizer.state.record
        assert record is not None
        every = self.settings.evaluate_every
        due = every > 0 and (self.steps_done + 1) % every == 0
        evaluations = self._evaluate(self.steps_done + 1) if due else None
        self.history.append(record, gradient_std, self.meter.cost, evaluations)

    def evaluations(self) -> dict[str, Evaluation]:
        """Evaluate the present weights on all training and all test samples, metered apart.

        Returns:
            Loss and accuracy for ``"train"`` and ``"test"``.
        """
        return self._evaluate(self.steps_done)

    def metrics(self, outcome: Outcome) -> dict[str, float]:
        """Return the flips, the last step's gradient norm, and evaluations of the last weights.

        Args:
            outcome: How the run ended; an interrupted or diverged one is not evaluated.

        Returns:
            Numbers by column, prefixed ``metric_``.
        """
        columns = self.history.columns
        metrics = {
            "metric_flips": int(sum(columns["metric_flipped"])),
            "metric_gradient_norm": [math.nan, *columns["metric_gradient_norm"]][-1],
        }
        if outcome.status not in (Status.INTERRUPTED, Status.DIVERGED):
            for which, evaluation in self.evaluations().items():
                metrics |= evaluation_columns(which, evaluation)
        return metrics

    def costs(self) -> dict[str, float]:
        """Return what training has spent, and apart from it what evaluations have.

        Returns:
            Numbers by column, prefixed ``cost_`` and ``cost_evaluation_``.
        """
        spent, apart = self.meter, self.evaluation_meter
        return {
            **{f"cost_{name}": value for name, value in vars(spent.cost).items()},
            "cost_backend_seconds": spent.seconds,
            **{f"cost_evaluation_{name}": value for name, value in vars(apart.cost).items()},
        }

    def state_dict(self) -> dict[str, Any]:
        """Return all that a run needs to go on, as plain data."""
        return {
            "optimizer": self.optimizer.state_dict(),
            "batches": generator_state(self.streams.batches),
            "shots": generator_state(self.streams.shots),
            "gradient": {
                "choices": generator_state(self.streams.gradient),
                "state": self._gradient_state,
            },
            "history": self.history.state_dict(),
            "meter": self.meter.state_dict(),
            "evaluation_meter": self.evaluation_meter.state_dict(),
            "evaluations": self._evaluations and pack_evaluations(*self._evaluations),
        }

    def load_state_dict(self, plain: Mapping[str, Any]) -> None:
        """Go on from :meth:`state_dict`; what follows is what would have followed there.

        Args:
            plain: The state.
        """
        self.optimizer.load_state_dict(plain["optimizer"])
        self.streams.batches = restore_generator(plain["batches"])
        self.streams.shots = restore_generator(plain["shots"])
        if "gradient" in plain or not isinstance(self.gradient, ParameterShift):
            # Checkpoints of version 0.1 have none: the parameter-shift rule remembers nothing.
            self.streams.gradient = restore_generator(plain["gradient"]["choices"])
            self._gradient_state = plain["gradient"]["state"]
        self.history = History.from_state(plain["history"])
        self.meter = Meter.from_state(plain["meter"])
        self.evaluation_meter = Meter.from_state(plain["evaluation_meter"])
        kept = plain["evaluations"]
        self._evaluations = None if kept is None else unpack_evaluations(kept)

    def _measure(self, ask: AskData, batch: Batch) -> tuple[TellData, FloatArray | None]:
        if not np.isfinite(np.asarray(ask.x_fun)).all():  # no circuit runs at such weights
            nothing = None if ask.x_jac is None else np.full_like(ask.x_jac, math.nan)
            return TellData(eval_fun=Estimate(math.nan, math.nan), eval_jac=nothing), None
        backend = MeteredBackend(self._backend, self.meter)
        if ask.x_jac is None:
            loss = self.problem.loss(np.asarray(ask.x_fun), batch, backend, self.streams.shots)
            return TellData(eval_fun=loss), None
        streams = self.streams
        around = GradientBackend(backend, self.gradient, streams.gradient, self._gradient_state)
        both = self.problem.loss_and_gradient(np.asarray(ask.x_jac), batch, around, streams.shots)
        self._gradient_state = around.state
        return TellData(eval_fun=both.loss, eval_jac=both.gradient), both.stds

    def _evaluate(self, step: int) -> dict[str, Evaluation]:
        if self._evaluations is None or self._evaluations[0] != step:
            backend = MeteredBackend(self._backend, self.evaluation_meter)
            rng, weights = self.streams.evaluation(step), self.optimizer.state.x
            if not np.isfinite(weights).all():
                unknown = Evaluation(Estimate(math.nan, math.nan), math.nan)
                return {"train": unknown, "test": unknown}
            samples = {"train": self.problem.train, "test": self.problem.test}
            found = {
                which: self.problem.evaluate(weights, batch, backend, rng)
                for which, batch in samples.items()
            }
            self._evaluations = step, found
        return self._evaluations[1]

    def _outcome(self, interrupted: Callable[[], bool]) -> Outcome | None:
        done, settings = self.steps_done, self.settings
        if done:
            last = {name: column[-1] for name, column in self.history.columns.items()}
            if (
                not math.isfinite(last["metric_loss"])
                or not np.isfinite(self.optimizer.state.x).all()
            ):
                return Outcome(Status.DIVERGED, f"loss or weights are not finite at step {done}")
            target = settings.target_loss
            if target is not None and last["metric_train_loss"] <= target:
                return Outcome(
                    Status.TARGET_REACHED,
                    f"training loss {last['metric_train_loss']:.4g} reached the target "
                    f"{target:.4g} after {done} steps",
                )
        if done >= self.total_steps:
            return Outcome(Status.FINISHED, f"all {self.total_steps} steps made")
        if self.optimizer.ended:
            return Outcome(Status.FINISHED, f"the optimizer ended by itself after {done} steps")
        if settings.max_shots is not None:
            needed = self._shots_of_a_step()
            if self.meter.cost.shots + needed > settings.max_shots:
                return Outcome(
                    Status.BUDGET_SPENT,
                    f"{self.meter.cost.shots} of {settings.max_shots} shots spent after {done} "
                    f"steps; the next would need {needed}",
                )
        if interrupted():
            return Outcome(Status.INTERRUPTED, f"stopped after {done} of {self.total_steps} steps")
        return None

    def _shots_of_a_step(self) -> int:
        gradients, losses = self.optimizer.evaluations_per_step
        rows = gradients * self.gradient.rows(self.problem.num_circuit_weights) + losses
        circuits = rows * self.settings.batch_size * self._backend.circuits_per_value
        return circuits * (self._backend.shots or 0)

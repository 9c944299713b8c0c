"""The training loop: the only one. It knows neither file nor screen."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from qiskit_machine_learning.optimizers import AskData, TellData

from qnlr.backends import Gradient, Meter, ParameterShift
from qnlr.errors import InputError, Suspended
from qnlr.optimizers import AskTell, Told
from qnlr.optimizers.callbacks import without_callbacks
from qnlr.problems import Evaluation, LossGradient, Problem
from qnlr.rng import generator_state, restore_generator
from qnlr.training.course import Course
from qnlr.training.evaluating import UNKNOWN, Evaluations
from qnlr.training.history import History, evaluation_columns
from qnlr.training.measuring import Measuring, Metric
from qnlr.training.stage import Part, Plan, Stage
from qnlr.training.stopping import Outcome, Status, TrainingSettings
from qnlr.training.streams import Streams
from qnlr.types import Backend, Estimate, FloatArray


class Training:
    """One run: an optimizer on mini-batches of a problem, on a backend, in one stage or several.

    The optimizer's phases are driven one by one; all phases of a step see the same mini-batch.

    Args:
        problem: What is minimised.
        backend: Where the circuits run.
        optimizer: Asks and is told; it is started at ``weights``.
        settings: How long, on which mini-batches.
        streams: Random numbers.
        weights: Initial weights θ₀, shape (P,).
        gradient: How gradients are measured; None for the parameter-shift rule.
        plan: The stages of a strategy; None for one, which trains all weights of the problem.
        metric: Gives the metric of the states, for an optimizer that wants it.

    Raises:
        InputError: If a mini-batch is larger than the training set, a shot budget is set for a
            backend without shots, or the gradient does not fit circuit, backend or optimizer.
    """

    def __init__(
        self,
        problem: Problem,
        backend: Backend,
        optimizer: AskTell,
        settings: TrainingSettings,
        streams: Streams,
        weights: FloatArray,
        gradient: Gradient | None = None,
        plan: Plan | None = None,
        metric: Metric | None = None,
    ) -> None:
        if settings.batch_size > len(problem.train):
            raise InputError(
                f"batch_size = {settings.batch_size} is not valid; there are "
                f"{len(problem.train)} training samples"
            )
        if settings.max_shots is not None and backend.shots is None:
            raise InputError("max_shots is set, but the backend has no shots: values are exact")
        self.gradient = ParameterShift() if gradient is None else gradient
        self.problem = problem
        self.optimizer = optimizer
        self.settings = settings
        self.total_steps = settings.total_steps(len(problem.train))
        self.streams = streams
        self.history = History(staged=plan is not None)
        self.meter = Meter()
        self._backend = backend
        self._evaluations = Evaluations(streams)
        self._measuring = Measuring(self.gradient, streams, self.meter, metric)
        self._plan = plan
        self.course = Course(plan.stages if plan else (self._only(weights),), self.optimizer)
        for stage in self.course.stages:
            self._measuring.require_fit(stage)
        self._measuring.begin(self.course.stage)
        if getattr(self.optimizer, "wants_shots", False):
            self.optimizer.base_shots = backend.shots  # type: ignore[attr-defined]
        self.optimizer.start(None, weights)
        self._measuring.require_own_shots(self.optimizer)
        if plan is None:
            self._begin()

    @property
    def backend(self) -> Backend:
        """Where the circuits run."""
        return self._backend

    @backend.setter
    def backend(self, backend: Backend) -> None:
        if self._plan is not None:
            raise InputError("a training in stages keeps the backends of its stages")
        self._backend = backend
        weights = self.course.weights
        self.course.stages = (self._only(weights),)

    def _only(self, weights: FloatArray) -> Stage:
        """Return the stage of a training that has but one."""
        part = Part(self.problem, self._backend)
        return Stage("training", (part,), lambda ended, rng, meter: weights, self.total_steps)

    def _begin(self) -> None:
        """Begin the first stage, unless that is done: a strategy may measure something for it."""
        if not self.course.has_begun:
            self.course.begin(0, self.streams.strategy, self.meter)

    @property
    def evaluation_meter(self) -> Meter:
        """Counts what evaluations have cost."""
        return self._evaluations.meter

    @property
    def suspendable(self) -> bool:
        """Whether the backend may suspend the run, which then goes back to its last whole step."""
        return getattr(self._backend, "suspends", False)

    @property
    def circuits_of_metric(self) -> int:
        """Circuits that the metric of the states takes in a step, 0 where it is not wanted."""
        return self._circuits_of_metric(self.course.stage)

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
        self._begin()
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
        self._begin()
        course, strategy = self.course, self.streams.strategy
        if course.over:
            course.advance(self.steps_done, strategy, self.meter)
            self._measuring.begin(course.stage)
        size = len(self.problem.train)
        chosen = self.streams.batches.choice(size, self.settings.batch_size, replace=False)
        gradient, gradient_std = None, math.nan
        while self.optimizer.state.nit == course.steps_of_optimizer(self.steps_done):
            ask = self.optimizer.ask()
            tell, both = self._measure(ask, chosen)
            if both is not None:
                gradient, gradient_std = both.gradient, float(np.linalg.norm(both.stds))
            self.optimizer.tell(ask, tell)
        record = self.optimizer.state.record
        assert record is not None
        done, stage = self.steps_done + 1, course.number
        course.after(done, gradient, strategy, self.total_steps)
        every = self.settings.evaluate_every
        evaluations = self._evaluate(done) if every > 0 and done % every == 0 else None
        self.history.append(record, gradient_std, self.meter.cost, evaluations, stage)

    def evaluations(self) -> dict[str, Evaluation]:
        """Evaluate the present weights on all training and all test samples, metered apart.

        Returns:
            Loss and accuracy for ``"train"`` and ``"test"``.
        """
        self._begin()
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
            found = self.evaluations()
            for which in ("train", "test"):
                metrics |= evaluation_columns(which, found.get(which, UNKNOWN))
            metrics |= self.course.stage.evaluated.problem.metrics(found)
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
                "state": self._measuring.states[0],
            },
            "history": self.history.state_dict(),
            "meter": self.meter.state_dict(),
            **self._evaluations.state_dict(),
            **({} if self._plan is None else {"course": self._course_state()}),
        }

    def _course_state(self) -> dict[str, Any]:
        return {
            **self.course.state_dict(),
            "gradients": list(self._measuring.states),
            "draws": generator_state(self.streams.strategy),
        }

    def load_state_dict(self, plain: Mapping[str, Any]) -> None:
        """Go on from :meth:`state_dict`; what follows is what would have followed there.

        Args:
            plain: The state.
        """
        if self._plan is not None:
            self.course.load_state_dict(plain["course"])
            self._measuring.begin(self.course.stage)
            self.streams.strategy = restore_generator(plain["course"]["draws"])
        self.optimizer.load_state_dict(plain["optimizer"])
        self.streams.batches = restore_generator(plain["batches"])
        self.streams.shots = restore_generator(plain["shots"])
        if "gradient" in plain or not isinstance(self.gradient, ParameterShift):
            # Checkpoints of version 0.1 have none: the parameter-shift rule remembers nothing.
            self.streams.gradient = restore_generator(plain["gradient"]["choices"])
            self._measuring.states[0] = plain["gradient"]["state"]
        if self._plan is not None:
            self._measuring.states = list(plain["course"]["gradients"])
        self.history = History.from_state(plain["history"])
        self.meter = self._measuring.meter = Meter.from_state(plain["meter"])
        self._evaluations.load_state_dict(dict(plain))

    def _measure(self, ask: AskData, chosen: np.ndarray) -> tuple[TellData, LossGradient | None]:
        if not np.isfinite(np.asarray(ask.x_fun)).all():  # no circuit runs at such weights
            nothing = None if ask.x_jac is None else np.full_like(ask.x_jac, math.nan)
            return TellData(eval_fun=Estimate(math.nan, math.nan), eval_jac=nothing), None
        course = self.course
        stage, step = course.stage, self.steps_done - course.begun
        shots = getattr(ask, "shots", None)
        if ask.x_jac is None:
            weights = course.whole(np.asarray(ask.x_fun))
            return Told(self._measuring.loss(stage, weights, chosen, step, shots)), None
        weights = course.whole(np.asarray(ask.x_jac))
        both = self._measuring.loss_and_gradient(stage, weights, chosen, step, shots)
        told = Told(both.loss, course.trained(both.gradient), course.trained(both.stds))
        if getattr(self.optimizer, "wants_metric", False):
            told.metric = self._measuring.states_metric(stage, weights, chosen)
        return told, both

    def _evaluate(self, step: int) -> dict[str, Evaluation]:
        return self._evaluations.at(step, self.course.stage.evaluated, self.course.weights)

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
            aimed = self.course.stage.aimed
            if aimed and target is not None and last["metric_train_loss"] <= target:
                return Outcome(
                    Status.TARGET_REACHED,
                    f"training loss {last['metric_train_loss']:.4g} reached the target "
                    f"{target:.4g} after {done} steps",
                )
        if done >= self.total_steps:
            return Outcome(Status.FINISHED, f"all {self.total_steps} steps made")
        if self.optimizer.ended and self.course.is_last:
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
        course = self.course
        stage = course.stages[course.number + course.over]
        optimizer = self.optimizer
        if course.over and hasattr(optimizer, "planned_shots"):
            # It is started anew there, maybe with other weights; its own plan is of the last stage.
            optimizer, weights = without_callbacks(optimizer), stage.first.problem.num_weights
            optimizer.start(None, course.trained(np.zeros(weights), stage))
        planned = getattr(optimizer, "planned_shots", None)
        if planned is not None:
            return self._measuring.shots(stage, self.settings.batch_size, *planned)
        circuits = self._measuring.circuits(
            stage, self.settings.batch_size, *self.optimizer.evaluations_per_step
        )
        shots = [part.backend.shots or 0 for part in stage.parts]
        return int(np.dot(circuits, shots)) + self._circuits_of_metric(stage) * shots[0]

    def _circuits_of_metric(self, stage: Stage) -> int:
        if not getattr(self.optimizer, "wants_metric", False):
            return 0
        return self._measuring.circuits_of_metric(stage, self.settings.batch_size)

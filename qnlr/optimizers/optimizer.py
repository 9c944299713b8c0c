"""The ask/tell optimizer that every recipe is: direction × signed rate, and a corrective step.

One step is

.. math:: θ_{t+1} = θ_t - r_t d_t

with d_t from a direction and r_t from a rate rule. A rule that asks for a probe makes a step two
phases long: *gradient* at θ, then *probe* at θ − r d, on the same objective. A negative rate hands
the step to the corrective, which is the reversal θ + η' d unless another one is chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from qiskit_machine_learning.optimizers import AskData, TellData

from qnlr.errors import InputError, require_callable, require_positive
from qnlr.optimizers.base import ToldOptimizer
from qnlr.optimizers.callbacks import Callback
from qnlr.optimizers.corrective import Corrective, Reversal
from qnlr.optimizers.directions import Direction
from qnlr.optimizers.natural import NaturalGradient
from qnlr.optimizers.rates import Feedback, RateRule
from qnlr.optimizers.state import (
    Pending,
    SignedRateResult,
    SignedRateState,
    StepRecord,
    as_loss,
    initial_weights,
    require_version,
)
from qnlr.types import FloatArray


class SignedRateOptimizer(ToldOptimizer[SignedRateState]):
    r"""An optimizer composed of a direction, a signed rate and a corrective step.

    .. math:: θ_{t+1} = θ_t - r_t d_t \quad (r_t > 0), \qquad
              θ_{t+1} = \mathrm{corrective}(θ_t, |r_t| d_t) \quad (r_t < 0)

    Args:
        direction: Turns the gradient into the direction d.
        rate: Turns loss, probe loss and gradient norm into the signed rate r.
        corrective: Makes the step when the rate is negative.
        maxiter: Steps that :meth:`minimize` makes, at least 1.
        callback: Called with a :class:`StepRecord` after every step; returns True to stop there.
        seed: Seed of the corrective step's random numbers.
        perturbation: Distance of the forward differences that stand in for a missing gradient.
            Under shots they are mostly noise at 0.01: take about 0.2, or :class:`SPSA`.

    Raises:
        InputError: If ``maxiter`` is below 1, ``perturbation`` is not above 0, ``seed`` is below 0,
            or a part is none.

    Example:
        Adam's direction with the negative-rate rule, which differs from Adam in one object:

        >>> from qnlr.optimizers.directions import AdaptiveMoments
        >>> from qnlr.optimizers.rates import NegativeRate
        >>> twin = SignedRateOptimizer(AdaptiveMoments(), NegativeRate(0.1), maxiter=50)
        >>> result = twin.minimize(lambda x: float(x @ x), np.array([1.0, -2.0]), lambda x: 2 * x)
        >>> result.fun < 0.05, result.nit
        (True, 50)
    """

    def __init__(
        self,
        direction: Direction,
        rate: RateRule,
        corrective: Corrective | None = None,
        *,
        maxiter: int = 100,
        callback: Callback | None = None,
        seed: int | None = None,
        perturbation: float = 0.01,
    ) -> None:
        super().__init__(maxiter, seed, callback)
        require_callable("direction", direction, "Plain(), AdaptiveMoments()")
        require_callable("rate", rate, "Constant(0.01), NegativeRate(0.01)")
        if corrective is not None:
            require_callable("corrective", corrective, "Reversal(), GaussianNoise()")
        for name, part in (("direction", direction), ("rate", rate)):
            if not hasattr(part, "initial_state"):
                raise InputError(f"{name} = {part!r} is not valid; it has no initial_state()")
        self.direction = direction
        self.rate = rate
        self.corrective = Reversal() if corrective is None else corrective
        self.perturbation = require_positive("perturbation", perturbation)

    @property
    def settings(self) -> dict[str, Any]:
        """The arguments that rebuild this optimizer: ``type(optimizer)(**optimizer.settings)``."""
        return {
            "direction": self.direction,
            "rate": self.rate,
            "corrective": self.corrective,
            **self._common_settings,
        }

    @property
    def _common_settings(self) -> dict[str, Any]:
        return {
            "maxiter": self.maxiter,
            "callback": self._listeners.own,
            "seed": self.seed,
            "perturbation": self.perturbation,
        }

    @property
    def evaluations_per_step(self) -> tuple[int, int]:
        """One gradient, and the loss at a probe if the rate rule asks for one."""
        return 1, int(self.rate.probe_rate(self.state.rate) is not None)

    @property
    def wants_metric(self) -> bool:
        """Whether the direction is to be told the metric of the states, and cannot find it."""
        return isinstance(self.direction, NaturalGradient) and self.direction.metric is None

    def start(  # type: ignore[override]
        self,
        fun: Callable[[FloatArray], float] | None,
        x0: Any,
        jac: Callable[[FloatArray], FloatArray] | None = None,
        bounds: list[tuple[float, float]] | None = None,
    ) -> None:
        """Begin a minimisation at ``x0`` and set all counters to 0.

        Args:
            fun: The objective, or None if it is evaluated outside and told. It returns a float, or
                a :class:`qnlr.Estimate` if it knows its standard error.
            x0: Initial weights, shape (P,).
            jac: Its gradient; without one, forward differences are taken.
            bounds: Ignored.
        """
        weights = initial_weights(x0)
        self._state = SignedRateState(
            x=weights,
            fun=fun,
            jac=jac,
            nfev=0,
            njev=0,
            nit=0,
            direction=self.direction.initial_state(weights.size),
            rate=self.rate.initial_state(),
            rng=np.random.default_rng(self.seed),
        )
        self._listeners.begin(None if fun is None else self.maxiter)

    def move_to(self, weights: FloatArray) -> None:
        """Go on from other weights, between two steps; what directions and rates remember is kept.

        Args:
            weights: Shape (P,).

        Raises:
            InputError: If they are not as many as before.
        """
        moved = initial_weights(weights)
        if moved.shape != self.state.x.shape:
            raise InputError(f"weights of shape {moved.shape} are not valid: {self.state.x.shape}")
        self.state.x = moved

    def ask(self) -> AskData:
        """Return what to measure next.

        Returns:
            In the gradient phase the weights, for both loss and gradient; in the probe phase the
            probe, for its loss alone.
        """
        pending = self.state.pending
        if pending is not None:
            return AskData(x_fun=pending.probe)
        return AskData(x_fun=self.state.x, x_jac=self.state.x)

    def tell(self, ask_data: AskData, tell_data: TellData) -> None:
        """Take what was measured; the step is done when no probe is left to measure.

        Args:
            ask_data: What :meth:`ask` returned.
            tell_data: The loss, and in the gradient phase the gradient, shape (P,).

        Raises:
            InputError: If the loss or the gradient is missing, or has another shape than θ.
        """
        loss = as_loss(tell_data.eval_fun)
        state = self.state
        if state.pending is not None:
            self._finish(state.pending, probe_loss=loss)
            return
        if tell_data.eval_jac is None:
            raise InputError("the optimizer asked for a gradient, but was told none")
        gradient = np.asarray(tell_data.eval_jac, dtype=float).reshape(-1)
        if gradient.shape != state.x.shape:
            raise InputError(
                f"the gradient has shape {gradient.shape}, the weights {state.x.shape}"
            )
        metric = getattr(tell_data, "metric", None)
        own = getattr(self.direction, "metric", None)
        if metric is None and own is not None:
            metric = own(state.x)
        known = state.direction if metric is None else {**state.direction, "metric": metric}
        direction, state.direction = self.direction(gradient, known)
        probe_rate = self.rate.probe_rate(state.rate)
        probe = state.x if probe_rate is None else state.x - probe_rate * direction
        pending = Pending(loss, float(np.linalg.norm(gradient)), direction, probe)
        if probe_rate is None:
            self._finish(pending, probe_loss=None)
        else:
            state.pending = pending

    def _finish(self, pending: Pending, probe_loss: float | None) -> None:
        state = self.state
        feedback = Feedback(state.nit, pending.loss, probe_loss, pending.gradient_norm)
        signed, state.rate = self.rate(feedback, state.rate)
        rate = float(signed)
        if rate < 0:
            following = self.corrective(state.x, -rate * pending.direction, state.rng)
        else:
            following = state.x - rate * pending.direction
        record = StepRecord(
            step=state.nit,
            parameters=state.x,
            next_parameters=following,
            loss=pending.loss,
            probe_loss=probe_loss,
            gradient_norm=pending.gradient_norm,
            rate=rate,
            flipped=rate < 0,
        )
        for point, loss in ((state.x, pending.loss), (pending.probe, probe_loss)):
            if loss is not None and loss < state.fun_best:
                state.x_best, state.fun_best = point, loss
        state.x, state.pending, state.record = following, None, record
        state.nit += 1
        state.flips += record.flipped
        self._listeners.tell(record)

    def step(self) -> None:
        """Make one whole step, all its phases."""
        following = self.state.nit + 1
        while self.state.nit < following:
            super().step()

    def evaluate(self, ask_data: AskData) -> TellData:
        """Measure what :meth:`ask` asked for, with the functions given to :meth:`start`.

        Args:
            ask_data: What :meth:`ask` returned.

        Returns:
            The loss, and the gradient if it was asked for.

        Raises:
            InputError: If the optimizer was started without an objective.
        """
        state = self.state
        if state.fun is None:
            raise InputError("the optimizer was started without an objective; tell() it the values")
        fun = state.fun
        loss = fun(ask_data.x_fun)
        state.nfev += 1
        if ask_data.x_jac is None:
            return TellData(eval_fun=loss)
        if state.jac is not None:
            gradient = state.jac(ask_data.x_jac)
            state.njev += 1
        else:
            points = state.x + self.perturbation * np.eye(state.x.size)
            increases = [as_loss(fun(point)) - as_loss(loss) for point in points]
            gradient = np.array(increases) / self.perturbation
            state.nfev += state.x.size
        return TellData(eval_fun=loss, eval_jac=gradient)

    def create_result(self) -> SignedRateResult:
        """Return the last point with its loss evaluated anew, and the best point seen."""
        state = self.state
        result = SignedRateResult()
        result.x = state.x
        if state.fun is not None:
            result.fun = as_loss(state.fun(state.x))
            state.nfev += 1
            if result.fun < state.fun_best:
                state.x_best, state.fun_best = state.x, result.fun
        result.x_best, result.fun_best = state.x_best, state.fun_best
        result.nfev, result.njev, result.nit = state.nfev, state.njev, state.nit
        result.flips = state.flips
        self.close()
        return result

    def state_dict(self) -> dict[str, Any]:
        """Return the state as plain data: arrays, numbers, strings and dicts of them.

        Returns:
            What :meth:`load_state_dict` takes; a pending probe is included, so that a job queue can
            stop between the phases of a step.
        """
        return self.state.pack()

    def load_state_dict(self, plain: Mapping[str, Any]) -> None:
        """Continue from a saved state, with the functions given to :meth:`start`, if any.

        Args:
            plain: What :meth:`state_dict` returned.

        Raises:
            InputError: If the state was saved by another version.
        """
        require_version(plain)
        if self._state is None:
            self.start(None, np.zeros_like(plain["x"]))
        self._state = self.state.unpacked(plain)
        self._listeners.stopped = False

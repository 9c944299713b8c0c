"""The ask/tell optimizer that every recipe is: direction × signed rate, and a corrective step.

One step is

.. math:: θ_{t+1} = θ_t - r_t d_t

with d_t from a direction and r_t from a rate rule. A rule that asks for a probe makes a step two
phases long: *gradient* at θ, then *probe* at θ − r d, on the same objective; a rule may ask for
more probes, each a phase. A negative rate hands the step to the corrective, which is the reversal
θ + η' d unless another one is chosen.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from qiskit_machine_learning.optimizers import AskData, TellData

from qnlr.errors import InputError, require_callable
from qnlr.optimizers.averages import Average
from qnlr.optimizers.corrective import Corrective, Reversal
from qnlr.optimizers.directions import Direction
from qnlr.optimizers.gradient import GradientOptimizer
from qnlr.optimizers.natural import NaturalGradient
from qnlr.optimizers.rates import Feedback, Probe, RateRule
from qnlr.optimizers.state import (
    Pending,
    StepRecord,
    as_loss,
)
from qnlr.types import FloatArray


class SignedRateOptimizer(GradientOptimizer):
    r"""An optimizer composed of a direction, a signed rate and a corrective step.

    .. math:: θ_{t+1} = θ_t - r_t d_t \quad (r_t > 0), \qquad
              θ_{t+1} = \mathrm{corrective}(θ_t, |r_t| d_t) \quad (r_t < 0)

    Args:
        direction: Turns the gradient into the direction d.
        rate: Turns loss, probe loss and gradient norm into the signed rate r.
        corrective: Makes the step when the rate is negative.
        average: Makes of the points that steps lead to the weights that are handed out, as
            ``state.x``; gradients are still measured at the points. None to hand out the points.
        **common: ``maxiter``, the steps that :meth:`minimize` makes, at least 1; ``callback``,
            called with a :class:`StepRecord` after every step, which returns True to stop there;
            ``seed`` of the corrective step's random numbers; and ``perturbation``, the distance of
            the forward differences that stand in for a missing gradient: under shots they are
            mostly noise at 0.01, so take about 0.2, or :class:`SPSA`.

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
        average: Average | None = None,
        **common: Any,
    ) -> None:
        super().__init__(**common)
        require_callable("direction", direction, "Plain(), AdaptiveMoments()")
        require_callable("rate", rate, "Constant(0.01), NegativeRate(0.01)")
        if corrective is not None:
            require_callable("corrective", corrective, "Reversal(), GaussianNoise()")
        if average is not None:
            require_callable("average", average, "PolynomialAverage(), SuffixAverage()")
        for name, part in (("direction", direction), ("rate", rate), ("average", average)):
            if part is not None and not hasattr(part, "initial_state"):
                raise InputError(f"{name} = {part!r} is not valid; it has no initial_state()")
        self.direction = direction
        self.rate = rate
        self.corrective = Reversal() if corrective is None else corrective
        self.average = average

    @property
    def settings(self) -> dict[str, Any]:
        """The arguments that rebuild this optimizer: ``type(optimizer)(**optimizer.settings)``."""
        return {
            "direction": self.direction,
            "rate": self.rate,
            "corrective": self.corrective,
            "average": self.average,
            **self._common_settings,
        }

    @property
    def evaluations_per_step(self) -> tuple[int, int]:
        """One gradient, and the losses at as many probes as the rate rule may ask for."""
        if self.rate.probe_rate(self.state.rate) is None:
            return 1, 0
        return 1, getattr(self.rate, "most_probes", 1)

    @property
    def wants_metric(self) -> bool:
        """Whether the direction is to be told the metric of the states, and cannot find it."""
        return isinstance(self.direction, NaturalGradient) and self.direction.metric is None

    def _memories(self, weights: FloatArray) -> tuple[dict[str, Any], dict[str, Any]]:
        return self.direction.initial_state(weights.size), self.rate.initial_state()

    def ask(self) -> AskData:
        """Return what to measure next.

        Returns:
            In the gradient phase the weights, for both loss and gradient; in the probe phase the
            probe, for its loss alone.
        """
        pending = self.state.pending
        if pending is not None:
            return AskData(x_fun=pending.probe)
        return AskData(x_fun=self.state.here, x_jac=self.state.here)

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
            self._take_probe(state.pending, loss)
            return
        gradient = self._told_gradient(tell_data)
        metric = getattr(tell_data, "metric", None)
        own = getattr(self.direction, "metric", None)
        if metric is None and own is not None:
            metric = own(state.here)
        known = state.direction if metric is None else {**state.direction, "metric": metric}
        direction, state.direction = self.direction(gradient, known)
        pending = Pending.after(loss, gradient, getattr(tell_data, "stds", None), direction)
        probe_rate = self.rate.probe_rate(state.rate)
        if probe_rate is None:
            self._finish(pending)
        else:
            state.pending = pending.probing(state.here, probe_rate)

    def _take_probe(self, pending: Pending, loss: float) -> None:
        state = self.state
        pending = replace(pending, probes=(*pending.probes, Probe(pending.probe_rate, loss)))
        if loss < state.fun_best:
            state.x_best, state.fun_best = pending.probe, loss
        next_probe = getattr(self.rate, "next_probe", None)
        another = None if next_probe is None else next_probe(self._feedback(pending), state.rate)
        if another is None or len(pending.probes) >= getattr(self.rate, "most_probes", 1):
            self._finish(pending)
        else:
            state.pending = pending.probing(state.here, another)

    def _feedback(self, pending: Pending) -> Feedback:
        state = self.state
        return Feedback(
            step=state.nit,
            loss=pending.loss,
            probe_loss=pending.probes[-1].loss if pending.probes else None,
            gradient_norm=pending.gradient_norm,
            gradient_std=pending.gradient_std,
            slope=pending.slope,
            slope_std=pending.slope_std,
            direction_norm=float(np.linalg.norm(pending.direction)),
            distance=float(np.linalg.norm(state.here - state.origin)),
            size=state.here.size,
            probes=pending.probes,
        )

    def _finish(self, pending: Pending) -> None:
        state = self.state
        feedback = self._feedback(pending)
        signed, state.rate = self.rate(feedback, state.rate)
        rate, here = float(signed), state.here
        if rate < 0:
            following = self.corrective(here, -rate * pending.direction, state.rng)
        else:
            following = here - rate * pending.direction
        if pending.loss < state.fun_best:
            state.x_best, state.fun_best = here, pending.loss
        state.x, state.pending = following, None
        if self.average is not None:
            state.point = following
            remembered = state.average or self.average.initial_state()
            state.x, state.average = self.average(following, remembered)
        record = state.record = StepRecord(
            step=state.nit,
            parameters=here,
            next_parameters=state.x,
            loss=pending.loss,
            probe_loss=feedback.probe_loss,
            gradient_norm=pending.gradient_norm,
            rate=rate,
            flipped=rate < 0,
        )
        state.nit += 1
        state.flips += record.flipped
        self._listeners.tell(record)

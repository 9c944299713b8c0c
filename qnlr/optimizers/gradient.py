"""What optimizers that are told a gradient have in common, however they step."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from qiskit_machine_learning.optimizers import AskData, TellData

from qnlr.errors import InputError, require_positive
from qnlr.optimizers.base import ToldOptimizer
from qnlr.optimizers.callbacks import Callback
from qnlr.optimizers.state import (
    SignedRateResult,
    SignedRateState,
    as_loss,
    initial_weights,
    require_version,
)
from qnlr.types import FloatArray


class GradientOptimizer(ToldOptimizer[SignedRateState]):
    """Base of the optimizers that are told a gradient.

    Args:
        maxiter: Steps that :meth:`minimize` makes, at least 1.
        callback: Called with a :class:`StepRecord` after every step; returns True to stop there.
        seed: Seed of the optimizer's random numbers, if it draws any.
        perturbation: Distance of the forward differences that stand in for a missing gradient.

    Raises:
        InputError: If ``maxiter`` is below 1, ``perturbation`` is not above 0, or ``seed`` is below
            0.
    """

    def __init__(
        self,
        *,
        maxiter: int = 100,
        callback: Callback | None = None,
        seed: int | None = None,
        perturbation: float = 0.01,
    ) -> None:
        super().__init__(maxiter, seed, callback)
        self.perturbation = require_positive("perturbation", perturbation)

    @abstractmethod
    def _memories(self, weights: FloatArray) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what direction and rate remember before the first step."""

    @property
    def _common_settings(self) -> dict[str, Any]:
        return {
            "maxiter": self.maxiter,
            "callback": self._listeners.own,
            "seed": self.seed,
            "perturbation": self.perturbation,
        }

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
        direction, rate = self._memories(weights)
        self._state = SignedRateState(
            x=weights,
            fun=fun,
            jac=jac,
            nfev=0,
            njev=0,
            nit=0,
            origin=weights,
            direction=direction,
            rate=rate,
            rng=np.random.default_rng(self.seed),
        )
        self._listeners.begin(None if fun is None else self.maxiter)

    def move_to(self, weights: FloatArray) -> None:
        """Go on from other weights, between two steps; what the optimizer remembers is kept.

        An average of points begins anew.

        Args:
            weights: Shape (P,).

        Raises:
            InputError: If they are not as many as before.
        """
        moved = initial_weights(weights)
        if moved.shape != self.state.x.shape:
            raise InputError(f"weights of shape {moved.shape} are not valid: {self.state.x.shape}")
        self.state.x, self.state.point, self.state.average = moved, None, {}

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
            points = np.asarray(ask_data.x_jac) + self.perturbation * np.eye(state.x.size)
            increases = [as_loss(fun(point)) - as_loss(loss) for point in points]
            gradient = np.array(increases) / self.perturbation
            state.nfev += state.x.size
        return TellData(eval_fun=loss, eval_jac=gradient)

    def _told_gradient(self, tell_data: TellData) -> FloatArray:
        """Return the gradient that was told, shape (P,)."""
        if tell_data.eval_jac is None:
            raise InputError("the optimizer asked for a gradient, but was told none")
        gradient = np.asarray(tell_data.eval_jac, dtype=float).reshape(-1)
        if gradient.shape != self.state.x.shape:
            raise InputError(
                f"the gradient has shape {gradient.shape}, the weights {self.state.x.shape}"
            )
        return gradient

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

"""Optimizers of qiskit-machine-learning that exist as closed loops, driven by ask and tell.

In a closed loop ``minimize`` calls the objective when it likes. Here such a loop runs in a thread
that stops at every call until it is told the value, so that the same training loop, meter and
checkpoint serve it. Its state is the list of values it was told: told them again, it asks for the
same points again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from qiskit_machine_learning.optimizers import (
    AskData,
    Optimizer,
    OptimizerResult,
    OptimizerState,
    OptimizerSupportLevel,
    TellData,
)

from qnlr.errors import InputError
from qnlr.optimizers.base import ToldOptimizer
from qnlr.optimizers.callbacks import Callback, Listeners
from qnlr.optimizers.loop_thread import LoopThread
from qnlr.optimizers.state import (
    STATE_VERSION,
    StepRecord,
    as_loss,
    initial_weights,
    require_version,
)
from qnlr.types import Estimate, FloatArray


@dataclass(eq=False)
class ClosedLoopState(OptimizerState):
    """State of a :class:`ClosedLoop`."""

    x: FloatArray
    fun: Callable[..., float] | None
    nfev: int
    nit: int
    x0: FloatArray = field(default_factory=lambda: np.empty(0))
    told: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    first: FloatArray | None = None
    best: float = math.inf
    record: StepRecord | None = None


class ClosedLoop(ToldOptimizer[ClosedLoopState]):
    """Base of the optimizers that exist as closed loops only.

    Args:
        maxiter: Steps of the loop, at least 1.
        seed: Seed of its random numbers, which leaves qiskit-machine-learning's global generator,
            ``algorithm_globals``, as it was; None to draw them from there.
        callback: Called with a :class:`StepRecord` after every step; returns True to stop there.
    """

    _gradients = OptimizerSupportLevel.ignored
    _losses_per_step = 1

    def __init__(self, maxiter: int, seed: int | None, callback: Callback | None = None) -> None:
        super().__init__(maxiter, seed, callback)
        self._thread: LoopThread | None = None
        self._asked: FloatArray | None = None
        self._ended = False
        self._moved: FloatArray | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy settings, state and listeners, without the thread that the loop runs in."""
        settings = {**self.settings, "callback": None}
        state = None if self._state is None else self.state_dict()
        return _rebuilt, (type(self), settings, state, self._listeners)

    def _loop(self) -> Optimizer:
        """Return the closed loop, set to call :meth:`_move_to` after a step, if it can."""
        raise NotImplementedError

    def _move_to(self, weights: FloatArray) -> None:
        """Note that the loop has finished a step at these weights."""
        self._moved = np.array(weights, dtype=float)

    @property
    def _common_settings(self) -> dict[str, Any]:
        return {"maxiter": self.maxiter, "seed": self.seed, "callback": self._listeners.own}

    @property
    def ended(self) -> bool:
        """Whether the loop has ended by itself, or the callback said to stop."""
        return self._ended or super().ended

    @property
    def evaluations_per_step(self) -> tuple[int, int]:
        """No gradient, and as many losses as a step of the loop takes."""
        return 0, self._losses_per_step

    def start(  # type: ignore[override]
        self,
        fun: Callable[[FloatArray], float] | None,
        x0: Any,
        jac: Callable[[FloatArray], FloatArray] | None = None,
        bounds: list[tuple[float, float]] | None = None,
    ) -> None:
        """Begin a minimisation at ``x0``.

        Args:
            fun: The objective, or None if it is evaluated outside and told.
            x0: Initial weights, shape (P,).
            jac: Ignored.
            bounds: Ignored.
        """
        self.close()
        weights = initial_weights(x0)
        self._state = ClosedLoopState(
            x=weights, fun=fun, jac=None, nfev=0, njev=0, nit=0, x0=weights.copy()
        )
        self._asked, self._ended = None, False
        self._listeners.begin(None if fun is None else self.maxiter)

    def close(self) -> None:
        """End the loop's thread, if there is one, and tell the callbacks of the end."""
        if self._thread is not None:
            self._thread.close()
        self._thread = None
        super().close()

    def ask(self) -> AskData:
        """Return the point at which the loop wants the loss.

        Raises:
            InputError: If the loop has ended.
        """
        if self._asked is None and not self._ended:
            weights = self.state.x0.copy()
            loop = self._loop()
            self._thread = LoopThread(lambda fun: loop.minimize(fun, weights), self.seed)  # type: ignore[arg-type]
            self._wait_for(self._thread.begin())
        if self._asked is None:
            raise InputError(f"{type(self).__name__} has ended after {self.state.nit} steps")
        return AskData(x_fun=self._asked)

    def tell(self, ask_data: AskData, tell_data: TellData) -> None:
        """Hand a loss to the loop, and let it go on to its next question.

        Args:
            ask_data: What :meth:`ask` returned.
            tell_data: The loss.
        """
        before = self.state.nit
        self._take(as_loss(tell_data.eval_fun))
        if self.state.nit > before and self.state.record is not None:
            self._listeners.tell(self.state.record)

    def _take(self, loss: float) -> None:
        state, asked, thread = self.state, self._asked, self._thread
        if asked is None or thread is None:
            raise InputError(
                f"{type(self).__name__} has been closed after {state.nit} steps; call "
                "start(fun, x0) to begin anew"
            )
        state.told.append(float(loss))
        state.losses.append(loss)
        if state.first is None:
            state.first = asked
        self._moved = None
        self._wait_for(thread.answer(float(loss)))
        following = self._step_end(asked, loss)
        if following is not None:
            state.record = StepRecord(
                step=state.nit,
                parameters=state.first,
                next_parameters=following,
                loss=_mean(state.losses),
                probe_loss=None,
                gradient_norm=math.nan,
                rate=math.nan,
                flipped=False,
            )
            state.x, state.losses, state.first = following, [], None
            state.nit += 1

    def _step_end(self, asked: FloatArray, loss: float) -> FloatArray | None:
        """Return the weights after a step that has just ended, or None in the midst of one."""
        return self._moved

    def step(self) -> None:
        """Make one whole step, all its evaluations."""
        following = self.state.nit + 1
        while self.state.nit < following and not self.ended:
            super().step()

    def evaluate(self, ask_data: AskData) -> TellData:
        """Measure what :meth:`ask` asked for, with the function given to :meth:`start`."""
        if self.state.fun is None:
            raise InputError("the optimizer was started without an objective; tell() it the values")
        self.state.nfev += 1
        return TellData(eval_fun=self.state.fun(ask_data.x_fun))

    def create_result(self) -> OptimizerResult:
        """Return the last point of the loop with its loss evaluated anew."""
        state = self.state
        result = OptimizerResult()
        result.x, result.nit = state.x, state.nit
        if state.fun is not None:
            result.fun = as_loss(state.fun(state.x))
            state.nfev += 1
        result.nfev, result.njev = state.nfev, 0
        self.close()
        return result

    def state_dict(self) -> dict[str, Any]:
        """Return the state as plain data: where the loop began, and what it was told."""
        state = self.state
        return {
            "version": STATE_VERSION,
            "x0": state.x0,
            "told": np.array(state.told),
            "nfev": state.nfev,
        }

    def load_state_dict(self, plain: Mapping[str, Any]) -> None:
        """Continue from a saved state: the loop is told the same values again.

        Args:
            plain: What :meth:`state_dict` returned.

        Raises:
            InputError: If the state was saved by another version.
        """
        require_version(plain)
        self.start(None if self._state is None else self.state.fun, plain["x0"])
        for loss in plain["told"]:
            self.ask()
            self._take(float(loss))
        self.state.nfev = plain["nfev"]

    def _wait_for(self, asked: FloatArray | None) -> None:
        self._asked, self._ended = asked, asked is None


def _mean(losses: list[float]) -> float:
    """Return the mean of losses, with its standard error where they carry theirs."""
    mean = float(np.mean(losses))
    if not all(isinstance(loss, Estimate) for loss in losses):
        return mean
    variance = sum(loss.std**2 for loss in losses if isinstance(loss, Estimate))
    return Estimate(mean, math.sqrt(variance) / len(losses))


def _rebuilt(
    kind: Callable[..., ClosedLoop],
    settings: Mapping[str, Any],
    plain: Mapping[str, Any] | None,
    listeners: Listeners,
) -> ClosedLoop:
    """Return an optimizer with these settings, at a saved state if there is one."""
    rebuilt = kind(**settings)
    if plain is not None:
        rebuilt.load_state_dict(plain)
    rebuilt._listeners = listeners  # not before: who is told of the original hears of no copy
    return rebuilt

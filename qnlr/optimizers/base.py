"""What the optimizers of this package have in common: who is told of a minimisation, and when."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from qiskit_machine_learning.optimizers import (
    OptimizerResult,
    OptimizerState,
    OptimizerSupportLevel,
    SteppableOptimizer,
)

from qnlr.errors import InputError, require_count
from qnlr.optimizers.callbacks import Callback, Listeners, ModelCallback
from qnlr.optimizers.settings import Configured
from qnlr.types import FloatArray

StateT = TypeVar("StateT", bound=OptimizerState)


class ToldOptimizer(Configured, SteppableOptimizer, Generic[StateT]):
    """A steppable optimizer with two callbacks, which are told of begin, steps and end.

    The one given here is told a :class:`StepRecord`; the attribute ``callback`` is set by the
    trainable models of qiskit-machine-learning, also to None, to a function of other arguments.

    Args:
        maxiter: Steps that :meth:`minimize` makes, at least 1.
        seed: Seed of random numbers, at least 0, or None.
        callback: Called with a :class:`StepRecord` after every step; returns True to stop there.

    Raises:
        InputError: If ``maxiter`` is below 1, ``seed`` below 0, or the callback cannot be called.
    """

    _gradients = OptimizerSupportLevel.supported
    _state: StateT | None

    def __init__(self, maxiter: int, seed: int | None, callback: Callback | None) -> None:
        super().__init__(maxiter=require_count("maxiter", maxiter))
        if seed is not None:
            require_count("seed", seed, low=0)
        self.seed = seed
        self._listeners = Listeners(callback)

    def get_support_level(self) -> dict[str, OptimizerSupportLevel]:
        """Return what is supported: bounds are ignored, and an initial point is required."""
        return {
            "gradient": self._gradients,
            "bounds": OptimizerSupportLevel.ignored,
            "initial_point": OptimizerSupportLevel.required,
        }

    @property
    def callback(self) -> ModelCallback | None:
        """What a model of qiskit-machine-learning sets: a function of weights and loss."""
        return self._listeners.model

    @callback.setter
    def callback(self, callback: ModelCallback | None) -> None:
        self._listeners.model = callback

    @property  # type: ignore[override]
    def state(self) -> StateT:
        """State of the minimisation.

        Raises:
            InputError: If there is none yet.
        """
        if self._state is None:
            raise InputError("the optimizer has no state yet; call start(fun, x0) first")
        return self._state

    @state.setter
    def state(self, state: StateT) -> None:
        self._state = state

    @property
    def ended(self) -> bool:
        """Whether the callback said to stop."""
        return self._listeners.stopped

    def continue_condition(self) -> bool:
        """Return whether :meth:`minimize` goes on."""
        return not self.ended and super().continue_condition()

    def minimize(  # type: ignore[override]
        self,
        fun: Callable[[FloatArray], float],
        x0: Any,
        jac: Callable[[FloatArray], FloatArray] | None = None,
        bounds: list[tuple[float, float]] | None = None,
    ) -> OptimizerResult:
        """Minimise a function; callbacks are told of the end, also where an error is the end.

        Args:
            fun: The objective. It returns a float, or a :class:`qnlr.Estimate` if it knows its
                standard error.
            x0: Initial weights, shape (P,).
            jac: Its gradient, if it is used.
            bounds: Ignored.

        Returns:
            The last point, its loss evaluated anew, and what was counted.
        """
        try:
            return super().minimize(fun, x0, jac, bounds)  # type: ignore[arg-type]
        finally:
            self.close()

    def close(self) -> None:
        """Tell the callbacks that the minimisation has ended, if they were told of its begin."""
        self._listeners.end()

"""Who is told of a step: the callback of an optimizer, and that of a model around it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from qnlr.errors import require_callable
from qnlr.optimizers.state import AskTell, StepRecord
from qnlr.types import FloatArray

Callback: TypeAlias = Callable[[StepRecord], object]
ModelCallback: TypeAlias = Callable[[FloatArray, float], object]


def says_stop(answer: object) -> bool:
    """Return whether what a callback returned ends the minimisation.

    Args:
        answer: What it returned.

    Returns:
        True for True alone: what else is true, such as a count, ends nothing.

    Example:
        >>> says_stop(True), says_stop(np.True_), says_stop(1), says_stop(None)
        (True, True, False, False)
    """
    return isinstance(answer, bool | np.bool_) and bool(answer)


class Listeners:
    """The two callbacks of an optimizer, and whether its own said to stop.

    An object with a method ``begin(steps)`` is told of the start of every minimisation and of the
    number of its steps (None if the optimizer does not count them), one with a method ``end()`` of
    its end, once.

    Args:
        own: What the optimizer was given: called with a :class:`StepRecord`.

    Example:
        >>> listeners = Listeners(lambda record: record.loss < 0.5)
        >>> nothing = np.zeros(1)
        >>> record = StepRecord(0, nothing, nothing, 0.4, None, 0.0, 0.1, flipped=False)
        >>> listeners.tell(record)
        >>> listeners.stopped
        True
    """

    def __init__(self, own: Callback | None) -> None:
        if own is not None:
            require_callable("callback", own, "a function of a StepRecord")
        self.own = own
        self.model: ModelCallback | None = None
        self.stopped = False
        self._open = False

    def begin(self, steps: int | None) -> None:
        """Say that a minimisation of so many steps begins, or of an unknown number (None)."""
        self.end()
        self.stopped, self._open = False, True
        for listener in (self.own, self.model):
            if callable(begin := getattr(listener, "begin", None)):
                begin(steps)

    def tell(self, record: StepRecord) -> None:
        """Hand on the record of a step."""
        self._open = True
        if self.own is not None and says_stop(self.own(record)):
            self.stopped = True
        if self.model is not None:
            self.model(record.parameters, record.loss)

    def end(self) -> None:
        """Say that the minimisation has ended, unless nothing was said since the last one."""
        if not self._open:
            return
        self._open = False
        for listener in (self.own, self.model):
            if callable(end := getattr(listener, "end", None)):
                end()


def without_callbacks(optimizer: AskTell) -> AskTell:
    """Return a shallow copy of an optimizer that tells nobody what it does.

    Started anew, it shows what the optimizer would ask for, and leaves that one as it is.

    Args:
        optimizer: The optimizer.

    Example:
        >>> from qnlr.optimizers import SGD
        >>> sgd = SGD(callback=print)
        >>> alone = without_callbacks(sgd)  # and so nothing is printed
        >>> alone.minimize(lambda x: x @ x, [1.0], lambda x: 2 * x).nit
        100
    """
    alone: Any = copy.copy(optimizer)
    if hasattr(alone, "_listeners"):
        alone._listeners = Listeners(None)
    quiet: AskTell = alone
    return quiet

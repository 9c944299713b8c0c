"""A closed loop, turned inside out: its thread stands still while its question is answered.

Closed loops of qiskit-machine-learning draw from one generator for all, ``algorithm_globals``. A
seeded one is lent a state of its own while its thread runs, and the state before is put back.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from qiskit_machine_learning.utils import algorithm_globals

from qnlr.types import FloatArray

_ONE_AT_A_TIME = threading.Lock()


class _Stopped(BaseException):
    """Raised inside a loop that nobody waits for any more."""


class LoopThread:
    """Runs a loop up to its next question.

    Args:
        loop: Takes the objective, and calls it when it likes.
        seed: Seed of what the loop draws, or None to draw from the user's generator.

    Example:
        >>> thread = LoopThread(lambda objective: objective(np.ones(1)) + objective(np.zeros(1)))
        >>> thread.begin(), thread.answer(0.5), thread.answer(0.25)
        (array([1.]), array([0.]), None)
    """

    def __init__(
        self, loop: Callable[[Callable[[FloatArray], float]], object], seed: int | None = None
    ) -> None:
        self._loop = loop
        self._drawn = None if seed is None else np.random.default_rng(seed).bit_generator.state
        self._requests: queue.Queue[FloatArray | BaseException | None] = queue.Queue()
        self._answers: queue.Queue[float | None] = queue.Queue()
        self._thread = threading.Thread(target=self._drive, daemon=True)

    def begin(self) -> FloatArray | None:
        """Start the loop, and return its first question; None if it asks nothing."""
        with self._own_numbers():
            self._thread.start()
            return self._next()

    def answer(self, loss: float) -> FloatArray | None:
        """Answer the loop, and return its next question; None if it has ended."""
        with self._own_numbers():
            self._answers.put(loss)
            return self._next()

    def close(self) -> None:
        """End the loop, wherever it stands."""
        if self._thread.is_alive():
            self._answers.put(None)
            self._thread.join()

    @contextmanager
    def _own_numbers(self) -> Iterator[None]:
        with _ONE_AT_A_TIME:
            if self._drawn is None:
                yield
                return
            generator = algorithm_globals.random.bit_generator
            before, generator.state = generator.state, self._drawn
            try:
                yield
            finally:
                self._drawn, generator.state = generator.state, before

    def _next(self) -> FloatArray | None:
        request = self._requests.get()
        if isinstance(request, BaseException):
            raise request
        return request

    def _drive(self) -> None:
        try:
            self._loop(self._objective)
            self._requests.put(None)
        except _Stopped:
            pass
        except BaseException as error:
            self._requests.put(error)

    def _objective(self, weights: FloatArray) -> float:
        self._requests.put(np.array(weights, dtype=float))
        answer = self._answers.get()
        if answer is None:
            raise _Stopped
        return answer

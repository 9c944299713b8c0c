"""Early stopping: at a target, after some seconds, or before a budget of shots is passed."""

from __future__ import annotations

import math
import time
from typing import Any

from qnlr.errors import InputError, is_number, require_count, require_positive
from qnlr.models.watching.shared import Shared
from qnlr.optimizers import StepRecord
from qnlr.types import Cost


class StopAt(Shared):
    """Ends a minimisation where the loss is low enough, or time or shots are spent.

    Args:
        target: Loss on the step's samples, before the step, at or below which it ends.
        seconds: Wall-clock time since the minimisation began, in seconds, above 0.
        shots: Executions of circuits, at least 1. It ends before the step that would pass them, if
            that is no dearer than the dearest so far; the loss that ``minimize`` reads at the end
            comes on top.
        of: Whose shots are counted: a model of :func:`qnlr.accelerate`, its network, a
            :class:`qnlr.VariationalClassifier`, or anything with a ``cost`` that grows. It is that
            object, not a copy of it, which must be trained.
        consecutive: Steps in a row with a loss at or below the target, at least 1; more than one
            for losses with shot noise.

    Attributes:
        reason: After it has stopped a minimisation, why; otherwise None.

    Raises:
        InputError: If none of target, seconds and shots is given, a value lies outside its range,
            or ``of`` does not count.

    Example:
        >>> from qnlr import NLR
        >>> stop = StopAt(target=0.5, consecutive=2)
        >>> optimizer = NLR(0.1, callback=stop)
        >>> optimizer.minimize(lambda x: x[0] ** 2, [1.0], lambda x: 2 * x).nit
        4
        >>> stop.reason
        'the loss was at or below the target 0.5 on 2 steps in a row; stopped after 4 steps'

        Shots are counted by the accelerated model, which is given its optimizer afterwards:

        >>> from qiskit.circuit.library import real_amplitudes, z_feature_map
        >>> from qiskit_machine_learning.algorithms import VQC
        >>> from qnlr import accelerate
        >>> vqc = VQC(
        ...     feature_map=z_feature_map(2), ansatz=real_amplitudes(2, reps=1),
        ...     initial_point=[0.1, 0.2, 0.3, 0.4],
        ... )
        >>> model = accelerate(vqc, shots=1000, seed=0)
        >>> stop = StopAt(shots=10**6, of=model)
        >>> model.optimizer = NLR(0.1, callback=stop)
        >>> X = [[0.1, 0.2], [0.3, 0.1], [1.4, 1.6], [1.5, 1.3]]
        >>> model.fit(X, [0, 0, 1, 1]).fit_result.nit
        25
        >>> print(stop.reason)  # a step takes 40 circuits of 1000 shots
        1000000 of 1000000 shots are spent, and the next step may need 40000; stopped after
        25 steps
    """

    def __init__(
        self,
        target: float | None = None,
        seconds: float | None = None,
        shots: int | None = None,
        of: Any = None,
        *,
        consecutive: int = 1,
    ) -> None:
        if target is None and seconds is None and shots is None:
            raise InputError("StopAt() stops at nothing; give a target, seconds or shots")
        if target is not None and not (is_number(target) and math.isfinite(target)):
            raise InputError(f"target = {target!r} is not valid; it must be a finite number")
        self.target = target
        self.seconds = None if seconds is None else require_positive("seconds", seconds)
        self.shots = None if shots is None else require_count("shots", shots)
        self.consecutive = require_count("consecutive", consecutive)
        if self.consecutive > 1 and target is None:
            raise InputError("consecutive counts steps at the target; give a target")
        if shots is not None and of is None:
            raise InputError("shots are counted by a model; give StopAt(shots=..., of=model)")
        if of is not None and shots is None:
            raise InputError("of counts shots; give StopAt(shots=..., of=model)")
        self.of = of
        self.reason: str | None = None
        self._restart()

    def begin(self, steps: int | None) -> None:
        """Count from here."""
        self._restart()

    def __call__(self, *seen: Any) -> bool:
        """Return whether the minimisation ends after this step."""
        if len(seen) != 1 or not isinstance(seen[0], StepRecord):
            raise InputError(
                "StopAt is a callback of the optimizer, NLR(callback=StopAt(...)); "
                "that of a model cannot stop it"
            )
        record = seen[0]
        if record.step == 0 and self._steps > 0:
            self._restart()
        self._steps += 1
        why = self._at_target(record) or self._out_of_shots() or self._out_of_time()
        if why is not None:
            steps = f"{self._steps} step{'s' if self._steps > 1 else ''}"
            self.reason = f"{why}; stopped after {steps}"
        return why is not None

    def _restart(self) -> None:
        self.reason = None
        self._steps, self._reached, self._dearest = 0, 0, 0
        self._began = time.perf_counter()
        self._before = self._last = 0 if self.of is None else _shots(self.of)

    def _at_target(self, record: StepRecord) -> str | None:
        if self.target is None:
            return None
        self._reached = self._reached + 1 if record.loss <= self.target else 0
        if self._reached < self.consecutive:
            return None
        if self.consecutive == 1:
            return f"the loss {record.loss:.4g} reached the target {self.target:.4g}"
        return (
            f"the loss was at or below the target {self.target:.4g} on {self.consecutive} steps "
            "in a row"
        )

    def _out_of_shots(self) -> str | None:
        if self.shots is None:
            return None
        now = _shots(self.of)
        self._dearest = max(self._dearest, now - self._last)
        self._last = now
        spent = now - self._before
        if spent == 0:
            raise InputError(
                f"{type(self.of).__name__} has counted no shots: it is not what is trained, or its "
                "values are exact"
            )
        if spent + self._dearest <= self.shots:
            return None
        return (
            f"{spent} of {self.shots} shots are spent, and the next step may need {self._dearest}"
        )

    def _out_of_time(self) -> str | None:
        taken = time.perf_counter() - self._began
        if self.seconds is None or taken < self.seconds:
            return None
        return f"{taken:.3g} of {self.seconds:g} seconds are over"


def _shots(of: Any) -> int:
    """Return the shots that a model, a network or a primitive has counted."""
    network = getattr(of, "neural_network", None)
    for counter, name in ((of, "cost"), (of, "cost_"), (network, "cost")):
        if isinstance(cost := getattr(counter, name, None), Cost):
            return cost.shots
    raise InputError(
        f"of = {type(of).__name__} counts no shots; give a model or network from accelerate()"
    )

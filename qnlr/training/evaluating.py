"""Evaluations on all samples: measured apart from training, once for each number of steps."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from qnlr.backends import Meter, MeteredBackend
from qnlr.problems import Evaluation
from qnlr.training.history import pack_evaluations, unpack_evaluations
from qnlr.training.stage import Part
from qnlr.training.streams import Streams
from qnlr.types import Estimate, FloatArray

UNKNOWN = Evaluation(Estimate(math.nan, math.nan), math.nan)


class Evaluations:
    """Measures loss and accuracy on training and test samples, and keeps the last ones.

    Args:
        streams: Gives the generator of an evaluation.
    """

    def __init__(self, streams: Streams) -> None:
        self.meter = Meter()
        self._streams = streams
        self._last: tuple[int, dict[str, Evaluation]] | None = None

    def at(self, step: int, part: Part, weights: FloatArray) -> dict[str, Evaluation]:
        """Return evaluations after so many steps, measured if they are not known.

        Args:
            step: Steps of the whole training.
            part: What is evaluated.
            weights: All its weights.

        Returns:
            Loss and accuracy for ``"train"``, and for ``"test"`` where there are such samples.
        """
        if self._last is None or self._last[0] != step:
            problem = part.problem
            backend = MeteredBackend(part.backend, self.meter)
            rng = self._streams.evaluation(step)
            samples = {"train": problem.train, "test": problem.test}
            samples = {which: batch for which, batch in samples.items() if len(batch)}
            if not np.isfinite(weights).all():
                return dict.fromkeys(samples, UNKNOWN)
            found = {
                which: problem.evaluate(weights, batch, backend, rng)
                for which, batch in samples.items()
            }
            self._last = step, found
        return self._last[1]

    def state_dict(self) -> dict[str, Any]:
        """Return meter and last evaluations as plain data."""
        return {
            "evaluation_meter": self.meter.state_dict(),
            "evaluations": self._last and pack_evaluations(*self._last),
        }

    def load_state_dict(self, plain: dict[str, Any]) -> None:
        """Go on from :meth:`state_dict`.

        Args:
            plain: A dict with what it returned.
        """
        self.meter = Meter.from_state(plain["evaluation_meter"])
        kept = plain["evaluations"]
        self._last = None if kept is None else unpack_evaluations(kept)

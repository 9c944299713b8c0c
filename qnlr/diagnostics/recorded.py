"""A run that was recorded: its weights on the way, and a way to measure anywhere around them."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from qnlr.problems import Batch
from qnlr.training import Training
from qnlr.types import FloatArray


@dataclass(frozen=True, eq=False)
class Recorded:
    """The weights of a run on its way.

    Args:
        name: What the run is called in figures.
        training: The run; its problem, and its backend with shots and noise as they were.
        weights: Weights at the kept steps as the optimizer hands them out, an average where it
            makes one, shape (T, P), the initial ones first.
        steps: Steps made before each of them, length T.
        history: One row a step, with the columns of a run's history.
    """

    name: str
    training: Training
    weights: FloatArray
    steps: tuple[int, ...]
    history: pd.DataFrame

    @property
    def samples(self) -> Batch:
        """All training samples."""
        return self.training.problem.train

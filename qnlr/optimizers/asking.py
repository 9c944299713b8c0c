"""What an optimizer asks to be measured, and what it is told: Qiskit's, with shots and errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qiskit_machine_learning.optimizers import AskData, TellData

from qnlr.types import FloatArray

Shots = int | NDArray[np.int64]
"""Shots of every circuit of a phase, or of each of the two shifts of every weight, shape (P,)."""


@dataclass
class Ask(AskData):
    """What to measure next, and with how many shots.

    Args:
        shots: Shots of every circuit of this phase; where a gradient is asked for also an array of
            shape (P,): the shots of each of the two shifts of a weight, 0 to leave its derivative
            at 0, the loss itself having the most of them. None for the backend's own.
    """

    shots: Shots | None = None


@dataclass
class Told(TellData):
    """What was measured, with what else is known of it.

    Args:
        stds: Standard error of each derivative, shape (P,); None where it is not known.
        metric: The metric of the states at the weights, shape (P, P), if the optimizer wants it.
    """

    stds: FloatArray | None = None
    metric: FloatArray | None = None

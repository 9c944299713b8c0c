"""What was measured of somebody's own circuit, and how flat it is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qnlr.diagnostics.circuit_gradients import AskedCircuit, depends, mean_square
from qnlr.diagnostics.shots_needed import share_seen, standard_errors
from qnlr.diagnostics.two_design import two_design_variance
from qnlr.intervals import Interval
from qnlr.types import FloatArray

FLAT = 2.0
"""Derivatives up to so many times the mean square of a random circuit are as flat as it."""


@dataclass(frozen=True)
class Beginning:
    """The mean square of the derivatives of a circuit's beginning.

    Args:
        weights: Weights that it has.
        square: The mean square at uniform weights.
    """

    weights: int
    square: Interval


@dataclass(frozen=True, eq=False)
class Measured:
    """What was measured of a circuit.

    Args:
        asked: The circuit.
        initialisation: What shots are counted for.
        derivatives: Exact derivatives by initialisation, shape (S, P) each.
        wanted_samples: Samples that were asked for.
        shot_variance: v, of a single shot.
        amplification: A², shape (P,).
        shots: N.
        noise_rate: Chance that a gate on two or more qubits errs.
        spread: Standard deviation of small angles.
        beginnings: Beginnings of the circuit, the shortest first.
    """

    asked: AskedCircuit
    initialisation: str
    derivatives: dict[str, FloatArray]
    wanted_samples: int
    shot_variance: float
    amplification: FloatArray
    shots: int
    noise_rate: float
    spread: float
    beginnings: tuple[Beginning, ...]

    @cached_property
    def alive(self) -> NDArray[np.bool_]:
        """Which weights the observable depends on."""
        return depends(self.derivatives["uniform"])

    @cached_property
    def chosen(self) -> FloatArray:
        """Derivatives of those at the initialisation that shots are counted for."""
        return self.derivatives[self.initialisation][:, self.alive]

    @property
    def samples(self) -> int:
        """Draws of the weights."""
        return len(self.chosen)

    @cached_property
    def qubits(self) -> int:
        """Qubits that the observable depends on."""
        return self.asked.cone.num_qubits

    @cached_property
    def random(self) -> float:
        """The variance of a derivative of a random circuit on those qubits."""
        return two_design_variance(self.qubits, self.asked.observable)

    @cached_property
    def errors(self) -> FloatArray:
        """Standard errors of the derivatives at the given shots, shape (P,)."""
        return standard_errors(self.shot_variance, self.amplification, self.shots)

    @cached_property
    def seen(self) -> float:
        """Share of derivatives that are read beyond two standard errors."""
        if self.shot_variance == 0:
            return float((self.chosen != 0).mean())
        return share_seen(self.chosen, self.errors[self.alive])

    def square(self, initialisation: str) -> Interval:
        """Return the mean square of the derivatives at an initialisation."""
        return mean_square(self.derivatives[initialisation][:, self.alive])

    @cached_property
    def flat(self) -> bool | None:
        """Whether derivatives are as small as those of a random circuit; None if unclear."""
        found, most = self.square("uniform"), FLAT * self.random
        return True if found.high <= most else False if found.low > most else None

    @cached_property
    def visible(self) -> float:
        """Two standard errors of a derivative, squared."""
        return 4 * float((self.errors[self.alive] ** 2).mean())

    @cached_property
    def stands_out(self) -> bool | None:
        """Whether a typical derivative stands out of shot noise; None if unclear."""
        found = self.square(self.initialisation)
        return True if found.low > self.visible else False if found.high <= self.visible else None

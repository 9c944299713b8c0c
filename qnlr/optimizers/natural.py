"""The natural gradient as a direction: the gradient in the metric of the states."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from qnlr.errors import InputError, require_positive
from qnlr.types import FloatArray

State = dict[str, Any]


@dataclass(frozen=True)
class NaturalGradient:
    r"""The quantum natural gradient: steepest descent in the Fubini–Study metric.

    .. math:: d_t = (G(θ_t) + λ 1)^{-1} g_t

    G is a quarter of the quantum Fisher information. A training gives it, computed from the exact
    states: no device can. Measuring it takes a circuit for each pair of weights and each sample,
    which is what it is counted as.

    Source: Stokes, Izaac, Killoran and Carleo, Quantum 4, 269 (2020), Eq. 9.

    Args:
        regularisation: λ > 0, which keeps steps finite along directions that change no state.
        metric: Gives G, shape (P, P), for weights; None where the training gives it.

    Raises:
        InputError: If λ is not above 0.

    Example:
        >>> rule = NaturalGradient(regularisation=1.0)
        >>> rule(np.array([1.0, 1.0]), {"metric": np.diag([0.0, 3.0])})[0]
        array([1.  , 0.25])
    """

    regularisation: float = 0.01
    metric: Callable[[FloatArray], FloatArray] | None = None

    def __post_init__(self) -> None:
        require_positive("regularisation", self.regularisation)

    def initial_state(self, size: int) -> State:
        """Return an empty state."""
        return {}

    def __call__(self, gradient: FloatArray, state: State) -> tuple[FloatArray, State]:
        """Return the direction; the metric at the gradient's weights is in the state."""
        metric = state.get("metric")
        if metric is None:
            raise InputError(
                "the natural gradient needs a metric, and was told none; give "
                "NaturalGradient(metric=...) a function of the weights, or let a training give it"
            )
        damped = np.asarray(metric, dtype=float) + self.regularisation * np.eye(gradient.size)
        return np.asarray(np.linalg.solve(damped, gradient), dtype=float), {}

"""Armijo backtracking: the descent-only rule that the paper sets its negative rate against."""

from __future__ import annotations

import math
from dataclasses import dataclass

from qnlr.errors import require_count
from qnlr.optimizers import Backtracking, Feedback, Plain, SignedRateOptimizer
from qnlr.optimizers.rates import State


@dataclass(frozen=True)
class Backtracked(Backtracking):
    """Backtracking that begins every step at η, and takes the smallest rate if none is accepted."""

    def __call__(self, feedback: Feedback, state: State) -> tuple[float, State]:
        """Return the rate of the last probe, and begin at η again."""
        return feedback.probes[-1].rate, self.initial_state()


class Armijo(SignedRateOptimizer):
    r"""Gradient descent that shrinks its rate until the loss decreases enough.

    .. math:: L(θ - \tilde η g) ≤ L(θ) - c \tilde η ‖g‖^2, \qquad
              \tilde η ∈ \{η, βη, β^2 η, …\}

    Where no rate is accepted, the smallest one is taken.

    Source: Armijo, Pacific J. Math. 16, 1 (1966); NLR paper, Lemma 2.

    Args:
        learning_rate: η > 0.
        slope: c, in (0, 1].
        shrink: β, in [0.1, 0.99].
        shrinkings: How often the rate is shrunk at most, at least 1.
        maxiter: Steps that ``minimize`` makes, at least 1.

    Raises:
        InputError: If a setting lies outside its range.

    Example:
        On x² the condition with c = ½ is x²(1 − 2η)² ≤ x²(1 − 2η), that is η ≤ ½:

        >>> Armijo(1.6, slope=0.5, maxiter=1).minimize(lambda x: x @ x, [1.0], lambda x: 2 * x).x
        array([0.2])
    """

    def __init__(
        self,
        learning_rate: float = 0.01,
        slope: float = 1e-4,
        shrink: float = 0.5,
        shrinkings: int = 8,
        *,
        maxiter: int = 100,
    ) -> None:
        probes = 1 + require_count("shrinkings", shrinkings)
        rule = Backtracked(learning_rate, slope, shrink, math.inf, probes)
        super().__init__(Plain(), rule, maxiter=maxiter)

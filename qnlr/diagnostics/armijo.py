"""Armijo backtracking: the descent-only rule that the paper sets its negative rate against."""

from __future__ import annotations

from dataclasses import dataclass, replace

from qiskit_machine_learning.optimizers import AskData, TellData

from qnlr.errors import require_count, require_positive, require_within
from qnlr.optimizers import Feedback, Plain, SignedRateOptimizer
from qnlr.optimizers.rates import State
from qnlr.optimizers.state import as_loss


@dataclass(frozen=True)
class Backtracked:
    """The rate that backtracking has come down to, which is η before every step.

    Args:
        learning_rate: η > 0.
    """

    learning_rate: float

    def initial_state(self) -> State:
        """Return η."""
        return {"rate": self.learning_rate}

    def probe_rate(self, state: State) -> float | None:
        """Return the rate of the next probe."""
        return float(state["rate"])

    def __call__(self, feedback: Feedback, state: State) -> tuple[float, State]:
        """Return the rate of the last probe, and begin at η again."""
        return float(state["rate"]), self.initial_state()


class Armijo(SignedRateOptimizer):
    r"""Gradient descent that shrinks its rate until the loss decreases enough.

    .. math:: L(θ - \tilde η g) ≤ L(θ) - c \tilde η ‖g‖^2, \qquad
              \tilde η ∈ \{η, βη, β^2 η, …\}

    Where no rate is accepted, the smallest one is taken.

    Source: Armijo, Pacific J. Math. 16, 1 (1966); NLR paper, Lemma 2.

    Args:
        learning_rate: η > 0.
        slope: c, in [0, 1].
        shrink: β, in [0.1, 0.9].
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
        require_positive("learning_rate", learning_rate)
        super().__init__(Plain(), Backtracked(learning_rate), maxiter=maxiter)
        self.slope = require_within("slope", slope, 0.0, 1.0)
        self.shrink = require_within("shrink", shrink, 0.1, 0.9)
        self.least = learning_rate * shrink ** require_count("shrinkings", shrinkings)

    def tell(self, ask_data: AskData, tell_data: TellData) -> None:
        """Take what was measured; probe at a smaller rate where the loss did not decrease enough.

        Args:
            ask_data: What :meth:`ask` returned.
            tell_data: The loss, and in the gradient phase the gradient, shape (P,).
        """
        pending, state = self.state.pending, self.state
        if pending is not None:
            rate = float(state.rate["rate"])
            wanted = pending.loss - self.slope * rate * pending.gradient_norm**2
            smaller = self.shrink * rate
            if as_loss(tell_data.eval_fun) > wanted and smaller >= self.least:
                state.rate = {"rate": smaller}
                state.pending = replace(pending, probe=state.x - smaller * pending.direction)
                return
        super().tell(ask_data, tell_data)

"""Stochastic Armijo line search: the rate shrinks until the loss of the mini-batch falls enough."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from qnlr.errors import InputError, is_number, require_count, require_positive, require_within
from qnlr.optimizers.directions import Plain
from qnlr.optimizers.optimizer import SignedRateOptimizer
from qnlr.optimizers.rates import Feedback, State


@dataclass(frozen=True)
class Backtracking:
    r"""The first rate of a shrinking sequence that meets Armijo's condition on the mini-batch.

    .. math:: L(θ - r d) ≤ L(θ) - c\, r\, g · d, \qquad r ∈ \{r_0, β r_0, β^2 r_0, …\}

    The next sequence begins at min(η, γ r), where r is the last rate that was tried. Where none of
    the probes is accepted the rate is 0: the step stays where it is.

    Source: Vaswani, Mishkin, Laradji, Schmidt, Gidel and Lacoste-Julien, NeurIPS 2019,
    arXiv:1905.09997, Algorithms 1 and 2 (option 2).

    Args:
        learning_rate: η > 0, the first rate and the largest.
        slope: c, in (0, 1].
        shrink: β, in [0.1, 0.99].
        growth: γ at least 1, by which the rate grows from one step to the next. The source has
            2^(b/n) for mini-batches of b out of n samples; infinity begins every step at η.
        most_probes: How many rates are tried in a step at most, at least 1.

    Raises:
        InputError: If a setting lies outside its range.

    Example:
        On x² at x = 1 the condition with c = ½ is (1 − 2r)² ≤ 1 − 2r, that is r ≤ ½:

        >>> from qnlr.optimizers import Probe
        >>> rule = Backtracking(0.8, slope=0.5, shrink=0.5)
        >>> about = {"step": 0, "loss": 1.0, "gradient_norm": 2.0, "slope": 4.0}
        >>> first = Feedback(probe_loss=0.36, probes=(Probe(0.8, 0.36),), **about)
        >>> rule.next_probe(first, rule.initial_state())
        0.4
        >>> second = Feedback(probe_loss=0.04, probes=(*first.probes, Probe(0.4, 0.04)), **about)
        >>> rule.next_probe(second, rule.initial_state()), rule(second, rule.initial_state())
        (None, (0.4, {'rate': 0.44000000000000006}))
    """

    learning_rate: float = 1.0
    slope: float = 0.1
    shrink: float = 0.5
    growth: float = 1.1
    most_probes: int = 10

    def __post_init__(self) -> None:
        require_positive("learning_rate", self.learning_rate)
        require_positive("slope", self.slope)
        require_within("slope", self.slope, 0.0, 1.0)
        require_within("shrink", self.shrink, 0.1, 0.99)
        if not (is_number(self.growth) and self.growth >= 1):
            raise InputError(f"growth = {self.growth!r} is not valid; it must be at least 1")
        require_count("most_probes", self.most_probes)

    def initial_state(self) -> State:
        """Return η as the first rate."""
        return {"rate": self.learning_rate}

    def probe_rate(self, state: State) -> float | None:
        """Return the first rate to try."""
        return float(state["rate"])

    def accepts(self, feedback: Feedback) -> bool:
        """Return whether the last probe meets the condition; it does not where a loss is NaN."""
        last = feedback.probes[-1]
        return bool(last.loss <= feedback.loss - self.slope * last.rate * feedback.slope)

    def next_probe(self, feedback: Feedback, state: State) -> float | None:
        """Return a smaller rate, unless the last one is accepted or there were enough."""
        if self.accepts(feedback) or len(feedback.probes) >= self.most_probes:
            return None
        return self.shrink * feedback.probes[-1].rate

    def __call__(self, feedback: Feedback, state: State) -> tuple[float, State]:
        """Return the accepted rate, or 0."""
        last = feedback.probes[-1].rate
        following = min(self.learning_rate, self.growth * last)
        return last if self.accepts(feedback) else 0.0, {"rate": following}


class ArmijoSGD(SignedRateOptimizer):
    r"""Stochastic gradient descent whose rate is found by a backtracking line search.

    .. math:: θ_{t+1} = θ_t - r_t g_t, \qquad L(θ_{t+1}) ≤ L(θ_t) - c\, r_t ‖g_t‖^2

    Every probe is a phase of its own on the mini-batch of the step. Losses that are measured with
    shots are compared as they were measured.

    Source: Vaswani et al., NeurIPS 2019, arXiv:1905.09997; see
    :class:`~qnlr.optimizers.Backtracking`.

    Args:
        learning_rate: η > 0, the largest rate.
        slope: c, in (0, 1].
        shrink: β, in [0.1, 0.99]; the source has 0.9, which takes more probes.
        growth: γ at least 1, by which the rate grows from one step to the next.
        most_probes: How many rates are tried in a step at most, at least 1.
        **common: ``maxiter``, ``callback``, ``seed`` and ``perturbation``.

    Raises:
        InputError: If a setting lies outside its range.

    Example:
        >>> armijo = ArmijoSGD(0.8, slope=0.5, maxiter=1)
        >>> armijo.minimize(lambda x: x @ x, [1.0], jac=lambda x: 2 * x).x.round(6)
        array([0.2])
    """

    def __init__(
        self,
        learning_rate: float = 1.0,
        slope: float = 0.1,
        shrink: float = 0.5,
        growth: float = 1.1,
        most_probes: int = 10,
        **common: Any,
    ) -> None:
        rule = Backtracking(learning_rate, slope, shrink, growth, most_probes)
        super().__init__(Plain(), rule, **common)
        self.rule = rule

    @property
    def settings(self) -> dict[str, Any]:
        """The arguments that rebuild this optimizer."""
        return {**asdict(self.rule), "average": self.average, **self._common_settings}

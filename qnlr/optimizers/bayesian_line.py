"""Bayesian optimisation of the rate: a Gaussian process of the loss along the direction."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qnlr.errors import require_count, require_positive
from qnlr.optimizers.rates import Feedback, State
from qnlr.types import FloatArray

if TYPE_CHECKING:
    from sklearn.gaussian_process import GaussianProcessRegressor

DRAWN = 41  # rates at which functions are drawn: more are slow, as their covariance is factorised
EXPECTED = 201  # rates at which the mean is looked at; an odd number has 0 among them
JITTER = 1e-8  # of the prior variance, which keeps exact losses solvable
ROUNDING = 1e-6  # of the prior variance, beyond what rounding takes from a covariance


@dataclass(frozen=True)
class BayesianLine:
    r"""The rate at which a Gaussian process expects the least loss along the direction.

    .. math:: \hat r = \arg\min_{r ∈ [-η, η]} E[L(θ - r d) \mid \mathrm{probes}]

    The first probe is at η; each of the others is at the minimum of a function that is drawn from
    the process given all losses so far (Thompson sampling). The process knows the standard errors
    of the losses. Its kernel is a Gaussian of fixed length; its prior variance is the square of
    what the slope promises at η, or the variance of the losses where that is more.

    Source: Tamiya and Yamasaki, npj Quantum Inf. 8, 90 (2022), arXiv:2111.07952.

    Args:
        learning_rate: η > 0: rates are searched from −η to η.
        probes: Losses that are measured along the direction, besides the one at θ, at least 1.
        length: Length of the kernel > 0, in units of η.
        seed: Seed of the functions that are drawn; None for a random one.

    Raises:
        InputError: If a setting lies outside its range.

    Example:
        A parabola with its minimum at r = ½:

        >>> from qnlr.optimizers import Probe
        >>> probes = (Probe(1.0, 0.25), Probe(0.4, 0.01), Probe(0.6, 0.01))
        >>> about = Feedback(0, 0.25, 0.01, 1.0, slope=1.0, probes=probes)
        >>> rule = BayesianLine(learning_rate=1.0, probes=3, seed=0)
        >>> rule.next_probe(about, rule.initial_state()), rule(about, rule.initial_state())[0]
        (None, 0.5)
    """

    learning_rate: float = 1.0
    probes: int = 5
    length: float = 0.5
    seed: int | None = None

    def __post_init__(self) -> None:
        require_positive("learning_rate", self.learning_rate)
        require_count("probes", self.probes)
        require_positive("length", self.length)
        if self.seed is not None:
            require_count("seed", self.seed, low=0)

    @property
    def most_probes(self) -> int:
        """The number of probes in a step."""
        return self.probes

    def initial_state(self) -> State:
        """Return the seed, drawn if none was given."""
        fresh = int(np.random.default_rng().integers(2**32)) if self.seed is None else self.seed
        return {"seed": fresh}

    def probe_rate(self, state: State) -> float | None:
        """Return η."""
        return self.learning_rate

    def next_probe(self, feedback: Feedback, state: State) -> float | None:
        """Return the minimum of a function drawn from the process, until there are enough."""
        made = len(feedback.probes)
        if made >= self.probes or not _finite(feedback):
            return None
        rng = np.random.default_rng((state["seed"], feedback.step, made))
        mean, covariance = self._process(feedback).predict(_grid(DRAWN), return_cov=True)
        covariance[np.diag_indices(DRAWN)] += ROUNDING
        drawn = rng.multivariate_normal(mean, covariance, check_valid="ignore", method="cholesky")
        return self._rate(drawn)

    def __call__(self, feedback: Feedback, state: State) -> tuple[float, State]:
        """Return the rate at which the least loss is expected."""
        if not _finite(feedback):
            return self.learning_rate, state
        return self._rate(self._process(feedback).predict(_grid(EXPECTED))), state

    def _rate(self, losses: FloatArray) -> float:
        return self.learning_rate * float(_grid(len(losses))[np.argmin(losses), 0])

    def _process(self, feedback: Feedback) -> GaussianProcessRegressor:
        """Return the process given the losses, in units of η and of its prior deviation."""
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import RBF

        losses = [feedback.loss, *(one.loss for one in feedback.probes)]
        rates = np.array([0.0, *(one.rate for one in feedback.probes)])
        values = np.array(losses, dtype=float)
        deviation = max(abs(feedback.slope) * self.learning_rate, float(np.std(values))) or 1.0
        errors = np.array([getattr(loss, "std", 0.0) for loss in losses]) / deviation
        process = GaussianProcessRegressor(
            RBF(self.length, "fixed"), alpha=errors**2 + JITTER, optimizer=None
        )
        centred = (values - values.mean()) / deviation
        return process.fit(rates[:, None] / self.learning_rate, centred)


def _grid(size: int) -> FloatArray:
    """Return rates in units of η, evenly spaced."""
    return np.linspace(-1.0, 1.0, size)[:, None]


def _finite(feedback: Feedback) -> bool:
    numbers = [feedback.loss, feedback.slope, *(one.loss for one in feedback.probes)]
    return all(math.isfinite(number) for number in numbers)

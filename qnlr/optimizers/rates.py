"""Signed rates: what the step θ ← θ − rate · d is multiplied with, sign included.

A rate rule is asked for a probe rate before a step (None: no probe is needed) and for the signed
rate after it, from what was just measured. :class:`NegativeRate` is the rule of the NLR paper.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from qnlr.errors import (
    InputError,
    is_number,
    require_callable,
    require_count,
    require_positive,
    require_within,
)
from qnlr.optimizers.triggers import AnyIncrease, Trigger
from qnlr.types import NoiseLevel

State = dict[str, Any]


@dataclass(frozen=True)
class Probe:
    """A loss that was measured beside θ.

    Args:
        rate: r, where θ − r d is the probe; below 0 it lies up the direction.
        loss: Loss there, on the mini-batch of the step.
    """

    rate: float
    loss: float


@dataclass(frozen=True)
class Feedback:
    """What a rate rule is told about a step.

    Args:
        step: Number of the step, from 0.
        loss: Loss at θ; a :class:`qnlr.Estimate` where it was measured with shots.
        probe_loss: Loss at the last probe, on the same mini-batch; None if there was no probe.
        gradient_norm: ‖g‖, the Euclidean norm of the gradient.
        gradient_std: Root of the sum of the squared standard errors of the derivatives; NaN where
            they are not known.
        slope: g · d, by which the loss falls for a small rate, to first order and per unit of rate.
        slope_std: Standard error of the slope from the shots of this gradient; NaN where unknown.
        direction_norm: ‖d‖.
        distance: ‖θ − θ_0‖ from where the minimisation began.
        size: Number of weights P; 0 where it is not known.
        probes: All probes of the step, in order.
    """

    step: int
    loss: float
    probe_loss: float | None
    gradient_norm: float
    gradient_std: float = math.nan
    slope: float = math.nan
    slope_std: float = math.nan
    direction_norm: float = math.nan
    distance: float = math.nan
    size: int = 0
    probes: tuple[Probe, ...] = ()


class RateRule(Protocol):
    """Turns what was just measured into a signed rate.

    A rule that wants more than one probe a step has two members besides: ``most_probes``, how many
    at most, and ``next_probe(feedback, state)``, which is asked after each of them and returns the
    rate of another one, of either sign, or None.
    """

    def initial_state(self) -> State:
        """Return the state before the first step."""

    def probe_rate(self, state: State) -> float | None:
        """Return the rate at which to probe, or None if no probe is needed."""

    def __call__(self, feedback: Feedback, state: State) -> tuple[float, State]:
        """Return the signed rate, and the next state; a negative rate goes up the direction."""


@dataclass(frozen=True)
class Constant:
    """One positive rate, and no probe.

    Args:
        learning_rate: η > 0.

    Raises:
        InputError: If η is not above 0.

    Example:
        >>> Constant(0.1)(Feedback(0, 0.5, None, 1.0), {})
        (0.1, {})
    """

    learning_rate: float = 0.01

    def __post_init__(self) -> None:
        require_positive("learning_rate", self.learning_rate)

    def initial_state(self) -> State:
        """Return an empty state."""
        return {}

    def probe_rate(self, state: State) -> float | None:
        """Return None: no probe is needed."""
        return None

    def __call__(self, feedback: Feedback, state: State) -> tuple[float, State]:
        """Return η."""
        return self.learning_rate, state


@dataclass(frozen=True)
class Ratio:
    """A negative rate as a multiple of the learning rate.

    .. math:: η' = κ η

    Source: NLR paper, section III-B, which advises κ in [1.5, 3] and starts at 2.

    Args:
        kappa: κ > 0.

    Raises:
        InputError: If κ is not above 0.

    Example:
        >>> Ratio(2.0).negative_rate(0.01)
        0.02
    """

    kappa: float = 2.0

    def __post_init__(self) -> None:
        require_positive("kappa", self.kappa)

    def negative_rate(self, learning_rate: float) -> float:
        """Return η' for a learning rate η."""
        return self.kappa * learning_rate


@dataclass(frozen=True)
class Equation10:
    r"""The paper's rule for the negative rate.

    .. math:: η' = η (1 + \ln(1 + νL)) \sqrt{σ_H^2 / L}

    Source: NLR paper, Eq. 10.

    Args:
        noise_rate: Average error rate ν, 0 to 1.
        layers: Depth L, in layers, at least 1.
        variance: Variance of the Hamiltonian σ_H² > 0; 1 for a single Pauli.

    Raises:
        InputError: If a value lies outside its range.

    Example:
        >>> round(Equation10(noise_rate=0.02, layers=5).negative_rate(0.01), 6)
        0.004898
    """

    noise_rate: float
    layers: int
    variance: float = 1.0

    def __post_init__(self) -> None:
        require_within("noise_rate", self.noise_rate, 0.0, 1.0)
        require_count("layers", self.layers)
        require_positive("variance", self.variance)

    def negative_rate(self, learning_rate: float) -> float:
        """Return η' for a learning rate η."""
        growth = 1.0 + math.log1p(self.noise_rate * self.layers)
        return learning_rate * growth * math.sqrt(self.variance / self.layers)


NegativeRateLike = float | Ratio | Equation10 | Callable[[Feedback], float]


@dataclass(frozen=True)
class NegativeRate:
    r"""The rate rule of NLR: η while the probe is not worse, −η' when it is.

    .. math:: \mathrm{rate} = \begin{cases} -η'/(1 + νL) & \text{if the trigger fires} \\
              η & \text{else} \end{cases}

    Source: NLR paper, Algorithm 1 and "Effect of Quantum Noise on Model Performance".

    Args:
        learning_rate: η > 0.
        negative_rate: η' as a number above 0, a :class:`Ratio`, :class:`Equation10`, or a function
            that takes a :class:`Feedback` and returns a number above 0.
        trigger: When the probe counts as worse.
        noise_level: ν and L for the noise scaling, or None for no scaling.

    Raises:
        InputError: If a rate is not above 0.

    Example:
        >>> rule = NegativeRate(0.01, 0.02, noise_level=NoiseLevel(0.05, 5))
        >>> rule(Feedback(0, loss=0.5, probe_loss=0.4, gradient_norm=1.0), {})
        (0.01, {})
        >>> rule(Feedback(1, loss=0.5, probe_loss=0.6, gradient_norm=1.0), {})
        (-0.016, {})
    """

    learning_rate: float = 0.01
    negative_rate: NegativeRateLike = field(default_factory=Ratio)
    trigger: Trigger = field(default_factory=AnyIncrease)
    noise_level: NoiseLevel | None = None

    def __post_init__(self) -> None:
        require_positive("learning_rate", self.learning_rate)
        rule = self.negative_rate
        if is_number(rule):
            require_positive("negative_rate", cast(float, rule))
        elif isinstance(rule, type) or not (
            isinstance(rule, (Ratio, Equation10)) or callable(rule)
        ):
            raise InputError(
                f"negative_rate = {rule!r} is not valid; it must be a number above 0, "
                "Ratio(kappa), Equation10(...), or a function of a Feedback"
            )
        require_callable("trigger", self.trigger, "AnyIncrease(), Tolerance(tau)")
        if self.noise_level is not None and not isinstance(self.noise_level, NoiseLevel):
            raise InputError(
                f"noise_level = {self.noise_level!r} is not valid; it must be None, a NoiseLevel, "
                "or what qnlr.noise.noise_level(noise, circuit) returns"
            )

    def initial_state(self) -> State:
        """Return an empty state."""
        return {}

    def probe_rate(self, state: State) -> float | None:
        """Return η: the probe is the descent step itself."""
        return self.learning_rate

    def __call__(self, feedback: Feedback, state: State) -> tuple[float, State]:
        """Return η, or −η'_eff if the trigger fires."""
        if feedback.probe_loss is None:
            raise InputError("NegativeRate needs the loss at its probe, but was told none")
        if self.trigger(feedback.loss, feedback.probe_loss):
            return -self.effective_negative_rate(feedback), state
        return self.learning_rate, state

    def effective_negative_rate(self, feedback: Feedback) -> float:
        """Return η'_eff = η'/(1 + νL)."""
        rule = self.negative_rate
        if isinstance(rule, (Ratio, Equation10)):
            rate = rule.negative_rate(self.learning_rate)
        elif callable(rule):
            rate = require_positive("the negative rate returned by the callable", rule(feedback))
        else:
            rate = float(rule)
        return rate * (self.noise_level.scaling if self.noise_level else 1.0)


NEGATIVE_RATES: dict[str, type] = {"ratio": Ratio, "equation_10": Equation10}

"""Negative-learning-rate (NLR) training: Algorithm 1 of the paper as an optimizer.

Every step measures the loss L and its gradient g on a mini-batch at θ, then probes the descent
step on the same mini-batch:

    θ' = θ − η g                        the probe
    L(θ') > L(θ)  →  θ ← θ + η' g       worse: the negative rate, up the gradient
    otherwise     →  θ ← θ'             the descent step

That is the whole method. In the parts of this package it reads: *plain direction* × *negative-rate
rule* (:mod:`qnlr.optimizers.rates`), with a *trigger* that says what "worse" means
(:mod:`qnlr.optimizers.triggers`) and a *corrective* step (:mod:`qnlr.optimizers.corrective`).
"""

from __future__ import annotations

from typing import Any

from qnlr.optimizers.callbacks import Callback
from qnlr.optimizers.corrective import Corrective, Reversal
from qnlr.optimizers.directions import Direction, Plain
from qnlr.optimizers.optimizer import SignedRateOptimizer
from qnlr.optimizers.rates import NegativeRate, NegativeRateLike, Ratio
from qnlr.optimizers.triggers import AnyIncrease, Trigger
from qnlr.types import NoiseLevel


class NLR(SignedRateOptimizer):
    r"""Gradient descent that reverses, with a negative learning rate, where its probe fails.

    .. math::

        θ' = θ_t - η d_t, \qquad
        θ_{t+1} = \begin{cases} θ_t + \frac{η'}{1 + νL} d_t & \text{if } L(θ') > L(θ_t) \\
                  θ' & \text{else} \end{cases}

    with d_t = g_t, the gradient. It costs one evaluation of the loss a step more than SGD.

    Two things to know. With exact losses and a small η the probe practically never fails, and NLR
    is SGD. With shot noise it fails at random, with a probability p near ½ on a plateau, and then
    the mean step −(η(1 − p) − η'p) g goes *up* as soon as p > η/(η + η'), which is ⅓ at the paper's
    η' = 2η. The trigger :class:`StandardErrors` fires on measured increases only.

    Source: Rahman and Nguyen, arXiv:2511.22861, Algorithm 1 and Eqs. 8 to 10.

    Args:
        learning_rate: η > 0.
        negative_rate: η': a number above 0, ``Ratio(kappa)`` for κη, ``Equation10(...)``, or a
            function that takes a :class:`~qnlr.optimizers.Feedback` and returns a number above 0.
        trigger: When the probe counts as worse: ``AnyIncrease()`` (the paper's),
            ``Tolerance(tau)`` or ``StandardErrors(z)``.
        corrective: What is done then: ``Reversal()`` (the paper's), ``PerturbedReversal(sigma)``,
            ``GaussianNoise()``, ``UniformNoise()`` or ``RandomReinitialisation()``.
        noise_level: ν and L of the noise scaling η'/(1 + νL), or None for no scaling;
            ``qnlr.noise.noise_level(noise_model, circuit)`` takes them from a model and a circuit.
        direction: Turns the gradient into d; another one makes the NLR twin of its baseline.
        maxiter: Steps that ``minimize`` makes, at least 1.
        callback: Called with a :class:`~qnlr.optimizers.StepRecord` after every step; returns True
            to stop there.
        seed: Seed of the corrective step's random numbers.
        perturbation: Distance of the forward differences that stand in for a missing gradient.
            Under shots they are mostly noise at 0.01: take about 0.2, or :class:`SPSA`.

    Raises:
        InputError: If a rate is not above 0 or ``maxiter`` is below 1.

    Example:
        A probe that overshoots the minimum of x² is reversed:

        >>> def show(record):
        ...     x = record.parameters[0]
        ...     print(f"x = {x:.2f}  L = {record.loss:.2f}  L' = {record.probe_loss:.2f}  "
        ...           f"rate = {record.rate:+.1f}")
        >>> optimizer = NLR(learning_rate=1.1, negative_rate=0.5, maxiter=2, callback=show)
        >>> result = optimizer.minimize(lambda x: x[0] ** 2, [1.0], jac=lambda x: 2 * x)
        x = 1.00  L = 1.00  L' = 1.44  rate = -0.5
        x = 2.00  L = 4.00  L' = 5.76  rate = -0.5
        >>> result.x, result.flips
        (array([4.]), 2)
    """

    def __init__(
        self,
        learning_rate: float = 0.01,
        negative_rate: NegativeRateLike | None = None,
        trigger: Trigger | None = None,
        corrective: Corrective | None = None,
        noise_level: NoiseLevel | None = None,
        direction: Direction | None = None,
        *,
        maxiter: int = 100,
        callback: Callback | None = None,
        seed: int | None = None,
        perturbation: float = 0.01,
    ) -> None:
        rule = NegativeRate(
            learning_rate=learning_rate,
            negative_rate=Ratio(2.0) if negative_rate is None else negative_rate,
            trigger=AnyIncrease() if trigger is None else trigger,
            noise_level=noise_level,
        )
        super().__init__(
            Plain() if direction is None else direction,
            rule,
            Reversal() if corrective is None else corrective,
            maxiter=maxiter,
            callback=callback,
            seed=seed,
            perturbation=perturbation,
        )
        self.rule = rule

    @property
    def settings(self) -> dict[str, Any]:
        """The arguments that rebuild this optimizer: ``NLR(**optimizer.settings)``."""
        return {
            "learning_rate": self.rule.learning_rate,
            "negative_rate": self.rule.negative_rate,
            "trigger": self.rule.trigger,
            "corrective": self.corrective,
            "noise_level": self.rule.noise_level,
            "direction": self.direction,
            **self._common_settings,
        }

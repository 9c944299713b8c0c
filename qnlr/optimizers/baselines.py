"""The baselines: recipes of a direction and a constant rate.

Each differs from its NLR twin, ``NLR(direction=...)``, in the rate rule alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from qnlr.optimizers.averages import Average
from qnlr.optimizers.directions import AdaptiveMoments, Direction, HeavyBall, Plain, RootMeanSquare
from qnlr.optimizers.natural import NaturalGradient
from qnlr.optimizers.optimizer import SignedRateOptimizer
from qnlr.optimizers.rates import Constant
from qnlr.types import FloatArray


class Baseline(SignedRateOptimizer):
    """A direction at one constant, positive rate.

    .. math:: θ_{t+1} = θ_t - η d_t

    Args:
        direction: Turns the gradient into the direction d.
        learning_rate: η > 0.
        **common: ``maxiter``, ``callback``, ``seed`` and ``perturbation``, as for every
            :class:`~qnlr.optimizers.SignedRateOptimizer`.

    Raises:
        InputError: If a setting lies outside its range.
    """

    def __init__(self, direction: Direction, learning_rate: float, **common: Any) -> None:
        super().__init__(direction, Constant(learning_rate), **common)
        self.learning_rate = learning_rate

    @property
    def settings(self) -> dict[str, Any]:
        """The arguments that rebuild this optimizer."""
        return {
            "learning_rate": self.learning_rate,
            **asdict(self.direction),  # type: ignore[call-overload]
            "average": self.average,
            **self._common_settings,
        }


class SGD(Baseline):
    """Stochastic gradient descent.

    .. math:: θ_{t+1} = θ_t - η g_t

    Unlike qiskit-machine-learning's ``GradientDescent`` it does not stop where the gradient is
    small: a plateau is no convergence.

    Args:
        learning_rate: η > 0.
        average: What is made of the points, such as a ``PolynomialAverage()``; None for the last.
        **common: ``maxiter``, ``callback``, ``seed`` and ``perturbation``.

    Raises:
        InputError: If the rate is not above 0.

    Example:
        >>> SGD(0.25, maxiter=2).minimize(lambda x: x @ x, [1.0], jac=lambda x: 2 * x).x
        array([0.25])
    """

    def __init__(
        self, learning_rate: float = 0.01, average: Average | None = None, **common: Any
    ) -> None:
        super().__init__(Plain(), learning_rate, average=average, **common)


class Momentum(Baseline):
    r"""Gradient descent with momentum.

    .. math:: v_t = β v_{t-1} + g_t, \qquad θ_{t+1} = θ_t - η v_t

    Args:
        learning_rate: η > 0.
        momentum: β, 0 ≤ β < 1.
        average: What is made of the points, such as a ``PolynomialAverage()``; None for the last.
        **common: ``maxiter``, ``callback``, ``seed`` and ``perturbation``.

    Raises:
        InputError: If a setting lies outside its range.

    Example:
        >>> Momentum(0.1, maxiter=2).minimize(lambda x: x @ x, [1.0], jac=lambda x: 2 * x).x
        array([0.46])
    """

    def __init__(
        self,
        learning_rate: float = 0.01,
        momentum: float = 0.9,
        average: Average | None = None,
        **common: Any,
    ) -> None:
        super().__init__(HeavyBall(momentum), learning_rate, average=average, **common)


class RMSProp(Baseline):
    r"""Gradient descent over the root of the running mean square of the gradient.

    .. math:: s_t = ρ s_{t-1} + (1 - ρ) g_t^2, \qquad θ_{t+1} = θ_t - η g_t / (\sqrt{s_t} + ε)

    Args:
        learning_rate: η > 0.
        decay: ρ, 0 ≤ ρ < 1.
        epsilon: ε > 0.
        **common: ``maxiter``, ``callback``, ``seed`` and ``perturbation``.

    Raises:
        InputError: If a setting lies outside its range.

    Example:
        >>> rmsprop = RMSProp(0.1, decay=0.75, maxiter=1)
        >>> rmsprop.minimize(lambda x: x @ x, [1.0], jac=lambda x: 2 * x).x.round(6)
        array([0.8])
    """

    def __init__(
        self,
        learning_rate: float = 0.01,
        decay: float = 0.9,
        epsilon: float = 1e-8,
        **common: Any,
    ) -> None:
        super().__init__(RootMeanSquare(decay, epsilon), learning_rate, **common)


class Adam(Baseline):
    r"""Adam, with AMSGrad as an option.

    .. math:: θ_{t+1} = θ_t - η \hat m_t / (\sqrt{\hat v_t} + ε)

    See :class:`~qnlr.optimizers.AdaptiveMoments` for the moments.

    Args:
        learning_rate: η > 0.
        beta1: β₁, 0 ≤ β₁ < 1.
        beta2: β₂, 0 ≤ β₂ < 1.
        epsilon: ε > 0.
        amsgrad: Whether to use the largest mean square so far.
        average: What is made of the points, such as a ``PolynomialAverage()``; None for the last.
        **common: ``maxiter``, ``callback``, ``seed`` and ``perturbation``.

    Raises:
        InputError: If a setting lies outside its range.

    Example:
        >>> Adam(0.1, maxiter=1).minimize(lambda x: x @ x, [1.0], jac=lambda x: 2 * x).x.round(6)
        array([0.9])
    """

    def __init__(
        self,
        learning_rate: float = 0.01,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        amsgrad: bool = False,
        average: Average | None = None,
        **common: Any,
    ) -> None:
        moments = AdaptiveMoments(beta1, beta2, epsilon, amsgrad)
        super().__init__(moments, learning_rate, average=average, **common)


class QuantumNaturalGradient(Baseline):
    r"""Descent along the quantum natural gradient, at one constant rate.

    .. math:: θ_{t+1} = θ_t - η (G(θ_t) + λ 1)^{-1} g_t

    See :class:`~qnlr.optimizers.NaturalGradient`.

    Source: Stokes, Izaac, Killoran and Carleo, Quantum 4, 269 (2020).

    Args:
        learning_rate: η > 0.
        regularisation: λ > 0.
        metric: Gives G, shape (P, P), for weights; None where the training gives it.
        **common: ``maxiter``, ``callback``, ``seed`` and ``perturbation``.

    Raises:
        InputError: If a setting is not above 0.

    Example:
        >>> import numpy as np
        >>> optimizer = QuantumNaturalGradient(0.5, metric=lambda x: np.diag([1.0, 4.0]), maxiter=9)
        >>> curved = np.array([1.0, 4.0])
        >>> result = optimizer.minimize(lambda x: curved @ x**2, [1.0, 1.0], lambda x: curved * x)
        >>> result.x.round(2)
        array([0., 0.])
    """

    def __init__(
        self,
        learning_rate: float = 0.01,
        regularisation: float = 0.01,
        metric: Callable[[FloatArray], FloatArray] | None = None,
        **common: Any,
    ) -> None:
        super().__init__(NaturalGradient(regularisation, metric), learning_rate, **common)

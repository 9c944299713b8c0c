"""NLR without a rate to choose.

The rate comes from :mod:`qnlr.optimizers.adaptive_rate`, which says what its probes decide, why,
and what is guaranteed.
"""

from __future__ import annotations

from typing import Any

from qnlr.optimizers.adaptive_rate import AdaptiveRate
from qnlr.optimizers.averages import Average, PolynomialAverage
from qnlr.optimizers.directions import AdaptiveMoments, Direction
from qnlr.optimizers.optimizer import SignedRateOptimizer


class AdaptiveNLR(SignedRateOptimizer):
    r"""NLR without a rate to choose: Adam's direction, a rate set by probes, and an average.

    .. math:: θ_{t+1} = θ_t - r_t d_t, \qquad
              \bar θ_t = \Big(1 - \frac{γ + 1}{t + γ}\Big) \bar θ_{t-1} + \frac{γ + 1}{t + γ} θ_t

    with r_t from :class:`AdaptiveRate`. What is handed out, ``state.x``, is the average. A noisy
    objective returns an :class:`~qnlr.Estimate`: a plain number counts as exact.

    Args:
        initial_rate: r in the first probe > 0; the first step looks for a better one.
        level: α, the level of a step's tests, above 0 and at most 0.5: the chance of a step up the
            direction that does not lower the loss of its mini-batch is at most α.
        direction: d; by default that of Adam.
        average: What is made of the points; by default the polynomial average with γ = 8. A
            :class:`LastPoint` hands out the points themselves.
        **common: ``maxiter``, ``callback``, ``seed`` and ``perturbation``.

    Raises:
        InputError: If a setting lies outside its range.

    Example:
        >>> import numpy as np
        >>> curved = np.array([1.0, 10.0])
        >>> optimizer = AdaptiveNLR(maxiter=100)
        >>> loss, slope = lambda x: curved @ x**2, lambda x: 2 * curved * x
        >>> found = optimizer.minimize(loss, [1.0, 1.0], slope)
        >>> bool(found.fun < 1e-3)
        True
    """

    def __init__(
        self,
        initial_rate: float = 0.1,
        level: float = 0.025,
        direction: Direction | None = None,
        average: Average | None = None,
        **common: Any,
    ) -> None:
        super().__init__(
            AdaptiveMoments() if direction is None else direction,
            AdaptiveRate(initial_rate, level),
            average=PolynomialAverage() if average is None else average,
            **common,
        )
        self.initial_rate = initial_rate
        self.level = level

    @property
    def settings(self) -> dict[str, Any]:
        """The arguments that rebuild this optimizer."""
        return {
            "initial_rate": self.initial_rate,
            "level": self.level,
            "direction": self.direction,
            "average": self.average,
            **self._common_settings,
        }

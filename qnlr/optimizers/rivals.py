"""The optimizers that need no rate, or no schedule: their authors' own, from PyTorch libraries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qnlr.errors import InputError, require_count, require_positive
from qnlr.optimizers.directions import AdaptiveMoments
from qnlr.optimizers.library import LibraryOptimizer, as_array, library
from qnlr.types import FloatArray


class _DistanceAdapted(LibraryOptimizer):
    """Adam whose rate is an estimate d of the distance to the solution, which only grows."""

    _adapted: str

    def __init__(
        self,
        initial_distance: float = 1e-6,
        beta1: float = 0.9,
        beta2: float = 0.999,
        **common: Any,
    ) -> None:
        super().__init__(**common)
        self.initial_distance = require_positive("initial_distance", initial_distance)
        AdaptiveMoments(beta1, beta2)
        self.beta1, self.beta2 = beta1, beta2

    @property
    def settings(self) -> dict[str, Any]:
        """The arguments that rebuild this optimizer."""
        return {
            "initial_distance": self.initial_distance,
            "beta1": self.beta1,
            "beta2": self.beta2,
            **self._common_settings,
        }

    def _stepper(self, weights: Any) -> Any:
        kind = getattr(library(self._package, type(self).__name__), self._adapted)
        return kind([weights], betas=(self.beta1, self.beta2), d0=self.initial_distance)

    def _rate(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> float:
        return float(before["d"])


class Prodigy(_DistanceAdapted):
    r"""Adam at a rate that it finds by itself: Prodigy, from the authors' package ``prodigyopt``.

    .. math:: d_{t+1} = \max\Big(d_t, \frac{r_t}{\|s_t\|_1}\Big), \qquad
              θ_{t+1} = θ_t - d_t \frac{m_t}{\sqrt{v_t} + d_t ε}

    with r a fading sum of d_t² ⟨g_t, θ_0 − θ_t⟩, s one of d_t² g_t, and m and v Adam's moments of
    d_t g_t, without bias correction.

    Source: Mishchenko and Defazio, arXiv:2306.06101, the version for Adam.

    Args:
        initial_distance: d_0 > 0, below the distance to the solution.
        beta1: β₁, 0 ≤ β₁ < 1.
        beta2: β₂, 0 ≤ β₂ < 1.
        **common: ``maxiter``, ``callback``, ``seed`` (not used) and ``perturbation``.

    Raises:
        InputError: If a setting lies outside its range; on start, if ``torch`` or ``prodigyopt`` is
            not installed.

    Example:
        >>> result = Prodigy(maxiter=200).minimize(lambda x: x @ x, [1.0], jac=lambda x: 2 * x)
        >>> bool(result.fun < 1e-6)
        True
    """

    _package, _adapted = "prodigyopt", "Prodigy"


class DAdaptation(_DistanceAdapted):
    r"""Adam at a rate that it finds by itself: D-Adapted Adam, from the package ``dadaptation``.

    .. math:: d_{t+1} = \max\Big(d_t, \frac{r_t}{(1 - \sqrt{β_2}) \|s_t\|_1}\Big), \qquad
              θ_{t+1} = θ_t - \frac{m_t}{\sqrt{v_t} + ε}

    with s and m fading sums of d_t g_t, v one of g_t², and r one of d_t ⟨g_t, s_{t-1}⟩ in the norm
    of 1/√v; without bias correction.

    It may overshoot once before it settles, as the moments have no bias correction.

    Source: Defazio and Mishchenko, arXiv:2301.07733, the version for Adam; the package is theirs.

    Args:
        initial_distance: d_0 > 0, below the distance to the solution.
        beta1: β₁, 0 ≤ β₁ < 1.
        beta2: β₂, 0 ≤ β₂ < 1.
        **common: ``maxiter``, ``callback``, ``seed`` (not used) and ``perturbation``.

    Raises:
        InputError: If a setting lies outside its range; on start, if ``torch`` or ``dadaptation``
            is not installed.

    Example:
        >>> result = DAdaptation(maxiter=200).minimize(lambda x: x @ x, [1.0], jac=lambda x: 2 * x)
        >>> bool(result.fun < 1e-6)
        True
    """

    _package, _adapted = "dadaptation", "DAdaptAdam"


class ScheduleFreeAdam(LibraryOptimizer):
    r"""Adam without a schedule, from the authors' package ``schedulefree``: no weight decay.

    .. math::

        y_t = (1 - β_1) z_t + β_1 x_t, \qquad
        z_{t+1} = z_t - η \frac{g(y_t)}{\sqrt{\hat v_t} + ε}, \qquad
        x_{t+1} = (1 - c_{t+1}) x_t + c_{t+1} z_{t+1}

    with c_{t+1} = 1/(t + 1), where there is no warm-up. Loss and gradient are measured at y; the
    weights that it has found are the average x, which a step records as the next parameters.

    Source: Defazio et al., arXiv:2405.15682, Algorithm 1.

    Args:
        learning_rate: η > 0.
        beta1: β₁, 0 < β₁ < 1.
        beta2: β₂, 0 ≤ β₂ < 1.
        warmup_steps: Steps over which the rate grows to η, at least 0.
        **common: ``maxiter``, ``callback``, ``seed`` (not used) and ``perturbation``.

    Raises:
        InputError: If a setting lies outside its range; on start, if ``torch`` or ``schedulefree``
            is not installed.

    Example:
        >>> optimizer = ScheduleFreeAdam(0.1, maxiter=200)
        >>> result = optimizer.minimize(lambda x: x @ x, [1.0], jac=lambda x: 2 * x)
        >>> bool(result.fun < 1e-3)
        True
    """

    _package = "schedulefree"
    _moved_along = ("z",)

    def __init__(
        self,
        learning_rate: float = 0.01,
        beta1: float = 0.9,
        beta2: float = 0.999,
        warmup_steps: int = 0,
        **common: Any,
    ) -> None:
        super().__init__(**common)
        self.learning_rate = require_positive("learning_rate", learning_rate)
        AdaptiveMoments(beta1, beta2)
        if beta1 == 0:
            raise InputError("beta1 = 0 is not valid: x cannot be had from y; it must be above 0")
        self.beta1, self.beta2 = beta1, beta2
        self.warmup_steps = require_count("warmup_steps", warmup_steps, low=0)

    @property
    def settings(self) -> dict[str, Any]:
        """The arguments that rebuild this optimizer."""
        return {
            "learning_rate": self.learning_rate,
            "beta1": self.beta1,
            "beta2": self.beta2,
            "warmup_steps": self.warmup_steps,
            **self._common_settings,
        }

    def _stepper(self, weights: Any) -> Any:
        stepper = library(self._package, type(self).__name__).AdamWScheduleFree(
            [weights],
            lr=self.learning_rate,
            betas=(self.beta1, self.beta2),
            warmup_steps=self.warmup_steps,
        )
        stepper.train()
        return stepper

    def _answer(self, stepper: Any, weights: Any) -> FloatArray:
        stepper.eval()
        return as_array(weights)

    def _rate(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> float:
        return float(after["scheduled_lr"])

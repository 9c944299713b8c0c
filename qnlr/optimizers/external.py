"""SPSA and COBYLA: qiskit-machine-learning's own, on the closed-loop base."""

from __future__ import annotations

from typing import Any

from qiskit_machine_learning.optimizers import COBYLA as QISKIT_COBYLA
from qiskit_machine_learning.optimizers import SPSA as QISKIT_SPSA
from qiskit_machine_learning.optimizers import Optimizer

from qnlr.errors import require_positive
from qnlr.optimizers.callbacks import Callback
from qnlr.optimizers.closed_loop import ClosedLoop
from qnlr.types import FloatArray


class SPSA(ClosedLoop):
    r"""Simultaneous perturbation stochastic approximation, qiskit-machine-learning's own.

    .. math:: θ_{t+1} = θ_t - η \frac{L(θ_t + cΔ) - L(θ_t - cΔ)}{2c} Δ, \qquad Δ_k = ±1

    A step is two evaluations of the loss, whatever the number of weights; the loss that it records
    is their mean, so that of θ ± cΔ, not of θ.

    Source: Spall, IEEE Trans. Autom. Control 37, 332 (1992).

    Args:
        learning_rate: η > 0, constant.
        perturbation: c > 0, constant.
        maxiter: Steps, at least 1.
        seed: Seed of the directions Δ; None to draw them from qiskit-machine-learning's
            ``algorithm_globals``, which a seeded one leaves as it was.
        callback: Called with a :class:`~qnlr.optimizers.StepRecord` after every step; returns True
            to stop there.

    Raises:
        InputError: If a setting lies outside its range.

    Example:
        >>> spsa = SPSA(learning_rate=0.1, maxiter=30, seed=0)
        >>> result = spsa.minimize(lambda x: float(x @ x), [1.0, -1.0])
        >>> bool(result.fun < 0.01), result.nit, result.nfev
        (True, 30, 61)
    """

    _losses_per_step = 2

    def __init__(
        self,
        learning_rate: float = 0.1,
        perturbation: float = 0.1,
        *,
        maxiter: int = 100,
        seed: int | None = None,
        callback: Callback | None = None,
    ) -> None:
        super().__init__(maxiter, seed, callback)
        self.learning_rate = require_positive("learning_rate", learning_rate)
        self.perturbation = require_positive("perturbation", perturbation)

    @property
    def settings(self) -> dict[str, Any]:
        """The arguments that rebuild this optimizer."""
        return {
            "learning_rate": self.learning_rate,
            "perturbation": self.perturbation,
            **self._common_settings,
        }

    def _loop(self) -> Optimizer:
        # The termination checker is told every iterate, and costs no evaluation as a callback does.
        return QISKIT_SPSA(
            maxiter=self.maxiter,
            learning_rate=self.learning_rate,
            perturbation=self.perturbation,
            termination_checker=lambda nfev, x, *_: self._move_to(x),  # type: ignore[arg-type]
        )


class COBYLA(ClosedLoop):
    """Constrained optimization by linear approximation, qiskit-machine-learning's own (SciPy's).

    A step is one evaluation of the loss, and its weights are the best seen so far. It ends by
    itself when its trust region is small.

    Source: Powell, in Advances in Optimization and Numerical Analysis, 51 (1994).

    Args:
        rhobeg: Initial size of the trust region > 0, in radians.
        maxiter: Steps, at least 1.
        seed: Not used: COBYLA is deterministic.
        callback: Called with a :class:`~qnlr.optimizers.StepRecord` after every step; returns True
            to stop there.

    Raises:
        InputError: If a setting lies outside its range.

    Example:
        >>> result = COBYLA(maxiter=60).minimize(lambda x: float(x @ x), [1.0, -1.0])
        >>> bool(result.fun < 0.01)
        True
    """

    def __init__(
        self,
        rhobeg: float = 1.0,
        *,
        maxiter: int = 1000,
        seed: int | None = None,
        callback: Callback | None = None,
    ) -> None:
        super().__init__(maxiter, seed, callback)
        self.rhobeg = require_positive("rhobeg", rhobeg)

    @property
    def settings(self) -> dict[str, Any]:
        """The arguments that rebuild this optimizer."""
        return {"rhobeg": self.rhobeg, **self._common_settings}

    def _loop(self) -> Optimizer:
        least = self.state.x0.size + 2  # SciPy warns below; the steps are counted here
        return QISKIT_COBYLA(maxiter=max(self.maxiter, least), rhobeg=self.rhobeg)

    def _step_end(self, asked: FloatArray, loss: float) -> FloatArray | None:
        if loss < self.state.best:
            self.state.best = float(loss)
            return asked
        return self.state.x

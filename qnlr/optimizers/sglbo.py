"""Stochastic gradient line Bayesian optimisation: SGLBO."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from qiskit_machine_learning.optimizers import AskData, TellData

from qnlr.errors import InputError, is_number, require_count, require_positive
from qnlr.optimizers.asking import Ask
from qnlr.optimizers.averages import SuffixAverage
from qnlr.optimizers.bayesian_line import BayesianLine
from qnlr.optimizers.optimizer import SignedRateOptimizer
from qnlr.types import FloatArray

State = dict[str, Any]


@dataclass(frozen=True)
class NormTested:
    r"""The gradient as it is, and beside it the shots at which the next one is known well enough.

    .. math:: s_{t+1} = \left\lceil \frac{\sum_k σ_k^2}{κ^2 ‖g_t‖^2} \right\rceil, \qquad
              σ_k^2 = s_t\, \mathrm{std}(g_k)^2

    so that the error of the gradient is about κ times its norm.

    Source: the norm test of Byrd, Chin, Nocedal and Wu, Math. Program. 134, 127 (2012).

    Args:
        kappa: κ > 0.
        min_shots: Fewest shots of a circuit, at least 2; the first gradient has them.
        max_shots: Most shots of a circuit.

    Raises:
        InputError: If a setting lies outside its range.

    Example:
        >>> rule = NormTested(kappa=0.5, min_shots=10, max_shots=1000)
        >>> rule(np.array([0.3, 0.4]), {"shots": 10, "stds": np.array([0.4, 0.3])})[1]
        {'shots': 40}
    """

    kappa: float = 0.5
    min_shots: int = 10
    max_shots: int = 10_000

    def __post_init__(self) -> None:
        require_positive("kappa", self.kappa)
        require_count("min_shots", self.min_shots, low=2)
        require_count("max_shots", self.max_shots, low=self.min_shots)

    def initial_state(self, size: int) -> State:
        """Return the fewest shots."""
        return {"shots": self.min_shots}

    def __call__(self, gradient: FloatArray, state: State) -> tuple[FloatArray, State]:
        """Return the gradient; its standard errors are in the state, if they are known."""
        following = {key: value for key, value in state.items() if key != "stds"}
        stds = state.get("stds")
        if stds is not None:
            noise, signal = state["shots"] * float(stds @ stds), float(gradient @ gradient)
            enough = self.kappa**2 * signal
            wanted = math.inf if enough == 0 < noise else noise / enough if noise else 0.0
            most = min(wanted, self.max_shots) if not math.isnan(wanted) else self.min_shots
            following["shots"] = max(self.min_shots, math.ceil(most))
        return gradient, following


class SGLBO(SignedRateOptimizer):
    r"""Gradient descent whose rate is found by Bayesian optimisation, and an average of its end.

    .. math:: θ_{t+1} = θ_t - \hat r_t g_t, \qquad
              \bar θ_t = \frac{1}{⌈αt⌉} \sum_{i = t - ⌈αt⌉ + 1}^{t} θ_i

    The rate is that of :class:`~qnlr.optimizers.BayesianLine`, from −η to η. Where shots are known,
    the gradient has as many as :class:`~qnlr.optimizers.sglbo.NormTested` says, and probes those of
    the backend; exact losses need none. Gradients are measured at θ_t, and what is handed out as
    the weights found, ``state.x``, is the suffix average at any time.

    Source: Tamiya and Yamasaki, npj Quantum Inf. 8, 90 (2022), arXiv:2111.07952.

    Args:
        learning_rate: η > 0, the largest rate.
        probes: Losses that are measured along the direction in a step, at least 1.
        suffix: α, above 0 and at most 1: the part of the steps that is averaged.
        kappa: κ > 0, the error of the gradient in units of its norm.
        min_shots: Fewest shots of a circuit of the gradient, at least 2.
        max_shots: Most shots of a circuit of the gradient.
        length: Length of the kernel > 0, in units of η.
        seed: Seed of the functions that are drawn; None for a random one.
        **common: ``maxiter``, ``callback`` and ``perturbation``.

    Raises:
        InputError: If a setting lies outside its range.

    Example:
        >>> sglbo = SGLBO(learning_rate=1.0, seed=0, maxiter=20)
        >>> result = sglbo.minimize(lambda x: float(x @ x), [1.0, -1.0], lambda x: 2 * x)
        >>> bool(result.fun < 1e-3), result.nfev
        (True, 121)
    """

    wants_shots = True

    def __init__(
        self,
        learning_rate: float = 1.0,
        probes: int = 5,
        suffix: float = 0.1,
        kappa: float = 0.5,
        min_shots: int = 10,
        max_shots: int = 10_000,
        length: float = 0.5,
        *,
        seed: int | None = None,
        **common: Any,
    ) -> None:
        self.line = BayesianLine(learning_rate, probes, length, seed)
        self.norm_test = NormTested(kappa, min_shots, max_shots)
        if not (is_number(suffix) and 0 < suffix <= 1):
            raise InputError(f"suffix = {suffix!r} is not valid; it must be above 0 and at most 1")
        self.suffix = suffix
        average = SuffixAverage(suffix)
        super().__init__(self.norm_test, self.line, average=average, seed=seed, **common)
        self.base_shots: int | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """The arguments that rebuild this optimizer."""
        line, test = self.line, self.norm_test
        return {
            "learning_rate": line.learning_rate,
            "probes": line.probes,
            "suffix": self.suffix,
            "kappa": test.kappa,
            "min_shots": test.min_shots,
            "max_shots": test.max_shots,
            "length": line.length,
            **self._common_settings,
        }

    @property
    def planned_shots(self) -> tuple[int, int] | None:
        """Shots of the next gradient's circuits and of all probes; None where values are exact."""
        if self.base_shots is None:
            return None
        return int(self.state.direction["shots"]), self.line.probes * self.base_shots

    def ask(self) -> AskData:
        """Return what to measure next, and the shots of the gradient where there are any."""
        asked = super().ask()
        if asked.x_jac is None:
            return asked
        shots = None if self.base_shots is None else int(self.state.direction["shots"])
        return Ask(asked.x_fun, asked.x_jac, shots=shots)

    def tell(self, ask_data: AskData, tell_data: TellData) -> None:
        """Take what was measured; the step is done when no probe is left to measure.

        Args:
            ask_data: What :meth:`ask` returned.
            tell_data: The loss, and in the gradient phase the gradient, shape (P,).
        """
        stds = getattr(tell_data, "stds", None)
        if stds is not None and self.base_shots is not None:
            known = {"stds": np.asarray(stds, dtype=float).reshape(-1)}
            self.state.direction = {**self.state.direction, **known}
        super().tell(ask_data, tell_data)

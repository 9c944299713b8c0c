"""iCANS and gCANS: gradient descent that chooses the shots of every derivative.

Rosalin, iCANS with the shots of a derivative drawn over the terms of the observable, is not here:
it measures every term apart, and backends measure terms that commute together, with equal shots. Of
an observable of one term, as all classifiers have, Rosalin is iCANS.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit_machine_learning.optimizers import TellData

from qnlr.errors import InputError
from qnlr.optimizers.asking import Ask
from qnlr.optimizers.coupled_shots import CoupledShots, global_shots, individual_shots
from qnlr.optimizers.optimizer import SignedRateOptimizer
from qnlr.optimizers.rates import Constant

_NAMES = ("learning_rate", "lipschitz", "decay", "bias", "min_shots", "max_shots")


class FrugalDescent(SignedRateOptimizer):
    """Gradient descent at a constant rate whose shots follow from its own standard errors.

    It needs them told with every gradient, as a training does; plain functions have none.

    Args:
        coupled: Gives the shots.
        **common: ``maxiter``, ``callback``, ``seed`` and ``perturbation``.
    """

    wants_shots = True

    def __init__(self, coupled: CoupledShots, **common: Any) -> None:
        super().__init__(coupled, Constant(coupled.learning_rate), **common)
        self.coupled = coupled
        self._base_shots: int | None = None

    @property
    def base_shots(self) -> int | None:
        """Shots of the backend, as the training tells; its own are chosen without them.

        Raises:
            InputError: When set to None, for a backend whose values are exact.
        """
        return self._base_shots

    @base_shots.setter
    def base_shots(self, shots: int | None) -> None:
        if shots is None:
            raise InputError(
                f"the optimizer {type(self).__name__} chooses how many shots to take, and there "
                "are none where values are exact; set shots of the backend, or take another "
                "optimizer, such as SGD"
            )
        self._base_shots = shots

    @property
    def planned_shots(self) -> tuple[NDArray[np.int64], int]:
        """Shots of the next step: for each weight those of a shift, and none for losses alone."""
        return self.state.direction["shots"], 0

    def ask(self) -> Ask:
        """Return the weights, and the shots of each derivative."""
        asked = super().ask()
        return Ask(asked.x_fun, asked.x_jac, shots=self.state.direction["shots"].copy())

    def tell(self, ask_data: Any, tell_data: TellData) -> None:
        """Take loss and gradient, make the step, and choose the shots of the next one.

        Args:
            ask_data: What :meth:`ask` returned.
            tell_data: A :class:`qnlr.optimizers.Told`, with standard errors of the derivatives.

        Raises:
            InputError: If they have none.
        """
        stds = getattr(tell_data, "stds", None)
        if stds is None:
            gradient = tell_data.eval_jac
            if gradient is None or np.isfinite(np.asarray(gradient, dtype=float)).all():
                raise InputError(
                    f"{type(self).__name__} chooses shots by the standard errors of the "
                    "derivatives, and was told none; train it where they are measured (a study, "
                    "qnlr.training.Training, or a classifier of qnlr, with shots), or tell it "
                    "qnlr.optimizers.Told(loss, gradient, stds)"
                )
            stds = np.full(self.state.x.shape, np.nan)  # of a training that has diverged
        known = {"stds": np.asarray(stds, dtype=float).reshape(-1)}
        self.state.direction = {**self.state.direction, **known}
        super().tell(ask_data, tell_data)

    def _settings_of(self, *names: str) -> dict[str, Any]:
        return {
            **{one: getattr(self.coupled, one) for one in names},
            "average": self.average,
            **self._common_settings,
        }


class ICANS(FrugalDescent):
    r"""Individual coupled adaptive number of shots.

    .. math:: θ_{t+1} = θ_t - α g_t, \qquad
              s_k = \left\lceil \frac{2Lα}{2 - Lα} \frac{ξ_k}{χ_k^2 + b μ^t} \right\rceil

    Each of the two circuits of derivative k, of every sample of the mini-batch, has s_k shots. See
    :func:`~qnlr.optimizers.coupled_shots.individual_shots`.

    Source: Kübler, Arrasmith, Cincio and Coles, Quantum 4, 263 (2020), Algorithm 1 (iCANS1).

    Args:
        learning_rate: α, above 0 and below 2/L: this is what is tuned.
        lipschitz: L > 0, which bounds the curvature of the loss. Second derivatives of ⟨O⟩ by
            angles of Pauli rotations are at most ‖O‖, so 1 fits a Pauli string, and Σ|c| a sum of
            them; those of (⟨O⟩ − y)² for ‖O‖ = 1 are at most 4.
        decay: μ of the running means, 0 ≤ μ < 1.
        bias: b ≥ 0, which keeps shots finite at first.
        min_shots: Fewest shots of a circuit, at least 2; the first gradient has them.
        max_shots: Most shots of a circuit.
        limited: Whether a derivative steps at most at the rate at which its expected gain is 0,
            2χ²/(L(χ² + ξ/s + bμ^t)), so that those that are mostly noise hardly step: more
            cautious, in the manner of iCANS2.
        **common: ``maxiter``, ``callback``, ``seed`` and ``perturbation``.

    Raises:
        InputError: If a setting lies outside its range.

    Example:
        >>> from qnlr.optimizers import Told
        >>> icans = ICANS(learning_rate=1.0, decay=0.0)
        >>> icans.start(None, [0.0, 0.0])
        >>> asked = icans.ask()
        >>> asked.shots
        array([10, 10])
        >>> icans.tell(asked, Told(0.5, np.array([0.1, 0.2]), np.array([0.3, 0.3])))
        >>> icans.state.x, icans.ask().shots
        (array([-0.1, -0.2]), array([45, 45]))
    """

    def __init__(
        self,
        learning_rate: float = 0.1,
        lipschitz: float = 1.0,
        decay: float = 0.99,
        bias: float = 1e-6,
        min_shots: int = 10,
        max_shots: int = 10_000,
        limited: bool = False,
        **common: Any,
    ) -> None:
        coupled = CoupledShots(
            *(individual_shots, learning_rate, lipschitz, decay, bias),
            *(min_shots, max_shots, limited),
        )
        super().__init__(coupled, **common)

    @property
    def settings(self) -> dict[str, Any]:
        """The arguments that rebuild this optimizer."""
        return self._settings_of(*_NAMES, "limited")


class GCANS(FrugalDescent):
    r"""Global coupled adaptive number of shots.

    .. math:: θ_{t+1} = θ_t - α g_t, \qquad
              s_k = \left\lceil \frac{2Lα}{2 - Lα}
              \frac{σ_k \sum_j σ_j}{‖χ‖^2 + b μ^t} \right\rceil

    See :func:`~qnlr.optimizers.coupled_shots.global_shots`;
    σ_k² is the running mean of the variance.

    Source: Gu, Lowe, Dub, Coles and Arrasmith, arXiv:2108.10434.

    Args:
        learning_rate: α, above 0 and below 2/L: this is what is tuned.
        lipschitz: L > 0, as for :class:`ICANS`.
        decay: μ of the running means, 0 ≤ μ < 1.
        bias: b ≥ 0, which keeps shots finite at first.
        min_shots: Fewest shots of a circuit, at least 2; the first gradient has them.
        max_shots: Most shots of a circuit.
        **common: ``maxiter``, ``callback``, ``seed`` and ``perturbation``.

    Raises:
        InputError: If a setting lies outside its range.

    Example:
        >>> from qnlr.optimizers import Told
        >>> gcans = GCANS(learning_rate=1.0, decay=0.0, bias=0.0)
        >>> gcans.start(None, [0.0, 0.0])
        >>> asked = gcans.ask()
        >>> gcans.tell(asked, Told(0.5, np.array([0.1, 0.2]), np.array([0.3, 0.3])))
        >>> gcans.ask().shots
        array([72, 72])
    """

    def __init__(
        self,
        learning_rate: float = 0.1,
        lipschitz: float = 1.0,
        decay: float = 0.99,
        bias: float = 1e-6,
        min_shots: int = 10,
        max_shots: int = 10_000,
        **common: Any,
    ) -> None:
        coupled = CoupledShots(
            *(global_shots, learning_rate, lipschitz, decay, bias, min_shots, max_shots)
        )
        super().__init__(coupled, **common)

    @property
    def settings(self) -> dict[str, Any]:
        """The arguments that rebuild this optimizer."""
        return self._settings_of(*_NAMES)

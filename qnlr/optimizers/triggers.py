"""Triggers: when a probe counts as worse, so that the negative rate is used."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from qnlr.errors import InputError, require_positive


class Trigger(Protocol):
    """Decides from the loss and the probe loss whether to use the negative rate."""

    def __call__(self, loss: float, probe_loss: float) -> bool:
        """Return True if the probe is worse."""


@dataclass(frozen=True)
class AnyIncrease:
    """Fires at any measured increase, as in the paper.

    .. math:: L(θ') > L(θ)

    Source: NLR paper, Algorithm 1, line 8.

    Example:
        >>> AnyIncrease()(0.50, 0.51), AnyIncrease()(0.50, 0.50)
        (True, False)
    """

    def __call__(self, loss: float, probe_loss: float) -> bool:
        """Return True if the probe loss is above the loss."""
        return bool(probe_loss > loss)


@dataclass(frozen=True)
class Tolerance:
    """Fires at an increase above a tolerance.

    .. math:: L(θ') > L(θ) + τ

    Source: the "switching threshold" τ = 0.1 of the NLR paper, section V-A.

    Args:
        tau: τ > 0, in units of the loss.

    Raises:
        InputError: If τ is not above 0.

    Example:
        >>> Tolerance(0.1)(0.5, 0.55), Tolerance(0.1)(0.5, 0.65)
        (False, True)
    """

    tau: float = 0.1

    def __post_init__(self) -> None:
        require_positive("tau", self.tau)

    def __call__(self, loss: float, probe_loss: float) -> bool:
        """Return True if the increase is above τ."""
        return bool(probe_loss - loss > self.tau)


@dataclass(frozen=True)
class StandardErrors:
    r"""Fires at an increase above z standard errors of the measured difference.

    .. math:: L(θ') - L(θ) > z \sqrt{s^2 + s'^2}

    The standard errors are estimated from the shots themselves: they should be at least 5 to a
    circuit, as an estimate of 0 from 2 or 3 equal shots lets any increase fire.

    Args:
        z: z > 0, in standard errors.

    Raises:
        InputError: If z is not above 0; when called, if a loss carries no standard error.

    Example:
        >>> from qnlr import Estimate
        >>> StandardErrors(2.0)(Estimate(0.50, std=0.03), Estimate(0.55, std=0.04))
        False
        >>> StandardErrors(2.0)(Estimate(0.50, std=0.03), Estimate(0.61, std=0.04))
        True
    """

    z: float = 2.0

    def __post_init__(self) -> None:
        require_positive("z", self.z)

    def __call__(self, loss: float, probe_loss: float) -> bool:
        """Return True if the increase is above z standard errors."""
        if math.isnan(loss) or math.isnan(probe_loss):  # a diverged run, not a measured increase
            return False
        variance = _std(loss) ** 2 + _std(probe_loss) ** 2
        return bool(probe_loss - loss > self.z * math.sqrt(variance))


def _std(loss: float) -> float:
    std = getattr(loss, "std", None)
    if not isinstance(std, float) or not math.isfinite(std):
        how = (
            "return qnlr.Estimate(value, std) from the objective, or train qnlr.accelerate(model) "
            "or qnlr.broadcast(model)"
            if not isinstance(std, float)  # numbers of NumPy have a method of that name
            else "a single shot has none: take two or more"
        )
        raise InputError(
            f"the trigger StandardErrors needs a loss with a standard error, but got {loss!r}; "
            f"{how}; or use the trigger AnyIncrease() or Tolerance(tau)"
        )
    return std


TRIGGERS: dict[str, type[Trigger]] = {
    "any_increase": AnyIncrease,
    "tolerance": Tolerance,
    "standard_errors": StandardErrors,
}

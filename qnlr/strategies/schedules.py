"""Learning-rate schedules as strategies: they scale the rate of whatever optimizer a run has.

Those that run in a loop of their own, SPSA and COBYLA, have no rate that can be scaled from
outside: plans are refused for them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from qnlr.errors import InputError
from qnlr.optimizers import AskTell, SignedRateOptimizer
from qnlr.optimizers.schedules import Cosine, OnPlateau, Pulse, Schedule, Scheduled
from qnlr.strategies.strategy import Setting, start_at
from qnlr.training import Plan, Stage


@dataclass(frozen=True)
class CosineSchedule:
    """Lower the rate along half a cosine: :class:`qnlr.optimizers.schedules.Cosine`.

    The optimizer is one of signed rates: not SPSA, nor COBYLA.

    Args:
        floor: What is left of the rate at the end, 0 to 1.

    Raises:
        InputError: If it lies outside its range.

    Example:
        >>> CosineSchedule()
        CosineSchedule(floor=0.0)
    """

    floor: float = 0.0

    def __post_init__(self) -> None:
        Cosine(1, self.floor)

    def plan(self, setting: Setting) -> Plan:
        """Return one stage, and the optimizer under the schedule."""
        return _scheduled(setting, Cosine(setting.steps, self.floor))


class PlateauSchedule(OnPlateau):
    """Lower the rate where the loss no longer falls: :class:`qnlr.optimizers.schedules.OnPlateau`.

    The optimizer is one of signed rates: not SPSA, nor COBYLA.

    Example:
        >>> PlateauSchedule(patience=5).patience
        5
    """

    def plan(self, setting: Setting) -> Plan:
        """Return one stage, and the optimizer under the schedule."""
        return _scheduled(setting, self)


class EscapePulses(Pulse):
    """Raise the rate briefly where the loss no longer falls.

    See :class:`qnlr.optimizers.schedules.Pulse`. The optimizer is one of signed rates: not SPSA,
    nor COBYLA.

    Example:
        >>> EscapePulses(length=3).length
        3
    """

    def plan(self, setting: Setting) -> Plan:
        """Return one stage, and the optimizer under the schedule."""
        return _scheduled(setting, self)


def _scheduled(setting: Setting, schedule: Schedule) -> Plan:
    stage = Stage("training", (setting.part,), start_at(setting.weights), setting.steps)
    return Plan((stage,), under(schedule))


def under(schedule: Schedule) -> Callable[[AskTell], AskTell]:
    """Return what puts the rate of an optimizer under a schedule.

    Args:
        schedule: The schedule.

    Returns:
        A function that changes an optimizer; it raises InputError if that has no rate.
    """

    def changed(optimizer: AskTell) -> AskTell:
        if not isinstance(optimizer, SignedRateOptimizer):
            raise InputError(
                f"a schedule scales a learning rate, and {type(optimizer).__name__} has none to "
                "scale; take another optimizer or another strategy"
            )
        optimizer.rate = Scheduled(optimizer.rate, schedule)
        return optimizer

    return changed

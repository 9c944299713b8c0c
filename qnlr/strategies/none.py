"""No strategy: one stage that trains all weights."""

from __future__ import annotations

from dataclasses import dataclass

from qnlr.strategies.strategy import Setting, start_at
from qnlr.training import Plan, Stage


@dataclass(frozen=True)
class NoStrategy:
    """Train all weights from where they were drawn: what every strategy is held against.

    Example:
        >>> NoStrategy()
        NoStrategy()
    """

    def plan(self, setting: Setting) -> Plan:
        """Return one stage."""
        stage = Stage("training", (setting.part,), start_at(setting.weights), setting.steps)
        return Plan((stage,))

"""Numbers of cells by name, and their differences over paired seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from qnlr.paper.numbers import Numbers
from qnlr.study.stats import Interval, mean_interval

ALPHA = 0.05
QUANTITIES = {
    "last_train_loss": ("training loss", 1.0, ""),
    "last_test_accuracy": ("test accuracy", 100.0, " %"),
    "gradient_norm_without_shots": ("gradient norm without shot noise", 1.0, ""),
    "flips": ("reversals", 1.0, ""),
    "shots": ("shots", 1e-6, " M"),
}
"""For columns that claims are about: what they are, a factor, and the unit that it leads to."""
Book = Mapping[str, Numbers]
"""Numbers by the name of their table."""


@dataclass(frozen=True)
class Ref:
    """A number of a cell.

    Args:
        table: Name of the table.
        method: Label of the method.
        setting: Label of the setting.
        column: Which of its numbers.
    """

    table: str
    method: str
    setting: str = ""
    column: str = "last_train_loss"

    def seeds(self, book: Book, mode: str) -> pd.Series[float]:
        """Return its values by seed, in its unit; empty where nothing was run."""
        if self.table not in book:
            return pd.Series(dtype=float)
        return book[self.table].seeds(self.setting, self.method, mode, self.column) * self.factor

    def lost(self, book: Book, mode: str) -> int:
        """Return how many of its runs failed, diverged or have not ended."""
        if self.table not in book:
            return 0
        return book[self.table].lost(self.setting, self.method, mode)

    def of(self, column: str) -> Ref:
        """Return another number of the same cell."""
        return Ref(self.table, self.method, self.setting, column)

    @property
    def quantity(self) -> str:
        """What the number is."""
        return QUANTITIES.get(self.column, (self.column.replace("_", " "), 1.0, ""))[0]

    @property
    def factor(self) -> float:
        """What a measured value is multiplied with to be in its unit."""
        return QUANTITIES.get(self.column, ("", 1.0, ""))[1]

    @property
    def unit(self) -> str:
        """Its unit, to go behind a number."""
        return QUANTITIES.get(self.column, ("", 1.0, ""))[2]

    @property
    def named(self) -> str:
        """The cell in words."""
        return f"{self.method} at {self.setting}" if self.setting else self.method


@dataclass(frozen=True)
class Difference:
    """A paired difference with the two-sided p-value of Student's t.

    Args:
        interval: Mean and 95 % interval.
        p_value: That the true mean is 0; NaN for fewer than two pairs.
    """

    interval: Interval
    p_value: float

    @classmethod
    def between(cls, first: pd.Series[float], second: pd.Series[float]) -> Difference:
        """Return first − second over the seeds that both have.

        Example:
            >>> a, b = pd.Series([1.0, 2.0, 3.0]), pd.Series([0.0, 0.5, 2.5])
            >>> Difference.between(a, b).interval.text(2), round(
            ...     Difference.between(a, b).p_value, 3)
            ('1.00 ± 1.24', 0.074)
        """
        gaps = (first - second).dropna().to_numpy(dtype=float)
        scale = max(np.abs(first).max(), np.abs(second).max(), 1e-300) if gaps.size else 1.0
        gaps = np.where(np.abs(gaps) <= 1e-12 * scale, 0.0, gaps)  # equal but for rounding
        if gaps.size < 2:
            return cls(mean_interval(gaps), math.nan)
        if not gaps.any():
            return cls(Interval(0.0, 0.0, 0.0, gaps.size), 1.0)
        alike = float(np.ptp(gaps)) <= 1e-12 * scale
        p = 0.0 if alike else float(stats.ttest_1samp(gaps, 0.0).pvalue)
        return cls(mean_interval(gaps), p)

    def seen(self, sign: int, alpha: float = ALPHA) -> bool:
        """Return whether the difference has a sign, at a level."""
        return self.p_value < alpha and self.interval.mean * sign > 0

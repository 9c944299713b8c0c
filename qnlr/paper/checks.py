"""What a claim is held against: differences over paired seeds, and whether they go its way."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import pandas as pd
from scipy import stats

from qnlr.paper.numbers import Numbers
from qnlr.study.stats import Interval, mean_interval

ALPHA = 0.05
Book = Mapping[str, Numbers]
"""Numbers by the name of their table."""


class Holds(StrEnum):
    """Whether what a claim says was seen."""

    YES = "yes"
    NO = "no"
    OPEN = "open"


@dataclass(frozen=True)
class Finding:
    """What was measured for a claim in one evaluation mode.

    Args:
        holds: Whether the claim holds: open where the interval allows both.
        text: The measurement, as a sentence without its full stop.
        interval: The interval it rests on, as text.
        details: The parts it was put together from, a line each.
        contrary: The least p-value of a difference that goes the other way; NaN if none was tested.
        comparisons: How many differences were tested.
    """

    holds: Holds
    text: str
    interval: str = ""
    details: tuple[str, ...] = ()
    contrary: float = math.nan
    comparisons: int = 1

    def among(self, comparisons: int) -> Finding:
        """Return the finding as one of so many comparisons: contrary at 5 % divided by them."""
        if self.holds is Holds.YES or math.isnan(self.contrary):
            return self
        seen = self.contrary < ALPHA / comparisons
        return replace(self, holds=Holds.NO if seen else Holds.OPEN)


Check = Callable[[Book, str], Finding | None]
"""Looks a claim up in an evaluation mode; None where nothing was run for it."""


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
        """Return its values by seed; empty where nothing was run."""
        if self.table not in book:
            return pd.Series(dtype=float)
        return book[self.table].seeds(self.setting, self.method, mode, self.column)

    def of(self, column: str) -> Ref:
        """Return another number of the same cell."""
        return Ref(self.table, self.method, self.setting, column)

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

    def holds(self, sign: int, alpha: float = ALPHA) -> Holds:
        """Return whether the difference has a sign, at a level."""
        if math.isnan(self.p_value) or self.p_value >= alpha:
            return Holds.OPEN
        return Holds.YES if self.interval.mean * sign > 0 else Holds.NO


def lower(first: Ref, *others: Ref) -> Check:
    """Check that a number is lower than each of others.

    Args:
        first: The number.
        *others: What it is compared with.

    Returns:
        The check: yes if every difference is below 0 at the 5 % level; no if one is above 0 at 5 %
        divided by their number (Bonferroni), so that a claim of many parts is not contradicted by
        chance; else open.
    """
    return _ordered(first, others, -1)


def higher(first: Ref, *others: Ref) -> Check:
    """Check that a number is higher than each of others, as :func:`lower` does."""
    return _ordered(first, others, +1)


def each(*checks: Check) -> Check:
    """Check that several checks hold together.

    Args:
        *checks: The checks.

    Returns:
        The check: yes if all hold; no if the contrary of one is seen at 5 % divided by the number
        of comparisons in all of them; else open.
    """

    def check(book: Book, mode: str) -> Finding | None:
        found = [one(book, mode) for one in checks]
        known = [finding for finding in found if finding is not None]
        if not known or len(known) < len(found):
            return None
        comparisons = sum(finding.comparisons for finding in known)
        known = [finding.among(comparisons) for finding in known]
        counts = {state: sum(f.holds is state for f in known) for state in Holds}
        holds = Holds.NO if counts[Holds.NO] else Holds.OPEN
        if counts[Holds.YES] == len(known):
            holds = Holds.YES
        text = (
            f"holds in {counts[Holds.YES]} of {len(known)} cases, "
            f"the contrary in {counts[Holds.NO]}"
        )
        details = [line for f in known for line in (f.details or (_line(f),))]
        contrary = min((f.contrary for f in known if not math.isnan(f.contrary)), default=math.nan)
        return Finding(holds, text, "", tuple(details), contrary, comparisons)

    return check


def equal(ref: Ref, value: float, rounding: float, factor: float = 1.0, unit: str = "") -> Check:
    """Check that a number is what the paper reports.

    Args:
        ref: The number.
        value: What is reported, in the paper's unit.
        rounding: Half of its last digit.
        factor: From the number's unit to the paper's.
        unit: The paper's unit.

    Returns:
        The check: yes if the 95 % interval of the mean holds the value, no if it does not.
    """

    def check(book: Book, mode: str) -> Finding | None:
        seeds = ref.seeds(book, mode)
        if len(seeds) < 2:
            return None
        interval = mean_interval(seeds).times(factor)
        holds = interval.low - rounding <= value <= interval.high + rounding
        text = f"{ref.named}: {interval.text(_digits(interval))}{unit}, reported {value:g}{unit}"
        off = max(abs(interval.mean - value) - rounding, 0.0)
        error = float(stats.sem(seeds)) * factor
        p = float(2 * stats.t.sf(off / error, len(seeds) - 1)) if error else float(off == 0)
        return Finding(Holds.YES if holds else Holds.NO, text, _ends(interval), contrary=p)

    return check


def stalled(last: Ref, before: Ref, share: float = 0.05) -> Check:
    """Check that a number has stopped falling.

    Args:
        last: The number at the end.
        before: The number before.
        share: Which share of the number before it may fall by and count as stalled, above 0.

    Returns:
        The check: yes if the 95 % interval of last − before lies above −share · before, no if it
        lies below; else open.
    """

    def check(book: Book, mode: str) -> Finding | None:
        own, base = last.seeds(book, mode), before.seeds(book, mode)
        gap = Difference.between(own, base).interval
        if gap.count < 2:
            return None
        margin = -share * float(base.mean())
        holds = Holds.YES if gap.low > margin else Holds.NO if gap.high < margin else Holds.OPEN
        text = f"{last.named} − {before.named}: {_text(gap)}, where {margin:.2g} is the limit"
        return Finding(holds, text, _ends(gap))

    return check


def reduction(pairs: Sequence[tuple[Ref, Ref]], percent: float) -> Check:
    """Check that the largest relative reduction among pairs reaches a percentage.

    Args:
        pairs: What is reduced, and below what.
        percent: The reduction that is claimed.

    Returns:
        The check: yes if the 95 % interval of some reduction reaches it and lies above 0; no if
        none reaches it; else open.
    """

    def check(book: Book, mode: str) -> Finding | None:
        found = []
        for first, second in pairs:
            own, base = first.seeds(book, mode), second.seeds(book, mode)
            relative = (100 * (base - own) / base).dropna()
            if len(relative) < 2:
                return None
            found.append((first.setting, mean_interval(relative)))
        where, best = max(found, key=lambda entry: entry[1].mean)
        reached = [interval for _, interval in found if interval.high >= percent]
        holds = Holds.OPEN if reached else Holds.NO
        if any(interval.low > 0 for interval in reached):
            holds = Holds.YES
        lines = tuple(f"{name}: {interval.text(1)} %" for name, interval in found)
        text = f"largest reduction {best.text(1)} %" + (f", at {where}" if where else "")
        return Finding(holds, text, _ends(best, 1), lines)

    return check


def _ordered(first: Ref, others: Sequence[Ref], sign: int) -> Check:
    def check(book: Book, mode: str) -> Finding | None:
        own = first.seeds(book, mode)
        if not len(own) or not all(len(other.seeds(book, mode)) for other in others):
            return None
        found = [(other, Difference.between(own, other.seeds(book, mode))) for other in others]
        states = [difference.holds(sign) for _, difference in found]
        known = [one for _, one in found if not math.isnan(one.p_value)]
        opposite = (one.p_value for one in known if one.interval.mean * sign < 0)
        contrary = min(opposite, default=math.nan)
        holds = Holds.NO if contrary < ALPHA / len(found) else Holds.OPEN
        if all(state is Holds.YES for state in states):
            holds = Holds.YES
        lines = tuple(
            f"{first.named} − {other.named}: {_text(difference.interval)}"
            for other, difference in found
        )
        if len(found) == 1:
            ends = _ends(found[0][1].interval)
            return Finding(holds, lines[0], ends, contrary=contrary)
        yes = sum(state is Holds.YES for state in states)
        word = "lower" if sign < 0 else "higher"
        text = f"{first.named} is seen {word} than {yes} of {len(found)} others"
        worst = max(found, key=lambda entry: -sign * entry[1].interval.mean)
        text += f"; furthest from it: {worst[0].named}, difference {_text(worst[1].interval)}"
        return Finding(holds, text, _ends(worst[1].interval), lines, contrary, len(found))

    return check


def _line(finding: Finding) -> str:
    return f"{finding.text}: {finding.holds}"


def _text(interval: Interval) -> str:
    return interval.text(_digits(interval))


def _digits(interval: Interval) -> int:
    """Return so many digits that the half-width shows two of its own, from 1 to 6."""
    size = interval.half_width if interval.half_width > 0 else abs(interval.mean)
    if not size or not math.isfinite(size):
        return 3
    return int(min(6, max(1, 1 - math.floor(math.log10(size)))))


def _ends(interval: Interval, digits: int | None = None) -> str:
    if math.isnan(interval.half_width):
        return ""
    places = _digits(interval) if digits is None else digits
    return f"[{interval.low:.{places}f}, {interval.high:.{places}f}]"

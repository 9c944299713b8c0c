"""What a claim is held against: differences over paired seeds, and whether they go its way."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from scipy import stats

from qnlr.paper.differences import ALPHA as ALPHA
from qnlr.paper.differences import Book as Book
from qnlr.paper.differences import Difference as Difference
from qnlr.paper.differences import Ref as Ref
from qnlr.study.stats import Interval, mean_interval


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


def equal(ref: Ref, value: float, margin: float) -> Check:
    """Check that a number is what the paper reports, within a margin.

    Args:
        ref: The number.
        value: What is reported, in the number's unit.
        margin: How far from it counts as equal, above 0.

    Returns:
        The check: yes if the 95 % interval of the mean lies within the margin, no if it lies
        outside; else open.
    """

    def check(book: Book, mode: str) -> Finding | None:
        seeds = ref.seeds(book, mode)
        if len(seeds) < 2:
            return None
        interval = mean_interval(seeds)
        outside = interval.high < value - margin or interval.low > value + margin
        inside = value - margin <= interval.low and interval.high <= value + margin
        off = max(abs(interval.mean - value) - margin, 0.0)
        error = float(stats.sem(seeds))
        p = float(2 * stats.t.sf(off / error, len(seeds) - 1)) if error else float(off == 0)
        holds = Holds.YES if inside else Holds.NO if outside else Holds.OPEN
        text = (
            f"{ref.named}: {ref.quantity} {interval.text(_digits(interval))}{ref.unit}, reported "
            f"{value:g}{ref.unit}"
        )
        return Finding(holds, text + _lost(book, mode, ref), _ends(interval), contrary=p)

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
        base = before.seeds(book, mode)
        gap = Difference.between(last.seeds(book, mode), base).interval
        if gap.count < 2:
            return None
        margin = -share * float(base.mean())
        holds = Holds.YES if gap.low > margin else Holds.NO if gap.high < margin else Holds.OPEN
        text = (
            f"{last.quantity}, {last.named} − {before.named}: {_text(gap)}; a fall of less than "
            f"{-margin:.2g} counts as none{_lost(book, mode, last)}"
        )
        return Finding(holds, text, _ends(gap))

    return check


def reduction(pairs: Sequence[tuple[Ref, Ref]], percent: float) -> Check:
    """Check that the largest relative reduction among pairs reaches a percentage.

    Args:
        pairs: What is reduced, and below what.
        percent: The reduction that is claimed.

    Returns:
        The check: yes if an interval at 5 % divided by the number of pairs lies at the percentage
        or above; no if all 95 % intervals lie below it; else open.
    """

    def check(book: Book, mode: str) -> Finding | None:
        found, strict = [], []
        for first, second in pairs:
            own, base = first.seeds(book, mode), second.seeds(book, mode)
            relative = (100 * (base - own) / base).dropna()
            if len(relative) < 2:
                return None
            interval = mean_interval(relative)
            usual, wide = (
                float(stats.t.ppf(1 - alpha / 2, len(relative) - 1))
                for alpha in (ALPHA, ALPHA / len(pairs))
            )
            strict.append(interval.mean - interval.half_width * wide / usual)
            found.append((first, interval))
        where, best = max(found, key=lambda entry: entry[1].mean)
        holds = Holds.OPEN
        if max(strict) >= percent:
            holds = Holds.YES
        elif all(interval.high < percent for _, interval in found):
            holds = Holds.NO
        lines = tuple(f"{first.named}: {interval.text(1)} %" for first, interval in found)
        text = f"largest reduction of the {where.quantity} {best.text(1)} %, {where.named}"
        refs = [ref for pair in pairs for ref in pair]
        return Finding(holds, text + _lost(book, mode, *refs), _ends(best, 1), lines)

    return check


def _ordered(first: Ref, others: Sequence[Ref], sign: int) -> Check:
    def check(book: Book, mode: str) -> Finding | None:
        own = first.seeds(book, mode)
        if not len(own) or not all(len(other.seeds(book, mode)) for other in others):
            return None
        found = [(other, Difference.between(own, other.seeds(book, mode))) for other in others]
        known = [one for _, one in found if not math.isnan(one.p_value)]
        opposite = (one.p_value for one in known if one.interval.mean * sign < 0)
        contrary = min(opposite, default=math.nan)
        holds = Holds.NO if contrary < ALPHA / len(found) else Holds.OPEN
        yes = sum(difference.seen(sign) for _, difference in found)
        # A method that lost runs where its rival did not is not shown to be better by the others.
        fair = all(first.lost(book, mode) <= other.lost(book, mode) for other in others)
        if yes == len(found) and fair:
            holds = Holds.YES
        lines = tuple(
            f"{first.named} − {other.named}: {_text(difference.interval)}{first.unit}"
            for other, difference in found
        )
        lost = _lost(book, mode, first, *others)
        if len(found) == 1:
            text = f"{first.quantity}, {lines[0]}{lost}"
            return Finding(holds, text, _ends(found[0][1].interval), contrary=contrary)
        word = "lower" if sign < 0 else "higher"
        worst = max(found, key=lambda entry: -sign * entry[1].interval.mean)
        text = (
            f"{first.quantity} of {first.named} is seen {word} than {yes} of {len(found)} others; "
            f"least so than {worst[0].named}: difference {_text(worst[1].interval)}{first.unit}"
            f"{lost}"
        )
        return Finding(holds, text, _ends(worst[1].interval), lines, contrary, len(found))

    return check


def _lost(book: Book, mode: str, *refs: Ref) -> str:
    """Say of which numbers runs are missing, as they failed, diverged or have not ended."""
    counts = {ref.named: ref.lost(book, mode) for ref in refs}
    parts = [f"{count} of {name}" for name, count in counts.items() if count]
    return f" (without runs that did not end in order: {', '.join(parts)})" if parts else ""


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

"""Claims that the paper's own numbers decide, whatever is measured."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from qnlr.paper.checks import Book, Finding, Holds
from qnlr.paper.reference import Reported, reference, rows, weights
from qnlr.problems.bounds import cross_entropy_bound, needed_scale, squared_error_bound


@dataclass(frozen=True)
class Impossible(Finding):
    """A finding that the claim cannot hold, by a bound or by the paper's other numbers."""


@dataclass(frozen=True)
class Unspecified(Finding):
    """A finding that the paper does not say enough for a claim to be tested."""


def unspecified(lacking: str) -> Callable[[Book, str], Finding]:
    """Return the check of a claim that cannot be tested.

    Args:
        lacking: What the paper does not say.
    """
    return lambda book, mode: Unspecified(Holds.OPEN, lacking)


def bounded() -> Callable[[Book, str], Finding]:
    """Check the reported pairs of loss and gradient norm against what circuits can have.

    Returns:
        The check: impossible if a pair lies above the bounds of both losses, else yes.
    """

    def check(book: Book, mode: str) -> Finding:
        every = [row for name in reference() if name.startswith("table_") for row in rows(name)]
        pairs = {(row.loss, row.gradient_norm, parameters(row)): row for row in every}
        beyond = [row for row in pairs.values() if excess(row) > 1]
        if not beyond:
            return Finding(Holds.YES, f"all {len(pairs)} pairs lie within the bounds")
        largest = max(excess(row) for row in beyond)
        scales = [
            float(needed_scale(row.loss, row.gradient_norm, parameters(row))) for row in beyond
        ]
        return Impossible(
            Holds.NO,
            f"{len(beyond)} of {len(pairs)} different pairs lie above both bounds, by up to "
            f"{largest:.0f} times; a scale on ⟨Z⟩ would have to be {min(scales):.2g} to "
            f"{max(scales):.2g}",
        )

    return check


def excess(row: Reported) -> float:
    """Return how many times a reported gradient norm is the larger of the two bounds.

    Args:
        row: Loss and gradient norm.

    Example:
        >>> from qnlr.paper.reference import find
        >>> round(excess(find("table_01", negative_rate=0.02)), 1)
        54.0
    """
    count = parameters(row)
    largest = max(squared_error_bound(row.loss, count), cross_entropy_bound(row.loss, count))
    return float(row.gradient_norm / largest)


def parameters(row: Reported) -> int:
    """Return the number of weights of a row's circuit."""
    return weights(row.axis.get("layers"))


def repeated(
    first: str, second: str, method: str | None = None, other: str | None = None
) -> Callable[[Book, str], Finding]:
    """Check whether two experiments of the paper report the same numbers to the last digit.

    Args:
        first: A table.
        second: Another, or the same.
        method: The first one's method, or None for all rows.
        other: The second one's method, or None.

    Returns:
        The check: impossible if all numbers repeat, as independent noisy runs cannot; else yes.
    """

    def check(book: Book, mode: str) -> Finding:
        own, twin = _numbers(first, method), _numbers(second, other)
        equal = sum(a == b for a, b in zip(own, twin, strict=True))
        if equal < len(own):
            return Finding(Holds.YES, f"{equal} of {len(own)} rows are alike")
        return Impossible(
            Holds.NO,
            f"all {3 * len(own)} numbers of {len(own)} rows are the same; two experiments with "
            "shots do not repeat each other",
        )

    return check


def two_values(first: str, second: str, dataset: str) -> Callable[[Book, str], Finding]:
    """Check whether two tables agree on what a method's loss on a dataset is.

    Args:
        first: A table with one row a method.
        second: A table with a row for each method and dataset.
        dataset: The dataset.

    Returns:
        The check: impossible if they differ by more than twice, else yes.
    """

    def check(book: Book, mode: str) -> Finding:
        single = {row.axis["method"]: row for row in rows(first)}
        lines = [
            (row.axis["method"], single[row.axis["method"]].loss, row.loss)
            for row in rows(second)
            if row.axis["dataset"] == dataset
        ]
        ratios = [max(a, b) / min(a, b) for _, a, b in lines]
        text = "; ".join(f"{name} {a:g} and {b:g}" for name, a, b in lines)
        if max(ratios) <= 2:
            return Finding(Holds.YES, text)
        apart = f"{min(ratios):.0f} and {max(ratios):.0f} times apart"
        return Impossible(Holds.NO, f"the same quantity, {apart}: {text}")

    return check


def wrong_way(table: str, method: str) -> Callable[[Book, str], Finding]:
    """Check whether a method that is said to have the largest gradients has them in its table.

    Args:
        table: The table.
        method: The method.

    Returns:
        The check: impossible if it has not, else yes.
    """

    def check(book: Book, mode: str) -> Finding:
        norms = {row.axis["method"]: row.gradient_norm for row in rows(table)}
        own = norms.pop(method)
        smaller = sum(own < norm for norm in norms.values())
        text = f"its {own:g} is smaller than what {smaller} of {len(norms)} baselines have"
        if not smaller:
            return Finding(Holds.YES, text)
        return Impossible(Holds.NO, text)

    return check


def _numbers(table: str, method: str | None) -> list[tuple[float, float, float]]:
    found = [row for row in rows(table) if method is None or row.axis.get("method") == method]
    return [tuple(np.nan_to_num(row.numbers, nan=math.inf)) for row in found]

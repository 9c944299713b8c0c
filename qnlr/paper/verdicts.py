"""From measurements to a verdict for each claim of the paper."""

from __future__ import annotations

from collections.abc import Iterable

from qnlr.paper.checks import Book, Finding, Holds
from qnlr.paper.claims import PaperClaim, claims
from qnlr.paper.consistency import Impossible, Unspecified
from qnlr.paper.evidence import MODES
from qnlr.report.claims import Claim, Verdict

NAMES = {"exact": "exact", "shots": "1000 shots", "noise": "1000 shots under noise"}


def judged(book: Book, wanted: Iterable[PaperClaim] | None = None) -> tuple[Claim, ...]:
    """Return the claims of the paper with their verdicts.

    Args:
        book: Numbers by the name of their table.
        wanted: Claims, or None for all.

    Returns:
        Claims in the paper's order; those for which not all was run are left out, see
        :func:`left_out`.
    """
    found = (judge(claim, book) for claim in (claims() if wanted is None else wanted))
    return tuple(claim for claim in found if claim is not None)


def left_out(book: Book) -> tuple[str, ...]:
    """Return the claims that cannot be judged, as not all was run that they are about.

    Args:
        book: Numbers by the name of their table.
    """
    return tuple(
        f"{claim.where}: {claim.says}"
        for claim in claims()
        if claim.check(book, claim.mode) is None
    )


def judge(claim: PaperClaim, book: Book) -> Claim | None:
    """Return a claim with its verdict.

    The verdict is that of the claim's own mode; what the other modes show stands beside.

    Args:
        claim: The claim.
        book: Numbers by the name of their table.

    Returns:
        The claim: reproduced if it holds, contradicted if its contrary was seen, not reproduced if
        the interval allows both; or that it cannot hold, or is not specified enough. None if
        nothing was run for it.
    """
    finding = claim.check(book, claim.mode)
    if finding is None:
        return None
    by_numbers = isinstance(finding, (Impossible, Unspecified))
    others = () if by_numbers else MODES
    by = "" if by_numbers else f" ({NAMES[claim.mode]})"
    return Claim(
        claim.name,
        claim.says,
        finding.text[0].upper() + finding.text[1:] + by + ".",
        verdict(finding),
        claim.where,
        finding.interval,
        claim.assumed,
        tuple(
            f"{NAMES[mode].capitalize()}: {_short(other)}."
            for mode in others
            if mode != claim.mode and (other := claim.check(book, mode)) is not None
        ),
        tuple(f"{line}." for line in finding.details),
    )


def verdict(finding: Finding) -> Verdict:
    """Return the verdict that follows from a finding.

    Args:
        finding: What was measured.

    Example:
        >>> verdict(Finding(Holds.OPEN, "no difference was seen")).value
        'not reproduced'
    """
    if isinstance(finding, Impossible):
        return Verdict.CANNOT_HOLD
    if isinstance(finding, Unspecified):
        return Verdict.NOT_SPECIFIED
    return {
        Holds.YES: Verdict.REPRODUCED,
        Holds.NO: Verdict.CONTRADICTED,
        Holds.OPEN: Verdict.NOT_REPRODUCED,
    }[finding.holds]


def _short(finding: Finding) -> str:
    return f"{verdict(finding).value}; {finding.text}"

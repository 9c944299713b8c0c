"""What a paper says, what was measured, and the verdict, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from qnlr.report.names import require_stem


class Verdict(StrEnum):
    """What became of a claim of the paper.

    Example:
        >>> print(Verdict.CANNOT_HOLD, Verdict.CANNOT_HOLD.icon)
        cannot hold ⊘
    """

    REPRODUCED = "reproduced"
    NOT_REPRODUCED = "not reproduced"
    CONTRADICTED = "contradicted"
    CANNOT_HOLD = "cannot hold"
    NOT_SPECIFIED = "not specified enough"

    @property
    def icon(self) -> str:
        """A sign that tells the verdicts apart without colour."""
        return {
            Verdict.REPRODUCED: "✓",
            Verdict.NOT_REPRODUCED: "○",
            Verdict.CONTRADICTED: "✗",
            Verdict.CANNOT_HOLD: "⊘",
            Verdict.NOT_SPECIFIED: "?",
        }[self]


@dataclass(frozen=True)
class Claim:
    """What the paper says, and what was measured.

    Args:
        name: Short name, such as ``"accuracy_mnist"``; a link to the claim ends in it.
        says: What the paper says.
        measured: What was measured, as a sentence.
        verdict: What became of the claim.
        where: Where the paper says it, such as ``"Table 6"``.
        interval: The interval behind the verdict.
        detail: The bound that the claim breaks, or what had to be assumed.
        others: What was seen in other ways of measuring, a line each.
        parts: The parts that the measurement was put together from, a line each.

    Raises:
        InputError: If the name is no file stem.

    Example:
        >>> Claim("loss", "NLR halves the loss.", "It does.", Verdict("reproduced")).verdict.icon
        '✓'
    """

    name: str
    says: str
    measured: str
    verdict: Verdict
    where: str = ""
    interval: str = ""
    detail: str = ""
    others: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require_stem("claim", self.name)


@dataclass(frozen=True)
class Claims:
    """Claims, which the HTML page can filter by verdict.

    Args:
        claims: The claims.

    Example:
        >>> loss = Claim("loss", "NLR halves the loss.", "It does.", Verdict.REPRODUCED)
        >>> Claims((loss,)).counts
        {<Verdict.REPRODUCED: 'reproduced'>: 1}
    """

    claims: tuple[Claim, ...]

    @property
    def counts(self) -> dict[Verdict, int]:
        """How many claims have each verdict; verdicts that none has are left out."""
        verdicts = [claim.verdict for claim in self.claims]
        return {verdict: verdicts.count(verdict) for verdict in Verdict if verdict in verdicts}

"""The claims of the paper, each with the check that it is held against."""

from __future__ import annotations

from qnlr.paper.claim import PaperClaim as PaperClaim
from qnlr.paper.claims_comparisons import datasets, figures, optimizers, plateau_strategies
from qnlr.paper.claims_parameters import hyperparameters, noise
from qnlr.paper.claims_whole import left_open, overall


def claims() -> tuple[PaperClaim, ...]:
    """Return the claims, in the paper's order.

    Example:
        >>> claims()[0].name
        'up_to_8_percent'
    """
    return (
        *overall(),
        *hyperparameters(),
        *noise(),
        *optimizers(),
        *datasets(),
        *figures(),
        *plateau_strategies(),
        *left_open(),
    )

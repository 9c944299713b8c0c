"""A claim of the paper."""

from __future__ import annotations

from dataclasses import dataclass

from qnlr.paper.checks import Check
from qnlr.paper.tables import ADAM, DATASETS, MOMENTUM, RMSPROP, SGD

NORM = "gradient_norm_without_shots"
ACCURACY = "last_test_accuracy"
BASELINES = (SGD, MOMENTUM, RMSPROP, ADAM)
SETTINGS = tuple(DATASETS.values())


@dataclass(frozen=True)
class PaperClaim:
    """A claim of the paper.

    Args:
        name: Short name.
        where: Where the paper makes it.
        says: What it says.
        check: What it is held against: measurements, or other numbers of the paper itself.
        assumed: What had to be assumed, as the paper leaves it open.
        mode: Evaluation mode that decides: shots, as in the paper, if nothing else is said.
        measured: Whether measurements decide it, and not the paper's own words and numbers.
    """

    name: str
    where: str
    says: str
    check: Check
    assumed: str = ""
    mode: str = "shots"
    measured: bool = True

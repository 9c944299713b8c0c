"""Claims that a number is what is reported, or is reduced by a percentage."""

import numpy as np
import pytest
from fabricated import numbers, runs, spread
from scipy import stats

from qnlr.paper.checks import Ref, equal, reduction
from qnlr.paper.claims import PaperClaim
from qnlr.paper.verdicts import judge
from qnlr.report import Verdict

TABLE = "table_06_optimizers"
DATASETS = ("Gaussians", "MNIST 0/1")
PAIRS = [
    (Ref("table_10_standard", "NLR", name), Ref("table_10_standard", "SGD", name))
    for name in DATASETS
]
ACCURACY = Ref(TABLE, "NLR", column="last_test_accuracy")
ACCURATE = equal(ACCURACY, 100.0, 1.0)


def said(check, losses):
    """The verdict of a claim with that check, or None where it is left out."""
    found = judge(PaperClaim("name", "where", "says", check), losses)
    return None if found is None else found.verdict


def accuracies(values):
    return {TABLE: numbers(TABLE, runs({("", "NLR"): values}, "last_test_accuracy"))}


def test_a_number_equals_what_is_reported_if_its_interval_is_within_the_margin():
    assert said(ACCURATE, accuracies([1.0] * 5)) is Verdict.REPRODUCED
    assert said(ACCURATE, accuracies([0.9904] * 5)) is Verdict.REPRODUCED
    assert said(ACCURATE, accuracies([0.9896] * 5)) is Verdict.CONTRADICTED
    assert said(ACCURATE, accuracies(spread(0.9, 0.02))) is Verdict.CONTRADICTED
    assert said(ACCURATE, accuracies(spread(0.995, 0.002))) is Verdict.REPRODUCED
    assert said(ACCURATE, accuracies([1.0])) is None
    assert said(ACCURATE, {}) is None
    found = ACCURATE(accuracies([1.0] * 5), "shots")
    assert found.text == "NLR: test accuracy 100.0 ± 0.0 %, reported 100 %"


def test_seeds_that_scatter_do_not_show_that_a_number_is_what_is_reported():
    assert said(ACCURATE, accuracies([0.3, 1.0, 0.9, 0.4, 0.99])) is Verdict.NOT_REPRODUCED


def by_dataset(reductions, width, table="table_10_standard"):
    """Losses of SGD of 0.5, and of NLR reduced by percentages."""
    cells = {}
    for name, percent in zip(DATASETS, reductions, strict=True):
        cells[name, "SGD"] = [0.5] * 5
        cells[name, "NLR"] = 0.5 * (1 - spread(percent, width) / 100)
    return {table: numbers(table, runs(cells))}


@pytest.mark.parametrize(
    ("reductions", "width", "expected"),
    [
        ((1.0, 9.5), 0.5, Verdict.REPRODUCED),
        ((20.0, -5.0), 0.5, Verdict.REPRODUCED),
        ((1.0, 7.0), 0.5, Verdict.CONTRADICTED),
        ((-9.0, -20.0), 0.5, Verdict.CONTRADICTED),
        ((1.0, 7.0), 2.0, Verdict.NOT_REPRODUCED),
        ((1.0, 9.0), 2.0, Verdict.NOT_REPRODUCED),
        ((0.0, 5.0), 10.0, Verdict.NOT_REPRODUCED),
    ],
)
def test_the_largest_reduction_counts(reductions, width, expected):
    check = reduction(PAIRS, 8.2)
    found = by_dataset(reductions, width)
    assert said(check, found) is expected
    finding = check(found, "shots")
    place = DATASETS[int(np.argmax(reductions))]
    text = f"largest reduction of the training loss {max(reductions):.1f} "
    assert finding.text.startswith(text)
    assert finding.text.endswith(place)
    half = stats.t.ppf(0.975, 4) * width / np.sqrt(5)
    low, high = (float(end) for end in finding.interval.strip("[]").split(","))
    assert (low, high) == pytest.approx((max(reductions) - half, max(reductions) + half), abs=0.051)


def test_a_reduction_is_left_out_if_a_pair_was_not_run():
    found = by_dataset((9.0, 9.0), 0.5)["table_10_standard"]
    part = numbers("table_10_standard", found.runs[found.runs["setting"] == DATASETS[0]])
    assert said(reduction(PAIRS, 8.2), {"table_10_standard": part}) is None

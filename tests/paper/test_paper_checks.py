"""Verdicts follow from numbers: each kind of check, held against made-up runs."""

import math

import numpy as np
import pandas as pd
import pytest
from fabricated import CENTRED, numbers, runs, spread
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from qnlr.paper.checks import Difference, Finding, Holds, Ref, each, higher, lower
from qnlr.paper.claims import PaperClaim
from qnlr.paper.verdicts import judge, judged, verdict
from qnlr.report import Verdict

TABLE = "table_06_optimizers"
NLR, SGD, MOMENTUM, RMSPROP, ADAM = (
    Ref(TABLE, name) for name in ("NLR", "SGD", "momentum 0.9", "RMSProp", "Adam")
)
CLAIMED = {"lower": lower(NLR, SGD), "higher": higher(SGD, NLR), "each": each(lower(NLR, SGD))}
DATASETS = ("Gaussians", "MNIST 0/1")
PAIRS = [
    (Ref("table_10_standard", "NLR", name), Ref("table_10_standard", "SGD", name))
    for name in DATASETS
]


def book(**values):
    """Table VI with the losses of methods by seed."""
    names = {"momentum": "momentum 0.9", "rmsprop": "RMSProp", "adam": "Adam"}
    cells = {("", names.get(key, key.upper())): found for key, found in values.items()}
    return {TABLE: numbers(TABLE, runs(cells))}


def said(check, losses, mode="shots"):
    """The verdict of a claim with that check, or None where it is left out."""
    found = judge(PaperClaim("name", "where", "says", check, mode=mode), losses)
    return None if found is None else found.verdict


@pytest.mark.parametrize("kind", CLAIMED)
def test_a_difference_that_is_seen_decides(kind):
    low, high = spread(0.3, 0.02), spread(0.5, 0.02)[::-1]
    assert said(CLAIMED[kind], book(nlr=low, sgd=high)) is Verdict.REPRODUCED
    assert said(CLAIMED[kind], book(nlr=high, sgd=low)) is Verdict.CONTRADICTED


@pytest.mark.parametrize("kind", CLAIMED)
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_difference_within_the_noise_decides_nothing(kind, sign):
    noisy = spread(0.3, 0.2)
    losses = book(nlr=noisy, sgd=noisy[::-1] + 0.01 * sign)
    assert said(CLAIMED[kind], losses) is Verdict.NOT_REPRODUCED


@pytest.mark.parametrize("kind", CLAIMED)
def test_equal_runs_and_a_single_seed_decide_nothing(kind):
    for own, base in (
        (spread(0.3, 0.1), spread(0.3, 0.1)),
        (spread(0.3, 0.1), spread(0.3, 0.1) * (1 + 1e-14)),
        ([0.3], [0.5]),
    ):
        losses = book(nlr=own, sgd=base)
        assert said(CLAIMED[kind], losses) is Verdict.NOT_REPRODUCED


@pytest.mark.parametrize("kind", CLAIMED)
def test_without_runs_there_is_no_claim(kind):
    low = spread(0.3, 0.02)
    for lacking in (book(nlr=low), book(sgd=low), {}):
        assert said(CLAIMED[kind], lacking) is None
    assert said(CLAIMED[kind], book(nlr=low, sgd=low), mode="exact") is None


def test_seeds_are_paired():
    """A spread that both share, far larger than their difference, does not hide it."""
    shared = spread(0.5, 0.4)
    own = shared - 0.01 + spread(0.0, 0.002)
    assert said(lower(NLR, SGD), book(nlr=own, sgd=shared)) is Verdict.REPRODUCED
    shuffled = {TABLE: numbers(TABLE, runs({("", "NLR"): own, ("", "SGD"): shared[::-1]}))}
    assert said(lower(NLR, SGD), shuffled) is Verdict.NOT_REPRODUCED


@pytest.mark.parametrize("status", ["failed", "diverged", "pending", "unfinished", "interrupted"])
def test_only_runs_that_ended_in_order_count(status):
    good = runs({("", "NLR"): spread(0.3, 0.02), ("", "SGD"): spread(0.5, 0.02)[::-1]})
    wild = runs({("", "NLR"): [9e9] * 7}, status=status)[5:]
    found = numbers(TABLE, good, wild)
    assert said(lower(SGD, NLR), {TABLE: found}) is Verdict.CONTRADICTED
    assert list(found.seeds("", "NLR", "shots", "last_train_loss")) == list(spread(0.3, 0.02))
    gone = numbers(
        TABLE, good[good["method"] == "SGD"], runs({("", "NLR"): [0.1] * 5}, status=status)
    )
    assert said(lower(NLR, SGD), {TABLE: gone}) is None


@pytest.mark.parametrize("status", ["finished", "target_reached", "budget_spent"])
def test_runs_that_stopped_for_a_reason_of_theirs_count(status):
    found = numbers(
        TABLE, runs({("", "NLR"): spread(0.3, 0.02), ("", "SGD"): spread(0.5, 0.02)}, status=status)
    )
    assert said(lower(NLR, SGD), {TABLE: found}) is Verdict.REPRODUCED


def test_seeds_that_only_one_has_are_left_out():
    losses = book(nlr=spread(0.3, 0.02, 5), sgd=np.append(spread(0.5, 0.02, 5)[::-1], [-99.0]))
    found = lower(NLR, SGD)(losses, "shots")
    assert found.text == "training loss, NLR − SGD: " + Difference.between(
        pd.Series(spread(0.3, 0.02)), pd.Series(spread(0.5, 0.02)[::-1])
    ).interval.text(3)


@given(
    st.lists(st.floats(-1, 1), min_size=2, max_size=8),
    st.lists(st.floats(-1, 1), min_size=8, max_size=8),
)
def test_a_difference_is_the_paired_t_test_and_its_interval(first, second):
    a, b = pd.Series(first), pd.Series(second[: len(first)])
    gaps = (a - b).to_numpy()
    if np.ptp(gaps) < 1e-6:
        return
    found = Difference.between(a, b)
    expected = stats.ttest_rel(a, b)
    interval = expected.confidence_interval(0.95)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-6)
    assert found.interval.low == pytest.approx(interval.low, rel=1e-6, abs=1e-9)
    assert found.interval.high == pytest.approx(interval.high, rel=1e-6, abs=1e-9)
    assert found.seen(-1) == (interval.high < 0)
    assert found.seen(1) == (interval.low > 0)


def with_p_value(p):
    """Five differences of which Student's t-test of mean 0 has this two-sided p-value."""
    t = stats.t.isf(p / 2, 4)
    return CENTRED / np.sqrt(2.5) + t / np.sqrt(5)


@pytest.mark.parametrize("p", [0.001, 0.02, 0.049, 0.051, 0.3])
def test_the_level_is_5_percent(p):
    gaps = pd.Series(with_p_value(p))
    found = Difference.between(gaps, gaps * 0)
    assert found.p_value == pytest.approx(p)
    assert found.seen(+1) == (p < 0.05)
    assert not found.seen(-1)


OTHERS = {"sgd": SGD, "momentum": MOMENTUM, "rmsprop": RMSPROP, "adam": ADAM}


def beside(gaps):
    """Losses of SGD and others, so that NLR's minus theirs are the gaps."""
    base = spread(0.5, 0.1)
    return book(nlr=base, **{name: base - gap for name, gap in gaps.items()})


@pytest.mark.parametrize(("p", "expected"), [(0.04, "open"), (0.0126, "open"), (0.0124, "no")])
def test_one_part_of_four_contradicts_at_a_quarter_of_the_level(p, expected):
    """NLR is far lower than three others, and higher than the fourth with that p-value."""
    gaps = dict.fromkeys(OTHERS, spread(-0.1, 0.01)) | {"adam": 0.1 * with_p_value(p)}
    assert lower(NLR, *OTHERS.values())(beside(gaps), "shots").holds == expected


def test_all_parts_have_to_be_seen():
    gaps = dict.fromkeys(OTHERS, -with_p_value(0.04))
    check = lower(NLR, *OTHERS.values())
    assert check(beside(gaps), "shots").holds is Holds.YES
    gaps["adam"] = -with_p_value(0.06)
    found = check(beside(gaps), "shots")
    assert found.holds is Holds.OPEN
    assert "training loss of NLR is seen lower than 3 of 4 others; least so than Adam" in found.text
    assert len(found.details) == 4


@pytest.mark.parametrize(("p", "expected"), [(0.04, "open"), (0.0126, "open"), (0.0124, "no")])
def test_one_check_of_four_contradicts_at_a_quarter_of_the_level(p, expected):
    gaps = dict.fromkeys(OTHERS, spread(-0.1, 0.01)) | {"adam": 0.1 * with_p_value(p)}
    check = each(*(lower(NLR, other) for other in OTHERS.values()))
    assert check(beside(gaps), "shots").holds == expected


@pytest.mark.parametrize(("p", "expected"), [(0.0126, "open"), (0.0124, "no")])
def test_parts_of_parts_are_counted_too(p, expected):
    gaps = dict.fromkeys(OTHERS, spread(-0.1, 0.01)) | {"adam": 0.1 * with_p_value(p)}
    check = each(lower(NLR, SGD, MOMENTUM), lower(NLR, RMSPROP, ADAM))
    assert check(beside(gaps), "shots").holds == expected


def test_each_holds_if_all_do_and_not_if_one_does_not():
    low, high = spread(0.3, 0.02), spread(0.5, 0.02)[::-1]
    check = each(lower(NLR, SGD), lower(ADAM, SGD))
    assert said(check, book(nlr=low, sgd=high, adam=low)) is Verdict.REPRODUCED
    assert said(check, book(nlr=low, sgd=low, adam=high)) is Verdict.CONTRADICTED
    assert said(check, book(nlr=low, sgd=high, adam=high)) is Verdict.NOT_REPRODUCED
    found = check(book(nlr=low, sgd=high, adam=high), "shots")
    assert found.text == "holds in 1 of 2 cases, the contrary in 0"
    assert [line.split(":")[0] for line in found.details] == [
        "training loss, NLR − SGD",
        "training loss, Adam − SGD",
    ]


def test_a_method_that_lost_runs_is_not_shown_to_be_better():
    """Nor is its rival excused: runs that did not end in order are counted beside the verdict."""
    frame = runs({("", "NLR"): spread(0.3, 0.02), ("", "SGD"): spread(0.5, 0.02)})
    for method, expected in (("NLR", Verdict.NOT_REPRODUCED), ("SGD", Verdict.REPRODUCED)):
        lost = frame.copy()
        lost.loc[(lost["method"] == method) & (lost["spec_seed"] == 0), "status"] = "diverged"
        losses = {TABLE: numbers(TABLE, lost)}
        assert said(lower(NLR, SGD), losses) is expected
        found = lower(NLR, SGD)(losses, "shots")
        assert found.text.endswith(f"(without runs that did not end in order: 1 of {method})")


def test_each_is_left_out_if_a_part_of_it_was_not_run():
    low, high = spread(0.3, 0.02), spread(0.5, 0.02)
    assert said(each(lower(NLR, SGD), lower(ADAM, SGD)), book(nlr=low, sgd=high)) is None


def test_an_order_is_left_out_if_one_of_the_others_was_not_run():
    """Lower than SGD alone is not lower than four baselines."""
    low, high = spread(0.3, 0.02), spread(0.5, 0.02)
    losses = book(nlr=low, sgd=high, momentum=high, rmsprop=high)
    assert said(lower(NLR, SGD, MOMENTUM, RMSPROP, ADAM), losses) is None
    assert said(lower(NLR, SGD, MOMENTUM, RMSPROP), losses) is Verdict.REPRODUCED


def test_other_modes_stand_beside_and_decide_nothing():
    low, high = spread(0.3, 0.02), spread(0.5, 0.02)
    frames = [
        runs({("", "NLR"): low, ("", "SGD"): high}, mode="shots"),
        runs({("", "NLR"): high, ("", "SGD"): low}, mode="exact"),
        runs({("", "NLR"): low, ("", "SGD"): low}, mode="noise"),
    ]
    losses = {TABLE: numbers(TABLE, *frames)}
    claim = judge(PaperClaim("name", "where", "says", lower(NLR, SGD)), losses)
    assert claim.verdict is Verdict.REPRODUCED
    assert claim.measured.endswith("(1000 shots).")
    assert [line.split(";")[0] for line in claim.others] == [
        "Exact: contradicted",
        "1000 shots under noise: not reproduced",
    ]
    noisy = PaperClaim("name", "where", "says", lower(NLR, SGD), mode="noise")
    assert judge(noisy, losses).verdict is Verdict.NOT_REPRODUCED
    assert judged(losses, [noisy, claim_of_nothing()]) == (judge(noisy, losses),)


def claim_of_nothing():
    return PaperClaim("nothing", "where", "says", lower(Ref("table_09_convergence", "NLR"), SGD))


def test_a_reference_is_named_by_what_it_is():
    ref = Ref("table_03_dimension", "NLR", "d = 8")
    assert (ref.named, NLR.named) == ("NLR at d = 8", "NLR")
    assert ref.of("gradient_norm") == Ref("table_03_dimension", "NLR", "d = 8", "gradient_norm")
    assert ref.seeds({}, "shots").empty
    assert NLR.of("no_such_column").seeds(book(nlr=[1.0] * 5), "shots").empty


def test_what_holds_decides_the_verdict():
    found = {state: verdict(Finding(state, "text")) for state in Holds}
    assert found == {
        Holds.YES: Verdict.REPRODUCED,
        Holds.NO: Verdict.CONTRADICTED,
        Holds.OPEN: Verdict.NOT_REPRODUCED,
    }
    assert math.isnan(Difference.between(pd.Series([1.0]), pd.Series([2.0])).p_value)

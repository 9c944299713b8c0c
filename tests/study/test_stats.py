import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from qnlr.errors import InputError
from qnlr.study.stats import compare, endings, holm, mean_ranks, paired_difference

numbers = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=8).filter(lambda x: np.ptp(x) > 1e-6)


def results_of(own, base, status="finished"):
    """Return results of methods a and b with these values on seeds 0, 1, …, in any order."""
    frame = pd.DataFrame(
        {
            "label": ["a"] * len(own) + ["b"] * len(base),
            "spec_seed": [*range(len(own)), *range(len(base))],
            "x": [*own, *base],
            "status": status,
        }
    )
    return frame.sample(frac=1.0, random_state=0)


@given(numbers, st.floats(0.1, 10.0))
def test_paired_differences_are_those_of_scipys_paired_test(values, shift):
    second = np.array(values) * 0.5 + shift
    found = paired_difference(results_of(values, second), "a", "b", "x")
    reference = stats.ttest_rel(values, second).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx(tuple(reference), rel=1e-6, abs=1e-6)
    assert compare(results_of(values, second), "a", "b", "x").difference == found


def signed_rank_p(differences):
    """Return the two-sided p-value of the signed-rank sum over all signs of the differences."""
    known = differences[differences != 0]
    ranks = stats.rankdata(np.abs(known))
    signs = np.array(list(itertools.product([0, 1], repeat=len(known))))
    sums, seen = signs @ ranks, ranks[known > 0].sum()
    return min(1.0, 2 * min((sums <= seen).mean(), (sums >= seen).mean()))


@given(st.lists(st.integers(-4, 4), min_size=1, max_size=9).filter(any))
def test_p_values_are_those_of_all_signs_with_ties_and_zeros(differences):
    base = np.linspace(0.1, 0.7, len(differences))
    found = compare(results_of(base + 0.1 * np.array(differences), base), "a", "b", "x")
    assert found.p_value == pytest.approx(signed_rank_p(np.array(differences)))


@given(st.lists(st.integers(-4, 4), min_size=1, max_size=9), st.booleans())
def test_the_probability_of_improvement_counts_ties_half(differences, lower):
    signs = np.sign(differences)
    found = compare(
        results_of(0.3 + 0.1 * np.array(differences), [0.3] * len(differences)),
        *("a", "b", "x"),
        lower_is_better=lower,
    )
    expected = ((signs == (-1 if lower else 1)) + 0.5 * (signs == 0)).mean()
    assert found.improvement.mean == pytest.approx(expected)
    assert found.pairs == found.improvement.count == found.difference.count == len(differences)


@given(numbers)
def test_swapping_method_and_baseline_mirrors_the_comparison(values):
    frame = results_of(values, np.array(values)[::-1] * 0.5)
    one, other = compare(frame, "a", "b", "x"), compare(frame, "b", "a", "x")
    assert one.p_value == pytest.approx(other.p_value)
    assert one.difference.mean == pytest.approx(-other.difference.mean)
    assert one.improvement.mean == pytest.approx(1 - other.improvement.mean)
    assert one.improvement.low == pytest.approx(1 - other.improvement.high)


def test_five_seeds_can_show_no_significance():
    every = itertools.product([-1, 1], repeat=5)
    found = [
        compare(results_of(np.array(signs) * [1.0, 2, 3, 4, 5], [0.0] * 5), "a", "b", "x").p_value
        for signs in every
    ]
    assert min(found) == 0.0625


def test_p_values_are_as_frequent_as_they_say():
    rng = np.random.default_rng(0)
    found = [
        compare(results_of(rng.normal(size=8), rng.normal(size=8)), "a", "b", "x").p_value
        for _ in range(400)
    ]
    assert np.mean(np.array(found) <= 0.05) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400)
    assert np.mean(np.array(found) <= 0.5) > 0.35


def test_equal_runs_are_no_improvement_and_no_difference():
    found = compare(results_of([0.1, 0.2, 0.3], [0.1, 0.2, 0.3]), "a", "b", "x")
    assert (found.difference.mean, found.p_value, found.improvement.mean) == (0.0, 1.0, 0.5)
    rounded = compare(results_of([0.1 + 0.2] * 3, [0.3] * 3), "a", "b", "x")
    assert (rounded.p_value, rounded.improvement.mean) == (1.0, 0.5)


def test_small_values_are_no_ties():
    found = compare(results_of([1e-20, 2e-20], [3e-20, 4e-20]), "a", "b", "x")
    assert found.improvement.mean == 1.0


def test_only_seeds_on_which_both_ended_with_a_finite_value_count():
    frame = results_of([1.0, 2.0, 3.0, 4.0, math.inf], [2.0, math.nan, 5.0, 6.0, 7.0, 8.0])
    frame.loc[(frame["label"] == "b") & (frame["spec_seed"] == 3), "status"] = "diverged"
    found = compare(frame, "a", "b", "x")
    assert found.pairs == 2
    assert found.difference.mean == -1.5
    assert compare(frame.assign(status="budget_spent"), "a", "b", "x").pairs == 3


def test_without_a_pair_nothing_is_known():
    found = compare(results_of([1.0], [2.0], status="failed"), "a", "b", "x")
    assert found.pairs == found.difference.count == 0
    assert all(map(math.isnan, (found.difference.mean, found.p_value, found.improvement.mean)))
    single = compare(results_of([1.0], [2.0]), "a", "b", "x")
    assert (single.pairs, single.p_value, single.improvement.mean) == (1, 1.0, 1.0)


def test_unknown_methods_and_columns_are_refused():
    frame = results_of([1.0], [2.0])
    with pytest.raises(InputError, match='label "c" is not known'):
        compare(frame, "a", "c", "x")
    with pytest.raises(InputError, match='column "y" is not known'):
        compare(frame, "a", "b", "y")


chances = st.lists(st.floats(0, 1), max_size=7)


@given(chances)
def test_holm_is_the_closed_test_of_bonferronis(p_values):
    """A hypothesis falls when Bonferroni's test rejects every intersection that it is part of."""
    count = len(p_values)
    expected = [
        max(
            min(1.0, len(chosen) * min(p_values[j] for j in chosen))
            for size in range(1, count + 1)
            for chosen in itertools.combinations(range(count), size)
            if i in chosen
        )
        for i in range(count)
    ]
    assert holm(p_values).tolist() == pytest.approx(expected)


@given(chances, st.integers(0, 7))
def test_unknown_p_values_do_not_count(p_values, place):
    place = min(place, len(p_values))
    with_nan = holm([*p_values[:place], math.nan, *p_values[place:]])
    assert math.isnan(with_nan[place])
    assert np.delete(with_nan, place).tolist() == holm(p_values).tolist()


def test_holm_is_that_of_r():
    """Known values: p.adjust(c(0.01, 0.02, 0.03, 0.04), "holm")."""
    assert holm([0.01, 0.02, 0.03, 0.04]) == pytest.approx([0.04, 0.06, 0.06, 0.06])
    assert holm([0.04, 0.01]) == pytest.approx([0.04, 0.02])
    given_values = np.array([0.6, 0.01, math.nan])
    assert holm(given_values)[:2] == pytest.approx([0.6, 0.02])
    assert given_values[0] == 0.6
    assert holm([]).size == 0


@pytest.mark.parametrize("wrong", [-0.1, 1.1, math.inf])
def test_what_is_no_chance_is_refused(wrong):
    with pytest.raises(InputError, match="must lie in"):
        holm([0.1, wrong])


def test_holm_seldom_claims_what_is_not_so():
    p_values = np.random.default_rng(0).uniform(size=(4000, 5))
    false_claims = np.mean([(holm(family) <= 0.05).any() for family in p_values])
    assert abs(false_claims - (1 - 0.99**5)) < 3 * math.sqrt(0.05 * 0.95 / 4000)


tables = st.integers(2, 6).flatmap(
    lambda rows: st.lists(
        st.lists(st.integers(0, 4), min_size=3, max_size=3), min_size=rows, max_size=rows
    )
)


@given(tables)
def test_friedmans_test_is_its_closed_form(values):
    table = pd.DataFrame(values, columns=["a", "b", "c"], dtype=float)
    found = mean_ranks(table)
    ranks = np.array([stats.rankdata(row) for row in values])
    assert found.mean.to_numpy() == pytest.approx(ranks.mean(axis=0))
    within = ((ranks - 2) ** 2).sum() / (len(values) * 2)
    if within:
        statistic = len(values) * ((ranks.mean(axis=0) - 2) ** 2).sum() / within
        assert found.p_value == pytest.approx(stats.chi2.sf(statistic, 2))
    else:
        assert found.p_value == 1.0


def test_ranks_by_hand():
    table = pd.DataFrame({"a": [1.0, 1.0], "b": [2.0, 2.0], "c": [3.0, 3.0]}, index=["one", "two"])
    found = mean_ranks(table)
    assert found.mean.to_dict() == {"a": 1.0, "b": 2.0, "c": 3.0}
    assert found.p_value == pytest.approx(math.exp(-2), abs=1e-12)
    assert mean_ranks(table, lower_is_better=False).mean.to_dict() == {"a": 3, "b": 2, "c": 1}
    table.loc["three"] = [1.0, math.nan, 0.0]
    assert mean_ranks(table).blocks == 2
    assert mean_ranks(table).mean.equals(found.mean)


def test_friedmans_test_needs_three_methods_and_two_blocks():
    table = pd.DataFrame({"a": [1.0, 1.0], "b": [2.0, 0.0], "c": [3.0, 3.0]})
    for little in (table[["a", "b"]], table[:1]):
        assert math.isnan(mean_ranks(little).p_value)
        assert mean_ranks(little).mean.notna().all()
    assert math.isnan(mean_ranks(table[:0]).p_value)
    assert mean_ranks(table[:0]).blocks == 0


def test_endings_are_counted_by_method():
    frame = pd.DataFrame(
        {
            "label": ["b"] * 5 + ["a"] * 3,
            "status": [
                *("finished", "target_reached", "budget_spent", "failed", "pending"),
                *("diverged", "diverged", "interrupted"),
            ],
        }
    )
    found = endings(frame)
    assert list(found.index) == ["b", "a"]
    assert found.loc["b"].to_dict() == {"total": 5, "ended": 3, "failed": 1, "diverged": 0}
    assert found.loc["a"].to_dict() == {"total": 3, "ended": 0, "failed": 0, "diverged": 2}

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recorded_runs import record
from scipy import stats

from qnlr.diagnostics.norms import gradient_norms, mean_difference, noise_limit
from qnlr.errors import InputError


@pytest.fixture(scope="module")
def run():
    return record()


def with_history(run, norms, stds, flipped):
    columns = {
        "step": range(len(norms)),
        "metric_gradient_norm": norms,
        "metric_gradient_std": stds,
        "metric_flipped": flipped,
    }
    return dataclasses.replace(run, history=pd.DataFrame(columns))


def test_every_step_has_its_norm_and_reversed_ones_are_marked(run):
    found = gradient_norms(run)
    pd.testing.assert_series_equal(
        found.frame["metric_gradient_norm"], run.history["metric_gradient_norm"]
    )
    (drawing,) = found.drawings
    shown = drawing.frame
    flips = run.history["metric_flipped"]
    assert flips.any()
    assert shown["reversed"].sum() == flips.sum()
    assert shown.loc[shown["reversed"], "step"].tolist() == run.history.loc[flips, "step"].tolist()
    alone = shown[shown["norm"] == "noise alone"]["value"]
    np.testing.assert_array_equal(alone, run.history["metric_gradient_std"])
    assert f"{flips.sum()} steps were reversed" in " ".join(found.says)


@pytest.mark.parametrize("size", [1, 18, 90])
def test_noise_alone_stays_within_its_limit_in_95_of_100_steps(size):
    norms = np.linalg.norm(np.random.default_rng(size).standard_normal((20_000, size)), axis=1)
    within = norms <= noise_limit(size) * math.sqrt(size)
    assert stats.binomtest(int(within.sum()), within.size, 0.95).pvalue > 1e-4


def test_steps_without_a_gradient_are_seen_to_have_none(run):
    rng = np.random.default_rng(0)
    norms = np.linalg.norm(0.1 * rng.standard_normal((200, 18)), axis=1)
    stds = np.full(200, 0.1 * math.sqrt(18))
    found = gradient_norms(with_history(run, norms, stds, np.zeros(200, dtype=bool)))
    assert 0.9 < found.frame["within_noise"].mean() < 0.99
    strong = gradient_norms(with_history(run, norms + 1, stds, np.zeros(200, dtype=bool)))
    assert not strong.frame["within_noise"].any()
    assert strong.says[-1] == "No step was reversed."
    assert strong.drawings[0].marked is None


def test_what_is_left_without_noise_is_the_gradient(run):
    rng = np.random.default_rng(1)
    truth = np.full(18, 0.2)
    norms = np.linalg.norm(truth + 0.1 * rng.standard_normal((4000, 18)), axis=1)
    stds = np.full(4000, 0.1 * math.sqrt(18))
    says = " ".join(gradient_norms(with_history(run, norms, stds, norms < 0)).says)
    left = float(says.split(" is left without")[0].split()[-1])
    assert left == pytest.approx(np.linalg.norm(truth), rel=0.01)
    none = gradient_norms(with_history(run, 0.9 * stds, stds, norms < 0))
    assert "nothing is left without the noise" in " ".join(none.says)


def test_an_exact_run_has_no_noise():
    found = gradient_norms(record(backend={"name": "simulator"}))
    (drawing,) = found.drawings
    assert drawing.by is None
    assert len(drawing.frame) == 25
    assert not found.frame["within_noise"].any()
    assert "oise" not in " ".join(found.says)


@given(seed=st.integers(0, 2**32), shift=st.floats(-3, 3))
def test_the_difference_of_means_is_welch_s(seed, shift):
    rng = np.random.default_rng(seed)
    first, second = rng.normal(shift, 1, 7), rng.normal(0, 3, 5)
    found = mean_difference(pd.Series(first), pd.Series(second))
    errors = first.var(ddof=1) / 7, second.var(ddof=1) / 5
    freedom = sum(errors) ** 2 / (errors[0] ** 2 / 6 + errors[1] ** 2 / 4)
    half = stats.t.ppf(0.975, freedom) * math.sqrt(sum(errors))
    assert found.mean == pytest.approx(first.mean() - second.mean())
    assert found.half_width == pytest.approx(half)


def test_norms_at_reversed_steps_are_told_apart_if_they_differ(run):
    rng = np.random.default_rng(3)
    flipped = np.arange(60) % 3 == 0
    stds = np.full(60, 0.01)
    apart = gradient_norms(with_history(run, rng.normal(1, 0.1, 60) + flipped, stds, flipped))
    assert apart.says[-1].endswith("the two differ.")
    same = gradient_norms(with_history(run, rng.normal(1, 0.1, 60), stds, flipped))
    assert same.says[-1].endswith("the two cannot be told apart.")


def test_a_run_without_steps_has_no_norms(run):
    with pytest.raises(InputError, match="made no step"):
        gradient_norms(dataclasses.replace(run, history=run.history.iloc[:0]))

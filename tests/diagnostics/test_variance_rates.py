"""Intervals of variances, and laws fitted to them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from qnlr.diagnostics.rates import (
    best_law,
    decays_exponentially,
    fit_laws,
    quantile,
    variance_interval,
)
from qnlr.errors import InputError

SIZES = np.array([4.0, 6.0, 8.0, 10.0, 12.0, 14.0, 16.0])


@pytest.mark.parametrize(
    ("name", "samples", "lowest"),
    [("normal", 100, 0.93), ("uniform", 100, 0.93), ("cosines", 200, 0.91), ("laplace", 200, 0.90)],
)
def test_intervals_hold_the_variance_as_often_as_they_say(name, samples, lowest) -> None:
    rng, trials = np.random.default_rng(3), 600
    angles = lambda: np.cos(rng.uniform(-np.pi, np.pi, (trials, samples)))
    drawn, variance = {
        "normal": lambda: (rng.normal(size=(trials, samples)), 1.0),
        "uniform": lambda: (rng.uniform(size=(trials, samples)), 1 / 12),
        "cosines": lambda: (angles() * angles(), 0.25),
        "laplace": lambda: (rng.laplace(size=(trials, samples)), 2.0),
    }[name]()
    found = [variance_interval(values) for values in drawn]
    held = np.mean([one.low <= variance <= one.high for one in found])
    assert lowest - 0.02 <= held <= 0.985


def test_intervals_of_very_heavy_tails_are_too_narrow_and_say_that_they_are_not_sharp() -> None:
    rng, trials, factors = np.random.default_rng(4), 200, 16
    angles = rng.uniform(-np.pi, np.pi, (trials, 200, factors))
    found = [variance_interval(values) for values in np.cos(angles).prod(axis=2)]
    held = np.mean([one.low <= 2.0**-factors <= one.high for one in found])
    assert held < 0.8
    assert np.median([one.effective for one in found]) < 60


@given(scale=st.floats(1e-12, 1e12), shift=st.floats(-1e3, 1e3))
def test_variances_scale_with_the_square(scale: float, shift: float) -> None:
    values = np.random.default_rng(0).normal(size=50)
    one, other = variance_interval(values), variance_interval(scale * (values + 0.0))
    assert other.variance == pytest.approx(scale**2 * one.variance)
    assert other.high / other.low == pytest.approx(one.high / one.low)
    moved = variance_interval(values + shift)
    assert moved.variance == pytest.approx(one.variance, rel=1e-6)


def test_constant_values_have_no_spread() -> None:
    assert variance_interval(np.zeros(5)).high == 0.0


@pytest.mark.parametrize("law", ["exponential", "power", "constant"])
def test_the_law_is_found_and_its_rate_lies_in_the_interval(law: str) -> None:
    rng, std, held, named, wrong = np.random.default_rng(5), 0.1, 0, 0, 0
    trials, rate = 400, {"exponential": 0.69, "power": 2.0, "constant": 0.0}[law]
    shape = {"exponential": SIZES, "power": np.log(SIZES), "constant": 0 * SIZES}[law]
    for _ in range(trials):
        logs = -1.0 - rate * shape + std * rng.normal(size=len(SIZES))
        laws = fit_laws(SIZES, logs, np.full(len(SIZES), std))
        named += best_law(laws) == law
        wrong += best_law(laws) not in (law, None)
        fitted = next(one for one in laws if one.name == law)
        held += law == "constant" or fitted.rate.low <= rate <= fitted.rate.high
        if law == "exponential":
            assert decays_exponentially(laws) is True
    assert named / trials > 0.8
    assert wrong / trials < 0.02
    assert law == "constant" or 0.92 <= held / trials <= 0.98


def test_growth_is_no_decay_and_two_sizes_cannot_tell() -> None:
    growing = fit_laws(SIZES, 0.3 * SIZES, np.full(len(SIZES), 0.1))
    assert decays_exponentially(growing) is False
    for few in (2, 3):
        laws = fit_laws(SIZES[:few], -0.7 * SIZES[:few], np.full(few, 0.1))
        assert decays_exponentially(laws) is None


def test_errors_weigh() -> None:
    laws = fit_laws([1, 2, 3], [-1.0, -2.0, 5.0], [0.01, 0.01, 1e6])
    assert laws[0].rate.mean == pytest.approx(1.0, abs=1e-6)


def test_what_cannot_be_fitted_is_refused() -> None:
    for sizes, stds in (([2, 2], [0.1, 0.1]), ([0, 1], [0.1, 0.1]), ([1, 2], [0.1, 0.0])):
        with pytest.raises(InputError, match="cannot be fitted"):
            fit_laws(sizes, [0.0, 1.0], stds)
    with pytest.raises(InputError, match="number of values = 4"):
        variance_interval(np.zeros(4))
    for confidence in (0.0, 1.0, 2.0):
        with pytest.raises(InputError, match="confidence"):
            quantile(confidence)


def test_normal_values_have_the_usual_error() -> None:
    found = variance_interval(np.random.default_rng(0).normal(size=20_000))
    assert found.std == pytest.approx(math.sqrt(2 / 20_000), rel=0.05)
    assert quantile(0.95) == pytest.approx(stats.norm.ppf(0.975))


def test_of_laws_that_do_not_fit_the_best_is_no_evidence_against_a_decay() -> None:
    steps = np.array([-1.4, -4.9, -5.2, -5.3, -6.7])  # as depths that go up by steps make them
    fine = fit_laws(SIZES[:5], steps, np.full(5, 0.02))
    assert best_law(fine) == "power"
    assert not any(law.fits for law in fine)
    assert decays_exponentially(fine) is None
    true = fit_laws(SIZES[:5], -2.0 * np.log(SIZES[:5]), np.full(5, 0.02))
    assert next(law for law in true if law.name == "power").fits
    assert decays_exponentially(true) is False

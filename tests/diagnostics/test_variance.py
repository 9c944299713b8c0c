"""Variances of gradients against qubits and depth, at small sizes."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from qnlr.circuits import global_z
from qnlr.diagnostics import DIAGNOSTICS
from qnlr.diagnostics.random_gradients import Case
from qnlr.diagnostics.two_design import two_design_variance, two_design_variance_at_start
from qnlr.diagnostics.variance import deep_variance, gradient_variance
from qnlr.diagnostics.variance_checks import agreement
from qnlr.errors import InputError


@pytest.fixture(scope="module")
def found():
    return gradient_variance((2, 3, 5, 6), ("2", "4n"), ("z", "global_z"), samples=400)


@pytest.fixture(scope="module")
def shallow():
    return gradient_variance((2, 4, 6, 8), ("1",), ("z", "global_z"), samples=2000)


def test_there_is_a_row_for_each_case(found) -> None:
    frame = found.frame
    assert len(frame) == 16
    assert frame["layers"].tolist() == [2] * 8 + [8, 12, 20, 24] * 2
    assert (frame["low"] < frame["variance"]).all()
    assert (frame["variance"] < frame["high"]).all()
    assert (frame["mean_low"] < frame["mean_variance"]).all()


def test_one_layer_is_local_or_global(shallow) -> None:
    words = {check.statement: check.word for check in shallow.checks}
    assert len(words) == 4
    assert set(words.values()) == {"holds"}


def test_deep_circuits_vary_as_two_designs(found) -> None:
    exact = [check for check in found.checks if "second moment" in check.statement]
    assert [check.holds for check in exact] == [True] * 4
    deep = [check for check in found.checks if "2-design" in check.statement]
    assert [check.holds for check in deep] == [True, True]


def test_the_mean_over_all_derivatives_is_the_exact_one(found) -> None:
    frame = found.frame
    score = np.log(frame["mean_variance"] / frame["mean_theory"]) / frame["mean_std"]
    assert (score.abs() < 4).all()
    assert (score**2).mean() < 2.5


def test_rates_are_those_of_theory(found, shallow) -> None:
    rates = found.tables["rates"].set_index(["observable", "depth", "quantity", "law"])
    row = rates.loc[("global_z", "4n", "component", "exponential")]
    assert row["low"] < row["two_design"] < row["high"]
    assert row["two_design"] == pytest.approx(math.log(2), abs=0.06)
    assert row["predicted"] == pytest.approx(row["two_design"], abs=0.01)
    flat = (
        shallow.tables["rates"]
        .set_index(rates.index.names)
        .loc[("z", "1", "component", "exponential")]
    )
    assert flat["predicted"] == pytest.approx(0.0, abs=1e-12)


def test_a_wrong_theory_is_found_out(found) -> None:
    group = found.frame[(found.frame["depth"] == "4n") & (found.frame["observable"] == "z")]
    assert agreement(group, "z").holds is True
    assert agreement(group.assign(theory=1.3 * group["theory"]), "z").holds is False
    assert agreement(group.assign(theory=math.nan), "z") is None


def test_too_heavy_tails_cannot_be_told(found) -> None:
    group = found.frame[found.frame["depth"] == "2"].assign(std=0.5)
    assert agreement(group, "z").holds is None


def test_the_same_seed_gives_the_same_frame_and_another_one_does_not() -> None:
    settings = {"qubits": (2, 3), "layers": ("2",), "observables": ("z",), "samples": 20}
    one, other, third = (gradient_variance(**settings, seed=seed) for seed in (0, 0, 1))
    pd.testing.assert_frame_equal(one.frame, other.frame)
    assert (one.frame["variance"] != third.frame["variance"]).all()


def test_narrow_weights_lose_less_with_qubits_and_have_no_theory_here() -> None:
    settings = {"qubits": (3, 7), "layers": ("4n",), "observables": ("z",), "samples": 60}
    uniform = gradient_variance(**settings).frame["mean_variance"]
    narrow = gradient_variance(**settings, initialisation="gaussian")
    kept = narrow.frame["mean_variance"]
    assert kept[1] / kept[0] > 1.5 * uniform[1] / uniform[0]
    assert narrow.frame["theory"].isna().all()
    assert not narrow.checks


def test_identity_blocks_are_measured() -> None:
    found = gradient_variance(
        (2, 4), ("4",), ("global_z",), "identity_blocks", "identity", samples=30
    )
    assert (found.frame["variance"] > 0).all()


def test_nothing_random_is_before_the_first_rotation_of_a_qubit() -> None:
    case = Case(3, 9, "global_z")
    start = two_design_variance_at_start(3, global_z(3))
    assert [deep_variance(case, number) for number in (0, 3)] == [start, start]
    assert deep_variance(case, 1) == two_design_variance(3, global_z(3))
    tilted = Case(3, 9, "global_z", "random_axes")
    assert deep_variance(tilted, 0) == pytest.approx(start * 2 / 3)


def test_progress_is_told_to_the_end() -> None:
    told: list[tuple[int, int]] = []
    gradient_variance(
        (2, 8), ("1",), ("z",), samples=1100, told=lambda done, total: told.append((done, total))
    )
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"qubits": (4,)}, "at least 2 different numbers"),
        ({"qubits": (4, 4)}, "at least 2 different numbers"),
        ({"layers": ()}, "at least one entry"),
        ({"layers": ("n^2",)}, 'depth "n\\^2"'),
        ({"observables": ("q",)}, 'observable "q"'),
        ({"samples": 4}, "samples = 4"),
        ({"confidence": 1.0}, "confidence = 1.0"),
        ({"component": "best"}, 'component "best"'),
    ],
)
def test_settings_that_are_not_valid_are_refused(settings, message) -> None:
    with pytest.raises(InputError, match=message):
        gradient_variance(**{"qubits": (2, 3), "layers": ("1",), "samples": 5, **settings})


def test_it_is_registered() -> None:
    assert DIAGNOSTICS["variance"] == "qnlr.diagnostics.variance:gradient_variance"
    assert DIAGNOSTICS["noise"] == "qnlr.diagnostics.noisy_variance:noisy_gradient_variance"

"""Theorem 2 on small circuits: violations vanish where losses are compared exactly."""

import numpy as np
import pytest

from qnlr.circuits import hardware_efficient
from qnlr.diagnostics.decaying import Decaying
from qnlr.diagnostics.descents import decays, floor_exponents, floor_levels, floors, settle
from qnlr.diagnostics.post_escape import ising_energy, theorem_2
from qnlr.diagnostics.surface import Surface
from qnlr.diagnostics.violations import informative_points, violation_rates
from qnlr.errors import InputError
from qnlr.optimizers import Constant, NegativeRate, Plain, SignedRateOptimizer

SMALL = {
    "qubits": 2,
    "rates": (0.01, 0.1),
    "points": 4,
    "repeats": 2,
    "powers": (1.0,),
    "decay_steps": 50,
    "floor_rates": (0.1, 0.4),
    "floor_steps": 10,
    "trajectories": 3,
}


def chain(shots=50):
    return Surface(hardware_efficient(3, 1), ising_energy(3, 1.0), shots)


def test_the_ground_energy_is_that_of_the_chain():
    lowest = np.linalg.eigvalsh(ising_energy(2, 1.0).to_matrix())[0]
    assert lowest == pytest.approx(-np.sqrt(5) / 2)


def test_rates_decay_and_signs_are_those_of_the_rule():
    optimizer = SignedRateOptimizer(Plain(), Decaying(NegativeRate, 0.4, 2.0, 0.75), maxiter=6)
    seen = []
    optimizer = SignedRateOptimizer(
        Plain(), optimizer.rate, maxiter=6, callback=lambda record: seen.append(record)
    )
    losses = iter(np.array([0, 1, 0, -1] * 6, dtype=float))  # worse, better, worse, ...
    optimizer.minimize(lambda x: next(losses), np.zeros(2), lambda x: np.ones(2))
    expected = 0.4 * (2.0 / (np.arange(6) + 2.0)) ** 0.75
    signs = np.where(np.arange(6) % 2 == 0, -2.0, 1.0)
    np.testing.assert_allclose([record.rate for record in seen], signs * expected)


def test_decaying_rates_are_refused_outside_their_range():
    with pytest.raises(InputError, match="power"):
        Decaying(Constant, 0.1, 1.0, 1.5)


def test_violations_vanish_with_exact_losses_and_become_a_coin_with_measured_ones():
    here, rng = chain(), np.random.default_rng(0)
    points = informative_points(here, 30, 0.3, rng)
    found = violation_rates(here, points, [1e-3, 6.0], 30, 0.3, rng)
    table = found.set_index(["mode", "learning_rate"])
    assert table.loc[("exact gradients, exact losses", 1e-3), "p"] == 0
    assert table.loc[("exact gradients, exact losses", 6.0), "p"] > 0.1
    assert table.loc[("measured gradients, exact losses", 1e-3), "p"] < 0.02
    coin = table.loc[("measured gradients and losses", 1e-3)]
    assert coin["p"] == pytest.approx(0.5, abs=0.07)
    assert coin["first_order"] == pytest.approx(0.5, abs=0.02)


def test_the_first_order_predicts_violations_of_few_shots():
    here, rng = chain(shots=2), np.random.default_rng(1)
    points = informative_points(here, 60, 0.3, rng)
    found = violation_rates(here, points, [1e-4], 40, 0.3, rng).set_index("mode")
    row = found.loc["measured gradients, exact losses"]
    assert row["p_low"] > 0.01
    assert row["p"] == pytest.approx(row["first_order"], abs=0.05)
    assert row["below_epsilon"] > row["p"]


def test_too_large_an_epsilon_is_refused():
    with pytest.raises(InputError, match="epsilon"):
        informative_points(chain(), 5, 100.0, np.random.default_rng(0))


@pytest.mark.slow
def test_sgd_converges_under_a_schedule_and_nlr_with_measured_losses_does_not():
    here, rng = chain(shots=20), np.random.default_rng(2)
    starts = informative_points(here, 8, 0.3, rng)
    _, table = decays(here, starts, 1.0, 1.0, 10.0, 300, 2.0, rng)
    table = table.set_index("rule")
    assert table.loc["SGD", "left"] < 0.1
    assert table.loc["SGD", "cost_change_high"] < 0
    assert table.loc["NLR", "left"] > 3 * table.loc["SGD", "left"]
    assert table.loc["NLR", "cost_change"] > table.loc["SGD", "cost_change"] + 0.1
    same = ("SGD, all exact", "NLR, all exact")
    assert table.loc[same[0], "cost_change"] == pytest.approx(table.loc[same[1], "cost_change"])


def test_floors_are_of_every_rule_rate_and_trajectory():
    here, rng = chain(shots=20), np.random.default_rng(3)
    runs = floors(here, settle(here, here.points(3, rng), 0.4), [0.1, 0.4], 40, 2.0, rng)
    levels = floor_levels(runs).set_index(["rule", "learning_rate"])["square_gradient"]
    assert len(runs) == 6 * 2 * 3
    assert levels["SGD", 0.4] > levels["SGD", 0.1] > 10 * levels["SGD, all exact", 0.1]
    assert levels["NLR", 0.1] > levels["SGD", 0.1]
    assert set(floor_exponents(runs)["rule"]) == set(runs["rule"])


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ({"powers": (0.5,)}, "power"),
        ({"floor_rates": (0.1,)}, "floor_rates"),
        ({"rates": (0.0,)}, "rate"),
        ({"qubits": 1}, "qubits"),
    ],
)
def test_settings_outside_their_range_are_refused(setting, named):
    with pytest.raises(InputError, match=named):
        theorem_2(**{**SMALL, **setting})


def test_findings_draw_and_check_what_was_measured():
    found = theorem_2(**SMALL)
    assert {drawing.name for drawing in found.drawings} == {
        "violations",
        "gradients",
        "costs",
        "floors",
    }
    assert set(found.frame["rule"]) == set(found.tables["decays"]["rule"])
    assert any("p → 0" in check.statement for check in found.checks)

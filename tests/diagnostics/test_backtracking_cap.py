import math

import numpy as np
import pytest

from qnlr.diagnostics.backtracking_cap import lemma_2
from qnlr.diagnostics.backtracking_findings import checks
from qnlr.errors import InputError


@pytest.fixture(scope="module")
def found():
    return lemma_2(qubits=5, layers=1, rates=(0.05, 0.3, 1.0), shots=(20, 100), points=250, seed=1)


def named(found_checks, part):
    return next(check for check in found_checks if part in check.statement)


def test_every_failed_probe_is_looked_at_with_every_c(found):
    counts = found.frame.groupby("decrease").size()
    assert len(counts) == 3
    assert counts.nunique() == 1
    assert found.tables["caps"]["failed"].le(250).all()


def test_caps_are_those_of_the_paper(found):
    part = found.frame[found.frame["curvature"] > 0]
    square = part["measured_norm"] ** 2
    appendix = 2 * (part["slope"] - part["decrease"] * square) / part["curvature"]
    equation = 2 * (1 - part["decrease"]) * part["slope"] / part["curvature"]
    assert part["cap_appendix"].to_numpy() == pytest.approx(appendix.to_numpy())
    assert part["cap_equation_13"].to_numpy() == pytest.approx(equation.to_numpy())
    implied = part["slope"] <= square
    assert (part["cap_appendix"] <= part["cap_equation_13"])[implied].all()


def test_accepted_steps_keep_to_the_cap_of_the_appendix(found):
    part = found.frame[found.frame["rate"] * found.frame["measured_norm"] < 0.3]
    met = part[part["accepted"].notna()]
    assert len(met)
    assert (met["accepted"] <= 1.1 * met["cap_appendix"]).all()
    # halving overshoots a cap by a factor of two at most
    assert (met["accepted"] >= 0.45 * met["cap_appendix"]).mean() > 0.8
    assert (part["cap_appendix"] < 0)[part["accepted"].isna()].mean() > 0.98


def test_the_two_caps_differ_where_the_gradient_is_noise(found):
    appendix = named(found.checks, "cap of the appendix")
    assert appendix.holds is not False  # too few here to be sure of 95 %
    assert appendix.measured.startswith("in 1.000")
    assert named(found.checks, "cap of Eq. 13").holds is False


def test_a_probe_that_fails_at_a_small_rate_leads_uphill(found):
    small = found.frame[found.frame["rate"] == 0.05]
    assert (small["slope"] < 0).mean() > 0.9
    assert small["accepted"].isna().mean() > 0.9
    assert named(found.checks, "backtracking finds a step").holds is False


def test_uniform_caps_are_found_uniform_and_short_ones_short(found):
    """The checks on the order of caps, on frames where it is known."""
    evenly = np.tile((np.arange(200) + 0.5) / 200, 2)
    frame = found.frame.iloc[np.zeros(400, dtype=int)].reset_index(drop=True)
    frame = frame.assign(rate=np.repeat([0.01, 0.1], 200), curvature=2.0, measured_norm=1.0)
    frame = frame.assign(point=np.arange(400))
    uniform = frame.assign(slope=frame["rate"] * evenly)
    short = frame.assign(slope=1e-4 * (1 + evenly))
    assert named(checks(uniform), "uniform").holds
    assert not named(checks(uniform), "far below η").holds
    assert not named(checks(uniform), "order of the cap").holds
    assert not named(checks(short), "uniform").holds
    assert named(checks(short), "far below η").holds
    assert named(checks(short), "order of the cap").holds


def test_seeds_repeat():
    shown = [
        lemma_2(qubits=3, layers=1, rates=(0.3,), shots=(10,), points=30, seed=seed).frame
        for seed in (0, 0, 1)
    ]
    assert shown[0].equals(shown[1])
    assert not shown[0].equals(shown[2])
    assert all(math.isfinite(value) for value in shown[0]["slope"])


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"points": 1}, "points = 1"),
        ({"shots": (1,)}, "shots = 1"),
        ({"rates": (-0.1,)}, "rates = -0.1"),
        ({"decreases": (1.0,)}, "decreases = 1.0"),
        ({"decreases": ()}, "must not be empty"),
        ({"shots": (100_000,), "rates": (1e-6,), "points": 2}, "no probe failed"),
    ],
)
def test_settings_are_checked(settings, said):
    with pytest.raises(InputError, match=said):
        lemma_2(**({"qubits": 2, "layers": 1} | settings))

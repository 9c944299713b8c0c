"""Remark 1 on small circuits: its formula is that of one dimension."""

import numpy as np
import pytest

from qnlr.diagnostics.exit_times import remark_1
from qnlr.diagnostics.exits import Exits
from qnlr.errors import InputError


@pytest.fixture(scope="module")
def found():
    return remark_1(4, 2, 4, radii=(0.4, 0.8), trajectories=16, steps=100, restarts=400)


def test_exits_of_a_straight_way():
    distances = np.linspace(0, 2, 21)[:, None] * np.array([1.0, 0.25])
    norms = np.tile(np.linspace(1, 3, 21)[:, None], (1, 2))
    one = Exits(5, distances, np.zeros_like(norms), norms, coefficient=0.1)
    times = one.times(1.0)
    np.testing.assert_array_equal(times, [10.0, np.nan])
    np.testing.assert_allclose(one.norms_at(times), [2.0])
    np.testing.assert_allclose(one.distances_at(times), [1.0])
    np.testing.assert_array_equal(one.escapes(2.5), [15.0, 15.0])


def test_the_paper_formula_is_too_long_by_the_dimension(found):
    walk = found.frame[found.frame["rule"] == "Gaussian walk"].set_index("radius")
    assert (walk["exited"] == walk["starts"]).all()
    assert walk.loc[0.8, "time"] == pytest.approx(walk.loc[0.8, "brownian"], rel=0.2)
    assert walk.loc[0.8, "paper"] == pytest.approx(24 * walk.loc[0.8, "brownian"])
    verdicts = {check.statement: check.holds for check in found.checks}
    assert verdicts["Remark 1, Gaussian walk: E[τ] = R²/2D"] is False
    assert verdicts["Remark 1, NLR: E[τ] = R²/2D"] is False


def test_a_walk_that_left_a_ball_has_no_larger_gradient(found):
    walk = found.frame[found.frame["rule"] == "Gaussian walk"].set_index("radius")
    assert walk.loc[0.8, "beyond_high"] < 0.5
    assert walk.loc[0.8, "norm_ratio_low"] < 1.2


def test_a_ball_that_nobody_leaves_is_no_verdict():
    far = remark_1(2, 1, 4, radii=(50.0,), trajectories=3, steps=5, restarts=100)
    assert far.frame["time"].isna().all()
    formulas = [check for check in far.checks if "E[τ]" in check.statement]
    assert formulas
    assert all(check.holds is None for check in formulas)


@pytest.mark.parametrize(
    ("setting", "named"),
    [({"radii": ()}, "radii"), ({"radii": (-1.0,)}, "radius"), ({"multiple": 1.0}, "multiple")],
)
def test_settings_outside_their_range_are_refused(setting, named):
    with pytest.raises(InputError, match=named):
        remark_1(**setting)

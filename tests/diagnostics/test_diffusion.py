"""Theorem 1 on small circuits: coefficients are those of the steps that were made."""

import numpy as np
import pytest

from qnlr.diagnostics.diffusion import theorem_1
from qnlr.diagnostics.diffusion_coefficients import diffusion
from qnlr.diagnostics.trajectories import Trajectories, random_walk
from qnlr.errors import InputError


@pytest.fixture(scope="module")
def found():
    return theorem_1(qubits=4, layers=3, shots=4, trajectories=12, steps=40)


def test_coefficients_of_known_walks():
    rng = np.random.default_rng(0)
    path = random_walk(np.zeros((200, 10)), 50, 0.2, rng)
    straight = np.linspace(0, 1, 51)[:, None, None] * np.ones((1, 200, 10))
    shape = (50, 200)
    for weights, ratio, turn in ((path, 1.0, 0.0), (straight, 50.0, 1.0)):
        kept = np.full(shape, 0.1)
        paths = Trajectories({"a": weights}, {"a": kept}, {"a": kept}, {"a": kept > 1})
        one = diffusion(paths, "a", np.zeros((51, 200)))
        assert one.long.mean() / one.short.mean() == pytest.approx(ratio, rel=0.1)
        assert one.correlation.mean() == pytest.approx(turn, abs=0.02)
        assert np.isnan(one.square_norm_worse).all()
    walk = Trajectories({"a": path}, {"a": kept}, {"a": kept}, {"a": kept > 1})
    assert diffusion(walk, "a", np.zeros((51, 200))).short.mean() == pytest.approx(0.01, rel=0.03)


def test_the_definition_of_d_gives_half_of_what_the_theorem_states(found):
    table = found.tables["coefficients"].set_index("rule")
    for name in ("SGD", "NLR", "backtracking", "SGD, matched rate"):
        row = table.loc[name]
        assert row["D_derived"] < 1.05 * row["D_step"]
        assert row["D_step_high"] < 0.9 * row["D_stated"]
    checks = {check.statement: check for check in found.checks}
    stated = next(check for text, check in checks.items() if text.startswith("Eq. 16"))
    assert stated.holds is False


def test_a_sign_flip_diffuses_as_a_longer_step_does(found):
    table = found.tables["coefficients"].set_index("rule")
    assert table.loc["NLR", "D_step"] > 2 * table.loc["backtracking", "D_step"]
    ratio = table.loc["NLR", "D_step"] / table.loc["SGD, matched rate", "D_step"]
    assert ratio == pytest.approx(1.0, abs=0.15)
    assert table.loc["NLR", "cost_change"] > table.loc["SGD", "cost_change"]


def test_findings_are_tidy_and_repeat(found):
    assert set(found.frame["rule"]) == set(found.tables["coefficients"]["rule"])
    again = theorem_1(qubits=2, layers=1, shots=4, trajectories=3, steps=4, seed=1)
    same = theorem_1(qubits=2, layers=1, shots=4, trajectories=3, steps=4, seed=1)
    other = theorem_1(qubits=2, layers=1, shots=4, trajectories=3, steps=4, seed=2)
    assert again.frame.equals(same.frame)
    assert not again.frame.equals(other.frame)


def test_progress_ends_at_the_total():
    told = []
    theorem_1(2, 1, 4, trajectories=2, steps=4, told=lambda done, total: told.append((done, total)))
    assert told[-1][0] == told[-1][1]
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_settings_outside_their_range_are_refused():
    with pytest.raises(InputError, match="trajectories"):
        theorem_1(trajectories=1)
    with pytest.raises(InputError, match="steps"):
        theorem_1(steps=1)

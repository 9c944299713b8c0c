"""A leaderboard kept in three small files: read again, and held on with one more optimizer."""

import pandas as pd
import pytest
from board_configs import UPHILL, tiny

from qnlr.study.archive import pack, unpack
from qnlr.study.build import Builder
from qnlr.study.leaderboard import hold, load_board
from qnlr.study.leaderboard.outcomes import Kept, runs_frame
from qnlr.study.leaderboard.plan import Plan
from qnlr.study.leaderboard.standings import standings
from qnlr.study.leaderboard.targets import costs_frame


def small():
    config = tiny()
    config["problem"] = config["problem"][:1]
    config["leaderboard"]["decades"] = [0.3]
    return config


def frame(board, folder):
    return runs_frame(Plan(board, Builder()), Kept(folder))


@pytest.fixture
def restored(tmp_path):
    """Folders of a leaderboard, and of what came out of its archive."""
    folder = hold(load_board(small()), tmp_path / "results").folder
    pack([folder], tmp_path / "archive", brief=True)
    (again,) = unpack(tmp_path / "archive", tmp_path / "again")
    return folder, again


def test_it_is_done_and_has_the_same_runs_and_costs(restored):
    folder, again = restored
    board = load_board(small())
    assert hold(board, again.parent).executed == 0
    before, after = frame(board, folder), frame(board, again)
    pd.testing.assert_frame_equal(before, after)
    compared = after["use"] != "tuning"
    assert not after["noisy"][compared].any()
    costs = []
    for where, runs in ((folder, before), (again, after)):
        kept = Kept(where)
        costs.append(costs_frame(standings(board, runs, kept), kept))
    assert costs[0]["cost"].notna().any()
    pd.testing.assert_frame_equal(*costs)


def test_an_optimizer_of_ones_own_is_all_that_is_run(restored, tmp_path):
    (tmp_path / "uphill.py").write_text(UPHILL)
    board = load_board(small(), [tmp_path / "uphill.py"])
    report = hold(board, restored[1].parent)
    found = frame(board, restored[1])
    own = found[found["entry"] == board.entries[-1].name]
    assert report.executed == own["run"].nunique() > 0
    assert set(found["entry"]) == {entry.name for entry in board.entries}

"""A leaderboard whose entries are not all run on the same seeds, and one that was stopped."""

import json
import shutil

import numpy as np
import pytest
from board_configs import tiny

from qnlr.study.build import Builder
from qnlr.study.leaderboard import hold, load_board
from qnlr.study.leaderboard.exact import measure
from qnlr.study.leaderboard.outcomes import Kept, runs_frame, tuned_rates
from qnlr.study.leaderboard.pictures import cost_intervals
from qnlr.study.leaderboard.plan import Plan
from qnlr.study.leaderboard.standings import standings
from qnlr.study.leaderboard.targets import costs_frame


@pytest.fixture(scope="module")
def small():
    """A leaderboard in which the reference has one of two seeds where it is not tuned."""
    config = tiny()
    config["problem"], config["mode"] = config["problem"][:1], config["mode"][1:]
    config["leaderboard"] |= {"decade_seeds": 1, "rates": [0.03, 0.3]}
    config["entry"][1] = {**config["entry"][1], "rates": [], "decade_seeds": 2}
    return load_board(config)


@pytest.fixture(scope="module")
def held(small, tmp_path_factory):
    return hold(small, tmp_path_factory.mktemp("seeds"))


def test_costs_of_entries_with_fewer_seeds_leave_those_of_others_as_they_are(small, held):
    kept = Kept(held.folder)
    found = standings(small, runs_frame(Plan(small, Builder()), kept), kept)
    costs = costs_frame(found, kept)
    intervals = cost_intervals(found, costs)
    assert intervals["mean"].notna().all()
    for row in intervals[intervals["mode"] == "all modes"].to_dict("records"):
        use = row["way"].partition(",")[0]
        own = costs[(costs["entry"] == row["entry"]) & (costs["use"] == use)]
        assert len(own) == (1 if (row["entry"], use) == ("sgd", "untuned") else 2)
        column = "ratio" if row["way"].endswith("not counted") else "ratio_counted"
        assert row["mean"] == np.median(own[column])


@pytest.mark.parametrize("status", ["interrupted", "failed"])
def test_rates_are_chosen_when_tuning_has_ended_and_not_by_what_was_known_before(
    small, held, tmp_path, status
):
    plan = Plan(small, Builder())
    (cell,) = [cell for cell in plan.cells if cell.entry.name == "sgd"]
    stopped = plan.tuning(cell)[0].run
    kept = Kept(tmp_path)
    file = tmp_path / stopped / "status.json"
    whole = (held.folder / stopped / "status.json").read_text()
    for run in plan.tuning(cell):
        (tmp_path / run.run).mkdir()
        text = (held.folder / run.run / "status.json").read_text()
        (tmp_path / run.run / "status.json").write_text(text)
    file.write_text(json.dumps({**json.loads(whole), "status": status}))
    before = tuned_rates(plan, kept)[cell.key]
    assert (before is None) == (status == "interrupted")
    file.write_text(whole)
    after = tuned_rates(plan, kept)[cell.key]
    assert after == tuned_rates(plan, Kept(held.folder))[cell.key] is not None


def test_a_run_that_is_not_done_has_no_loss(small, held, tmp_path):
    kept = Kept(tmp_path)
    kept.exact = Kept(held.folder).exact
    assert kept.exact
    assert runs_frame(Plan(small, Builder()), kept).empty


def test_a_run_made_anew_is_evaluated_anew(small, held, tmp_path):
    folder = tmp_path / held.folder.name
    shutil.copytree(held.folder, folder)
    run, known = next(iter(Kept(folder).exact.items()))
    assert Kept(folder).exact_loss(run) == known["loss"]
    file = folder / run / "status.json"
    status = json.loads(file.read_text())
    status["metrics"]["metric_train_loss"] += 0.5  # as if it had ended elsewhere
    file.write_text(json.dumps(status))
    kept = Kept(folder)
    assert kept.exact_loss(run) is None
    measure(Plan(small, Builder()), kept, Builder())
    assert Kept(folder).exact[run] == {"loss": known["loss"], "measured": known["measured"] + 0.5}

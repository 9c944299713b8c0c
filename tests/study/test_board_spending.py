"""What runs of a leaderboard may spend, what they spent, and what the page says of it."""

import math

import pytest
from board_configs import tiny

from qnlr.errors import InputError
from qnlr.study.build import Builder
from qnlr.study.leaderboard import hold, load_board
from qnlr.study.leaderboard.exact import exact_loss
from qnlr.study.leaderboard.outcomes import Kept, runs_frame
from qnlr.study.leaderboard.page import board_document
from qnlr.study.leaderboard.plan import Plan
from qnlr.study.leaderboard.spending import capped_sentences, spending
from qnlr.study.leaderboard.standings import standings
from qnlr.study.store import RunFolder

NO_RESUMING = """\
from qnlr.optimizers import SGD


class Forgets(SGD):
    def load_state_dict(self, plain):
        raise NotImplementedError("it cannot go on")
"""
HIDDEN = (
    NO_RESUMING.replace("Forgets", "Hides")
    + """
    def state_dict(self):
        return {"mine": super().state_dict()}
"""
)


def short(**leaderboard):
    """Return the tiny leaderboard on the dataset with 100 shots, with one that chooses its own."""
    config = tiny()
    config["problem"], config["mode"] = config["problem"][:1], config["mode"][1:]
    config["leaderboard"] |= {"rates": [0.3], "decades": [0.3], "seeds": 1, **leaderboard}
    icans = {"name": "icans", "optimizer": "icans", "most_steps": 60}
    config["entry"] = [config["entry"][0], config["entry"][2], icans]
    config["leaderboard"] |= {"subject": None, "parameter_free": []}
    return config


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    folder = tmp_path_factory.mktemp("spending")
    files = [folder / "forgets.py", folder / "hides.py"]
    for file, text in zip(files, (NO_RESUMING, HIDDEN), strict=True):
        file.write_text(text)
    board = load_board(short(most_steps=20), files)
    report = hold(board, folder)
    kept = Kept(report.folder)
    plan = Plan(board, Builder())
    return standings(board, runs_frame(plan, kept), kept), kept, plan


def test_an_entry_may_have_more_steps_and_is_evaluated_evenly_in_them_if_it_chooses_shots(held):
    cells = {cell.entry.name: cell.spec.training for cell in held[2].cells}
    assert cells["sgd"].steps == cells["spsa"].steps == 20
    assert cells["icans"].steps == 60
    assert cells["icans"].max_shots == cells["sgd"].max_shots
    assert cells["sgd"].evaluate_every == 2  # a fourth of its eight steps
    assert cells["icans"].evaluate_every == 60 // (3 * 4)


def test_what_was_spent_is_what_the_runs_spent(held):
    known = held[0]
    spent = spending(known).set_index("entry")
    assert spent.loc["sgd", "share"] == 1
    assert spent.loc["sgd", "steps"] == 8
    assert spent.loc["sgd", "capped"] == 0  # its budget ended it
    assert spent.loc["spsa", "steps"] == 20
    assert spent.loc["spsa", "share"] == pytest.approx(20 * 2 / (8 * 13))
    (sentence,) = capped_sentences(known, spending(known))
    assert "below 95 % of the budget" in sentence
    assert "spsa (1 of 1 tuned runs)" in sentence
    assert "sgd" not in sentence
    assert ("icans" in sentence) == (spent.loc["icans", "capped"] > 0)


def test_the_page_claims_no_equal_budgets_where_there_are_none(held):
    known, kept, _ = held
    document = board_document(known, kept, kept.folder)
    assert "in at most 20 steps (icans: 60)." in document.subtitle
    assert "spent" in [table.name for table in document.tables]
    assert "spsa (1 of 1 tuned runs)" in " ".join(document.sections[0].blocks[0].paragraphs)


def test_weights_are_found_without_the_optimizer_or_the_page_says_so(held):
    known, kept, plan = held
    cells = {cell.entry.name: cell for cell in plan.cells}
    runs = known.runs[known.runs["use"] == "tuned"].set_index("entry")
    assert not runs.loc["forgets", "noisy"]
    assert runs.loc["hides", "noisy"]
    assert runs.loc["hides", "loss"] == runs.loc["hides", "measured"]
    twin = cells["sgd"].at(0.3, 0)
    for name, spec in (("forgets", cells["forgets"].at(0.3, 0)), ("sgd", twin)):
        loss = exact_loss(spec, RunFolder(kept.folder / runs.loc[name, "run"]), Builder())
        assert loss == runs.loc[name, "loss"]
        assert math.isfinite(loss)
    sections = {one.name: one for one in board_document(known, kept, kept.folder).sections}
    bullets = sections["method"].blocks[0].bullets
    (said,) = [line for line in bullets if line.startswith("Shot noise could not be left out")]
    assert "hides (" in said
    assert "forgets" not in said


def test_one_that_chooses_shots_has_no_exact_mode_and_that_is_its_own_fault(tmp_path):
    config = tmp_path / "own.toml"
    config.write_text(LINES)
    with pytest.raises(InputError, match=r"own\.toml:22: \[optimizer\] the optimizer ICANS"):
        Plan(load_board(config), Builder())


LINES = """\
name = "own"
[leaderboard]
reference = "sgd"
rates = [0.1]
decades = [0.1]
[circuit]
qubits = 2
layers = 1
[training]
batch_size = 4
[[problem]]
name = "digits"
data = { name = "digits", features = 4 }
[[mode]]
name = "exact"
backend = { name = "simulator" }
[[entry]]
name = "sgd"
optimizer = "sgd"
[[entry]]
name = "icans"
optimizer = "icans"
"""


def test_a_metric_is_charged_to_the_budget_with_exact_values_as_on_shots(tmp_path):
    config = tiny()
    config["problem"] = config["problem"][1:]
    config["leaderboard"] |= {"subject": None, "parameter_free": [], "seeds": 1, "steps": 30}
    natural = {"name": "qng", "optimizer": {"name": "qng", "learning_rate": 0.1}}
    config["entry"] = [config["entry"][0], natural]
    board = load_board(config)
    report = hold(board, tmp_path, wanted=board.only(entries=["qng"]))
    frame = runs_frame(Plan(board, Builder()), Kept(report.folder))
    runs = frame[frame["use"] == "tuned"].set_index("mode")
    share = runs["spent"] / runs["budget"]
    assert set(share.index) == {"exact", "100 shots"}
    assert share.between(0.8, 1.0).all()
    assert runs.loc["exact", "steps"] == runs.loc["100 shots", "steps"]

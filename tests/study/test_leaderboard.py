"""A leaderboard held for real, on two qubits: its runs, its ranks, its page."""

import copy
import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from board_configs import NOT_A_NUMBER, RAISES, UPHILL, tiny
from typer.testing import CliRunner

from qnlr.cli import app
from qnlr.errors import InputError
from qnlr.report import Text
from qnlr.study.build import Builder
from qnlr.study.leaderboard import hold, leaderboard, load_board
from qnlr.study.leaderboard.exact import exact_loss
from qnlr.study.leaderboard.outcomes import Kept, runs_frame
from qnlr.study.leaderboard.page import board_document, write_board
from qnlr.study.leaderboard.plan import Plan
from qnlr.study.leaderboard.ranks import Blocks, friedman, mean_rank_frame, ranked
from qnlr.study.leaderboard.standings import ALL, excesses, standings
from qnlr.study.leaderboard.targets import costs_frame, paired_ratio, targets
from qnlr.study.leaderboard.verdicts import judged
from qnlr.study.store import RunFolder

CELLS = 4
TUNING = 2 * 2 * CELLS  # two swept entries at two rates
SEEDS = 2


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return tmp_path_factory.mktemp("board")


@pytest.fixture(scope="module")
def held(results):
    return hold(load_board(tiny()), results)


@pytest.fixture(scope="module")
def found(held):
    board, kept = load_board(tiny()), Kept(held.folder)
    runs = runs_frame(Plan(board, Builder()), kept)
    return standings(board, runs, kept), kept


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """A leaderboard with three broken optimizers in files."""
    folder = tmp_path_factory.mktemp("broken")
    files = []
    for name, text in (("uphill", UPHILL), ("lost", NOT_A_NUMBER), ("raises", RAISES)):
        files.append(folder / f"{name}.py")
        files[-1].write_text(text)
    config = tiny()
    config["leaderboard"]["rates"] = config["leaderboard"]["decades"] = [0.3]
    board = load_board(config, files)
    report = hold(board, folder)
    kept = Kept(report.folder)
    return standings(board, runs_frame(Plan(board, Builder()), kept), kept), kept, report


def test_it_has_the_runs_it_should_and_each_once(held, found):
    runs = found[0].runs
    # tuned, untuned, and the decades: of sgd 0.003 and 0.3, of nlr 0.3, which may be the tuned one
    uses = runs.groupby(["entry", "use"]).size()
    assert uses["sgd", "tuning"] == uses["nlr", "tuning"] == TUNING / 2
    for entry in ("sgd", "nlr", "spsa"):
        assert uses[entry, "tuned"] == uses[entry, "untuned"] == CELLS * SEEDS
    assert uses["sgd", "decade"] == 2 * CELLS * SEEDS
    assert uses["nlr", "decade"] == CELLS * SEEDS
    folders = [file.parent.name for file in held.folder.glob("*/spec.json")]
    assert sorted(folders) == sorted(set(runs["run"]))
    assert held.runs == held.executed == len(folders)
    twice = runs[(runs["use"] == "tuned") & (runs["rate"] == 0.3)].merge(
        runs[(runs["use"] == "decade") & (runs["rate"] == 0.3)],
        on=["entry", "problem", "mode", "seed"],
    )
    assert len(twice)
    assert (twice["run_x"] == twice["run_y"]).all()


def test_resuming_computes_nothing(held, results):
    before = {file: file.stat().st_mtime_ns for file in held.folder.glob("*/status.json")}
    again = hold(load_board(tiny()), results)
    assert again.executed == 0
    assert again.runs == held.runs
    after = {file: file.stat().st_mtime_ns for file in held.folder.glob("*/status.json")}
    assert after == before


def test_the_tuned_rate_is_the_best_of_those_tried(found):
    runs = found[0].runs
    tuning = runs[runs["use"] == "tuning"]
    for key, own in tuning.groupby(["entry", "problem", "mode"]):
        best = own.groupby("rate")["measured"].mean().idxmin()
        entry, problem, mode = key
        tuned = runs[
            (runs["entry"] == entry)
            & (runs["problem"] == problem)
            & (runs["mode"] == mode)
            & (runs["use"] == "tuned")
        ]
        assert set(tuned["rate"]) == {best}
    assert not set(tuning["seed"]) & set(runs.loc[runs["use"] != "tuning", "seed"])


def test_every_entry_may_spend_the_same(found):
    plan = Plan(found[0].board, Builder())
    for cell in plan.cells:
        weights = {"digits": 6, "chain": 3}[cell.problem.name]
        samples, bases = {"digits": (4, 1), "chain": (1, 2)}[cell.problem.name]
        circuits = 8 * (2 * weights + 1) * samples
        training = cell.spec.training
        if cell.mode.name == "100 shots":
            assert training.max_shots == circuits * bases * 100
            assert training.steps == 30
        else:
            each = {"sgd": 2 * weights + 1, "nlr": 2 * weights + 2, "spsa": 2}[cell.entry.name]
            assert training.steps == min(30, circuits // (each * samples))
    spent = found[0].runs
    on_shots = spent[(spent["mode"] == "100 shots") & (spent["problem"] == "digits")]
    assert on_shots["spent"].max() <= 8 * 13 * 4 * 100


def test_final_losses_are_those_of_the_weights_and_not_of_the_shots(found):
    known, kept = found
    runs = known.runs[(known.runs["use"] != "tuning") & (known.runs["mode"] == "100 shots")]
    assert (runs["loss"] != runs["measured"]).mean() > 0.9
    chain = runs[runs["problem"] == "chain"]
    assert (chain["loss"] > -math.sqrt(5) - 1e-9).all()  # the ground energy of two spins
    assert np.abs(chain["loss"] - chain["measured"]).max() < 5 * 0.2
    exact = known.runs[known.runs["mode"] == "exact"]
    assert (exact["loss"] == exact["measured"]).all()
    cell = next(c for c in Plan(known.board, Builder()).cells if c.mode.name == "exact")
    row = exact[(exact["entry"] == cell.entry.name) & (exact["use"] == "untuned")].iloc[0]
    again = exact_loss(
        cell.at(None, int(row["seed"])), RunFolder(kept.folder / row["run"]), Builder()
    )
    assert again == pytest.approx(row["loss"], abs=1e-12)


def test_ranks_are_those_of_the_losses(found):
    known = found[0]
    ranks = ranked(known, known.groups[ALL])
    assert len(ranks) == 3 * CELLS * SEEDS
    for (problem, mode, seed), own in ranks.groupby(["problem", "mode", "seed"]):
        losses = known.losses("tuned", problem, mode).loc[seed]
        assert own.set_index("entry")["rank"].to_dict() == losses.rank().to_dict()
    means = mean_rank_frame(known)
    assert set(means["mode"]) == {ALL, "exact", "100 shots"}
    assert (means["low"] <= means["mean"]).all()
    assert (means["mean"] <= means["high"]).all()
    whole = means[means["mode"] == ALL].set_index("entry")["mean"]
    assert whole.sum() == pytest.approx(1 + 2 + 3)
    assert friedman(ranks).blocks == CELLS


def test_an_interval_is_that_of_drawing_problems_and_then_seeds():
    rng = np.random.default_rng(0)
    rows = [
        {"problem": f"p{p}", "mode": "exact", "seed": s, "entry": "a", "x": p + 0.01 * rng.normal()}
        for p in range(8)
        for s in range(5)
    ]
    blocks = Blocks.of(pd.DataFrame(rows), "x", ["a"], ["exact"])
    value, low, high = blocks.interval(lambda values: values.mean(axis=0))
    assert value[0] == pytest.approx(3.5, abs=0.01)
    spread = np.std(range(8)) / math.sqrt(8)  # what the mean of eight drawn problems scatters by
    assert (high[0] - low[0]) / 2 == pytest.approx(1.96 * spread, rel=0.1)
    lacking = Blocks.of(pd.DataFrame(rows[1:]), "x", ["a"], ["exact"])
    assert lacking.left_out == ("p0",)


def test_the_excess_is_beside_the_best_tuned_rival(found):
    known = found[0]
    excess = excesses(known)
    row = excess[
        (excess["entry"] == "spsa") & (excess["use"] == "tuned") & (excess["problem"] == "digits")
    ].iloc[0]
    losses = known.losses("tuned", "digits", row["mode"])
    rival = losses[["sgd", "nlr"]].mean().idxmin()
    best = losses[rival].mean()
    assert row["rival"] == rival
    assert row["excess"] == pytest.approx(losses["spsa"].mean() / best - 1)
    chain = excess[excess["problem"] == "chain"]
    assert chain["excess"].equals(chain["way"])
    row = chain[(chain["entry"] == "spsa") & (chain["use"] == "tuned")].iloc[0]
    losses, start = known.losses("tuned", "chain", row["mode"]), known.starts["chain", row["mode"]]
    best = losses[row["rival"]].mean()
    assert row["way"] == pytest.approx((losses["spsa"].mean() - best) / (start - best))


def test_the_reference_reaches_its_own_target_and_costs_are_beside_it(found):
    known, kept = found
    costs = costs_frame(known, kept)
    assert len(targets(known)) == CELLS * SEEDS
    own = costs[(costs["entry"] == "sgd") & (costs["use"] == "tuned")]
    assert np.isfinite(own["cost"]).all()
    assert (own["ratio"] == 1).all()
    assert (own["ratio_counted"] == 1).all()
    tuning = known.runs[(known.runs["use"] == "tuning") & (known.runs["entry"] == "sgd")]
    spent = tuning.groupby(["problem", "mode"])["spent"].sum()  # one seed, so one run a rate
    for _, row in own.iterrows():
        assert row["tuning"] == spent[row["problem"], row["mode"]]
        assert row["counted"] == row["cost"] + row["tuning"]
    free = costs[costs["entry"] == "spsa"]
    assert (free["tuning"] == 0).all()
    ratios = paired_ratio(costs, "nlr", "spsa")
    assert (
        (ratios["ratio"] * paired_ratio(costs, "spsa", "nlr")["ratio"])
        .dropna()
        .round(9)
        .isin([1.0])
        .all()
    )


def test_verdicts_say_what_the_frames_say(found):
    known, kept = found
    excess, costs = excesses(known), costs_frame(known, kept)
    claims = {one.name: one for one in judged(known, excess, costs)}
    assert set(claims) == {"final_loss", "counted", "against_spsa"}
    own = excess[(excess["entry"] == "nlr") & excess["use"].isin(["untuned", "decade"])]
    within = (own.groupby(["problem", "mode"])["excess"].max() <= 0.02).sum()
    assert f"in {within} of 4 cases" in claims["final_loss"].found
    assert (claims["final_loss"].verdict == "holds") == (within == 4)
    assert len(claims["final_loss"].exceptions) == 4 - within
    untuned = costs[(costs["entry"] == "nlr") & (costs["use"] == "untuned")]
    medians = untuned.groupby(["problem", "mode"])["ratio_counted"].median()
    assert f"in {(medians <= 0.2).sum()} of 4 cases" in claims["counted"].found


def test_verdicts_can_go_either_way(found):
    """What was found turns round with what is found: made good, the claims hold."""
    known, kept = found
    excess, costs = excesses(known), costs_frame(known, kept)
    good = excess.assign(excess=-0.01, excess_low=-0.02, excess_high=0.0)
    cheap = costs.assign(ratio_counted=0.1, cost=np.where(costs["entry"] == "nlr", 1.0, 2.0))
    assert {one.verdict for one in judged(known, good, cheap)} == {"holds"}
    above = "an interval lies above 2 %, or a run failed."
    assert judged(known, good, cheap)[0].found.endswith(f"In 0 of 4 {above}")
    sure = excess.assign(excess=0.04, excess_low=0.03, excess_high=0.05)
    assert judged(known, sure, cheap)[0].found.endswith(f"In 4 of 4 {above}")
    dear = costs.assign(ratio_counted=0.5, cost=np.where(costs["entry"] == "nlr", 2.0, 1.0))
    bad = excess.assign(excess=math.inf)
    assert {one.verdict for one in judged(known, bad, dear)} == {"does not hold"}
    assert judged(known, bad, dear)[0].found.endswith(f"In 4 of 4 {above}")
    places = [("digits", "exact"), ("chain", "exact"), ("digits", "100 shots")]

    def part(frame):
        found = zip(frame["problem"], frame["mode"], strict=True)
        return frame[[place in places for place in found]]

    assert {one.verdict for one in judged(known, part(good), part(cheap))} == {"not decided"}
    assert {one.verdict for one in judged(known, part(bad), part(dear))} == {"does not hold"}


def test_an_entry_without_all_problems_leaves_the_others_their_ranks(found):
    known = found[0]
    entries = tuple(
        replace(one, problems=("chain",)) if one.name == "spsa" else one
        for one in known.board.entries
    )
    away = (known.runs["entry"] == "spsa") & (known.runs["problem"] == "digits")
    without = replace(known, board=replace(known.board, entries=entries), runs=known.runs[~away])
    for modes in without.groups.values():
        assert without.entries_in(modes) == ["sgd", "nlr"]
        ranks = ranked(without, modes)
        assert set(ranks["problem"]) == {"digits", "chain"}
        assert set(ranks["rank"]) <= {1.0, 1.5, 2.0}
    assert "spsa cannot be ranked with them" in _sentences(without, found[1])
    assert "cannot be ranked" not in _sentences(known, found[1])


def test_remarks_stand_on_the_page(found):
    known, kept = found
    table = known.board.table.model_copy(update={"remarks": ["Chosen by lot."]})
    remarked = replace(known, board=replace(known.board, table=table))
    assert "Chosen by lot." in _sentences(remarked, kept)


def _sentences(found, kept):
    document = board_document(found, kept, kept.folder)
    return " ".join(
        sentence
        for section in document.sections
        for block in section.blocks
        if isinstance(block, Text)
        for sentence in (*block.paragraphs, *block.bullets)
    )


@pytest.mark.slow
def test_the_page_says_what_the_frame_says(found, held, results):
    known = found[0]
    page, document = write_board(known.board, results)
    assert page == held.folder / "report" / "report.html"
    names = [figure.name for figure in document.figures]
    assert names == ["mean_ranks", "excess", "initial_rates", "cost_to_target"]
    text = (page.parent / "report.md").read_text()
    means = mean_rank_frame(known)
    best = means[means["mode"] == ALL].sort_values("mean").iloc[0]
    assert f"is {best['entry']} with {best['mean']:.2f}" in text
    tables = {table.name: table for table in document.tables}
    assert {"judged", "ranks", "costs", "spent", "loss_1", "loss_2", "rates"} == set(tables)
    row = next(row for row in tables["ranks"].rows if row[0].text == best["entry"])
    assert row[1].value == pytest.approx(best["mean"])
    for table in tables.values():
        assert table.source == "qnlr leaderboard CONFIG"
        assert (page.parent / "tables" / f"{table.name}.tex").is_file()
    kept_runs = pd.read_csv(held.folder / "runs.csv")
    assert len(kept_runs) == len(known.runs)


@pytest.mark.slow
def test_twice_is_the_same(found, tmp_path):
    again = leaderboard(tiny(), tmp_path)
    pd.testing.assert_frame_equal(again, found[0].runs)


@pytest.mark.slow
def test_a_part_of_it_leaves_the_rest_as_it_is(held, tmp_path):
    board = load_board(tiny())
    part = board.only(problems=["chain"], entries=["sgd", "spsa"], seeds=1)
    report = hold(board, tmp_path, wanted=part)
    assert report.executed < held.executed / 2
    frame = runs_frame(Plan(board, Builder()), Kept(report.folder))
    assert set(frame["problem"]) == {"chain"}
    document = board_document(
        standings(part, frame, Kept(report.folder)), Kept(report.folder), report.folder
    )
    assert "judged" not in [table.name for table in document.tables]  # the subject was not run
    whole = hold(board, tmp_path)
    assert whole.executed == held.executed - report.executed


def test_a_page_can_be_written_before_the_reference_was_run(tmp_path):
    board = load_board(tiny())
    report = hold(board, tmp_path, wanted=board.only(modes=["exact"], entries=["nlr", "spsa"]))
    _, document = write_board(board, tmp_path)
    said = [line for block in document.sections[0].blocks for line in block.bullets]
    assert [line.split(":")[0] for line in said] == ["Does not hold"] + ["Not decided"] * 2
    assert report.executed


@pytest.mark.slow
def test_broken_optimizers_come_last(broken):
    known, kept, report = broken
    assert report.failed == (1 + 2 * SEEDS) * CELLS  # tuning, tuned and untuned
    means = mean_rank_frame(known)
    order = means[means["mode"] == ALL].sort_values("mean")["entry"].tolist()
    assert set(order[-3:]) == {"uphill", "lost", "raises"}
    assert order[-3] == "uphill"  # it is worse than all others, but has a loss
    whole = means[means["mode"] == ALL].set_index("entry")["mean"]
    assert whole["lost"] == whole["raises"] == 5.5  # they share the last two ranks
    runs = known.runs[known.runs["use"] == "tuned"].set_index("entry")
    assert set(runs.loc["lost", "status"]) == {"diverged"}
    assert set(runs.loc["raises", "status"]) == {"failed"}
    assert np.isposinf(runs.loc["raises", "loss"]).all()
    document = board_document(known, kept, report.folder)
    table = next(one for one in document.tables if one.name == "loss_1")
    cells = [row for row in table.rows if row[0].text == "raises"]
    assert all(cell.text == "failed on 2 of 2" for row in cells for cell in row[2:])


WRONG = [
    (lambda c: c.pop("leaderboard"), r"there is no table \[leaderboard\]"),
    (lambda c: c.update(optimizer="sgd", opt=1), r'unknown key "opt"'),
    (lambda c: c["leaderboard"].update(rate=[1.0]), r'unknown key "rate"; did you mean "rates"'),
    (lambda c: c["leaderboard"].update(reference="adm"), r'reference: entry "adm" is not known'),
    (lambda c: c["leaderboard"].update(subject="nl"), r'"nl" is not known; did you mean "nlr"'),
    (lambda c: c["leaderboard"].update(rates=[0.0]), r"rates.0 = 0.0 is not valid|greater than 0"),
    (lambda c: c["leaderboard"].update(tuning_seeds=[1]), "must not be chosen on what they"),
    (lambda c: c["leaderboard"].update(seeds=0), "seeds = 0 is not valid"),
    (lambda c: c["entry"][0].update(sweep="learning_rat"), r'did you mean "learning_rate"'),
    (lambda c: c["entry"][0].update(modes=["none"]), r'modes: name "none" is not known'),
    (lambda c: c["entry"].append(c["entry"][0]), r"every one needs a name of its own"),
    (lambda c: c["entry"][1].update(optimizer="nrl"), r'"nrl" is not known; did you mean "nlr"'),
    (lambda c: c["mode"][1]["backend"].update(shot=3), r'did you mean "shots"'),
    (lambda c: c["problem"][0].update(dat={}), r'unknown key "dat"; did you mean "data"'),
    (lambda c: c["problem"][0]["data"].update(features=64), r"features d = 64 do not fit"),
    (lambda c: c.update(name="a/b"), r"a leaderboard needs a name of letters"),
]


@pytest.mark.parametrize(("change", "told"), WRONG)
def test_what_is_wrong_is_told(change, told):
    config = copy.deepcopy(tiny())
    change(config)
    with pytest.raises(InputError, match=told):
        Plan(load_board(config), Builder())


@pytest.mark.parametrize("option", ["problem", "mode", "entry"])
def test_an_unknown_part_is_told(option):
    board = load_board(tiny())
    with pytest.raises(InputError, match=f'{option} "none" is not known'):
        board.only(**{f"{option}s" if option != "entry" else "entries": ["none"]})


CONFIG = """\
name = "lines"
[leaderboard]
reference = "sgd"
seeds = 1
tuning_seeds = [9]
steps = 2
rates = [0.1, 0.3]
decades = [0.3]
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
sweep = "learning_rate"
[[entry]]
name = "spsa"
optimizer = { name = "spsa", perturbation = 0.1 }
"""


@pytest.mark.slow
def test_the_command_holds_it_and_shows_ranks_and_page(tmp_path):
    config = tmp_path / "lines.toml"
    config.write_text(CONFIG)
    own = tmp_path / "uphill.py"
    own.write_text(UPHILL)
    results = str(tmp_path / "results")
    runner, call = CliRunner(), ["leaderboard", str(config), "--results", results]
    done = runner.invoke(app, [*call, "--jobs", "0", "--optimizer", str(own)])
    assert done.exit_code == 0, done.output
    assert "uphill" in done.output
    page = tmp_path / "results" / "lines" / "report" / "report.html"
    assert f"report: {page}" in done.output
    page.unlink()
    again = runner.invoke(app, [*call, "--report-only"])
    assert again.exit_code == 0
    assert page.is_file()
    assert "uphill" not in again.output
    checked = runner.invoke(app, ["validate", str(config)])
    assert "leaderboard lines, 2 entries in 2 cells" in checked.output


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("perturbation = 0.1", "perturbatio = 0.1", 26),
        ("perturbation = 0.1", "perturbation = -0.1", 26),
        ("features = 4", "features = 64", 9),
        ("decades = [0.3]", "decades = 0.3", 8),
    ],
)
def test_errors_name_file_and_line(tmp_path, old, new, line):
    config = tmp_path / "lines.toml"
    config.write_text(CONFIG.replace(old, new))
    done = CliRunner().invoke(app, ["leaderboard", str(config), "--results", str(tmp_path / "r")])
    assert isinstance(done.exception, InputError)
    assert str(done.exception).startswith(f"{config}:{line}: ")
    assert not (tmp_path / "r").exists()


def test_only_the_rate_that_it_is_judged_by_has_all_seeds():
    config = tiny()
    config["leaderboard"]["decade_seeds"] = 1
    config["entry"][1] = {**config["entry"][1], "rates": []}  # never tuned
    plan = Plan(load_board(config), Builder())
    for cell in plan.cells:
        tuned = {"sgd": 0.03}.get(cell.entry.name)
        runs = plan.comparison(cell, tuned)
        seeds = {
            rate: {one.spec.seed for one in runs if one.rate == rate}
            for rate in (tuned, None, 0.003)
        }
        assert seeds[tuned] == {0, 1}
        assert seeds[None] == ({0} if cell.entry.name == "sgd" else {0, 1})
        assert not plan.tuning(cell) or cell.entry.name == "sgd"


def test_a_board_has_its_own_page(results, held, tmp_path):
    from qnlr.study.leaderboard import require_no_board

    (tmp_path / "board.toml").write_text("[leaderboard]\n", encoding="utf-8")
    folder = tmp_path / "tiny"
    folder.mkdir()
    plain = {"name": "tiny", "config": str(tmp_path / "board.toml"), "runs": []}
    (folder / "study.json").write_text(json.dumps(plain), encoding="utf-8")
    with pytest.raises(InputError, match="tiny is a leaderboard; write its page with: qnlr lead"):
        require_no_board(folder)
    require_no_board(held.folder)  # of a dict, of which nobody knows

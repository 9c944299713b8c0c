"""Tuning: rates that are better, found again whatever stops it."""

import copy
import json
import math
import os
import random
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

import qnlr
from qnlr.backends import SimulatorBackend
from qnlr.cli import app
from qnlr.errors import InputError
from qnlr.study import Observer, load_results, load_study, tune
from qnlr.study.tune import execute_tuning
from qnlr.study.tune_config import load_tuning
from qnlr.study.tune_results import remarks

CONFIG = """\
name = "tuned"
seeds = [1000, 1001]

[tune]
parameter = "optimizer.learning_rate"
low = 0.003
high = 3.0
trials = 4
startup_trials = 2
metric = "train_loss"

[data]
name = "digits"
features = 4

[circuit]
qubits = 2
layers = 1

[[backend]]
name = "simulator"

[[backend]]
name = "simulator"
shots = 100

[training]
steps = 12
batch_size = 8
checkpoint_every = 5

[[optimizer]]
name = "sgd"

[[optimizer]]
name = "nlr"
negative_rate = { name = "ratio", kappa = 2.0 }
trigger = { name = "standard_errors", z = 2.0 }
"""
RUNS = 4 * 2 * 4
FILES = ("trials.csv", "best.csv", "best.toml")


class Crash(Observer):
    """Raises in the midst of a run."""

    def __init__(self, steps):
        self.left = steps

    def step(self, progress):
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


class Heard(Observer):
    """Notes what it is told."""

    def __init__(self):
        self.studies, self.rounds, self.runs, self.ended = [], [], 0, 0

    def begin_study(self, runs, done, dropped):
        self.studies.append((runs, done, dropped))

    def begin_round(self, number, rounds):
        self.rounds.append((number, rounds))

    def begin_run(self, progress):
        self.runs += 1

    def end_run(self, progress, outcome):
        self.ended += 1


def written(folder):
    return {name: (folder / name).read_text() for name in FILES}


@pytest.fixture
def raw():
    return copy.deepcopy(tomllib.loads(CONFIG))


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    file = tmp_path_factory.mktemp("config") / "tuned.toml"
    file.write_text(CONFIG)
    return file


@pytest.fixture(scope="module")
def whole(config, tmp_path_factory):
    """The report of a tuning that nothing interrupted."""
    results = tmp_path_factory.mktemp("whole")
    heard = Heard()
    report = execute_tuning(load_tuning(config), results, observer=heard)
    assert heard.studies == [(RUNS, 0, 0)]
    assert heard.rounds == [(number, 4) for number in range(4)]
    assert heard.runs == heard.ended == RUNS
    return report


def test_the_best_rate_is_far_better_than_the_worst_and_the_configs_own(whole):
    assert len(whole.best) == 4
    for _, row in whole.best.iterrows():
        tried = whole.trials[whole.trials["label"] == row["label"]]
        assert row["value"] == tried["value"].min() < 0.8 * tried["value"].max()
        assert row["value"] < 0.8 * row["own_value"]
        assert row["own_rate"] == tried["rate"].iloc[0] == 0.01
        assert row["trials"] == 4
        assert row["failed"] == 0


def test_trials_hold_what_their_runs_have_measured_and_spent(whole):
    results = load_results(whole.folder)
    assert list(results["status"]) == ["finished"] * RUNS
    for _, row in whole.trials.iterrows():
        runs = results[
            (results["spec_optimizer_name"] == row["optimizer"])
            & (results["spec_optimizer_learning_rate"] == row["rate"])
            & (results["spec_backend_shots"].notna() == ("shots" in row["setting"]))
        ].sort_values("spec_seed")
        assert list(runs["spec_seed"]) == [1000, 1001]
        losses = [row[f"train_loss_seed_{seed}"] for seed in (1000, 1001)]
        assert losses == list(runs["metric_train_loss"])
        assert row["value"] == pytest.approx(sum(losses) / 2)
        assert row["shots"] == runs["cost_shots"].sum()
        assert row["rate"] == float(f"{row['rate']:.3g}")
        assert 0.003 <= row["rate"] <= 3.0
    shots = whole.trials.groupby("label")["shots"].sum()
    assert whole.best.set_index("label")["shots"].to_dict() == shots.to_dict()
    # P = 6: 13 circuits, and NLR's probe, of 8 samples on 12 steps and 2 seeds
    assert set(whole.trials["shots"]) == {0, 13 * 8 * 12 * 2 * 100, 14 * 8 * 12 * 2 * 100}


def test_files_hold_the_tables_and_best_toml_trains_at_the_best_rates(whole, raw):
    for name, frame in (("trials", whole.trials), ("best", whole.best)):
        pd.testing.assert_frame_equal(
            pd.read_csv(whole.folder / f"{name}.csv", keep_default_na=False, na_values=[]), frame
        )
    assert not list(whole.folder.glob("*.tmp.*"))
    text = (whole.folder / "best.toml").read_text()
    pasted = tomllib.loads(text)["optimizer"]
    assert [one["learning_rate"] for one in pasted] == list(whole.best["rate"])
    assert text.index("# Setting: shots=100") > text.index("[[optimizer]]")
    del raw["tune"]
    study = load_study({**raw, "optimizer": pasted[:2]})
    assert study.runs[2].optimizer.trigger.z == 2.0
    assert study.runs[2].optimizer.negative_rate.name == "ratio"


@pytest.mark.parametrize("steps", [5, 12 * 9 + 1, 12 * RUNS - 3])
def test_tuning_again_after_an_interruption_gives_the_same_tables(config, whole, tmp_path, steps):
    with pytest.raises(KeyboardInterrupt):
        tune(config, tmp_path, observer=Crash(steps))
    listed = len(load_results(tmp_path / "tuned"))
    assert listed == 8 * (steps // (12 * 8) + 1)
    heard = Heard()
    tune(config, tmp_path, observer=heard)
    assert heard.studies == [(RUNS, steps // 12, 0)]
    assert heard.runs == RUNS - steps // 12
    assert written(tmp_path / "tuned") == written(whole.folder)
    study = [
        json.loads((folder / "study.json").read_text())["runs"]
        for folder in (tmp_path / "tuned", whole.folder)
    ]
    assert list(study[0].items()) == list(study[1].items())


def test_a_tuning_that_is_done_runs_nothing_and_more_trials_go_on(whole, raw, config, tmp_path):
    heard = Heard()
    best = tune(config, whole.folder.parent, observer=heard)
    assert heard.studies == [(RUNS, RUNS, 0)]
    assert heard.runs == 0
    pd.testing.assert_frame_equal(best, whole.best)
    assert len(load_results(whole.folder)) == RUNS
    raw["backend"] = {"name": "simulator"}
    raw["tune"]["trials"] = 2
    few = execute_tuning(load_tuning(raw), tmp_path).trials
    raw["tune"]["trials"] = 3
    more = execute_tuning(load_tuning(raw), tmp_path).trials
    kept = more[more["trial"] < 2].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, few)
    assert len(load_results(tmp_path / "tuned")) == 2 * 2 * 3


def test_suggestions_depend_on_neither_the_other_cells_nor_their_order(whole, raw, tmp_path):
    raw["backend"] = raw["backend"][1]
    raw["optimizer"].reverse()
    alone = execute_tuning(load_tuning(raw), tmp_path).trials
    for optimizer in ("sgd", "nlr"):
        rates = whole.trials[whole.trials["label"] == f"{optimizer} shots=100"]["rate"]
        assert list(alone[alone["label"] == optimizer]["rate"]) == list(rates)


def test_accuracies_are_better_where_they_are_higher(raw, tmp_path):
    raw["backend"] = {"name": "simulator"}
    raw["tune"]["metric"] = "test_accuracy"
    report = execute_tuning(load_tuning(raw), tmp_path)
    highest = report.trials.groupby("label", sort=False)["value"].max()
    assert list(report.best["value"]) == list(highest)
    assert highest.min() > report.trials["value"].min()


def test_failed_trials_are_counted_and_tuning_goes_on(raw, tmp_path, monkeypatch):
    raw["backend"] = {"name": "simulator"}
    raw["optimizer"] = raw["optimizer"][0]
    raw["tune"]["trials"] = 3
    run, calls = SimulatorBackend.jacobian, []

    def fail(self, *arguments, **keywords):
        calls.append(1)
        if len(calls) == 20:  # on the second seed of the first trial
            raise RuntimeError("out of luck")
        return run(self, *arguments, **keywords)

    monkeypatch.setattr(SimulatorBackend, "jacobian", fail)
    report = execute_tuning(load_tuning(raw), tmp_path)
    first = report.trials.iloc[0]
    assert first["status"] == "finished, failed"
    assert math.isnan(first["value"])
    assert math.isfinite(first["train_loss_seed_1000"])
    assert report.best["failed"].tolist() == [1]
    assert math.isnan(report.best["own_value"][0])
    assert math.isfinite(report.best["value"][0])
    assert (load_results(report.folder)["status"] == "failed").sum() == 1


def test_a_cell_of_which_every_trial_fails_has_no_rate(raw, tmp_path, monkeypatch):
    def fail(self, *arguments, **keywords):
        raise RuntimeError("out of luck")

    raw["backend"] = {"name": "simulator"}
    raw["tune"]["trials"] = 2
    monkeypatch.setattr(SimulatorBackend, "jacobian", fail)
    tuning = load_tuning(raw)
    report = execute_tuning(tuning, tmp_path)
    assert report.best["rate"].isna().all()
    assert report.best["failed"].tolist() == [2, 2]
    assert tomllib.loads((report.folder / "best.toml").read_text()) == {}
    assert remarks(tuning, report.trials, report.best) == [
        f"Warning: {name}: every trial failed or diverged." for name in ("sgd", "nlr")
    ]


def test_remarks_warn_of_unequal_shots_and_of_edges(whole, config):
    tuning = load_tuning(config)
    best = whole.best.assign(rate=[0.1, 0.0031, 2.9, 0.3])
    spent, unequal, low, high = remarks(tuning, whole.trials, best)
    assert spent == "A trial spent 250 k to 269 k shots."
    assert unequal == (
        "Warning: shots=100: a trial of sgd spent 250 k shots, one of nlr 269 k; set "
        "training.max_shots to tune at the same budget."
    )
    assert low.startswith("Warning: nlr: the best rate 0.0031 lies at the edge of the range, low")
    assert high.startswith("Warning: sgd shots=100: the best rate 2.9 lies at the edge")
    assert len(remarks(tuning, whole.trials.assign(shots=100), best.assign(rate=0.1))) == 1


def test_other_numbers_of_optimizers_are_tuned_too(raw, tmp_path):
    raw["optimizer"] = {"name": "nlr", "learning_rate": 0.5}
    raw["backend"] = {"name": "simulator", "shots": 100}
    raw["tune"] |= {"parameter": "optimizer.negative_rate.kappa", "trials": 2}
    report = execute_tuning(load_tuning(raw), tmp_path)
    (pasted,) = tomllib.loads((report.folder / "best.toml").read_text())["optimizer"]
    assert pasted["negative_rate"] == {"name": "ratio", "kappa": report.best["rate"][0]}
    assert report.best["own_rate"].tolist() == [2.0]
    del raw["tune"]
    assert load_study({**raw, "optimizer": pasted}).runs[0].optimizer.learning_rate == 0.5


BAD = [
    ("low = 0.003", "low = 0.0", "tuned.toml:6: tune.low = 0.0 is not valid; it must be greater"),
    ("low = 0.003", "low = 4.0", "tuned.toml:6: tune.low = 4 is not valid; it must be below"),
    ("low = 0.003", "lwo = 0.003", 'in [tune]: unknown key "lwo"; did you mean "low"?'),
    ("low = 0.003\n", "", "tuned.toml:4: tune.low is missing"),
    ("trials = 4", "trials = 0", "tuned.toml:8: tune.trials = 0 is not valid; it must be greater"),
    ("trials = 4", "trials = 1.5", "tune.trials = 1.5 is not valid; it must be an integer"),
    ('"train_loss"', '"loss"', "tuned.toml:10: tune.metric = 'loss' is not valid; it must be 'tr"),
    (
        "optimizer.learning_rate",
        "optimizer.learning_rat",
        "tuned.toml:5: tune.parameter = 'optimizer.learning_rat' is not valid; it must be a number "
        "of every optimizer, and sgd has optimizer.learning_rate",
    ),
    ("[[optimizer]]", '[[optimizer]]\nname = "cobyla"\n\n[[optimizer]]', "and cobyla has"),
    ("[[optimizer]]", '[[optimizer]]\nname = "sgd"\nlearning_rate = 1\n\n[[optimizer]]', "alone"),
    ("[tune]", "[tuned]", 'unknown key "tuned"'),
    (CONFIG[CONFIG.index("[tune]") : CONFIG.index("[data]")], "", "there is no table [tune]"),
    ("steps = 12", "steps = 12\nmax_shots = 100", "max_shots is set, but the backend has no shots"),
]


@pytest.mark.parametrize(("old", "new", "message"), BAD)
def test_mistakes_are_explained_and_leave_nothing(tmp_path, old, new, message):
    file = tmp_path / "tuned.toml"
    file.write_text(CONFIG.replace(old, new, 1))
    with pytest.raises(InputError) as caught:
        tune(file, tmp_path / "results")
    assert message in str(caught.value)
    assert not (tmp_path / "results").exists()
    with pytest.raises(InputError, match="it must be the path of a TOML file, or a dict"):
        tune(7)


def test_the_command_shows_best_rates_and_where_they_are(config, whole):
    assert qnlr.tune is tune
    done = CliRunner().invoke(app, ["tune", str(config), "--results", str(whole.folder.parent)])
    assert done.exit_code == 0, done.output
    for text in ("best optimizer.learning_rate", "sgd shots=100", "A trial spent 250 k to 269 k"):
        assert text in done.stdout
    assert f"best.toml: {whole.folder / 'best.toml'}" in done.stdout
    for rate in whole.best["rate"]:
        assert f"{rate:.3g}" in done.stdout
    assert f"{RUNS} of {RUNS} runs are done already" in done.stderr
    assert "Trial" not in done.stderr


@pytest.mark.slow
def test_processes_find_the_same(whole, raw, tmp_path):
    raw["tune"]["trials"] = 3  # the last one is the first that depends on what was found before
    found = execute_tuning(load_tuning(raw), tmp_path, jobs=2).trials
    expected = whole.trials[whole.trials["trial"] < 3].reset_index(drop=True)
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


SUICIDE = """\
import os, signal, sys
from qnlr.study import Observer, tune

class Kill(Observer):
    left = int(sys.argv[3])

    def step(self, progress):
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

tune(sys.argv[1], sys.argv[2], observer=Kill())
"""


@pytest.mark.slow
def test_killed_at_random_steps_and_tuned_again_gives_the_same_tables(config, whole, tmp_path):
    draw = random.Random(20252)
    for _ in range(3):
        steps = str(draw.randint(10, 120))
        done = subprocess.run(
            [sys.executable, "-c", SUICIDE, str(config), str(tmp_path), steps], check=False
        )
        assert done.returncode == -signal.SIGKILL
    tune(config, tmp_path)
    assert written(tmp_path / "tuned") == written(whole.folder)


@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["0", "2"])
def test_ctrl_c_stops_in_order_and_says_how_to_go_on(config, tmp_path, jobs):
    file = tmp_path / "long.toml"
    file.write_text(CONFIG.replace("steps = 12", "steps = 4000"))
    command = [str(Path(sys.executable).parent / "qnlr"), "tune", "long.toml", "--jobs", jobs]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        deadline = time.monotonic() + 120
        while not list(tmp_path.glob("results/tuned/*/checkpoint.npz")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "To go on: qnlr tune long.toml" in output
    assert "Stopped in order" in output
    assert "Traceback" not in output
    assert "interrupted" in set(load_results(tmp_path / "results/tuned")["status"])

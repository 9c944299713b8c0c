import json

import pytest

from qnlr.study import Observer, execute, load_results, load_study

CONFIG = """\
name = "placed"
[data]
name = "digits"
features = 4
[circuit]
qubits = 2
layers = 1
[training]
steps = 1
[[optimizer]]
name = "sgd"
"""


class Seeds(Observer):
    kept = 0

    def begin_study(self, runs, done, dropped):
        self.told = runs, done, dropped

    def other_seeds(self, runs):
        self.kept = runs


@pytest.mark.parametrize(
    ("here", "config"), [(".", "configs/placed.toml"), ("results", "placed.toml")]
)
def test_a_list_does_not_say_where_on_a_machine_the_config_was(tmp_path, monkeypatch, here, config):
    (tmp_path / "configs").mkdir()
    (tmp_path / "results").mkdir()
    (tmp_path / "configs/placed.toml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path / here)
    report = execute(load_study(tmp_path / "configs/placed.toml"), tmp_path / "results")
    listed = (report.folder / "study.json").read_text()
    assert json.loads(listed)["config"] == config
    assert str(tmp_path) not in listed


def test_fewer_seeds_than_are_there_take_none_away(small, tmp_path):
    execute(load_study(small, seeds=3), tmp_path)
    small["training"]["checkpoint_every"] = 1
    watch = Seeds()
    report = execute(load_study(small, seeds=1), tmp_path, observer=watch)
    assert (watch.told, watch.kept) == ((2, 2, 0), 4)
    assert sorted(load_results(report.folder)["spec_seed"]) == [0, 0, 1, 1, 2, 2]


def test_runs_of_another_config_are_dropped_whatever_seeds_are_asked_for(small, tmp_path):
    execute(load_study(small), tmp_path)
    small["training"]["steps"] = 3
    watch = Seeds()
    report = execute(load_study(small, seeds=1), tmp_path, observer=watch)
    assert (watch.told, watch.kept) == ((2, 0, 4), 0)
    assert list(load_results(report.folder)["spec_seed"]) == [0, 0]


def test_seeds_that_a_config_has_no_more_are_dropped(small, tmp_path):
    execute(load_study(small), tmp_path)
    small["seeds"] = 1
    watch = Seeds()
    execute(load_study(small), tmp_path, observer=watch)
    assert (watch.told, watch.kept) == ((2, 2, 2), 0)

import copy
import json
import os
import shutil
import signal

import pytest

from qnlr.backends import AerBackend
from qnlr.errors import InputError
from qnlr.study import Observer, execute, load_results, load_study
from qnlr.study.store import RunFolder, write_json


class Count(Observer):
    def __init__(self):
        self.begun = []
        self.told = None

    def begin_study(self, runs, done, dropped):
        self.told = runs, done, dropped

    def begin_run(self, progress):
        self.begun.append(progress.run_id)


@pytest.fixture
def other(small):
    """A study that shares the runs of SGD with the small one."""
    other = copy.deepcopy(small)
    other["name"] = "other"
    other["optimizer"] = [small["optimizer"][0], {"name": "adam", "learning_rate": 0.3}]
    return other


def test_studies_executed_as_one_compute_what_they_share_once(small, other, tmp_path):
    watch = Count()
    report = execute([load_study(small), load_study(other)], tmp_path, observer=watch)
    assert [folder.name for folder in report.folders] == ["small", "other"]
    assert len(watch.begun) == len(set(watch.begun)) == 6
    assert watch.told == (6, 0, 0)
    for folder in report.folders:
        results = load_results(folder)
        assert (results["status"] == "finished").all()
        assert len(results) == 4
    shared = load_results(tmp_path / "small").merge(load_results(tmp_path / "other"), on="run_id")
    assert (shared["metric_train_loss_x"] == shared["metric_train_loss_y"]).all()
    assert len(shared) == 2


def test_a_later_study_takes_over_what_another_has_done(small, other, tmp_path):
    execute(load_study(small), tmp_path)
    watch = Count()
    execute(load_study(other), tmp_path, observer=watch)
    assert watch.told == (4, 2, 0)
    assert len(watch.begun) == 2
    kept = load_results(tmp_path / "other")
    assert (kept["status"] == "finished").all()
    for run in kept["run_id"]:
        assert (tmp_path / "other" / run / "history.parquet").is_file()


def test_fresh_and_what_was_moved_aside_by_it_share_nothing(small, other, tmp_path):
    execute(load_study(small), tmp_path)
    watch = Count()
    execute(load_study(small), tmp_path, fresh=True, observer=watch)
    assert len(watch.begun) == 4
    (tmp_path / "small").rename(tmp_path / "small.old-7")
    watch = Count()
    execute(load_study(other), tmp_path, observer=watch)
    assert len(watch.begun) == 4


def test_an_unfinished_or_altered_twin_is_not_taken_over(small, other, tmp_path):
    execute(load_study(small), tmp_path)
    sgd = [s for s in load_results(tmp_path / "small").itertuples() if s.label.startswith("sgd")]
    (tmp_path / "small" / sgd[0].run_id / "status.json").write_text("{}")
    spec = tmp_path / "small" / sgd[1].run_id / "spec.json"
    spec.write_text("[]")
    watch = Count()
    execute(load_study(other), tmp_path, observer=watch)
    assert len(watch.begun) == 4


def test_files_are_copied_where_they_cannot_be_linked(small, other, tmp_path, monkeypatch):
    execute(load_study(small), tmp_path)

    def refuse(*paths):
        raise OSError("not here")

    monkeypatch.setattr(os, "link", refuse)
    watch = Count()
    execute(load_study(other), tmp_path, observer=watch)
    assert len(watch.begun) == 2
    assert (load_results(tmp_path / "other")["status"] == "finished").all()


def test_overwriting_a_shared_file_leaves_the_other_study_alone(small, other, tmp_path):
    execute([load_study(small), load_study(other)], tmp_path)
    both = set(load_results(tmp_path / "small")["run_id"])
    shared = (both & set(load_results(tmp_path / "other")["run_id"])).pop()
    RunFolder(tmp_path / "small" / shared).end({"status": "failed", "sentence": "x"})
    assert RunFolder(tmp_path / "other" / shared).is_done


def test_studies_executed_as_one_need_names_of_their_own(small, tmp_path):
    with pytest.raises(InputError, match="a name of its own"):
        execute([load_study(small), load_study(small)], tmp_path)
    with pytest.raises(InputError, match="no study to execute"):
        execute([], tmp_path)
    assert not list(tmp_path.iterdir())


def test_starting_over_takes_nothing_from_studies_outside_the_call(small, other, tmp_path):
    """An old result in a folder that sorts first is no twin of what was computed now."""
    small["name"], third = "aaa", {**copy.deepcopy(small), "name": "third"}
    execute(load_study(small), tmp_path)
    for file in (tmp_path / "aaa").glob("*/status.json"):
        write_json(file, {**json.loads(file.read_text()), "sentence": "of old"})
    report = execute([load_study(third), load_study(other)], tmp_path, fresh=True)
    for folder in report.folders:
        assert set(load_results(folder)["sentence"]) == {"all 4 steps made"}


def test_a_run_that_fails_when_all_starts_over_stays_failed(small, other, tmp_path, monkeypatch):
    execute(load_study(small), tmp_path)

    def fail(self, parameters, rng):
        raise RuntimeError("the simulator is on fire")

    monkeypatch.setattr(AerBackend, "run", fail)
    report = execute(load_study(other), tmp_path, fresh=True)
    assert report.failed == 4
    assert set(load_results(report.folder)["status"]) == {"failed"}


@pytest.mark.parametrize("alone", ["small", "other"])
def test_a_run_goes_on_from_whichever_study_has_its_checkpoint(small, other, tmp_path, alone):
    class Stop(Count):
        def step(self, progress):
            if progress.done == 3:
                signal.raise_signal(signal.SIGINT)

    studies = {"small": load_study(small), "other": load_study(other)}
    assert execute(studies[alone], tmp_path, observer=Stop()).interrupted == signal.SIGINT

    class Begun(Count):
        def begin_run(self, progress):
            self.begun.append(progress.done)

    for order in (("small", "other"), ("other", "small")):
        copied = shutil.copytree(tmp_path, tmp_path.with_name("-".join([tmp_path.name, *order])))
        watch = Begun()
        execute([studies[name] for name in order], copied, observer=watch)
        assert sorted(watch.begun) == [0] * 5 + [3]
        for name in order:
            assert (load_results(copied / name)["status"] == "finished").all()


def test_no_cluster_is_asked_for_when_nothing_is_left_to_do(small, tmp_path):
    execute(load_study(small), tmp_path)
    watch = Count()
    execute(load_study(small), tmp_path, observer=watch, scheduler="tcp://127.0.0.1:9")
    assert watch.told == (4, 4, 0)

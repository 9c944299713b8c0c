import json

import pytest

from qnlr.backends import AerBackend
from qnlr.errors import InputError
from qnlr.study import execute, load_results, load_study
from qnlr.study.repeat import find_run, repeat


@pytest.fixture
def done(small, tmp_path):
    execute(load_study(small), tmp_path)
    return tmp_path


def test_a_run_gives_the_same_numbers_again(done):
    for run in load_results(done / "small")["run_id"]:
        found = repeat(run, done)
        assert found.identical
        assert found.equal
        assert {"metric_train_loss", "cost_shots"} < set(found.numbers)
        assert not any("seconds" in name for name in found.numbers)
    assert {file.name for file in done.iterdir()} == {"small", ".small.lock"}


def test_altered_results_are_found_out(done):
    run = load_results(done / "small")["run_id"][0]
    file = done / "small" / run / "status.json"
    status = json.loads(file.read_text())
    status["metrics"]["metric_train_loss"] += 1e-6
    file.write_text(json.dumps(status))
    found = repeat(run, done)
    assert not found.equal
    assert {n for n, (a, b) in found.numbers.items() if a != b} == {"metric_train_loss"}


def test_a_run_is_found_by_its_first_digits_and_its_study(done):
    run = load_results(done / "small")["run_id"][0]
    assert find_run(run[:8], done).run_id == run
    assert find_run(f"small/{run}", done).path == done / "small" / run
    with pytest.raises(InputError, match="there is no run 'zzz'"):
        find_run("zzz", done)
    with pytest.raises(InputError, match="there is no run"):
        find_run("../small", done)
    with pytest.raises(InputError, match="there is no run"):
        find_run(f"other/{run}", done)


def test_several_runs_that_begin_alike_are_an_error(done):
    runs = load_results(done / "small")["run_id"]
    (done / "small" / (runs[0][:6] + "000000")).mkdir()
    (done / "small" / (runs[0][:6] + "000000") / "spec.json").write_text("{}")
    with pytest.raises(InputError, match="the beginning of 2 runs"):
        find_run(runs[0][:6], done)


def test_a_run_that_has_not_ended_cannot_be_compared(done):
    run = load_results(done / "small")["run_id"][0]
    (done / "small" / run / "status.json").unlink()
    with pytest.raises(InputError, match="has not ended"):
        repeat(run, done)


def test_the_folder_of_a_run_names_it_from_anywhere(done, tmp_path, monkeypatch):
    run = load_results(done / "small")["run_id"][0]
    monkeypatch.chdir(done.parent)
    elsewhere = done / "nothing"
    for named in (done / "small" / run, f"{done.name}/small/{run}/", f"{done}/small/{run[:8]}"):
        assert find_run(str(named), elsewhere).path.resolve() == done / "small" / run


def test_how_a_run_ends_now_is_told_and_compared(done, monkeypatch):
    def fail(self, parameters, rng):
        raise RuntimeError("the simulator is on fire")

    run = load_results(done / "small")["run_id"][0]
    monkeypatch.setattr(AerBackend, "run", fail)
    found = repeat(run, done)
    assert not found.equal
    assert [str(ending.status) for ending in found.endings] == ["finished", "failed"]
    assert found.endings[1].sentence == "RuntimeError: the simulator is on fire"


def test_another_ending_with_the_same_numbers_is_not_the_same(done):
    run = load_results(done / "small")["run_id"][0]
    file = done / "small" / run / "status.json"
    status = {**json.loads(file.read_text()), "status": "target_reached"}
    file.write_text(json.dumps(status))
    assert not repeat(run, done).equal


def test_a_run_of_another_version_is_named(done):
    run = load_results(done / "small")["run_id"][0]
    file = done / "small" / run / "spec.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "future": 1}))
    with pytest.raises(InputError, match=r"spec\.json is no run of this version of qnlr"):
        repeat(run, done)

import json
import platform
import shutil
import signal

import pandas as pd
import pytest
from filelock import FileLock

import qnlr
from qnlr.backends import AerBackend
from qnlr.errors import CheckpointError, InputError
from qnlr.study import Observer, execute, load_history, load_results, load_study
from qnlr.study.store import RunFolder, write_json
from qnlr.study.summary import summary


class Stop(Observer):
    """Raises in the midst of a run, as a crash would."""

    def __init__(self, steps):
        self.left = steps

    def step(self, progress):
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


def files(folder):
    return {file.relative_to(folder): file.stat().st_mtime_ns for file in folder.rglob("*.*")}


def test_every_run_leaves_its_files_and_a_row(small, tmp_path):
    report = execute(load_study(small), tmp_path)
    assert report.folder == tmp_path / "small"
    results = load_results(report.folder)
    assert list(results["status"]) == ["finished"] * 4
    for run in results["run_id"]:
        assert {file.name for file in (report.folder / run).iterdir()} == {
            "spec.json",
            "status.json",
            "history.parquet",
            "checkpoint.npz",
            "provenance.json",
        }
    history = load_history(report.folder)
    assert len(history) == 4 * 4
    # 13 circuits and a probe for each of 4 samples and 50 shots: P = 6, so 2P + 1 = 13
    assert results["cost_shots"].tolist() == [4 * 13 * 4 * 50] * 2 + [4 * 14 * 4 * 50] * 2
    assert results["cost_evaluation_shots"].unique().tolist() == [357 * 50]


def test_done_runs_are_skipped(small, tmp_path):
    execute(load_study(small), tmp_path)
    before = files(tmp_path)
    execute(load_study(small), tmp_path)
    after = files(tmp_path)
    changed = {str(name) for name in after if after[name] != before.get(name)}
    assert changed <= {"small/study.json", ".small.lock"}


@pytest.mark.parametrize("steps", [1, 3, 6, 13])
def test_resuming_gives_the_same_history_bit_for_bit(small, tmp_path, steps):
    execute(load_study(small), tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        execute(load_study(small), tmp_path / "broken", observer=Stop(steps))
    execute(load_study(small), tmp_path / "broken")
    whole, broken = (load_history(tmp_path / part / "small") for part in ("whole", "broken"))
    pd.testing.assert_frame_equal(whole, broken, check_exact=True)
    columns = [name for name in load_results(tmp_path / "whole/small") if "seconds" not in name]
    pd.testing.assert_frame_equal(
        load_results(tmp_path / "whole/small")[columns],
        load_results(tmp_path / "broken/small")[columns],
        check_exact=True,
    )


def test_fresh_starts_over_and_deletes_nothing(small, tmp_path):
    execute(load_study(small), tmp_path)
    first = load_results(tmp_path / "small")
    execute(load_study(small), tmp_path, fresh=True)
    pd.testing.assert_frame_equal(
        load_results(tmp_path / "small.old-1").iloc[:, :3], first.iloc[:, :3]
    )
    assert list(load_results(tmp_path / "small")["status"]) == ["finished"] * 4


def test_results_list_the_runs_of_the_present_config(small, tmp_path):
    execute(load_study(small), tmp_path)
    small["seeds"] = 1
    small["training"]["steps"] = 3
    execute(load_study(small), tmp_path)
    assert len(load_results(tmp_path / "small")) == 2
    assert len(load_results(tmp_path / "small", every_run=True)) == 6


def test_a_failing_run_is_a_row_and_the_others_go_on(small, tmp_path, monkeypatch):
    run, calls = AerBackend.run, []

    def fail_once(self, parameters, rng):
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError("the simulator is on fire")
        return run(self, parameters, rng)

    monkeypatch.setattr(AerBackend, "run", fail_once)
    report = execute(load_study(small), tmp_path)
    results = load_results(report.folder)
    assert report.failed == 1
    assert list(results["status"]) == ["failed", "finished", "finished", "finished"]
    assert results["sentence"][0] == "RuntimeError: the simulator is on fire"
    assert "fail_once" in (report.folder / results["run_id"][0] / "error.txt").read_text()
    assert execute(load_study(small), tmp_path).failed == 0
    assert list(load_results(report.folder)["status"]) == ["finished"] * 4


def test_a_bad_value_writes_nothing(small, tmp_path):
    small["backend"]["shots"] = 0
    with pytest.raises(InputError, match="shots = 0"):
        execute(load_study(small), tmp_path / "results")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_refused(small, tmp_path):
    (tmp_path / "results").write_text("a file")
    with pytest.raises(InputError, match=r"results folder .* is not a folder"):
        execute(load_study(small), tmp_path / "results")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"status": "odd"}',
        b'{"status": "finished"}',
        b'{"status": "finished", "sentence": "x", "metrics": [1]}',
        b'{"status": "finished", "sentence": "x", "metrics": null, "cost": null}',
    ],
)
def test_a_run_whose_ending_cannot_be_read_is_ended_again(small, tmp_path, content):
    report = execute(load_study(small), tmp_path)
    before = load_results(report.folder)
    run = report.folder / before["run_id"][0]
    (run / "status.json").write_bytes(content)
    assert load_results(report.folder)["status"][0] == "unfinished"
    execute(load_study(small), tmp_path)
    columns = [name for name in before if "seconds" not in name]
    pd.testing.assert_frame_equal(load_results(report.folder)[columns], before[columns])


@pytest.mark.parametrize("content", ["", "{", "3", '{"runs": null}', '{"runs": {"a": 3}}'])
@pytest.mark.parametrize("name", ["study.json", "provenance.json"])
def test_damage_besides_the_measured_is_written_anew(small, tmp_path, name, content):
    with pytest.raises(KeyboardInterrupt):
        execute(load_study(small), tmp_path, observer=Stop(3))
    (file,) = tmp_path.rglob(name)
    file.write_text(content)
    report = execute(load_study(small), tmp_path)
    assert set(load_results(report.folder)["status"]) == {"finished"}
    if name == "provenance.json":
        aside = file.with_name("provenance.json.unreadable-1")
        assert aside.read_text() == content
        assert len(RunFolder(file.parent).provenance()) == 1


def test_a_lock_that_cannot_be_held_is_named(small, tmp_path):
    (tmp_path / ".small.lock").mkdir()
    with pytest.raises(InputError, match=r"\.small\.lock cannot be written"):
        execute(load_study(small), tmp_path)


def test_how_often_checkpoints_are_written_tells_no_runs_apart(small, tmp_path):
    execute(load_study(small), tmp_path)
    del small["optimizer"][1]
    small["training"]["checkpoint_every"] = 1
    report = execute(load_study(small), tmp_path)
    found = load_results(report.folder, every_run=True)
    assert set(found["label"]) == {"sgd", "nlr"}
    assert set(found["baseline"]) == {"sgd"}


def test_a_budget_that_allows_no_step_is_a_row(small, tmp_path):
    small["training"]["max_shots"] = 1
    report = execute(load_study(small), tmp_path)
    results = load_results(report.folder)
    assert set(results["status"]) == {"budget_spent"}
    assert results["metric_gradient_norm"].isna().all()
    assert "NaN" not in next(report.folder.glob("*/status.json")).read_text()
    assert list(summary(results)["gradient norm"]) == ["–", "–"]


def test_evaluations_are_paid_for_once(small, tmp_path):
    small["training"] |= {"evaluate_every": 2, "checkpoint_every": 2}
    whole = load_results(execute(load_study(small), tmp_path / "whole").folder)
    with pytest.raises(KeyboardInterrupt):
        execute(load_study(small), tmp_path / "broken", observer=Stop(3))
    broken = load_results(execute(load_study(small), tmp_path / "broken").folder)
    assert list(broken["cost_evaluation_shots"]) == list(whole["cost_evaluation_shots"])
    assert whole["cost_evaluation_shots"].unique().tolist() == [2 * 357 * 50]


def test_an_earlier_config_of_the_name_is_said_to_be_dropped(small, tmp_path):
    class Count(Observer):
        def begin_study(self, runs, done, dropped):
            self.seen = runs, done, dropped

    execute(load_study(small), tmp_path)
    del small["optimizer"][1]
    count = Count()
    report = execute(load_study(small), tmp_path, observer=count)
    assert count.seen == (2, 2, 2)
    assert len(load_results(report.folder)) == 2
    assert len(load_results(report.folder, every_run=True)) == 4


@pytest.mark.parametrize(
    ("number", "stopped", "code"),
    [(signal.SIGINT, KeyboardInterrupt, None), (signal.SIGTERM, SystemExit, 143)],
)
def test_run_saves_and_then_stops_at_a_signal(small, tmp_path, number, stopped, code):
    class Raise(Observer):
        def step(self, progress):
            signal.raise_signal(number)

    with pytest.raises(stopped) as raised:
        qnlr.run(small, tmp_path, observer=Raise())
    assert getattr(raised.value, "code", None) == code
    results = load_results(tmp_path / "small")
    assert list(results["status"]) == ["interrupted"] + ["pending"] * 3
    assert len(load_history(tmp_path / "small")) == 1


def test_a_second_process_is_refused(small, tmp_path):
    with FileLock(tmp_path / ".small.lock"), pytest.raises(InputError, match="another process"):
        execute(load_study(small), tmp_path)


@pytest.fixture
def broken(small, tmp_path):
    """A study whose first run stopped at its checkpoint after two steps."""
    with pytest.raises(KeyboardInterrupt):
        execute(load_study(small), tmp_path, observer=Stop(3))
    run = tmp_path / "small" / load_results(tmp_path / "small")["run_id"][0]
    assert (run / "checkpoint.npz").exists()
    return run


def other_version(file):
    import numpy as np

    with np.load(file) as content:
        arrays = dict(content)
    tree = json.loads(arrays["tree.json"].tobytes())
    tree["version"] = 99
    arrays["tree.json"] = np.frombuffer(json.dumps(tree).encode(), dtype=np.uint8)
    np.savez(file, **arrays)


def truncated(file):
    file.write_bytes(file.read_bytes()[:-100])


def of_another_run(file):
    other = file.parent.parent / "000000000000"
    shutil.copytree(file.parent, other)
    from qnlr.training import read_checkpoint, write_checkpoint

    write_checkpoint(file, other.name, read_checkpoint(file, file.parent.name))
    shutil.rmtree(other)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (truncated, "truncated or damaged"),
        (other_version, "of version 99"),
        (of_another_run, "belongs to run '000000000000'"),
        (lambda file: file.write_text("not a checkpoint"), "truncated or damaged"),
        (lambda file: file.write_bytes(b""), "truncated or damaged"),
    ],
)
def test_a_bad_checkpoint_is_named_set_aside_and_not_restarted_over(broken, small, damage, words):
    damage(broken / "checkpoint.npz")
    content = (broken / "checkpoint.npz").read_bytes()
    before = (broken / "history.parquet").read_bytes()
    with pytest.raises(CheckpointError) as raised:
        execute(load_study(small), broken.parent.parent)
    assert words in str(raised.value)
    assert "checkpoint.npz.unreadable-1" in str(raised.value)
    assert (broken / "checkpoint.npz.unreadable-1").read_bytes() == content
    assert not (broken / "checkpoint.npz").exists()
    assert (broken / "history.parquet").read_bytes() == before
    assert "finished" not in set(load_results(broken.parent)["status"])
    execute(load_study(small), broken.parent.parent)
    assert set(load_results(broken.parent)["status"]) == {"finished"}


def test_resuming_forgets_how_the_run_stopped_and_keeps_what_it_ran_with(small, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        execute(load_study(small), tmp_path, observer=Stop(3))
    run = RunFolder(tmp_path / "small" / load_results(tmp_path / "small")["run_id"][0])
    first = {**run.provenance()[0], "python": "3.0"}
    write_json(run.path / "provenance.json", [first])
    run.end({"status": "failed", "sentence": "the machine is on fire"})
    with pytest.raises(KeyboardInterrupt):
        execute(load_study(small), tmp_path, observer=Stop(1))
    assert load_results(tmp_path / "small")["status"][0] == "unfinished"
    assert [session["python"] for session in run.provenance()] == ["3.0", platform.python_version()]


def test_more_seeds_extend_a_study_that_is_done(small, tmp_path):
    execute(load_study(small), tmp_path)
    before = files(tmp_path)
    report = execute(load_study(small, seeds=3), tmp_path)
    results = load_results(report.folder)
    assert sorted(results["spec_seed"]) == [0, 0, 1, 1, 2, 2]
    after = files(tmp_path)
    kept = [name for name in before if name.parent.name != "small" and name.suffix != ".lock"]
    assert kept
    assert all(after[name] == before[name] for name in kept)


@pytest.mark.parametrize("seeds", [0, -1, 1.5, "two"])
def test_a_number_of_seeds_that_is_none_is_refused(small, seeds):
    with pytest.raises(InputError, match="seeds = "):
        load_study(small, seeds)

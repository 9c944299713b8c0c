import json

import numpy as np
import pandas as pd
import pytest
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st

from qnlr.errors import InputError
from qnlr.study import execute, load_history, load_results, load_study
from qnlr.study.archive import cut, pack, unpack
from qnlr.study.repeat import repeat
from qnlr.study.store import RunFolder


@pytest.fixture
def done(small, tmp_path):
    small["training"]["evaluate_every"] = 2
    execute(load_study(small), tmp_path / "results")
    return tmp_path


def test_what_is_unpacked_has_the_same_results(done):
    pack([done / "results/small"], done / "archive")
    assert unpack(done / "archive", done / "again") == [done / "again/small"]
    before, after = load_results(done / "results/small"), load_results(done / "again/small")
    pd.testing.assert_frame_equal(before, after)
    run = before["run_id"][0]
    provenance = RunFolder(done / "again/small" / run).provenance()
    assert provenance == RunFolder(done / "results/small" / run).provenance()


def test_histories_keep_evaluations_whole_and_four_digits_of_the_rest(done):
    pack([done / "results/small"], done / "archive")
    unpack(done / "archive", done / "again")
    before, after = load_history(done / "results/small"), load_history(done / "again/small")
    assert list(before.columns) == list(after.columns)
    for column in ("metric_train_loss", "metric_test_accuracy", "metric_flipped", "cost_shots"):
        pd.testing.assert_series_equal(before[column], after[column])
    evaluated = before["metric_train_loss"].notna()
    assert evaluated.sum() == len(before) / 2
    assert after["metric_gradient_std"].isna().tolist() == (~evaluated).tolist()
    for column in ("metric_gradient_std", "metric_train_loss_std"):
        pd.testing.assert_series_equal(before[column][evaluated], after[column][evaluated])
    for column in ("metric_loss", "metric_gradient_norm"):
        assert (before[column][evaluated] == after[column][evaluated]).all()
        np.testing.assert_allclose(before[column], after[column], rtol=3e-4)


def test_a_run_from_an_archive_can_be_repeated_and_counts_as_done(done, small):
    small["training"]["evaluate_every"] = 2
    pack([done / "results/small"], done / "archive")
    unpack(done / "archive", done / "again")
    assert repeat(load_results(done / "again/small")["run_id"][0], done / "again").identical
    times = {f: f.stat().st_mtime_ns for f in (done / "again").rglob("status.json")}
    execute(load_study(small), done / "again")
    assert times == {f: f.stat().st_mtime_ns for f in (done / "again").rglob("status.json")}


def test_a_brief_archive_keeps_evaluations_costs_and_both_ends(done):
    pack([done / "results/small"], done / "archive", brief=True)
    unpack(done / "archive", done / "again")
    before, after = load_history(done / "results/small"), load_history(done / "again/small")
    last = before.groupby("run_id")["step"].transform("max")
    kept = before["metric_train_loss"].notna() | before["step"].isin([0, last.iloc[0]])
    columns = ["run_id", "step", "metric_train_loss", "cost_shots", "cost_circuits"]
    expected = before.loc[kept, columns].reset_index(drop=True)
    pd.testing.assert_frame_equal(after[columns].reset_index(drop=True), expected)
    assert len(after) < len(before)
    assert list(after.columns) == list(before.columns)
    assert after["metric_gradient_norm"].isna().all()


def test_runs_that_are_there_are_left_alone(done):
    pack([done / "results/small"], done / "archive")
    before = {f: f.read_bytes() for f in (done / "results").rglob("*.parquet")}
    unpack(done / "archive", done / "results")
    assert before == {f: f.read_bytes() for f in (done / "results").rglob("*.parquet")}


def test_what_is_not_done_or_not_there_is_not_packed(done):
    with pytest.raises(InputError, match="there is no study in"):
        pack([done / "nothing"], done / "archive")
    run = load_results(done / "results/small")["run_id"][1]
    (done / "results/small" / run / "status.json").unlink()
    with pytest.raises(InputError, match=f"run {run} of .* has not ended"):
        pack([done / "results/small"], done / "archive")
    with pytest.raises(InputError, match="there is no archive"):
        unpack(done / "nowhere", done / "again")


@given(st.floats(-1e300, 1e300, allow_subnormal=False))
def test_cutting_keeps_four_digits_and_is_done_once(value):
    once = cut(np.array([value]))
    assert abs(once[0] - value) <= abs(value) * 2.0**-12
    assert cut(once)[0] == once[0]


def contents(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_an_archive_is_replaced_as_a_whole_or_not_at_all(done, small, monkeypatch):
    small["name"] = "other"
    execute(load_study(small), done / "results")
    both = [done / "results/small", done / "results/other"]
    pack(both, done / "archive")
    before = contents(done / "archive")
    with pytest.raises(InputError, match="no study to pack"):
        pack([], done / "archive")
    with pytest.raises(InputError, match=r"would be lost: other; pack them, too, or give another"):
        pack(both[:1], done / "archive")
    unwritten = both[0] / load_results(both[0])["run_id"][0] / "status.json"
    unwritten.rename(unwritten.with_suffix(".aside"))
    with pytest.raises(InputError, match="has not ended"):
        pack(both, done / "archive")
    unwritten.with_suffix(".aside").rename(unwritten)

    def refuse(*args):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("qnlr.study.archive.write_json", refuse)
        with pytest.raises(OSError, match="No space"):
            pack(both, done / "archive")
    assert contents(done / "archive") == before
    pack(both, done / "archive")
    assert contents(done / "archive").keys() == before.keys()


def test_unpacking_keeps_what_a_study_lists_and_waits_for_nobody(done, small):
    small["training"]["evaluate_every"] = 2
    pack([done / "results/small"], done / "archive")
    execute(load_study(small, seeds=3), done / "results")
    before = load_results(done / "results/small")
    with FileLock(done / "results/.small.lock"), pytest.raises(InputError, match="another process"):
        unpack(done / "archive", done / "results")
    unpack(done / "archive", done / "results")
    after = load_results(done / "results/small")
    pd.testing.assert_frame_equal(
        before.sort_values("run_id", ignore_index=True),
        after.sort_values("run_id", ignore_index=True),
    )
    assert len(after) == 6


def without_a_run(archive):
    frame = pd.read_parquet(archive / "runs.parquet")
    frame.iloc[1:].to_parquet(archive / "runs.parquet")


def named_outside(archive):
    studies = json.loads((archive / "studies.json").read_text())
    (archive / "studies.json").write_text(json.dumps({"../../small": studies["small"]}))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda archive: (archive / "runs.parquet").unlink(), "runs.parquet"),
        (lambda archive: (archive / "history.parquet").unlink(), "history.parquet"),
        (lambda archive: (archive / "runs.parquet").write_bytes(b"PAR1"), "is damaged"),
        (lambda archive: (archive / "history.parquet").write_bytes(b""), "is damaged"),
        (lambda archive: (archive / "studies.json").write_text("[]"), "is damaged"),
        (lambda archive: (archive / "studies.json").write_text('{"small": 3}'), "is damaged"),
        (lambda archive: (archive / "studies.json").write_text("{"), "studies.json is damaged"),
        (without_a_run, "lacks 1 runs that studies.json lists"),
        (named_outside, "'../../small' names no results"),
    ],
)
def test_a_damaged_archive_is_named_and_nothing_is_written(done, damage, words):
    pack([done / "results/small"], done / "archive")
    damage(done / "archive")
    with pytest.raises(InputError) as raised:
        unpack(done / "archive", done / "again")
    assert words in str(raised.value)
    assert not (done / "again").exists()
    assert not (done.parent / "small").exists()

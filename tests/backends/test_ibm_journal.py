import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qnlr.backends.ibm.journal import Journal
from qnlr.errors import CheckpointError

RESULT = {"values": np.array([0.25, -1.0]), "stds": np.array([0.01, 0.02])}


def lines(folder):
    return [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]


def begun(folder):
    """A journal with one phase and its one job, planned."""
    journal = Journal(folder, "run")
    journal.begin_phase("p", {"weights": np.arange(3.0)}, {"pub": "abc", "parts": [2]})
    return journal, journal.plan(phase="p", part=0, attempt=0, estimate=2.5)


def test_everything_is_written_before_anything_follows_from_it(tmp_path):
    journal, record = begun(tmp_path)
    assert [line["event"] for line in lines(tmp_path)] == ["opened", "phase", "planned"]
    assert np.array_equal(Journal(tmp_path, "run").kept("p")["weights"], np.arange(3.0))
    assert Journal(tmp_path, "run").jobs[record.tag].pending
    journal.note(record.tag, "submitted", job_id="j")
    assert Journal(tmp_path, "run").jobs[record.tag].job_id == "j"
    journal.note(record.tag, "done", charge=3.5, executions=200)
    journal.keep(record.tag, RESULT)
    found = Journal(tmp_path, "run").jobs[record.tag]
    assert (found.collected, found.charge, found.about["executions"]) == (True, 3.5, 200)
    again = Journal(tmp_path, "run").kept(record.tag)
    assert all(np.array_equal(again[name], RESULT[name]) for name in RESULT)
    assert [line["event"] for line in lines(tmp_path)][3:] == ["job", "job", "collected"]


def test_a_result_is_on_disk_before_the_journal_says_so(tmp_path, monkeypatch):
    journal, record = begun(tmp_path)

    def crash(event):
        assert (tmp_path / "phases" / f"{record.tag}.npz").is_file()
        raise KeyboardInterrupt

    monkeypatch.setattr(journal, "_append", crash)
    with pytest.raises(KeyboardInterrupt):
        journal.keep(record.tag, RESULT)
    assert not Journal(tmp_path, "run").jobs[record.tag].collected


def test_what_is_written_twice_counts_once(tmp_path):
    journal, record = begun(tmp_path)
    assert begun(tmp_path)[1] == record
    journal = Journal(tmp_path, "run")
    journal.begin_phase("p", {}, {"pub": "other"})
    assert journal.phases["p"]["pub"] == "abc"
    assert len(lines(tmp_path)) == 3


def test_tags_are_those_of_one_execution_of_one_run(tmp_path):
    tags = set()
    for number, run in enumerate(["run", "run", "other"]):
        journal = Journal(tmp_path / str(number), run)
        for phase, part, attempt in [("p", 0, 0), ("p", 0, 1), ("p", 1, 0), ("q", 0, 0)]:
            record = journal.plan(phase=phase, part=part, attempt=attempt, estimate=1.0)
            tags.add(record.tag)
    assert len(tags) == 12
    assert all(tag.startswith("qnlr-") for tag in tags)


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_a_line_that_a_crash_cut_off_is_dropped_and_written_over(tmp_path, cut):
    _, record = begun(tmp_path)
    file = tmp_path / "journal.jsonl"
    whole = file.read_bytes()
    file.write_bytes(whole[:-cut])
    journal = Journal(tmp_path, "run")
    assert journal.jobs == {}
    assert list(journal.phases) == ["p"]
    again = journal.plan(phase="p", part=0, attempt=0, estimate=2.5)
    assert again.tag == record.tag
    assert [line["event"] for line in lines(tmp_path)] == ["opened", "phase", "planned"]


def test_a_journal_whose_first_line_was_cut_off_begins_anew(tmp_path):
    (tmp_path / "journal.jsonl").write_bytes(b'{"event": "opened", "ver')
    journal = Journal(tmp_path, "run")
    assert journal.header == {}
    journal.plan(phase="p", part=0, attempt=0, estimate=1.0)
    assert Journal(tmp_path, "run").header["run_id"] == "run"


def test_a_damaged_line_is_told_by_its_number(tmp_path):
    begun(tmp_path)
    file = tmp_path / "journal.jsonl"
    first, second, third = file.read_text().splitlines(keepends=True)
    file.write_text(first + second[: len(second) // 2] + "\n" + third)
    with pytest.raises(CheckpointError, match=r"is damaged in line 2 .*; restore it"):
        Journal(tmp_path, "run")


def test_the_journal_of_another_run_or_version_is_refused(tmp_path):
    begun(tmp_path)
    with pytest.raises(CheckpointError, match=r"journal of run 'run' .* not of 'other'"):
        Journal(tmp_path, "other")
    file = tmp_path / "journal.jsonl"
    file.write_text(file.read_text().replace('"version": 1', '"version": 99'))
    with pytest.raises(CheckpointError, match="version 99"):
        Journal(tmp_path, "run")


def test_results_that_are_missing_or_damaged_are_told_by_their_file(tmp_path):
    journal, record = begun(tmp_path)
    with pytest.raises(CheckpointError, match=rf"{record.tag}\.npz is missing or damaged"):
        journal.kept(record.tag)
    (tmp_path / "phases" / f"{record.tag}.npz").write_bytes(b"PK nothing")
    with pytest.raises(CheckpointError, match=rf"{record.tag}\.npz is missing or damaged"):
        journal.kept(record.tag)


def test_a_journal_in_memory_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    journal, record = begun(None)
    journal.keep(record.tag, RESULT)
    assert np.array_equal(journal.kept(record.tag)["values"], RESULT["values"])
    assert np.array_equal(journal.kept("p")["weights"], np.arange(3.0))
    assert list(tmp_path.iterdir()) == []


JOBS = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from(["submitted", "done", "cancelled", "failed"]),
        st.none() | st.floats(0, 1e6),
        st.dictionaries(st.sampled_from(["mode", "reason", "mode_id"]), st.text(max_size=20)),
        st.booleans(),
    ),
    max_size=12,
)


@given(events=JOBS)
def test_a_journal_read_again_knows_what_the_one_that_wrote_it_knew(tmp_path_factory, events):
    folder = tmp_path_factory.mktemp("journal")
    journal = Journal(folder, "run")
    for part, state, charge, about, kept in events:
        attempt = len(journal.attempts("p", part))
        record = journal.plan(phase="p", part=part, attempt=attempt, estimate=1.5)
        known = {} if charge is None else {"charge": charge}
        journal.note(record.tag, state, job_id=f"id {attempt}", **known, **about)
        if kept:
            journal.keep(record.tag, RESULT)
    again = Journal(folder, "run")
    assert again.jobs == journal.jobs
    assert list(again.jobs) == list(journal.jobs)
    assert (again.header, again.phases, again.spent) == (
        journal.header,
        journal.phases,
        journal.spent,
    )
    for part in range(4):
        attempts = [record.attempt for record in again.attempts("p", part)]
        assert attempts == list(range(len(attempts)))

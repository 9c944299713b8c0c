"""What is wrong before anything is submitted, on the command line: one sentence, exit code 2."""

import json
import secrets
import shutil
import sys

import pytest
from device_studies import carry_out, study, toml

from qnlr.cli import main
from qnlr.study.kept import kept_study

ELSEWHERE = f"crn:v1:bluemix:public:quantum-computing:us-east:a/{secrets.token_hex(16)}:0::"


@pytest.fixture
def called(tmp_path, monkeypatch, capsys, no_account):
    """Call the program, which must end with exit code 2; what it says of the error."""
    monkeypatch.setenv("HOME", str(no_account.parents[1]))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["qnlr", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert ended.value.code == 2, said
        assert said.err.count("\n") == said.err.count("Error: ") == 1, said.err
        return said.err.removeprefix("Error: ").strip()

    return call


@pytest.fixture
def refused(called, tmp_path):
    """Run a study that must be refused; the sentence."""

    def run(**backend):
        config = study(**backend)
        config["circuit"]["qubits"] = backend.pop("qubits", 2)
        config["backend"].pop("qubits", None)
        (tmp_path / "hw.toml").write_text(toml(config))
        return called("run", "hw.toml", "--yes")

    return run


def _nothing_was_submitted(server, number=0):
    return len(server.requested("POST", "/(jobs|sessions)")) == number


def test_no_account(loopback_server, refused):
    assert "there is no IBM Quantum account; set QISKIT_IBM_TOKEN" in refused()
    assert loopback_server.requests == []


def test_a_wrong_key(loopback, refused, monkeypatch):
    monkeypatch.setenv("QISKIT_IBM_TOKEN", secrets.token_urlsafe(33))
    sentence = refused()
    assert "the service refused the API key (400)" in sentence
    assert _nothing_was_submitted(loopback)


def test_no_network_is_told_from_a_wrong_key(offline, refused):
    sentence = refused()
    assert "cannot be reached: there is no connection" in sentence
    assert "this says nothing against the API key" in sentence


@pytest.mark.parametrize("where", ["environment", "config"])
def test_a_wrong_instance(loopback, refused, monkeypatch, where):
    if where == "environment":
        monkeypatch.setenv("QISKIT_IBM_INSTANCE", ELSEWHERE)
    sentence = refused(**({} if where == "environment" else {"instance": "of-a-neighbour"}))
    assert 'the account has "qnlr-test"' in sentence
    assert ELSEWHERE not in sentence
    assert _nothing_was_submitted(loopback)


@pytest.mark.parametrize(
    ("backend", "words"),
    [
        (
            {"device": "ibm_manilla"},
            'device "ibm_manilla" is not known; did you mean "ibm_manila"?',
        ),
        ({"device": "mock_manila"}, 'device "mock_manila" is not known'),
        ({"qubits": 6}, "has 5 qubits, and the circuit needs 6; set device to ibm_lagos"),
        ({"qubits": 6, "device": "least_busy"}, None),
        ({"qubits": 8, "device": "least_busy"}, "finds none with 8 qubits"),
        ({"budget_seconds": 5}, "QPU seconds, and budget_seconds = 5; nothing was submitted"),
        ({"mode": "sesion"}, 'mode "sesion" is not known; did you mean "session"?'),
        ({"shots": 0}, "shots = 0 is not valid"),
        ({"instance": ELSEWHERE}, "instance holds a CRN, which would be written into results"),
    ],
)
def test_a_config_that_does_not_fit(loopback, refused, backend, words, monkeypatch):
    if words is None:  # the larger one is taken, and cannot be paid for
        loopback.usage_limit_seconds, words = 1, "the account has 1 left"
    sentence = refused(**backend)
    assert words in sentence
    assert ELSEWHERE not in sentence
    assert _nothing_was_submitted(loopback)


def test_a_session_on_the_open_plan(loopback, refused):
    loopback.plan = "open"
    assert 'mode = "session" is not valid on the open plan' in refused(mode="session")
    assert _nothing_was_submitted(loopback)


def test_more_than_the_account_has_left(loopback, refused):
    loopback.usage_consumed_seconds = loopback.usage_limit_seconds - 7
    assert "the account has 7 left; nothing was submitted" in refused()
    assert _nothing_was_submitted(loopback)


@pytest.fixture
def begun(loopback, tmp_path):
    """The folder of a run that has spent its three jobs, and of another one of its study."""
    grid = [{"name": "nlr", "learning_rate": 0.3}, {"name": "sgd", "learning_rate": 0.3}]
    rows = carry_out(study(grid, max_jobs=3, mode="job"), tmp_path / "results")
    assert rows["status"].tolist() == ["budget_spent"] * 2
    return [tmp_path / "results" / "hw" / run for run in rows["run_id"]]


def _resumed(called):
    return called("resume", "hw", "--yes", "--max-jobs", "100")


def test_a_run_folder_of_another_device(loopback, begun, called):
    for run in begun:
        if (run / "device.json").exists():
            about = json.loads((run / "device.json").read_text())
            (run / "device.json").write_text(json.dumps({**about, "device": "ibm_lagos"}))
            break
    sentence = _resumed(called)
    assert "is the folder of a run on ibm_lagos, and not on ibm_manila" in sentence
    assert _nothing_was_submitted(loopback, 3)


@pytest.mark.parametrize(
    ("line", "old", "new", "words"),
    [
        (1, b'"event"', b'"eve', "is damaged in line 2"),
        (1, b'"event": "phase"', b'"event": "phrase"', "is damaged in line 2"),
        (1, b"{", b"[]\n{", "is damaged in line 2"),
        (0, b'"run_id": "', b'"run_id": "0', "is the journal of run '0"),
        (0, b'"version": 1', b'"version": 9', "(version 9)"),
    ],
)
def test_a_damaged_journal(loopback, begun, called, line, old, new, words):
    path = begun[0] / "journal.jsonl"
    lines = path.read_bytes().splitlines(True)
    assert old in lines[line]
    lines[line] = lines[line].replace(old, new, 1)
    path.write_bytes(b"".join(lines))
    assert words in _resumed(called)
    assert _nothing_was_submitted(loopback, 3)


def test_a_journal_that_lost_a_line(loopback, begun, called):
    path = begun[0] / "journal.jsonl"
    kept = [line for line in path.read_bytes().splitlines(True) if b'"planned"' not in line]
    path.write_bytes(b"".join(kept))
    assert "is damaged in line 3" in _resumed(called)
    assert _nothing_was_submitted(loopback, 3)


def test_a_circuit_that_is_gone(loopback, begun, called):
    (begun[1] / "circuit.qpy").unlink()
    assert "circuit.qpy" in _resumed(called)
    assert _nothing_was_submitted(loopback, 3)


def test_results_that_are_gone_are_not_paid_for_again(loopback, begun, tmp_path):
    for run in begun:
        shutil.rmtree(run / "phases")
        (run / "checkpoint.npz").unlink()
    known = kept_study(tmp_path / "results" / "hw", {"max_jobs": 100})
    rows = carry_out(known, tmp_path / "results")
    assert rows["status"].tolist() == ["failed"] * 2
    assert rows["sentence"].str.contains("missing or damaged").all()
    assert _nothing_was_submitted(loopback, 3)


def test_there_is_nothing_to_resume(loopback, called, tmp_path):
    assert "there is no study in" in called("resume", "hw")
    assert "there is no study in" in called("attach", "hw")
    assert "there is no study in" in called("status", "hw")
    assert loopback.requests == []

"""The commands for runs on a device, as a user meets them."""

import io
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from qnlr.cli import main
from qnlr.study import load_results

PROGRAM = str(Path(sys.executable).parent / "qnlr")
PHASES = 8
CONFIG = """\
name = "hw"

[data]
name = "gaussian"
features = 2
samples = 10

[circuit]
qubits = 2
layers = 1

[backend]
name = "ibm"
device = "ibm_manila"
shots = 50
mode = "job"
budget_seconds = 30

[training]
steps = 3
batch_size = 4
checkpoint_every = 2

[[optimizer]]
name = "nlr"
learning_rate = 0.3
"""


@pytest.fixture
def qnlr(loopback, tmp_path, monkeypatch, capfd):
    """Call the program in a folder with a config; what it printed."""
    (tmp_path / "hw.toml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)

    def call(*arguments, code=0, answer=""):
        monkeypatch.setattr(sys, "argv", ["qnlr", *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
        with pytest.raises(SystemExit) as ended:
            main()
        said = "".join(capfd.readouterr())
        assert (ended.value.code or 0) == code, said
        assert not any(secret in said for secret in loopback.secrets)
        return said

    return call


def test_the_price_is_shown_and_agreed_to_before_anything_is_submitted(loopback, qnlr, tmp_path):
    said = qnlr("run", "hw.toml", code=1, answer="n\n")
    assert re.search(r"hw takes 18\.\d s of QPU time", said)
    assert "Submit?" in said
    assert loopback.requested("POST", "/(jobs|sessions)") == []
    said = qnlr("run", "hw.toml", answer="y\n")
    assert len(loopback.jobs) == PHASES
    assert "finished" in said
    assert "report: " in said


def test_a_run_is_left_looked_at_cancelled_and_gone_on_with(loopback, qnlr, tmp_path):
    loopback.hold()
    said = qnlr("run", "hw.toml", "--yes", "--detach")
    assert "1 job left to run; qnlr attach collects what there is" in said
    (job,) = loopback.jobs
    said = qnlr("status", "hw")
    assert f"job {job.id}: queued" in said
    assert "of 30 QPU seconds spent" in said
    assert f"job {job.id}: not asked" in qnlr("status", "hw", "--offline")
    said = qnlr("cancel", "hw", code=1, answer="n\n")
    assert job.state == "Queued"
    said = qnlr("cancel", "hw", "--yes")
    assert f"job {job.id}: cancelled" in said
    assert "To go on: qnlr resume hw" in said
    assert job.state == "Cancelled"
    assert "no job is pending" in qnlr("cancel", "hw", "--yes")
    loopback.release()
    assert "all that was submitted is collected" in qnlr("attach", "hw")
    assert len(loopback.jobs) == 1
    qnlr("resume", "hw", "--yes")
    assert len(loopback.jobs) == 1 + PHASES
    assert load_results(tmp_path / "results" / "hw")["status"].tolist() == ["finished"]


def test_a_run_that_spent_its_budget_goes_on_with_a_larger_one(loopback, qnlr, tmp_path):
    loopback.price = lambda executions: 3 * (2 + 0.00035 * executions)
    said = qnlr("run", "hw.toml", "--yes")
    assert "budget_spent" in said
    assert "of 30 QPU seconds spent; the next phase would take about" in said
    jobs = len(loopback.jobs)
    assert loopback.charged <= 30
    assert "budget_spent" in qnlr("resume", "hw", "--yes")
    assert len(loopback.jobs) == jobs
    assert "raise the budget" in qnlr("resume", "hw", "--yes", "--budget-seconds", "31", code=2)
    qnlr("resume", "hw", "--yes", "--budget-seconds", "200")
    assert len(loopback.jobs) == PHASES
    assert load_results(tmp_path / "results" / "hw")["status"].tolist() == ["finished"]


@pytest.mark.slow
def test_ctrl_c_leaves_the_job_and_running_again_collects_it(loopback, qnlr, tmp_path):
    loopback.hold()
    with subprocess.Popen(
        [PROGRAM, "run", "hw.toml", "--yes"],
        cwd=tmp_path,
        env={**os.environ, **loopback.environment},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        deadline = time.monotonic() + 120
        while len(loopback.requested("GET", "/jobs/[^/]+")) < 2:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGINT, output
    assert "1 job left to run; qnlr attach collects what there is" in output
    assert "To go on: qnlr run hw.toml --yes" in output
    loopback.release()
    qnlr("run", "hw.toml", "--yes")
    assert len(loopback.jobs) == PHASES

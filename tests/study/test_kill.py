"""Runs that are killed, and stopped by signals, at any moment."""

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

from qnlr.study import execute, load_history, load_results, load_study

pytestmark = pytest.mark.slow

CONFIG = """\
name = "killed"

[data]
name = "digits"
features = 4

[circuit]
qubits = 2
layers = 1

[backend]
name = "aer"
shots = 50
noise = { name = "rate", rate = 0.01 }

[training]
steps = 60
batch_size = 4
checkpoint_every = 7

[[optimizer]]
name = "nlr"
learning_rate = 0.3
corrective = "perturbed_reversal"

[[optimizer]]
name = "adam"
"""

SUICIDE = """\
import os, signal, sys, threading
from qnlr.study import Observer, execute, load_study

class Kill(Observer):
    left, delay = int(sys.argv[3]), float(sys.argv[4])

    def step(self, training):
        self.left -= 1
        if self.left == 0:
            kill = lambda: os.kill(os.getpid(), signal.SIGKILL)
            kill() if not self.delay else threading.Timer(self.delay, kill).start()

execute(load_study(sys.argv[1]), sys.argv[2], observer=Kill())
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    file = tmp_path_factory.mktemp("config") / "killed.toml"
    file.write_text(CONFIG)
    return file


@pytest.fixture(scope="module")
def whole(config, tmp_path_factory):
    """The history of a run that nothing interrupted."""
    results = tmp_path_factory.mktemp("whole")
    return load_history(execute(load_study(config), results).folder)


def test_killed_at_random_steps_and_resumed_gives_the_same_history(config, whole, tmp_path):
    draw = random.Random(20251)
    for kill in range(4):
        steps, delay = draw.randint(2, 25), 0.0 if kill % 2 else draw.uniform(0, 0.05)
        done = subprocess.run(
            [sys.executable, "-c", SUICIDE, str(config), str(tmp_path), str(steps), str(delay)],
            check=False,
        )
        assert done.returncode == -signal.SIGKILL
    before = load_history(tmp_path / "killed")
    every = tomllib.loads(CONFIG)["training"]["checkpoint_every"]
    assert len(before) > 0
    assert len(before) % every == 0
    execute(load_study(config), tmp_path)
    pd.testing.assert_frame_equal(load_history(tmp_path / "killed"), whole, check_exact=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_finishes_the_step_and_running_again_goes_on(config, whole, tmp_path, number):
    command = [str(Path(sys.executable).parent / "qnlr"), "run", str(config), "--results", "."]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        deadline = time.monotonic() + 120
        while not list(tmp_path.glob("killed/*/checkpoint.npz")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        os.killpg(process.pid, number)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert "To go on: qnlr run" in output
    assert "Traceback" not in output
    stopped = load_results(tmp_path / "killed")
    assert stopped["status"][0] == "interrupted"
    assert "of 60 steps" in stopped["sentence"][0]
    assert stopped["status"][1] == "pending"
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "resumed after step" in done.stderr
    pd.testing.assert_frame_equal(load_history(tmp_path / "killed"), whole, check_exact=True)

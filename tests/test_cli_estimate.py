"""The command that prices a study, as a user meets it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = str(Path(sys.executable).parent / "qnlr")
CONFIG = """\
name = "tiny"

[data]
name = "gaussian"
features = 4
samples = 20

[circuit]
qubits = 2
layers = 1

[backend]
name = "simulator"
shots = 40

[training]
steps = 2
batch_size = 4

[optimizer]
name = "sgd"
learning_rate = 0.1
"""


@pytest.fixture
def qnlr(tmp_path):
    """Call the program in a folder with a small config."""
    (tmp_path / "tiny.toml").write_text(CONFIG)

    def call(*arguments):
        done = subprocess.run(
            [PROGRAM, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert "Traceback" not in done.stderr
        return done

    return call


def test_help_has_examples(qnlr):
    assert "Examples" in qnlr("estimate", "--help").stdout
    assert "estimate" in qnlr("--help").stdout


def test_the_price_comes_first_and_nothing_is_written(qnlr, tmp_path):
    done = qnlr("estimate", "tiny.toml", "--device", "ibm_fez")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("tiny takes ")
    assert "evaluation only" in done.stdout
    assert [file.name for file in tmp_path.iterdir()] == ["tiny.toml"]


def test_plain_data_for_scripts(qnlr):
    plain = json.loads(qnlr("estimate", "tiny.toml", "--device", "ibm_fez", "--json").stdout)
    # 13 weight vectors, 4 samples, 40 shots, twice; then 16 and 4 samples are evaluated.
    assert plain["executions"] == 2 * 13 * 4 * 40 + 20 * 40
    assert plain["jobs"] == 4
    assert "server" not in plain
    more = json.loads(
        qnlr("estimate", "tiny.toml", "--device", "ibm_fez", "--json", "--seeds", "2").stdout
    )
    assert more["executions"] == 2 * plain["executions"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("tiny.toml",), "no run of study tiny is on a device; give one to estimate it on"),
        (("tiny.toml", "--device", "ibm_nowhere"), "is not known without a network"),
        (("tiny.toml", "--device", "fake_fez", "--server"), "runs on this machine, and no service"),
        (("nowhere.toml",), "config nowhere.toml cannot be read"),
    ],
)
def test_what_cannot_be_priced_is_a_sentence(qnlr, arguments, words):
    done = qnlr("estimate", *arguments)
    assert done.returncode == 2
    assert words in done.stderr

"""``qnlr diagnose``, as a user meets it."""

import json
import subprocess
import sys

import pandas as pd
import pytest

from qnlr.cli import main
from qnlr.diagnostics import DIAGNOSTICS

CONFIG = """\
name = "fall"

[diagnostic]
name = "decay"
qubits = [2, 4]
exact = true
"""
STUDY = """\
name = "tiny"
[data]
name = "digits"
features = 4
[circuit]
qubits = 2
layers = 1
[backend]
name = "statevector"
[training]
steps = 3
batch_size = 4
[optimizer]
name = "sgd"
learning_rate = 0.1
"""


@pytest.fixture
def qnlr(tmp_path, monkeypatch, capsys):
    """Call the command line in an empty folder, with small diagnostics beside the others."""
    for verb, function in (("decay", "decay"), ("path", "path"), ("lines", "lines_of")):
        monkeypatch.setitem(DIAGNOSTICS, verb, f"tiny_diagnostics:{function}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["qnlr", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        shown = capsys.readouterr()
        assert "Traceback" not in shown.err
        return ended.value.code, shown.out, shown.err

    return call


def settings(folder):
    return json.loads((folder / "settings.json").read_text())


def test_help_lists_every_verb_and_imports_none():
    code = (
        "import sys, qnlr.cli; from typer.testing import CliRunner; "
        "from qnlr.diagnostics import DIAGNOSTICS; "
        "done = CliRunner().invoke(qnlr.cli.app, ['diagnose', '--help']); "
        "assert done.exit_code == 0; "
        "assert all(verb in done.output for verb in DIAGNOSTICS), done.output; "
        "heavy = {'qiskit', 'numpy', 'pandas', 'sklearn', 'matplotlib'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_help_on_a_verb_is_its_docstring_and_its_signature(qnlr):
    code, text, _ = qnlr("diagnose", "decay", "--help")
    assert code == 0
    for words in (
        "Return an exponential, with noise on it.",
        "Example: qnlr diagnose decay",
        ">>> decay((2, 4), exact=True)",
        "--qubits",
        "Numbers of qubits, each at least 1.",
        "[default: 2,4,6]",
        "[default: 0.7]",
        "--exact",
        "--no-exact",
    ):
        assert words in text
    assert "told" not in text
    assert "math::" not in text
    _, text, _ = qnlr("diagnose", "path", "--help")
    assert "RUN" in text
    assert "recorded" not in text
    assert "qnlr diagnose path 05aa5c307642" in text
    assert "FILE" in qnlr("diagnose", "lines", "--help")[1]


def test_settings_are_options_and_what_is_written_repeats_it(qnlr, tmp_path):
    code, text, _ = qnlr("diagnose", "decay", "--qubits", "2, 5", "--exact", "--rate", "0.5")
    assert code == 0
    assert text.splitlines()[0] == "Decay with rate 0.5"
    assert text.splitlines()[-1] == "report: results/decay/report/report.html"
    assert pd.read_csv("results/decay/decay.csv")["qubits"].tolist() == [2, 5]
    kept = settings(tmp_path / "results" / "decay")
    assert kept["command"] == "qnlr diagnose decay --qubits 2,5 --rate 0.5 --exact"
    assert kept["settings"]["samples"] is None
    before = (tmp_path / "results" / "decay" / "decay.csv").read_bytes()
    assert qnlr(*kept["command"].split()[1:], "--name", "twice")[0] == 0
    assert (tmp_path / "results" / "twice" / "twice.csv").read_bytes() == before
    assert settings(tmp_path / "results" / "twice")["command"].endswith("--exact --name twice")


MISTAKES = [
    (("decai",), 'diagnostic "decai" is not known; did you mean "decay"?'),
    (("decay", "--qubits", "2,x"), "qubits = '2,x' is not valid; it must be integers with commas"),
    (("decay", "--qubits", "0"), "qubits = 0 is not valid; it must be an integer of at least 1"),
    (("decay", "--kind", "globl"), "kind = 'globl' is not valid"),
    (("decay", "--rate", "nan"), "rate = nan is not valid; it must be a finite number"),
    (("decay", "--name", "../x"), "name = '../x' is not valid"),
    (("path", "zzz"), "there is no run 'zzz' in results"),
    (("path", "none.toml"), "config none.toml cannot be read: No such file or directory"),
    (("lines", "none.txt"), "none.txt cannot be read: No such file or directory"),
    (("lines", "none.txt", "--results", "file"), "results folder file/lines cannot be made"),
]


@pytest.mark.parametrize(("arguments", "words"), MISTAKES)
def test_a_mistake_is_one_sentence_with_exit_code_2(qnlr, tmp_path, arguments, words):
    (tmp_path / "file").touch()
    code, out, err = qnlr("diagnose", *arguments)
    assert code == 2
    assert out == ""
    assert err.startswith("Error: " + words)
    assert len(err.splitlines()) == 1


def test_an_unknown_option_and_a_missing_argument_are_named(qnlr):
    code, _, err = qnlr("diagnose", "decay", "--rat", "3")
    assert code == 2
    assert "--rate" in err
    code, _, err = qnlr("diagnose", "path")
    assert code == 2
    assert "RUN" in err


def test_a_config_is_run_and_validated_like_any_other(qnlr, tmp_path):
    (tmp_path / "fall.toml").write_text(CONFIG)
    assert qnlr("validate", "fall.toml")[:2] == (0, "fall.toml is valid: diagnosis fall, decay\n")
    assert not (tmp_path / "results").exists()
    code, text, _ = qnlr("run", "fall.toml")
    assert code == 0
    assert "holds: v ∝ e^−rn; predicted 0.7" in text
    assert "does not hold: it rises" in text
    assert settings(tmp_path / "results" / "fall")["command"] == "qnlr run fall.toml"
    (tmp_path / "fall.toml").write_text(CONFIG.replace("true", "1"))
    for command in ("run", "validate"):
        code, out, err = qnlr(command, "fall.toml")
        assert (code, out) == (2, "")
        assert err.startswith("Error: fall.toml:6: diagnostic.exact = 1 is not valid")


@pytest.mark.slow
def test_a_run_is_looked_at_after_it_was_made_or_before(qnlr, tmp_path):
    (tmp_path / "tiny.toml").write_text(STUDY)
    assert qnlr("run", "tiny.toml")[0] == 0
    run = next((tmp_path / "results" / "tiny").glob("*/spec.json")).parent.name
    code, text, _ = qnlr("diagnose", "path", run[:6], "--every", "2")
    assert code == 0
    assert text.splitlines()[:2] == ["sgd, seed 0", "2 points."]
    kept = settings(tmp_path / "results" / "path")
    assert kept["command"] == f"qnlr diagnose path {run[:6]} --every 2"
    assert qnlr("diagnose", "path", "tiny.toml", "--name", "start")[0] == 0
    assert len(pd.read_csv("results/start/start.csv")) == 1
    code, _, err = qnlr("diagnose", "decay", "--name", "tiny")
    assert code == 2
    assert "holds results that are not a diagnosis'" in err

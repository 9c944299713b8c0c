"""The command line, as a user meets it."""

import subprocess
import sys
from pathlib import Path

import pytest

from qnlr import __version__
from qnlr.cli import main
from qnlr.cli.app import again

PROGRAM = str(Path(sys.executable).parent / "qnlr")
CONFIG = """\
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
steps = 2
batch_size = 4

[[optimizer]]
name = "sgd"
learning_rate = 0.1

[[optimizer]]
name = "nlr"
learning_rate = 0.1
"""


def qnlr(*arguments, folder):
    return subprocess.run(
        [PROGRAM, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.fixture
def config(tmp_path):
    file = tmp_path / "tiny.toml"
    file.write_text(CONFIG)
    return file


def test_version_and_help_answer_without_the_heavy_imports(tmp_path):
    assert qnlr("--version", folder=tmp_path).stdout.strip() == f"qnlr {__version__}"
    commands = (
        "run",
        "tune",
        "show",
        "validate",
        "report",
        "repeat",
        "reproduce",
        "archive",
        "restore",
    )
    for command in commands:
        text = qnlr(command, "--help", folder=tmp_path).stdout
        assert "Example" in text
    code = (
        "import sys, qnlr, qnlr.cli; from typer.testing import CliRunner; "
        "assert CliRunner().invoke(qnlr.cli.app, ['--help']).exit_code == 0; "
        "heavy = {'qiskit', 'numpy', 'pandas', 'sklearn', 'matplotlib', 'optuna'}; "
        "heavy &= set(sys.modules); "
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_public_names_are_there_and_unknown_ones_are_not():
    import qnlr as package

    for name in package.__all__:
        assert getattr(package, name) is not None
        assert name in dir(package)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        package.nothing


@pytest.mark.slow
def test_run_shows_figures_then_table_then_the_folder_and_show_repeats_it(config, tmp_path):
    done = qnlr("run", "tiny.toml", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    order = ["loss.png", "gradient_norm.png", "method", "sgd", "results:", "report.html"]
    places = [done.stdout.index(word) for word in order]
    assert places == sorted(places)
    folder = tmp_path / "results/tiny"
    files = [folder / order[0], folder / order[1], folder / "report/report.html"]
    assert all(file.stat().st_size > 1000 for file in files)
    assert "qnlr run tiny.toml" in files[2].read_text()
    again = qnlr("run", "tiny.toml", folder=tmp_path)
    assert "2 of 2 runs are done already" in again.stderr
    written = files[2].stat().st_mtime_ns
    for named in ("tiny", "results/tiny"):
        shown = qnlr("show", named, folder=tmp_path)
        assert shown.returncode == 0
        told, _, hint = shown.stdout.partition("for a report: ")
        assert told == done.stdout.partition("report: ")[0].replace("\n\n\n", "\n\n")
        assert hint == f"qnlr report {named}\n"
    assert files[2].stat().st_mtime_ns == written
    fresh = qnlr("run", "tiny.toml", "--fresh", folder=tmp_path)
    assert "done already" not in fresh.stderr
    assert (tmp_path / "results/tiny.old-1/study.json").exists()


def test_validate_says_what_would_run(config, tmp_path):
    done = qnlr("validate", "tiny.toml", folder=tmp_path)
    assert done.stdout == "tiny.toml is valid: study tiny, 2 runs\n"


BAD = [
    ("features = 4", "features = 8", "features d = 8 do not fit 2 qubits"),
    ("steps", "stepz", 'tiny.toml:15: in [training]: unknown key "stepz"; did you mean "steps"'),
    ('name = "nlr"', 'name = "nrl"', 'did you mean "nlr"'),
    ("learning_rate = 0.1", "learning_rate = 0.0", "must be a finite number above 0"),
    ("learning_rate = 0.1", "learning_rate = -1.0", "must be a finite number above 0"),
    ('"statevector"', '"statevector"\nshots = 0', "shots = 0 is not valid"),
    (
        '"statevector"',
        '"aer"\nnoise = { name = "rate", rate = 1.1 }',
        "noise rate ν = 1.1 is not valid; it must lie in [0, 1]",
    ),
    ('"digits"', '"digits"\nclasses = [3, 3]', "it must be two different digits"),
    (
        '"digits"',
        '"gaussian"\ncovariance = 0.0\nmeans = [[0, 0, 0, 0], [0, 0, 0, 0]]',
        "zero in every feature",
    ),
    ("batch_size = 4", "batch_size = 4000", "there are 285 training samples"),
    ("steps = 2", "steps = 2 steps", "is not valid TOML"),
]


@pytest.mark.parametrize(("old", "new", "words"), BAD)
def test_bad_input_is_a_sentence_with_exit_code_2_and_writes_nothing(
    config, tmp_path, old, new, words
):
    config.write_text(CONFIG.replace(old, new))
    done = qnlr("run", "tiny.toml", folder=tmp_path)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert [file.name for file in tmp_path.iterdir()] == ["tiny.toml"]


@pytest.mark.parametrize(("old", "new", "words"), BAD)
def test_validate_finds_it_too(config, monkeypatch, capsys, old, new, words):
    config.write_text(CONFIG.replace(old, new))
    monkeypatch.chdir(config.parent)
    monkeypatch.setattr(sys, "argv", ["qnlr", "validate", "tiny.toml"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "nowhere.toml"), "config nowhere.toml cannot be read"),
        (("show", "nothing"), "there is no study in results/nothing"),
        (("archive", "kept"), "there is no study of the paper in results"),
        (("archive", "kept", "--results", "elsewhere"), "no study of the paper in elsewhere"),
        (("report", "table_08_tuned"), "table_08_tuned needs tuned_gaussian, tuned_mnist,"),
        (("report", "table_06_tuned"), "table_06_tuned needs tuned_gaussian, which results"),
        (("run", "tiny.toml", "--results", "tiny.toml"), "is not a folder"),
        (("run", "tiny.toml", "--results", "/proc/results"), "cannot be"),
        (("rnu", "tiny.toml"), "No such command"),
        (("run",), "Missing argument"),
    ],
)
def test_bad_arguments_are_a_sentence_with_exit_code_2(config, tmp_path, arguments, words):
    done = qnlr(*arguments, folder=tmp_path)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["tiny.toml"]


TUNE = """
[tune]
parameter = "optimizer.learning_rate"
low = 0.01
high = 1.0
trials = 3
metric = "train_loss"
"""


def test_validate_checks_what_is_tuned(config, tmp_path):
    config.write_text(CONFIG + TUNE)
    done = qnlr("validate", "tiny.toml", folder=tmp_path)
    assert done.stdout == ("tiny.toml is valid: study tiny, 2 runs in each of 3 rounds of tuning\n")
    config.write_text(CONFIG + TUNE.replace("high = 1.0", "high = 0.001"))
    done = qnlr("validate", "tiny.toml", folder=tmp_path)
    assert done.returncode == 2
    assert "tune.low = 0.01 is not valid" in done.stderr


def test_validate_checks_a_landscape(tmp_path):
    (tmp_path / "cave.toml").write_text('name = "cave"\n[landscape]\npoints = 11\n')
    done = qnlr("validate", "cave.toml", folder=tmp_path)
    assert done.stdout == "cave.toml is valid: landscape cave, 11 points along an axis\n"
    for text, words in (
        ('name = "cave"\n[landscape]\ndepth = 0.0\n', "depth = 0.0 is not valid"),
        ('name = "../cave"\n[landscape]\n', "cave.toml:1: name = '../cave' is not valid"),
        ('name = "cave"\nseeds = 3\n[landscape]\n', 'cave.toml:2: unknown key "seeds"'),
    ):
        (tmp_path / "cave.toml").write_text(text)
        done = qnlr("validate", "cave.toml", folder=tmp_path)
        assert done.returncode == 2
        assert words in done.stderr


def test_what_cannot_be_written_is_a_sentence(tmp_path):
    (tmp_path / "cave.toml").write_text('name = "cave"\n[landscape]\npoints = 11\n')
    (tmp_path / "results").mkdir()
    (tmp_path / "results/cave").write_text("in the way")
    done = qnlr("run", "cave.toml", folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("Error: results/cave")
    assert "cannot be used: " in done.stderr
    assert "Traceback" not in done.stderr


def test_mistakes_of_the_program_are_not_hidden(monkeypatch):
    def broken():
        raise OSError("no file is named")

    monkeypatch.setattr("qnlr.cli.app", broken)
    with pytest.raises(OSError, match="no file is named"):
        main()


def test_how_to_go_on_has_every_option_but_the_fresh_start(monkeypatch):
    given = ["qnlr", "run", "my study.toml", "--fresh", "--seeds", "5", "--results", "a b"]
    monkeypatch.setattr(sys, "argv", given)
    assert again() == "qnlr run 'my study.toml' --seeds 5 --results 'a b'"

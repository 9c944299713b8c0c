"""HARDWARE.md: what it says of prices is so, and what needs no account runs as it stands."""

import os
import re
import shlex
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from qnlr.backends import DeviceSettings
from qnlr.study import load_history, load_results, load_study
from qnlr.study.estimate import estimate
from qnlr.study.estimate_limits import by_mode

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "HARDWARE.md").read_text(encoding="utf-8")
FREE = PAGE[: PAGE.index("## 3. Get an account")]
BLOCK = r"```(\w+)\n(.*?)```"
ESTIMATES = re.findall(
    r"```sh\n(qnlr estimate [^\n]+)\n(?:[^`\n]+\n)?```\n\n```text\n(.*?)```", PAGE, flags=re.DOTALL
)
NUMBER = r"\d[\d,]*(?:\.\d+)?"


def qnlr(command, folder):
    """Call the program as the page does, without an account, and return what it prints."""
    program = [str(Path(sys.executable).parent / "qnlr"), *shlex.split(command, comments=True)[1:]]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("QISKIT_IBM")}
    done = subprocess.run(
        program,
        cwd=folder,
        env={**kept, "HOME": str(folder), "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def numbers(text):
    """All numbers of a text."""
    return [float(number.replace(",", "")) for number in re.findall(NUMBER, text)]


@pytest.fixture
def checkout(tmp_path):
    """A folder with the configs, as whoever reads the page has one."""
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    return tmp_path


def test_the_estimates_are_found():
    assert len(ESTIMATES) == 4


@pytest.mark.slow
@pytest.mark.parametrize(("command", "shown"), ESTIMATES)
def test_an_estimate_is_what_the_program_prints(command, shown, checkout):
    told = " ".join(qnlr(command, checkout).split())
    wanted = " ".join(shown.split())
    told = told[: len(wanted) + 20]
    assert re.split(NUMBER, told)[: len(numbers(wanted))] == re.split(NUMBER, wanted)[:-1]
    # Another version of the transpiler may choose a circuit of another length.
    assert numbers(told)[: len(numbers(wanted))] == pytest.approx(numbers(wanted), rel=0.05)


@pytest.mark.slow
def test_the_prices_of_the_steps_are_those_of_the_presets():
    step = {
        name: next(line for line in PAGE.splitlines() if line.startswith("|") and name in line)
        for name in ("ibm_open_plan", "ibm_evaluate", "ibm_session")
    }
    for name, line in step.items():
        own = estimate(load_study(ROOT / f"configs/{name}.toml"))
        prices = numbers(line.split("|")[3])
        assert prices[0] == pytest.approx(own.price.seconds / 60, rel=0.05)
        if name == "ibm_session":
            session = next(mode for mode in by_mode(own) if mode.mode == "session")
            assert prices[1] == pytest.approx(session.charged_seconds / 60, rel=0.05)


@pytest.mark.slow
def test_the_rehearsal_runs_as_it_stands_and_learns_something(checkout):
    blocks = re.findall(BLOCK, FREE, flags=re.DOTALL)
    (config,) = [code for language, code in blocks if language == "toml"]
    (checkout / "rehearsal.toml").write_text(config, encoding="utf-8")
    commands = [line for language, code in blocks if language == "sh" for line in code.splitlines()]
    rehearsal = [command for command in commands if "rehearsal" in command]
    assert [shlex.split(command)[1] for command in rehearsal] == ["run", "status"]
    told = [qnlr(command, checkout) for command in rehearsal]
    assert "0.0 of 300 QPU seconds spent" in told[1]
    results = load_results(checkout / "results" / "rehearsal")
    losses = load_history(checkout / "results" / "rehearsal").groupby("step")["metric_loss"].mean()
    assert losses.iloc[0] > 0.9
    assert results["metric_train_loss"].mean() < 0.6
    assert results["metric_test_accuracy"].mean() > 0.8


@pytest.mark.parametrize("name", ["budget_seconds", "max_jobs", "max_execution_time"])
def test_every_cap_and_its_default_are_told(name):
    (line,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{name}`")]
    told = line.split("|")[3].strip()
    default = {field.name: field.default for field in fields(DeviceSettings)}[name]
    assert default is None or numbers(told) == [default]


def test_no_key_is_ever_written_into_a_command():
    code = "".join(code for _, code in re.findall(BLOCK, PAGE, flags=re.DOTALL))
    assert not re.search(r"QISKIT_IBM_\w+=|token=(?!os\.environ)", code)

"""The README's code runs as it stands."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from qnlr.cli import app
from qnlr.study import load_study, run_id

ROOT = Path(__file__).parent.parent
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
PYTHON = [code for language, code in BLOCKS if language == "python"]
COMMANDS = [
    line.split("#")[0].strip()
    for language, code in BLOCKS
    if language == "sh"
    for line in code.splitlines()
]


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(PYTHON)))
def test_python_block_runs(number, tmp_path):
    command = [sys.executable, "-W", "error", "-c", PYTHON[number]]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_there_are_blocks_to_run():
    assert len(PYTHON) >= 3
    assert COMMANDS[:2] == ["make quickstart", "make test"]


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("qnlr validate")])
def test_validate_command_runs(command):
    program = [str(Path(sys.executable).parent / "qnlr"), *shlex.split(command)[1:]]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("qnlr ")])
def test_command_parses(command):
    name, *arguments = shlex.split(command)[1:]
    known = typer.main.get_group(app).commands
    assert name in known
    known[name].make_context(name, arguments)


def test_the_run_to_repeat_is_one_of_the_papers():
    named = [command.split()[-1] for command in COMMANDS if command.startswith("qnlr repeat")]
    runs = load_study(ROOT / "configs/table_06_optimizers.toml").runs
    found = [spec for spec in runs if run_id(spec) in named]
    assert len(found) == len(named) == 1
    assert (found[0].optimizer.name, found[0].optimizer.trigger.name) == ("nlr", "any_increase")
    assert (found[0].backend.shots, found[0].backend.noise, found[0].seed) == (1000, None, 0)


def test_every_linked_file_is_there():
    links = re.findall(r"\]\((?!http)([^)#]+)\)", (ROOT / "README.md").read_text())
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []

"""The README's code runs as it stands, and commands and links of other pages are right."""

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
PAGES = ("README.md", "HARDWARE.md")
BLOCKS = {
    page: re.findall(r"```(\w+)\n(.*?)```", (ROOT / page).read_text(), flags=re.DOTALL)
    for page in PAGES
}
PYTHON = [code for language, code in BLOCKS["README.md"] if language == "python"]
COMMANDS = [
    line.split("#")[0].strip()
    for page in PAGES
    for language, code in BLOCKS[page]
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


@pytest.mark.parametrize("page", PAGES)
def test_every_linked_file_is_there(page):
    links = re.findall(r"\]\((?!http)([^)#]+)\)", (ROOT / page).read_text())
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_linked_heading_is_there(page):
    text = (ROOT / page).read_text()
    heads = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    known = {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= known

"""The scripts in experiments/: one for each table and figure."""

import ast
import os
import re
import runpy
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from reduced import ROOT, write

from qnlr.paper.reproduce import default_configs
from qnlr.paper.script import main, run_table
from qnlr.paper.tables import tables
from qnlr.study.diagnosis import is_diagnosis
from qnlr.study.display import Progress
from qnlr.training import Training

EXPERIMENTS = ROOT / "experiments"
SCRIPTS = sorted(
    file.stem
    for pattern in ("table_*.py", "figure_*.py", "ablation_*.py", "mitigation.py")
    for file in EXPERIMENTS.glob(pattern)
)
DRAWN = "figure_01_plateau"
DEVICES = {"ibm_open_plan", "ibm_session", "ibm_evaluate"}
ENERGIES = {"vqe_transverse_ising", "vqe_heisenberg", "vqe_molecules", "qaoa_maxcut"}
STRATEGIES = {"strategies", "two_stage_energy", "two_stage_classification"}
OWN = {"paper", "tune", "quickstart", "bench_simulator", "leaderboard", DRAWN}
ADAPTIVE = {"adaptive_ways", "adaptive_probing", "adaptive_gradients", "adaptive_plateau"}
NO_TABLES = OWN | DEVICES | ENERGIES | STRATEGIES | ADAPTIVE
"""Configs that are extended, or have scripts or commands of their own."""


def test_every_table_has_a_script_and_every_script_a_table():
    assert set(SCRIPTS) - {DRAWN} == set(tables())


def test_every_config_is_covered():
    studies = {study for table in tables().values() for study in table.studies}
    files = [file for file in (ROOT / "configs").glob("*.toml") if not is_diagnosis(file)]
    configs = {file.stem for file in files}
    assert {name for name in configs - studies if not name.startswith("tune_")} <= NO_TABLES
    for name in ("quickstart", "bench_simulator", DRAWN):
        assert (EXPERIMENTS / f"{name}.py").is_file()


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_can_be_imported_and_says_what_it_shows(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = EXPERIMENTS / f"{name}.py"
    assert callable(runpy.run_path(str(file))["main"])
    assert list(tmp_path.iterdir()) == []
    text = file.read_text(encoding="utf-8")
    said = ast.get_docstring(ast.parse(text))
    if name == DRAWN:
        assert said.startswith("Figure 1: ")
    else:
        assert said == f"{tables()[name].title}."
        assert f'main("{name}")' in text


def script(name, folder, *arguments):
    """Run a script in a folder, without the terminal's width and colours."""
    return subprocess.run(
        [sys.executable, str(EXPERIMENTS / f"{name}.py"), *arguments],
        cwd=folder,
        env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.slow
def test_a_script_runs_prints_its_table_and_writes_its_report(tmp_path):
    name = "table_09_convergence"
    write(tmp_path / "configs", [name])
    done = script(name, tmp_path, "--seeds", "1", "--jobs", "0")
    assert done.returncode == 0, done.stderr
    report = tmp_path / "results" / name / "report"
    assert f"report: {Path('results') / name / 'report' / 'report.html'}" in done.stdout
    assert (report / "report.html").is_file()
    assert (report / "tables" / f"{name}.csv").is_file()
    assert tables()[name].title in done.stdout
    for words in ("SGD", "NLR", "exact", "1000 shots under noise", "0.013152", "1 of 1"):
        assert words in done.stdout
    assert "○ not reproduced: NLR ends with a lower training loss than SGD." in done.stdout
    assert "cannot hold" not in done.stdout  # that is for the report on everything


@pytest.mark.slow
def test_figure_1_is_drawn_from_its_config(tmp_path):
    (tmp_path / "configs").mkdir()
    for name in ("paper", DRAWN):
        text = (ROOT / "configs" / f"{name}.toml").read_text(encoding="utf-8")
        (tmp_path / "configs" / f"{name}.toml").write_text(text, encoding="utf-8")
    done = script(DRAWN, tmp_path)
    assert done.returncode == 0, done.stderr
    files = [tmp_path / line for line in done.stdout.split()]
    assert {file.suffix for file in files} == {".png", ".pdf", ".svg"}
    assert all(file.stat().st_size > 1000 for file in files)


def test_mistakes_are_told_in_one_line(tmp_path):
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "paper.toml").write_text("name = 3", encoding="utf-8")
    done = script("table_09_convergence", tmp_path)
    assert done.returncode == 2
    assert re.fullmatch(r"Error: .*table_09_convergence\.toml cannot be read: .*\n", done.stderr)


def test_configs_of_the_working_directory_come_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert default_configs().resolve() == ROOT / "configs"
    (tmp_path / "configs").mkdir()
    assert default_configs().resolve() == ROOT / "configs"
    (tmp_path / "configs" / "paper.toml").write_text("")
    assert default_configs().resolve() == tmp_path / "configs"


@pytest.mark.slow
def test_a_table_can_be_run_from_python(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "configs", ["figure_03_gradient_norm"])
    document = run_table("figure_03_gradient_norm", tmp_path / "results", seeds=1, jobs=0)
    assert [figure.name for figure in document.figures] == ["figure_03_gradient_norm"]
    folder = tmp_path / "results" / "figure_03_gradient_norm" / "report" / "figures"
    assert (folder / "figure_03_gradient_norm.svg").is_file()


@pytest.mark.slow
def test_a_script_ends_with_a_failed_run_as_the_command_line_does(tmp_path, monkeypatch, capsys):
    def fail(*arguments, **options):
        raise RuntimeError("the simulator is on fire")

    monkeypatch.chdir(tmp_path)
    write(tmp_path / "configs", ["figure_02_loss"], steps=2)
    monkeypatch.setattr(sys, "argv", ["figure_02_loss.py", "--seeds", "1", "--jobs", "0"])
    with monkeypatch.context() as patch:
        patch.setattr(Training, "run", fail)
        with pytest.raises(SystemExit) as failed:
            main("figure_02_loss")
    assert failed.value.code == 1
    assert "runs failed; the report names them" in capsys.readouterr().out
    step = Progress.step
    for number in (signal.SIGINT, signal.SIGTERM):

        def stop(self, progress, number=number):
            step(self, progress)
            signal.raise_signal(number)

        monkeypatch.setattr(Progress, "step", stop)
        with pytest.raises(SystemExit) as stopped:
            main("figure_02_loss")
        assert stopped.value.code == 128 + number
        again = "To go on: python figure_02_loss.py --seeds 1 --jobs 0"
        assert again in capsys.readouterr().out

"""The commands for the paper and for what is kept, as a user meets them."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROGRAM = str(Path(sys.executable).parent / "qnlr")
SMALL = """\
name = "paper"
seeds = 2

[data]
name = "gaussian"
features = 4
samples = 40

[circuit]
qubits = 2
layers = 1

[[backend]]
name = "simulator"

[[backend]]
name = "simulator"
shots = 100

[[backend]]
name = "simulator"
shots = 100
noise = { name = "rate", rate = 0.01 }

[training]
batch_size = 8
evaluate_every = 2
"""


def qnlr(*arguments, folder):
    return subprocess.run(
        [PROGRAM, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A folder in which two studies of the paper were reproduced, on a small scale."""
    folder = tmp_path_factory.mktemp("paper")
    (folder / "configs").mkdir()
    (folder / "configs/paper.toml").write_text(SMALL)
    for name in ("table_06_optimizers", "table_09_convergence"):
        text = (ROOT / f"configs/{name}.toml").read_text()
        text = text.replace("steps = 500", "steps = 4").replace("seeds = 10", "seeds = 2")
        (folder / f"configs/{name}.toml").write_text(text)
    result = qnlr("reproduce", "table_06_opt", "table_09", "--jobs", "0", folder=folder)
    assert result.returncode == 0, result.stderr
    assert "report: results/report/report.html" in result.stdout
    return folder


@pytest.mark.slow
def test_reproduce_goes_on_where_it_was(done):
    again = qnlr("reproduce", "table_06_opt", "table_09", "--jobs", "0", folder=done)
    assert again.returncode == 0
    assert "38 of 38 runs are done already" in again.stderr
    page = (done / "results/report/report.html").read_text()
    assert "Table VI: optimizers" in page
    assert "Table IX" in page


def test_reproduce_names_what_it_does_not_know(tmp_path):
    result = qnlr("reproduce", "table_66", folder=tmp_path)
    assert result.returncode == 2
    assert '"table_66" begins no study' in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.slow
def test_report_of_one_study_of_all_and_of_none(done):
    one = qnlr("report", "table_06_optimizers", folder=done)
    assert one.stdout.strip() == "report: results/table_06_optimizers/report/report.html"
    text = (done / "results/table_06_optimizers/report/report.md").read_text()
    assert "NLR ends with a lower loss than SGD" in text
    assert (done / "results/table_06_optimizers/report/figures/table_06_optimizers.pdf").is_file()
    assert qnlr("report", "--all", folder=done).returncode == 0
    neither = qnlr("report", folder=done)
    assert neither.returncode == 2
    assert "give the name of a study, or --all" in neither.stderr
    missing = qnlr("report", "nothing", folder=done)
    assert missing.returncode == 2
    assert "there is no study in results/nothing" in missing.stderr


@pytest.mark.slow
def test_running_a_study_of_the_paper_writes_the_papers_report_and_showing_it_none(done, tmp_path):
    shutil.copytree(done, tmp_path / "copy")
    page = tmp_path / "copy/results/table_06_optimizers/report/report.html"
    ran = qnlr("run", "configs/table_06_optimizers.toml", folder=tmp_path / "copy")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.endswith("report: results/table_06_optimizers/report/report.html\n")
    assert "NLR ends with a lower loss than SGD" in page.read_text()
    page.unlink()
    shown = qnlr("show", "table_06_optimizers", folder=tmp_path / "copy")
    assert shown.stdout.endswith("for a report: qnlr report table_06_optimizers\n")
    assert not page.exists()


@pytest.mark.slow
def test_fewer_seeds_leave_the_others_listed_and_say_so(done, tmp_path):
    shutil.copytree(done, tmp_path / "copy")
    arguments = ("reproduce", "table_09", "--seeds", "1", "--jobs", "0")
    file = tmp_path / "copy/results/table_09_convergence/study.json"
    before = json.loads(file.read_text())["runs"]
    half = len(before) // 2
    again = qnlr(*arguments, folder=tmp_path / "copy")
    assert again.returncode == 0, again.stderr
    assert f"{half} of {half} runs are done already" in again.stderr
    assert f"{half} runs of other seeds than those asked for are kept" in again.stderr
    assert json.loads(file.read_text())["runs"] == before


@pytest.mark.slow
def test_a_number_leads_to_a_run_that_can_be_repeated(done):
    table = (done / "results/report/tables/table_06_optimizers.csv").read_text()
    run = table.split("table_06_optimizers: ", 1)[1][:12]
    result = qnlr("repeat", run, folder=done)
    assert result.returncode == 0, result.stderr
    assert "The same to the last bit." in result.stdout
    assert "metric_train_loss" in result.stdout
    wrong = qnlr("repeat", "nothing", folder=done)
    assert wrong.returncode == 2
    assert "there is no run 'nothing'" in wrong.stderr


@pytest.mark.slow
def test_repeat_says_that_a_number_is_not_the_same(done, tmp_path):
    shutil.copytree(done, tmp_path / "copy")
    run = next((tmp_path / "copy/results/table_06_optimizers").glob("*/status.json"))
    status = json.loads(run.read_text())
    status["metrics"]["metric_test_loss"] *= 1.001
    run.write_text(json.dumps(status))
    result = qnlr("repeat", f"table_06_optimizers/{run.parent.name}", folder=tmp_path / "copy")
    assert result.returncode == 1
    assert "Not the same" in result.stdout


@pytest.mark.slow
def test_results_are_archived_restored_and_reported_on_elsewhere(done, tmp_path):
    packed = qnlr("archive", str(tmp_path / "kept"), folder=done)
    assert packed.returncode == 0, packed.stderr
    assert packed.stdout.startswith("2 studies in ")
    shutil.copytree(done / "configs", tmp_path / "configs")
    assert qnlr("restore", "kept", folder=tmp_path).returncode == 0
    assert qnlr("report", "--all", folder=tmp_path).returncode == 0
    name = "report/tables/table_06_optimizers.csv"
    assert (tmp_path / "results" / name).read_text() == (done / "results" / name).read_text()
    nothing = qnlr("restore", "nowhere", folder=tmp_path)
    assert nothing.returncode == 2
    assert "there is no archive in nowhere" in nothing.stderr


def test_a_landscape_is_drawn(tmp_path):
    (tmp_path / "cave.toml").write_text('name = "cave"\n[landscape]\npoints = 11\n')
    result = qnlr("run", "cave.toml", folder=tmp_path)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "results/cave/cave.pdf").is_file()
    (tmp_path / "cave.toml").write_text('name = "cave"\n[landscape]\nwidht = 11\n')
    result = qnlr("run", "cave.toml", folder=tmp_path)
    assert result.returncode == 2
    assert 'unknown key "widht"; did you mean "width"?' in result.stderr
    assert "cave.toml" in result.stderr


def test_figure_1_is_drawn_when_it_is_named(tmp_path):
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs/paper.toml").write_text(SMALL)
    text = (ROOT / "configs/figure_01_plateau.toml").read_text()
    (tmp_path / "configs/figure_01_plateau.toml").write_text(text)
    result = qnlr("reproduce", "figure_01", folder=tmp_path)
    assert result.returncode == 0, result.stderr
    assert len(result.stdout.splitlines()) == 3
    assert (tmp_path / "results/figure_01_plateau/figure_01_plateau.pdf").is_file()
    assert not (tmp_path / "results/report").exists()

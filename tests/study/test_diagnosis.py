import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tiny_diagnostics import decay

from qnlr.diagnostics import DIAGNOSTICS
from qnlr.diagnostics.findings import Findings
from qnlr.errors import InputError
from qnlr.study import execute, load_study
from qnlr.study.diagnosis import diagnose_config, is_diagnosis, load_order, order, perform
from qnlr.study.diagnosis.page import MOST_ROWS, frame_table

ROOT = Path(__file__).parents[2]
DIAGNOSES = sorted(file for file in (ROOT / "configs").glob("*.toml") if is_diagnosis(file))
CONFIG = """\
name = "fall"

[diagnostic]
name = "decay"
qubits = [2, 4, 8]
exact = true
"""


@pytest.fixture(autouse=True)
def registry(monkeypatch):
    for verb, function in (("decay", "decay"), ("path", "path"), ("lines", "lines_of")):
        monkeypatch.setitem(DIAGNOSTICS, verb, f"tiny_diagnostics:{function}")


@pytest.fixture
def config(tmp_path):
    file = tmp_path / "fall.toml"
    file.write_text(CONFIG)
    return file


def test_a_config_gives_everything_measured_figures_settings_and_a_page(config, tmp_path):
    told = []
    page = diagnose_config(config, tmp_path / "results", lambda *progress: told.append(progress))
    folder = tmp_path / "results" / "fall"
    assert page == folder / "report" / "report.html"
    assert told == [(1, 3), (2, 3), (3, 3)]
    found = decay((2, 4, 8), exact=True)
    pd.testing.assert_frame_equal(pd.read_csv(folder / "fall.csv"), found.frame)
    pd.testing.assert_frame_equal(pd.read_csv(folder / "fall_fits.csv"), found.tables["fits"])
    for name in ("decay", "grid"):
        starts = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<svg"}
        for kind, start in starts.items():
            assert (folder / f"{name}.{kind}").read_bytes().startswith(start)
    kept = json.loads((folder / "settings.json").read_text())
    assert kept["diagnostic"] == "decay"
    assert kept["settings"] == {
        "qubits": [2, 4, 8], "rate": 0.7, "kind": "global", "samples": None, "exact": True,
        "seed": 0,
    }  # fmt: skip
    assert "numpy" in kept["provenance"]["versions"]
    files = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
    assert set(kept["files"]) == files
    assert str(tmp_path) not in "".join(
        file.read_text() for file in folder.rglob("*") if file.suffix in (".json", ".md", ".html")
    )


def test_the_page_says_first_what_it_means_and_last_how_to_repeat_it(config, tmp_path):
    text = diagnose_config(config, tmp_path).with_suffix(".md").read_text()
    order_of_things = [
        "# Decay with rate 0.7",
        "Return an exponential, with noise on it.",
        "## What is measured",
        "v = e^{-r n}",
        "Source: nobody, Eq. 1.",
        "exact = true: Whether there is no noise.",
        "It falls from 0.247 to 0.0037.",
        "| **holds**     | as fitted |",
        "| does not hold |",
        "figures/decay.svg",
        "figures/grid.svg",
        "**Fits.**",
        "**What was measured.**",
        "It is made up.",
        "qnlr run fall.toml\n```",
        "qubits = [2, 4, 8]",
    ]
    places = [text.index(words) for words in order_of_things]
    assert places == sorted(places)


def test_many_rows_are_in_the_csv_file_alone(tmp_path, monkeypatch):
    frame = pd.DataFrame({"x": np.arange(MOST_ROWS + 1)})
    monkeypatch.setattr("tiny_diagnostics.decay", lambda: Findings("Many", frame))
    page = perform(order("decay", {}, "again"), tmp_path).page
    assert len(pd.read_csv(tmp_path / "decay" / "decay.csv")) == MOST_ROWS + 1
    assert "The 501 rows of what was measured are in decay.csv." in page.read_text()
    assert not (page.parent / "tables").exists()


def test_a_table_tells_numbers_words_truth_and_what_is_not_known():
    frame = pd.DataFrame(
        {"who": ["a", None], "n": [3, 4000000], "v": [1.23456e-7, np.nan], "flag": [True, False]}
    )
    table = frame_table("t", "T", frame)
    assert [[cell.text for cell in row] for row in table.rows] == [
        ["a", "3", "1.235e-07", "yes"],
        ["–", "4000000", "–", "no"],
    ]
    assert table.rows[0][2].value == 1.23456e-7
    assert table.text_columns == 1


BAD = [
    ("qubits = [2, 4, 8]", 'qubits = [2, "x"]', "fall.toml:5: diagnostic.qubits[1] = 'x' is not"),
    ("qubits = [2, 4, 8]", "qubits = 3", "fall.toml:5: diagnostic.qubits = 3 is not valid; it mus"),
    ("qubits = [2, 4, 8]", "qubits = [2.5]", "it must be an integer"),
    ("qubits = [2, 4, 8]", "qubits = [0]", "fall.toml:5: [diagnostic] qubits = 0 is not valid"),
    ("exact = true", "exact = 1", "fall.toml:6: diagnostic.exact = 1 is not valid; it must be tru"),
    ("exact = true", "rate = nan", "diagnostic.rate = nan is not valid; it must be a finite numb"),
    ("exact = true", 'kind = "globl"', "fall.toml:6: [diagnostic] kind = 'globl' is not valid"),
    ("exact = true", "ratee = 1.0", 'in [diagnostic]: unknown key "ratee"; did you mean "rate"'),
    ("exact = true", "told = 3", 'unknown key "told"'),
    ("exact = true", 'run = "05aa"', "fall.toml:6: decay looks at no run; leave run = '05aa' out"),
    ('"decay"', '"decai"', 'fall.toml:4: diagnostic "decai" is not known; did you mean "decay"?'),
    ('"decay"', "3", '[diagnostic] needs a key "name" that says which; valid: '),
    ('"fall"', '"../fall"', "fall.toml:1: name = '../fall' is not valid"),
    ('"fall"', '"fall"\nseeds = 3', 'fall.toml:2: unknown key "seeds" beside [diagnostic]'),
]


@pytest.mark.parametrize(("old", "new", "words"), BAD)
def test_a_mistake_in_a_config_names_line_value_and_what_is_valid(
    config, tmp_path, old, new, words
):
    assert old in CONFIG
    config.write_text(CONFIG.replace(old, new))
    with pytest.raises(InputError) as error:
        diagnose_config(config, tmp_path / "results")
    assert words in str(error.value)
    assert not (tmp_path / "results" / "fall").exists()


def test_a_config_can_be_laid_over_another_one(config, tmp_path):
    above = tmp_path / "above.toml"
    above.write_text('extends = "fall.toml"\nname = "above"\n[diagnostic]\nrate = 0.1\n')
    assert is_diagnosis(above)
    found = load_order(above)
    assert found.name == "above"
    assert found.settings["rate"] == 0.1
    assert found.settings["qubits"] == (2, 4, 8)


def test_results_replace_those_of_a_diagnosis_and_leave_what_others_put_there(config, tmp_path):
    diagnose_config(config, tmp_path)
    (tmp_path / "fall" / "notes.txt").write_text("mine")
    (tmp_path / "fall" / "grid.png").write_bytes(b"old")
    config.write_text(CONFIG.replace("exact = true", "rate = 0.1"))
    diagnose_config(config, tmp_path)
    assert json.loads((tmp_path / "fall/settings.json").read_text())["settings"]["rate"] == 0.1
    assert (tmp_path / "fall" / "notes.txt").read_text() == "mine"
    assert (tmp_path / "fall" / "grid.png").read_bytes() != b"old"
    assert {file.name for file in tmp_path.iterdir()} == {"fall", "fall.toml", ".fall.lock"}


def test_results_that_fail_leave_those_before_as_they_were(config, tmp_path, monkeypatch):
    page = diagnose_config(config, tmp_path)
    before = page.read_bytes()

    def fail(drawing):
        raise KeyboardInterrupt

    monkeypatch.setattr("qnlr.study.diagnosis.performing.draw", fail)
    with pytest.raises(KeyboardInterrupt):
        diagnose_config(config, tmp_path)
    assert page.read_bytes() == before
    assert {file.name for file in tmp_path.iterdir()} == {"fall", "fall.toml", ".fall.lock"}


def test_the_folder_of_a_study_or_of_anything_else_is_left_alone(config, small, tmp_path):
    execute(load_study({**small, "name": "fall", "seeds": 1}), tmp_path)
    with pytest.raises(InputError, match="holds results that are not a diagnosis'"):
        diagnose_config(config, tmp_path)
    assert (tmp_path / "fall" / "study.json").is_file()
    shutil.rmtree(tmp_path / "fall")
    (tmp_path / "fall").mkdir()
    (tmp_path / "fall" / "thesis.tex").write_text("mine")
    with pytest.raises(InputError, match="holds results that are not a diagnosis'"):
        diagnose_config(config, tmp_path)
    assert [file.name for file in (tmp_path / "fall").iterdir()] == ["thesis.tex"]


def test_a_recorded_run_is_given_by_its_identity_or_a_config(small, tmp_path):
    execute(load_study({**small, "seeds": 1, "optimizer": "sgd"}), tmp_path / "results")
    run = next((tmp_path / "results" / "small").glob("*/spec.json")).parent.name
    config = tmp_path / "way.toml"
    config.write_text(f'[diagnostic]\nname = "path"\nrun = "{run}"\n')
    diagnose_config(config, tmp_path / "results")
    frame = pd.read_csv(tmp_path / "results" / "way" / "way.csv")
    assert frame["step"].tolist() == [0, 1, 2, 3, 4]
    assert frame["away"][0] == 0
    assert (frame["away"][1:] > 0).all()
    assert json.loads((tmp_path / "results/way/settings.json").read_text())["run"] == run
    config.write_text('[diagnostic]\nname = "path"\nrun = "zzz"\n')
    with pytest.raises(InputError, match=r"way\.toml:3: there is no run 'zzz'"):
        diagnose_config(config, tmp_path / "results")
    config.write_text('[diagnostic]\nname = "path"\n')
    with pytest.raises(InputError, match='needs a key "run"'):
        diagnose_config(config, tmp_path / "results")


def test_a_run_that_is_another_one_now_is_told_of(small, tmp_path):
    execute(load_study({**small, "seeds": 1, "optimizer": "sgd"}), tmp_path)
    file = next((tmp_path / "small").glob("*/history.parquet"))
    history = pd.read_parquet(file)
    history.assign(metric_loss=history["metric_loss"] + 1e-6).to_parquet(file, index=False)
    done = perform(order("path", {}, "again", run=file.parent.name), tmp_path)
    assert "its losses are not those that are kept" in done.caveats[0]
    assert done.caveats[0] in done.page.read_text()


def test_files_of_a_config_are_found_beside_it(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("one\ntwo\n")
    config = tmp_path / "count.toml"
    config.write_text('[diagnostic]\nname = "lines"\nfile = "a.txt"\n')
    monkeypatch.chdir("/")
    diagnose_config(config, tmp_path / "results")
    assert pd.read_csv(tmp_path / "results" / "count" / "count.csv")["lines"].tolist() == [2]
    config.write_text('[diagnostic]\nname = "lines"\n')
    with pytest.raises(InputError, match=r"diagnostic\.file is missing"):
        diagnose_config(config, tmp_path / "results")


@pytest.mark.parametrize("config", DIAGNOSES, ids=lambda file: file.stem)
def test_configs_of_diagnoses_are_valid_and_named_after_their_file(config):
    assert load_order(config).name == config.stem


def test_experiments_of_theory_are_a_config_and_a_script():
    configs = {file.stem for file in DIAGNOSES if file.stem.startswith("theory_")}
    scripts = {file.stem: file for file in (ROOT / "experiments").glob("theory_*.py")}
    assert set(scripts) == configs
    for name, file in scripts.items():
        assert f'main("{name}")' in file.read_text(encoding="utf-8")


SCRIPT = """\
import sys

from qnlr.diagnostics import DIAGNOSTICS
from qnlr.study.diagnosis import main

sys.path.append({tests!r})
DIAGNOSTICS["decay"] = "tiny_diagnostics:decay"
main("fall")
"""


def script(folder, *arguments):
    (folder / "fall.py").write_text(SCRIPT.format(tests=str(ROOT / "tests")))
    return subprocess.run(
        [sys.executable, "fall.py", *arguments], cwd=folder, capture_output=True, text=True
    )


@pytest.mark.slow
def test_a_script_prints_verdicts_and_the_page_or_the_mistake(tmp_path):
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "paper.toml").touch()
    (tmp_path / "configs" / "fall.toml").write_text(CONFIG)
    done = script(tmp_path, "--results", "here")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "Decay with rate 0.7",
        "It falls from 0.247 to 0.0037.",
        "holds: v ∝ e^−rn; predicted 0.7, measured 0.70 ± 0.01 (as fitted)",
        "does not hold: it rises; predicted > 0, measured < 0",
        "note: It is made up.",
        "report: here/fall/report/report.html",
    ]
    assert "Traceback" not in done.stderr
    (tmp_path / "configs" / "fall.toml").write_text(CONFIG.replace("true", "1"))
    wrong = script(tmp_path)
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("Error: configs/fall.toml:6: diagnostic.exact = 1 is not valid")
    assert len(wrong.stderr.splitlines()) == 1

"""From configs to the report, on real runs of a small scale."""

import csv
import os
import re
import shutil
import subprocess

import numpy as np
import pytest
from reduced import Counting, write

from qnlr.paper.claims import claims
from qnlr.paper.document import available, paper_document
from qnlr.paper.evidence import Evidence, measured
from qnlr.paper.numbers import numbers
from qnlr.paper.reproduce import load_studies, reproduce
from qnlr.paper.tables import tables
from qnlr.report import Verdict
from qnlr.study import load_history, load_results
from qnlr.study.spec import run_id

NAMES = ("table_02_steps", "table_06_optimizers", "figure_02_loss")
MODES = ("exact", "1000 shots", "1000 shots under noise")


@pytest.fixture(scope="module")
def configs(tmp_path_factory):
    return write(tmp_path_factory.mktemp("paper") / "configs", NAMES)


@pytest.fixture(scope="module")
def reproduced(configs, tmp_path_factory):
    """Results of the studies, and what was told while they were run."""
    watch, results = Counting(), tmp_path_factory.mktemp("reproduced") / "results"
    found = reproduce(results, configs=configs, only=NAMES, observer=watch)
    assert found.report.failed == 0
    assert found.page == results / "report" / "report.html"
    return results, watch


@pytest.fixture(scope="module")
def document(reproduced, tmp_path_factory):
    """The report on all that was run."""
    return paper_document(reproduced[0], tmp_path_factory.mktemp("figures"))


def contents(folder):
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def rows_of(results, name):
    with (results / "report" / "tables" / f"{name}.csv").open(encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_runs_that_tables_share_are_computed_once(reproduced, configs):
    _, watch = reproduced
    studies = load_studies(configs, NAMES)
    everything = [run_id(spec) for study in studies for spec in study.runs]
    assert len(everything) > len(set(everything))
    assert sorted(watch.begun) == sorted(watch.ended) == sorted(set(everything))
    assert (watch.runs, watch.done) == (len(set(everything)), 0)


@pytest.mark.slow
def test_the_report_has_a_section_for_each_table_and_what_it_rests_on(reproduced, document):
    results, _ = reproduced
    files = contents(results / "report")
    names = [section.name for section in document.sections]
    assert names[:2] == ["findings", "claims"]
    assert {f"section_{name}" for name in NAMES} | {"figure_01", "bounds", "method"} <= set(names)
    assert sum(name.startswith("section_") for name in names) == len(NAMES)
    for table in ("table_02_steps", "table_06_optimizers"):
        for name in (table, f"{table}_compared"):
            assert {f"tables/{name}.csv", f"tables/{name}.tex"} <= set(files)
    assert "tables/bounds.csv" in files
    for name in (*NAMES, "figure_01_plateau"):
        assert {f"figures/{name}.{kind}" for kind in ("svg", "png", "pdf")} <= set(files)
    page = files["report.html"].decode()
    for name in NAMES:
        assert page.count(f'id="section-section_{name}"') == 1
        assert tables()[name].title in page
    assert {table.name for table in document.tables if len(table.rows) == 0} == set()


@pytest.mark.slow
def test_claims_are_those_of_the_tables_that_were_run(reproduced, document):
    results, _ = reproduced
    found = {claim.name: claim for claim in document.claims}
    by_numbers = {Verdict.CANNOT_HOLD, Verdict.NOT_SPECIFIED}
    rests = {name for name, claim in found.items() if claim.verdict not in by_numbers}
    assert rests == {
        "lowest_loss",
        "highest_accuracy",
        "strongest_gradients",
        "momentum_helps",
    }  # nothing was run for the lengths of 300 and 500 steps
    assert list(found) == [claim.name for claim in claims() if claim.name in found]
    page = (results / "report" / "report.html").read_text(encoding="utf-8")
    for claim in found.values():
        assert claim.says.replace("'", "&#39;") in page or claim.says in page


@pytest.mark.slow
def test_the_tables_hold_means_of_the_runs(reproduced):
    results, _ = reproduced
    runs = load_results(results / "table_06_optimizers")
    shown = rows_of(results, "table_06_optimizers")
    plain = {"SGD": "sgd", "momentum 0.9": "momentum", "RMSProp": "rmsprop", "Adam": "adam"}
    compared = 0
    for row in shown:
        if row["method"] not in plain:
            continue
        own = runs[runs["spec_optimizer_name"] == plain[row["method"]]]
        noisy = own["spec_backend_noise_name"].notna()
        shots = own["spec_backend_shots"].notna()
        own = own[
            {MODES[0]: ~shots & ~noisy, MODES[1]: shots & ~noisy, MODES[2]: noisy}[
                row["evaluation"]
            ]
        ]
        assert len(own) == 2
        for column, metric, factor, digits in (
            ("training loss", "metric_train_loss", 1, 3),
            ("test loss", "metric_test_loss", 1, 3),
            ("test accuracy %", "metric_test_accuracy", 100, 1),
            ("‖g‖", "metric_gradient_norm", 1, 2),
        ):
            mean = own[metric].mean() * factor
            text = next(value for key, value in row.items() if key == column)
            assert float(re.match(r"[-\d.]+", text)[0]) == pytest.approx(
                mean, abs=0.51 * 10**-digits
            )
            compared += 1
        assert row["runs"] == "2 of 2"
    assert compared == 4 * 3 * 4


@pytest.mark.slow
def test_a_length_is_what_a_run_had_after_so_many_steps(reproduced):
    results, _ = reproduced
    table = tables()["table_02_steps"]
    found = numbers(table, Evidence.load(results / "table_02_steps"))
    history = load_history(results / "table_02_steps")
    for setting, steps in (("50 steps", 50), ("100 steps", 100)):
        for cell in (c for c in found.cells if c.setting == setting):
            ids = [run.rpartition("/")[2] for run in cell.runs]
            rows = history[history["run_id"].isin(ids) & (history["step"] == steps - 1)]
            assert len(rows) == 2
            losses = rows["metric_train_loss"]
            assert cell.values["last_train_loss"].mean == pytest.approx(losses.mean())
            norms = rows["metric_gradient_norm"]
            assert cell.values["gradient_norm"].mean == pytest.approx(norms.mean())
            assert cell.values["shots"].mean == rows["cost_shots"].mean()
    assert found.cell("200 steps", "NLR", "shots").values["last_train_loss"].count == 0


@pytest.mark.slow
def test_methods_share_data_weights_and_batches(reproduced):
    """Before the first step nothing sets them apart but their shots: exact losses are the same."""
    results, _ = reproduced
    table = tables()["table_06_optimizers"]
    runs = measured(table, Evidence.load(results / table.name))
    exact = runs[runs["mode"] == "exact"][["run_id", "method"]]
    first = load_history(results / table.name).query("step == 0").merge(exact, on="run_id")
    spread = first.groupby("spec_seed")["metric_loss"].agg(np.ptp)
    assert (spread < 1e-12).all()
    assert first["method"].nunique() == 6


@pytest.mark.slow
def test_calling_again_computes_nothing_and_writes_the_same_files(reproduced, configs):
    results, _ = reproduced
    before, watch = contents(results / "report"), Counting()
    assert reproduce(results, configs=configs, only=NAMES, observer=watch).page.is_file()
    assert watch.begun == []
    assert watch.done == watch.runs
    assert contents(results / "report") == before


@pytest.mark.slow
def test_a_report_on_one_table_has_its_section_and_its_claims_alone(reproduced, document, tmp_path):
    results, _ = reproduced
    one = paper_document(results, tmp_path, ["table_06_optimizers"])
    sections = [section.name for section in one.sections if section.name.startswith("section_")]
    assert sections == ["section_table_06_optimizers"]
    assert [table.name for table in one.tables] == [
        "table_06_optimizers",
        "table_06_optimizers_compared",
        "table_06_optimizers_last_and_best",
    ]
    assert set(one.claims) <= set(document.claims)
    assert "lowest_loss" in {claim.name for claim in one.claims}


@pytest.mark.slow
def test_the_first_line_counts_verdicts_and_runs(reproduced, document):
    _, watch = reproduced
    line = document.sections[0].blocks[0].paragraphs[0]
    assert line.startswith(f"Of {len(document.claims)} claims: ")
    counted = sum(int(n) for n in re.findall(r"(\d+) (?:reprod|not|contra|cannot)", line))
    assert counted == len(document.claims)
    assert f"rests on {len(set(watch.begun))} runs" in line


@pytest.mark.slow
def test_only_tables_whose_studies_are_there_are_available(reproduced, tmp_path):
    results, _ = reproduced
    assert set(available(results)) == set(NAMES)
    assert available(tmp_path) == {}


@pytest.mark.slow
def test_the_page_opens_in_a_browser_without_an_error(reproduced, document, tmp_path):
    results, _ = reproduced
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        if os.environ.get("CI_NO_BROWSER"):
            pytest.skip("CI_NO_BROWSER is set, and there is no Chromium")
        pytest.fail("Chromium is not installed; install it, or set CI_NO_BROWSER=1")
    page = results / "report" / "report.html"
    done = subprocess.run(
        [
            *(program, "--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom"),
            *(
                "--disable-dev-shm-usage",
                "--enable-logging=stderr",
                f"--user-data-dir={tmp_path}/u",
            ),
            *("--virtual-time-budget=2000", page.as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "CONSOLE" not in done.stderr
    for claim in document.claims:
        assert done.stdout.count(f'id="claim-{claim.name}"') == 1
    for verdict in {claim.verdict for claim in document.claims}:
        assert str(verdict) in done.stdout

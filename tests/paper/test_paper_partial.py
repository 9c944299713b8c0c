"""Reproducing a part of the paper: some studies, some runs, or none yet."""

import json
import os

import pytest
from reduced import ROOT, Counting, write

from qnlr.errors import InputError
from qnlr.paper.reproduce import (
    load_studies,
    reproduce,
    study_names,
    write_paper_report,
    write_study_report,
)
from qnlr.paper.tables import tables
from qnlr.study.spec import run_id

NAMES = ("table_02_steps", "table_06_optimizers", "figure_02_loss", "table_09_convergence")


@pytest.fixture(scope="module")
def configs(tmp_path_factory):
    return write(tmp_path_factory.mktemp("paper") / "configs", NAMES, steps=5)


@pytest.mark.slow
def test_an_interrupted_reproduction_writes_no_report_and_goes_on(configs, tmp_path):
    class Stopping(Counting):
        def end_run(self, progress, outcome):
            super().end_run(progress, outcome)
            if len(self.ended) == 3:
                os.kill(os.getpid(), 2)

    results, watch = tmp_path / "results", Stopping()
    found = reproduce(results, configs=configs, only=["table_09"], observer=watch)
    assert (found.page, found.report.interrupted) == (None, 2)
    page = write_paper_report(results)  # of what there is
    text = page.read_text(encoding="utf-8")
    assert "17 pending" in text
    assert "pending (not begun)" in text
    watch = Counting()
    assert reproduce(results, configs=configs, only=["table_09"], observer=watch).page == page
    assert watch.done >= 3
    assert watch.done + len(watch.begun) == watch.runs


@pytest.mark.parametrize("name", ["figure_02_loss", "table_02_steps", "table_06_optimizers"])
def test_a_report_can_be_written_before_anything_was_run(name, configs, tmp_path):
    (study,) = load_studies(configs, [name])
    runs = {run_id(spec): spec.model_dump(mode="json") for spec in study.runs}
    (tmp_path / name).mkdir()
    text = json.dumps({"name": name, "config": None, "runs": runs})
    (tmp_path / name / "study.json").write_text(text)
    page = write_paper_report(tmp_path, [name]).read_text(encoding="utf-8")
    assert tables()[name].title in page


def test_a_report_can_be_written_on_a_study_of_other_runs(configs, tmp_path):
    """The config was changed, so that no run is one of the table's."""
    (tmp_path / "table_02_steps").mkdir()
    (study,) = load_studies(configs, ["figure_02"])
    spec = study.runs[0].model_dump(mode="json")
    spec["optimizer"]["name"] = "another"
    text = json.dumps({"name": "table_02_steps", "config": None, "runs": {"another": spec}})
    (tmp_path / "table_02_steps" / "study.json").write_text(text)
    assert write_paper_report(tmp_path, ["table_02_steps"]).is_file()


def test_studies_are_chosen_by_the_beginnings_of_their_names(configs):
    assert [study.name for study in load_studies(configs, ["table_02_s", "figure_02"])] == [
        "table_02_steps",
        "figure_02_loss",
    ]
    (study,) = load_studies(configs, ["figure_02_loss"], seeds=3)
    assert {spec.seed for spec in study.runs} == {0, 1, 2}
    assert load_studies(configs, ["figure_01"]) == []
    with pytest.raises(InputError, match=r'"table_12" begins no study.*table_01_negative_rate'):
        load_studies(configs, ["table_12"])
    with pytest.raises(InputError, match=r"table_03_dimension\.toml cannot be read"):
        load_studies(configs, ["table_03"])
    assert len(study_names()) == len(set(study_names())) >= 20


def test_a_table_stands_for_its_studies():
    def chosen(*only):
        return [study.name for study in load_studies(ROOT / "configs", only, seeds=1)]

    assert chosen("table_06_tuned") == chosen("tuned_gaussian") == ["tuned_gaussian"]
    assert len(chosen("table_08_tuned")) == 5
    assert "tuned_gaussian" in chosen("table_06")


def test_a_table_is_reported_on_by_its_name(tmp_path):
    (study,) = load_studies(ROOT / "configs", ["table_06_tuned"], seeds=1)
    runs = {run_id(spec): spec.model_dump(mode="json") for spec in study.runs}
    (tmp_path / study.name).mkdir()
    text = json.dumps({"name": study.name, "config": None, "runs": runs})
    (tmp_path / study.name / "study.json").write_text(text)
    page = write_study_report(tmp_path / "table_06_tuned")
    assert page == tmp_path / "table_06_tuned/report/report.html"
    assert tables()["table_06_tuned"].title in page.read_text(encoding="utf-8")
    with pytest.raises(InputError, match="table_08_tuned needs tuned_mnist, tuned_fashion_mnist,"):
        write_study_report(tmp_path / "table_08_tuned")

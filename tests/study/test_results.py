import shutil

import numpy as np
import pandas as pd
import pytest

from qnlr.errors import InputError
from qnlr.study import execute, load_history, load_results, load_study
from qnlr.study.display import show_study
from qnlr.study.figures import per_step
from qnlr.study.report import write_report
from qnlr.study.results import labels
from qnlr.study.summary import summary


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    config = {
        "name": "shown",
        "seeds": 2,
        "data": {"name": "digits", "features": 4},
        "circuit": {"qubits": 2, "layers": 1},
        "backend": {"name": "aer", "shots": 50},
        "training": {"steps": 3, "batch_size": 4},
        "optimizer": [{"name": "sgd"}, {"name": "spsa"}, {"name": "nlr"}],
    }
    return execute(load_study(config), tmp_path_factory.mktemp("results")).folder


def test_columns_are_prefixed_and_complete(folder):
    results = load_results(folder)
    plain = {"run_id", "label", "setting", "baseline", "status", "sentence"}
    assert all(
        name in plain or name.split("_")[0] in ("spec", "metric", "cost")
        for name in results.columns
    )
    assert results["metric_flips"].notna().all()
    assert results["spec_optimizer_learning_rate"].tolist() == [0.01] * 2 + [0.1] * 2 + [0.01] * 2
    history = load_history(folder)
    assert history.groupby("label", sort=False).size().to_dict() == {"sgd": 6, "spsa": 6, "nlr": 6}
    assert history["metric_flipped"].dtype == bool
    assert history["cost_shots"].dtype == np.int64
    assert (history.groupby("run_id")["cost_shots"].diff().dropna() > 0).all()


def test_no_study_is_an_error(tmp_path):
    with pytest.raises(InputError, match="there is no study in"):
        load_results(tmp_path)


def test_labels_tell_what_varies():
    base = {"optimizer": {"name": "nlr", "learning_rate": 0.1}, "circuit": {"layers": 2}, "seed": 0}
    deep = {**base, "circuit": {"layers": 5}}
    fast = {**base, "optimizer": {"name": "nlr", "learning_rate": 0.5}}
    other = {**base, "optimizer": {"name": "sgd", "learning_rate": 0.3}}
    assert labels([base, {**base, "seed": 1}]) == ["nlr", "nlr"]
    assert labels([base, deep]) == ["nlr layers=2", "nlr layers=5"]
    assert labels([base, fast, other]) == ["nlr learning_rate=0.1", "nlr learning_rate=0.5", "sgd"]


def test_labels_tell_rates_apart_that_print_alike():
    rates = [0.1, 0.10000001]
    specs = [{"optimizer": {"name": "sgd", "learning_rate": rate}, "seed": 0} for rate in rates]
    assert labels(specs) == ["sgd learning_rate=0.1", "sgd learning_rate=0.10000001"]


@pytest.fixture(scope="module")
def gridded(tmp_path_factory):
    config = {
        "name": "gridded",
        "seeds": 2,
        "data": {"name": "digits", "features": 4},
        "circuit": {"qubits": 2, "layers": 1},
        "backend": {"name": "statevector"},
        "training": {"steps": 2, "batch_size": 2},
        "optimizer": [{"name": "sgd"}, {"name": "nlr"}],
        "grid": {"circuit.layers": [1, 2], "optimizer.learning_rate": [0.1, 0.5]},
    }
    return execute(load_study(config), tmp_path_factory.mktemp("results")).folder


def test_baselines_are_of_the_same_setting_and_rate(gridded):
    results = load_results(gridded)
    pairs = results.drop_duplicates("label").set_index("label")["baseline"].to_dict()
    assert pairs == {
        f"{name} learning_rate={rate} layers={layers}": f"sgd learning_rate={rate} layers={layers}"
        for name in ("sgd", "nlr")
        for rate in (0.1, 0.5)
        for layers in (1, 2)
    }
    only = results[results["label"] != "sgd learning_rate=0.5 layers=1"]
    own = "nlr learning_rate=0.5 layers=1"
    assert summary(only).loc[own, "shows"] == ""


def test_every_setting_has_panels_of_its_own(gridded):
    panels = per_step(load_history(gridded), "metric_loss", "loss").axes
    shown = [axes for axes in panels if axes.get_visible()]
    assert len(shown) == 4
    titles = [axes.get_title(loc="left") for axes in shown]
    assert [title.split(":")[0] for title in titles[:2]] == ["layers=1", "layers=2"]
    legend = [text.get_text() for text in shown[0].get_legend().get_texts()]
    assert "nlr learning_rate=0.5" in legend
    assert shown[2].get_ylabel() == "difference to its sgd"


@pytest.mark.parametrize("name", ["study.json", "history.parquet"])
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"runs": {}}', b'{"runs": {"a": {}}}'])
def test_damaged_files_are_named(gridded, tmp_path, name, content):
    folder = shutil.copytree(gridded, tmp_path / "damaged")
    run = load_results(folder)["run_id"][0]
    file = folder / name if name == "study.json" else folder / run / name
    file.write_bytes(content)
    with pytest.raises(InputError, match=name):
        load_history(folder)


def test_results_that_cannot_be_written_are_shown(gridded, tmp_path, capsys, monkeypatch):
    def refuse(*args):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("qnlr.study.figures.save_figures", refuse)
    show_study(gridded)
    shown = capsys.readouterr().out
    assert "Read-only file system" in shown
    assert "training" in shown


def test_a_figure_shows_means_and_paired_differences(folder):
    history = load_history(folder)
    upper, lower = per_step(history, "metric_loss", "loss").axes
    drawn = {line.get_label(): line.get_ydata() for line in upper.get_lines()}
    sgd = history[history["label"] == "sgd"].groupby("step")["metric_loss"].mean()
    nlr = history[history["label"] == "nlr"].groupby("step")["metric_loss"].mean()
    np.testing.assert_allclose(drawn["sgd"], sgd)
    differences = [line.get_ydata() for line in lower.get_lines()]
    assert any(len(d) == 3 and np.allclose(d, nlr - sgd) for d in differences)
    assert lower.get_ylabel() == "difference to sgd"
    assert len(per_step(history[history["label"] == "sgd"], "metric_loss", "loss").axes) == 1


def test_showing_draws_figures_and_leaves_the_report_as_it_was(folder, capsys):
    (folder / "report").mkdir()
    (folder / "report/report.html").write_text("that of the paper")
    assert show_study(folder) == [folder / "loss.png", folder / "gradient_norm.png"]
    assert (folder / "report/report.html").read_text() == "that of the paper"
    assert "nan" not in capsys.readouterr().out
    shutil.rmtree(folder / "report")


def test_the_report_needs_nothing_beside_it(folder):
    assert write_report(folder, load_results(folder), load_history(folder)).is_file()
    page = (folder / "report/report.html").read_text()
    assert page.count("data:image/svg+xml") == 2
    assert 'src="http' not in page
    assert 'href="http' not in page
    assert "qnlr run" not in page
    assert "qnlr repeat" in page
    assert "UCI digits 3 and 8" in page
    assert "spsa" in page
    table = pd.read_csv(folder / "report/tables/numbers.csv")
    means = load_results(folder).groupby("label")["metric_train_loss"].mean()
    for method, value in zip(table["method"], table["training loss [value]"], strict=True):
        assert value == pytest.approx(means[method], abs=5e-4)

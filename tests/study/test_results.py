import numpy as np
import pytest

from qnlr.errors import InputError
from qnlr.study import execute, load_history, load_results, load_study
from qnlr.study.display import show_study
from qnlr.study.figures import per_step
from qnlr.study.results import labels


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
    plain = {"run_id", "label", "status", "sentence"}
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


def test_the_report_needs_nothing_beside_it(folder, capsys):
    show_study(folder)
    page = (folder / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 2
    assert "http" not in page
    assert "To repeat it" not in page
    assert "UCI digits 3 and 8" in page
    assert "<td>spsa</td>" in page
    shown = capsys.readouterr().out
    assert "nan" not in shown
    assert str(folder / "report.html") in shown.replace("\n", "")

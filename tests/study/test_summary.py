import math

import pandas as pd
import pytest

from qnlr.study.stats import Interval
from qnlr.study.summary import baselines, findings, summary, verdict


@pytest.mark.parametrize(
    ("interval", "lower_is_better", "words"),
    [
        (Interval(-1.0, -1.5, -0.5, 5), True, "better"),
        (Interval(-1.0, -1.5, -0.5, 5), False, "worse"),
        (Interval(1.0, 0.5, 1.5, 5), True, "worse"),
        (Interval(1.0, 0.0, 2.0, 5), True, "no difference seen"),
        (Interval(math.nan, math.nan, math.nan, 0), True, "no seed in common"),
        (Interval(1.0, math.nan, math.nan, 1), True, "one seed shows no difference"),
    ],
)
def test_verdicts(interval, lower_is_better, words):
    assert verdict(interval, lower_is_better=lower_is_better) == words


@pytest.fixture
def results():
    rows = [
        (label, seed, base + 0.01 * seed, shots)
        for label, base, shots in (("nlr a", 0.8, 110), ("sgd", 0.5, 100), ("nlr b", 0.4, 120))
        for seed in range(3)
    ]
    frame = pd.DataFrame(rows, columns=["label", "spec_seed", "metric_train_loss", "cost_shots"])
    frame["metric_train_loss"] += [0.0, 0.01, 0.0, 0.0, 0.0, 0.01, 0.0, 0.0, 0.0]
    return frame.assign(
        status="finished",
        baseline="sgd",
        metric_test_accuracy=0.9,
        metric_gradient_norm=1.0,
        metric_flips=2,
    )


def test_the_summary_has_a_row_for_each_method_and_compares_with_sgd(results):
    table = summary(results)
    assert list(table.index) == ["nlr a", "sgd", "nlr b"]
    assert list(table["shows"]) == ["worse", "baseline", "better"]
    assert table.loc["sgd", "training loss"] == "0.513 ± 0.038"
    assert table.loc["nlr b", "test accuracy"] == "90 ± 0 %"
    assert baselines(results.assign(baseline="")) == {"nlr a": "", "sgd": "", "nlr b": ""}
    assert list(summary(results.assign(baseline=""))["shows"]) == ["", "", ""]
    assert findings(results.assign(baseline="")) == [
        "Nothing is compared: no sgd of its own setting and learning rate has ended."
    ]


def test_findings_name_difference_and_cost(results):
    first, second, note = findings(results)
    assert first.startswith("nlr a: worse than sgd at 1.1 times its shots; training loss 0.300 ±")
    assert first.endswith("higher")
    assert second.startswith("nlr b: better than sgd at 1.2 times its shots")
    assert "3 seeds" in note
    assert "(2)" in note


def test_only_runs_that_ended_count(results):
    results.loc[results["label"] == "nlr a", "status"] = "failed"
    assert list(summary(results).index) == ["sgd", "nlr b"]
    assert summary(results.assign(status="pending")).empty
    assert findings(results.assign(status="pending")) == []


@pytest.fixture
def gridded():
    """Two settings, in each of them SGD at two rates and methods beside them."""
    rows = []
    for setting, worse in (("layers=1", 0.0), ("layers=5", 0.3)):
        for method, loss in (("sgd 0.1", 0.5), ("sgd 0.5", 0.4), ("nlr 0.1", 0.6), ("adam", 0.1)):
            base = {"nlr 0.1": "sgd 0.1", "adam": ""}.get(method, method)
            rows += [
                {
                    "label": f"{method} {setting}",
                    "baseline": f"{base} {setting}" if base else "",
                    "spec_seed": seed,
                    "metric_train_loss": loss + worse + 0.01 * seed * (method == "nlr 0.1"),
                    "cost_shots": 100,
                }
                for seed in range(3)
            ]
    return pd.DataFrame(rows).assign(
        status="finished", metric_test_accuracy=0.9, metric_gradient_norm=1.0, metric_flips=2
    )


def test_methods_are_compared_within_their_setting(gridded):
    table = summary(gridded)
    shown = table["shows"].to_dict()
    assert shown["nlr 0.1 layers=1"] == shown["nlr 0.1 layers=5"] == "worse"
    assert shown["sgd 0.5 layers=5"] == "baseline"
    assert shown["adam layers=1"] == ""
    assert table.loc["nlr 0.1 layers=5", "loss − baseline"] == "0.110 ± 0.025"
    first, second, note = findings(gridded)
    assert first.startswith("nlr 0.1 layers=1: worse than sgd 0.1 layers=1 at 1 times its shots")
    assert second.startswith("nlr 0.1 layers=5: worse than sgd 0.1 layers=5")
    assert "(2)" in note


def test_pairs_are_counted_not_seeds(results):
    results.loc[(results["label"] == "sgd") & (results["spec_seed"] == 0), "status"] = "failed"
    assert "paired over 2 seeds" in findings(results)[-1]
    assert summary(results)["pairs"].to_dict() == {"nlr a": "2", "sgd": "", "nlr b": "2"}
    own = (results["label"] == "nlr a") & (results["spec_seed"] > 0)
    results.loc[own, "status"] = "diverged"
    first, *_, note = findings(results)
    assert first == "nlr a: no seed in common with sgd"
    assert "paired over 0 to 2 seeds" in note


def test_equal_losses_are_called_equal(results):
    results["metric_train_loss"] = 0.5
    assert findings(results)[0].endswith("training loss equal")


def test_a_sweep_of_the_baseline_alone_says_nothing(results):
    sweep = results.assign(baseline=results["label"])
    assert findings(sweep) == []


def test_energies_are_called_energies_and_have_no_accuracy(results):
    results = results.assign(
        metric_test_accuracy=math.nan, metric_energy_error=results["metric_train_loss"] + 9.8
    )
    table = summary(results)
    assert table.loc["sgd", "energy"] == "0.51333 ± 0.03795"
    assert {"energy error", "energy − baseline"} <= set(table.columns)
    assert not {"training loss", "test accuracy"} & set(table.columns)
    assert "; energy 0.3" in findings(results)[0]


def test_energies_without_a_reference_are_energies_too(results):
    results = results.assign(
        metric_test_accuracy=math.nan, metric_energy=-9.7, metric_energy_error=math.nan
    )
    table = summary(results)
    assert "energy" in table
    assert not {"training loss", "test accuracy", "energy error"} & set(table.columns)


def test_the_ratio_of_a_random_cut_is_named(results):
    results = results.assign(
        metric_test_accuracy=math.nan, metric_cut_ratio=0.9, metric_random_ratio=0.55
    )
    note = "Sides drawn by the toss of a coin cut 0.5500 of the largest cut."
    assert note in findings(results)
    assert summary(results).loc["sgd", "cut ratio"] == "0.9000 ± 0.0000"

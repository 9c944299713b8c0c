"""Numbers of a small made-up study, against what a hand works out."""

import dataclasses
import itertools
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from qnlr.paper.evidence import MODES, Evidence, measured, mode, until
from qnlr.paper.numbers import numbers
from qnlr.paper.tables import ADAM, NLR, SGD, PaperTable, Setting
from qnlr.study.stats import bootstrap_interval

SEEDS = range(6)
STEPS = 8
SHOTS = {"SGD": 100, "Adam": 150, "NLR": 200}
"""Shots of a step; circuits are a tenth of them."""
LAST = {
    "SGD": np.array([0.40, 0.42, 0.38, 0.44, 0.36, 0.40]),
    "Adam": np.array([0.39, 0.44, 0.35, 0.47, 0.32, 0.46]),
    "NLR": np.array([0.30, 0.31, 0.29, 0.33, 0.24, 0.27]),
}
MIDDLE = {label: values + 0.3 for label, values in LAST.items()}
"""Training loss after 4 of the 8 steps."""
TABLE = PaperTable("made_up", "Made up", ("study",), (Setting(),), (SGD, ADAM, NLR))
SPEC = {
    "SGD": {"spec_optimizer_name": "sgd"},
    "Adam": {"spec_optimizer_name": "adam"},
    "NLR": {
        "spec_optimizer_name": "nlr",
        "spec_optimizer_trigger_name": "any_increase",
        "spec_optimizer_corrective_name": "reversal",
        "spec_optimizer_noise_scaling": True,
    },
}


def history(run_id, method, seed, steps=STEPS):
    """Eight steps with evaluations after the fourth and the eighth."""
    frame = pd.DataFrame({"run_id": run_id, "spec_seed": seed, "step": np.arange(steps)})
    done = frame["step"] + 1
    values = {4: MIDDLE[method][seed], 8: LAST[method][seed]}
    frame["metric_train_loss"] = [values.get(step, math.nan) for step in done]
    frame["metric_test_loss"] = frame["metric_train_loss"] + 0.1
    frame["metric_train_accuracy"] = 1 - frame["metric_train_loss"]
    frame["metric_test_accuracy"] = 0.9 - frame["metric_train_loss"]
    frame["metric_gradient_norm"] = 5.0 + seed - done / 8 + 1
    frame["metric_gradient_std"] = 3.0
    frame["metric_flipped"] = done.isin([2, 3, 7]) & (method == "NLR")
    frame["cost_shots"] = SHOTS[method] * done
    frame["cost_circuits"] = SHOTS[method] // 10 * done
    return frame


def evidence(modes=("shots",), status=None, **keep):
    """All runs of the study, but those that are not kept; some ended otherwise."""
    runs, histories = [], []
    for method, seed, how in itertools.product(SHOTS, SEEDS, modes):
        if seed not in keep.get(method, SEEDS):
            continue
        run_id = f"{method} {seed} {how}"
        ended = (status or {}).get((method, seed), "finished")
        about = {"run_id": run_id, "study": "study", "mode": how, "spec_seed": seed}
        runs.append({**about, "status": ended, "sentence": "why", **SPEC[method]})
        if ended != "pending":
            histories.append(history(run_id, method, seed))
    return Evidence(pd.DataFrame(runs), pd.concat([pd.DataFrame(), *histories]))


@pytest.fixture(scope="module")
def found():
    return numbers(TABLE, evidence())


def test_means_and_intervals_are_over_seeds(found):
    assert [cell.method for cell in found.cells] == ["SGD", "Adam", "NLR"]
    for method in SHOTS:
        values = found.cell("", method, "shots").values
        last = LAST[method]
        assert values["last_train_loss"] == bootstrap_interval(last)
        assert values["last_train_loss"].mean == pytest.approx(last.mean())
        assert values["last_test_loss"].mean == pytest.approx(last.mean() + 0.1)
        assert values["last_train_accuracy"].mean == pytest.approx(1 - last.mean())
        assert values["last_test_accuracy"].mean == pytest.approx(0.9 - last.mean())
        assert values["best_train_loss"].mean == pytest.approx(last.mean())
        assert values["shots"].mean == 8 * SHOTS[method]
        assert values["circuits"].mean == 0.8 * SHOTS[method]
        assert values["flips"].mean == (3 if method == "NLR" else 0)
        assert {interval.count for interval in values.values()} == {6}
    assert found.cell("", "NLR", "exact") is None


def test_the_gradient_norm_is_the_last_steps_and_loses_what_shots_add(found):
    values = found.cell("", "SGD", "shots").values
    assert values["gradient_norm"].mean == pytest.approx(5 + 2.5)
    pythagoras = [math.sqrt((5 + seed) ** 2 - 9) for seed in SEEDS]
    assert values["gradient_norm_without_shots"].mean == pytest.approx(np.mean(pythagoras))


@pytest.mark.parametrize(("std", "left"), [(4.0, 3.0), (math.nan, 5.0), (5.5, 0.0), (0.0, 5.0)])
def test_no_more_than_all_of_a_norm_comes_from_shots(std, left):
    one = evidence(SGD=[0], Adam=[], NLR=[])
    one.history["metric_gradient_std"] = std
    row = measured(TABLE, one).iloc[0]
    assert (row["gradient_norm"], row["gradient_norm_without_shots"]) == (5.0, left)


def test_equal_cost_is_the_least_that_all_have_spent(found):
    """800 shots: SGD's last evaluation, NLR's first, and a third of the way between Adam's."""
    expected = {
        "SGD": LAST["SGD"],
        "NLR": MIDDLE["NLR"],
        "Adam": MIDDLE["Adam"] + (LAST["Adam"] - MIDDLE["Adam"]) / 3,
    }
    for method, losses in expected.items():
        seeds = found.seeds("", method, "shots", "equal_cost_train_loss")
        assert seeds.to_numpy() == pytest.approx(losses)
        value = found.cell("", method, "shots").values["equal_cost_train_loss"]
        assert value.mean == pytest.approx(losses.mean())


def test_exact_runs_count_circuits():
    without_shots = evidence(["exact"])
    without_shots.history["cost_shots"] = 0
    by_circuits = numbers(TABLE, without_shots)
    seeds = by_circuits.seeds("", "NLR", "exact", "equal_cost_train_loss")
    assert seeds.to_numpy() == pytest.approx(MIDDLE["NLR"])
    reached, median = by_circuits.cell("", "NLR", "exact").to_target
    costs = 80 + 80 * (MIDDLE["NLR"] - 0.42) / 0.3
    assert (reached, median) == (6, pytest.approx(np.median(costs)))


def test_cost_to_target_is_interpolated_where_the_loss_passes_it(found):
    """SGD ends at 0.40 on average, so the target is 0.42; an evaluation is every 4 steps."""
    target = 1.05 * LAST["SGD"].mean()
    assert target == pytest.approx(0.42)
    for method in SHOTS:
        cell = found.cell("", method, "shots")
        start = 4 * SHOTS[method]
        costs = [
            start + start * (middle - target) / 0.3 if last <= target + 1e-12 else math.inf
            for middle, last in zip(MIDDLE[method], LAST[method], strict=True)
        ]
        assert cell.to_target == (sum(map(math.isfinite, costs)), pytest.approx(np.median(costs)))
    assert found.cell("", "Adam", "shots").to_target[0] == 3
    assert found.cell("", "NLR", "shots").to_target[0] == 6


def test_comparisons_are_paired_by_seed(found):
    pairs = {(one.method, one.at_end.baseline): one for one in found.compared}
    assert set(pairs) == {("Adam", "SGD"), ("NLR", "SGD"), ("SGD", "Adam"), ("NLR", "Adam")}
    for (method, baseline), one in pairs.items():
        gaps = LAST[method] - LAST[baseline]
        test = stats.ttest_rel(LAST[method], LAST[baseline]).confidence_interval(0.95)
        assert one.at_end.difference.mean == pytest.approx(gaps.mean())
        assert one.at_end.difference.low == pytest.approx(test.low)
        assert one.at_end.difference.high == pytest.approx(test.high)
        assert one.at_end.p_value == pytest.approx(stats.wilcoxon(gaps.round(9)).pvalue)
        assert one.at_end.improvement.mean == np.mean(gaps < 0)
        assert (one.at_end.pairs, one.mode) == (6, "shots")
    equal = pairs["NLR", "SGD"].at_cost
    assert equal.difference.mean == pytest.approx((MIDDLE["NLR"] - LAST["SGD"]).mean())


def test_the_order_of_runs_changes_nothing(found):
    whole = evidence()
    shuffled = Evidence(
        whole.runs.sample(frac=1, random_state=1, ignore_index=True),
        whole.history.sort_values(["spec_seed", "run_id", "step"], ascending=[False, True, True]),
    )
    again = numbers(TABLE, shuffled)
    for cell in found.cells:
        twin = again.cell(cell.setting, cell.method, cell.mode)
        assert sorted(twin.runs) == sorted(cell.runs)
        for name, value in cell.values.items():
            other = twin.values[name]
            assert other.mean == pytest.approx(value.mean), name
    mine = {(c.method, c.at_end.baseline): c.at_end.difference.mean for c in found.compared}
    twins = {(c.method, c.at_end.baseline): c.at_end.difference.mean for c in again.compared}
    assert twins == pytest.approx(mine)


def test_seeds_that_one_lacks_are_left_out_of_comparisons_alone():
    part = numbers(TABLE, evidence(NLR=[1, 3, 4, 5], SGD=[0, 1, 3, 4]))
    assert part.cell("", "NLR", "shots").endings["total"] == 4
    (one,) = [c for c in part.compared if (c.method, c.at_end.baseline) == ("NLR", "SGD")]
    both = [1, 3, 4]
    assert one.at_end.pairs == 3
    assert one.at_end.difference.mean == pytest.approx((LAST["NLR"] - LAST["SGD"])[both].mean())


def test_p_values_are_adjusted_for_all_that_one_baseline_is_compared_with():
    """Two settings with two methods each are one family of four, the other baseline another."""
    settings = (Setting("a", {"data.name": "a"}), Setting("b", {"data.name": "b"}))
    table = dataclasses.replace(TABLE, settings=settings, axis="data")
    whole = evidence(["exact", "shots"])
    parts = []
    for name, shift in (("a", 0.0), ("b", 0.07)):
        runs = whole.runs.assign(spec_data_name=name, run_id=whole.runs["run_id"] + name)
        past = whole.history.assign(run_id=whole.history["run_id"] + name)
        past.loc[past["run_id"].str.startswith("Adam"), "metric_train_loss"] += shift
        parts.append(Evidence(runs, past))
    found = numbers(table, Evidence.joined(parts))
    assert len(found.cells) == 12
    assert len(found.compared) == 16
    for baseline, how in itertools.product(("SGD", "Adam"), ("exact", "shots")):
        family = [c for c in found.compared if (c.at_end.baseline, c.mode) == (baseline, how)]
        assert len(family) == 4
        order = sorted(family, key=lambda one: one.at_end.p_value)
        largest = 0.0
        for place, one in enumerate(order):
            largest = max(largest, min(1.0, (4 - place) * one.at_end.p_value))
            assert one.p_adjusted == pytest.approx(largest)
        assert min(one.p_adjusted for one in family) > min(one.at_end.p_value for one in family)


STATUSES = {("NLR", 0): "failed", ("NLR", 1): "diverged", ("NLR", 2): "interrupted"}


def test_endings_are_counted_and_their_values_are_not():
    found = numbers(TABLE, evidence(status={**STATUSES, ("NLR", 3): "budget_spent"}))
    cell = found.cell("", "NLR", "shots")
    assert cell.endings == {"total": 6, "ended": 3, "failed": 1, "diverged": 1}
    assert len(cell.runs) == 6
    assert all(run.startswith("study/NLR ") for run in cell.runs)
    for name in ("last_train_loss", "equal_cost_train_loss", "gradient_norm", "flips"):
        assert cell.values[name].count == 3, name
    assert cell.values["last_train_loss"].mean == pytest.approx(LAST["NLR"][3:].mean())
    assert cell.to_target[0] == 3
    assert list(found.seeds("", "NLR", "shots", "last_train_loss").index) == [3, 4, 5]


def test_the_target_is_that_of_the_runs_of_sgd_that_ended():
    wild = evidence(status={("SGD", 0): "diverged"})
    wild.history.loc[wild.history["run_id"] == "SGD 0 shots", "metric_train_loss"] = 1e6
    target = 1.05 * LAST["SGD"][1:].mean()
    found = numbers(TABLE, wild)
    assert found.cell("", "Adam", "shots").to_target[0] == (LAST["Adam"] <= target).sum() < 6


def test_what_has_not_begun_has_no_numbers():
    pending = {(method, seed): "pending" for method in SHOTS for seed in SEEDS}
    found = numbers(TABLE, evidence(status=pending))
    assert [cell.endings["ended"] for cell in found.cells] == [0, 0, 0]
    assert {cell.endings["total"] for cell in found.cells} == {6}
    assert all(math.isnan(cell.values["last_train_loss"].mean) for cell in found.cells)
    assert found.seeds("", "NLR", "shots", "last_train_loss").empty


def test_without_a_run_there_are_no_cells():
    other = dataclasses.replace(TABLE, settings=(Setting("b", {"data.name": "b"}),))
    found = numbers(other, evidence())
    assert (found.cells, found.compared, len(found.runs)) == ((), (), 0)


LENGTHS = tuple(Setting(f"{n} steps", step=n) for n in (4, 8, 12))


def test_a_length_counts_the_steps_from_one_and_takes_the_evaluation_after_the_last():
    found = numbers(dataclasses.replace(TABLE, settings=LENGTHS, axis="length"), evidence())
    for label, losses, steps in (("4 steps", MIDDLE, 4), ("8 steps", LAST, 8)):
        values = found.cell(label, "NLR", "shots").values
        assert values["last_train_loss"].mean == pytest.approx(losses["NLR"].mean())
        assert values["shots"].mean == 200 * steps
        assert values["flips"].mean == (2 if steps == 4 else 3)
        assert values["gradient_norm"].mean == pytest.approx(5 + 2.5 + 1 - steps / 8)
    shot = found.seeds("4 steps", "NLR", "shots", "equal_cost_train_loss")
    assert shot.empty  # after 4 steps SGD has spent less than NLR's first evaluation
    longer = found.cell("12 steps", "NLR", "shots")
    assert (longer.endings["total"], longer.values["last_train_loss"].count) == (6, 0)


def test_until_takes_so_many_steps():
    past = history("one", "SGD", 0)
    assert until(past, 4)["step"].tolist() == [0, 1, 2, 3]
    assert len(until(past, None)) == len(until(past, 8)) == 8


@pytest.mark.parametrize(
    ("shots", "noise", "expected"),
    [
        (None, None, "exact"),
        (math.nan, math.nan, "exact"),
        (1000, math.nan, "shots"),
        (1000.0, "rate", "noise"),
        (None, "rate", "noise without shots"),
    ],
)
def test_modes(shots, noise, expected):
    assert mode({"spec_backend_shots": shots, "spec_backend_noise_name": noise}) == expected
    assert mode({}) == "exact"


def test_cells_are_in_the_order_of_the_modes():
    found = numbers(TABLE, evidence(["noise", "shots", "exact"]))
    assert list(dict.fromkeys(cell.mode for cell in found.cells)) == list(MODES)

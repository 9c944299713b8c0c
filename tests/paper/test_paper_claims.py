"""Every claim that rests on measurements can be reproduced, contradicted, or neither."""

import pytest
from fabricated import numbers, runs, spread

from qnlr.paper.claims import claims
from qnlr.paper.evidence import MODES
from qnlr.paper.tables import tables
from qnlr.paper.verdicts import judge, judged
from qnlr.report import Verdict

LOSS, ACCURACY, NORM = "last_train_loss", "last_test_accuracy", "gradient_norm_without_shots"
SHALLOW = "shallow circuit of 2 layers"
PLACE = {"low": -1, "high": +1}
SMALL = [f"NLR, σ = {sigma}" for sigma in ("0.005", "0.01", "0.02")]

SAID = {
    "up_to_8_percent": ("table_10_standard", LOSS, "NLR", "low"),
    "five_to_ten_percent": ("table_10_standard", LOSS, "NLR", "low"),
    "best_rate": ("table_01_negative_rate", LOSS, "NLR, η' = 0.02", "low"),
    "best_rate_norm": ("table_01_negative_rate", NORM, "NLR, η' = 0.02", "high"),
    "high_rate": ("table_01_negative_rate", LOSS, "NLR, η' = 0.1", "high"),
    "longer_steps": ("table_02_steps", LOSS, ("NLR", "500 steps"), "low"),
    "longer_norm_steps": ("table_02_steps", NORM, ("NLR", "500 steps"), "high"),
    "longer_passes": ("table_02_epochs", LOSS, ("NLR", "500 passes"), "low"),
    "longer_norm_passes": ("table_02_epochs", NORM, ("NLR", "500 passes"), "high"),
    "dimension_loss": ("table_03_dimension", LOSS, ("NLR", "d = 12"), "low"),
    "dimension_norm": ("table_03_dimension", NORM, ("NLR", "d = 8"), "high"),
    "depth_loss": ("table_04_layers", LOSS, ("NLR", "L = 5"), "low"),
    "depth_norm": ("table_04_layers", NORM, ("NLR", "L = 5"), "high"),
    "depth_accuracy": ("table_04_layers", ACCURACY, ("NLR", "L = 11"), "low"),
    "small_sigma": ("table_05_perturbation", LOSS, SMALL, "low"),
    "large_sigma": ("table_05_perturbation", LOSS, "NLR, σ = 0.1", "high"),
    "effective_noise": ("table_05_noise", LOSS, "NLR", "low"),
    "scaled_rate": ("table_05_noise", LOSS, "NLR", "low"),
    "mitigation": ("mitigation", ACCURACY, ("NLR", "none"), "low"),
    "lowest_loss": ("table_06_optimizers", LOSS, "NLR", "low"),
    "lowest_loss_tuned": ("table_06_tuned", LOSS, "NLR", "low"),
    "highest_accuracy": ("table_06_optimizers", ACCURACY, "NLR", "high"),
    "strongest_gradients": ("table_06_optimizers", NORM, "NLR", "high"),
    "momentum_helps": ("table_06_optimizers", LOSS, "SGD", "high"),
    "samples_loss": ("table_07_samples", LOSS, ("NLR", "n = 5000"), "low"),
    "samples_norm": ("table_07_samples", NORM, ("NLR", "n = 5000"), "high"),
    "against_noise": ("table_08_datasets", LOSS, "NLR", "low"),
    "against_reinit": ("table_08_datasets", LOSS, "NLR", "low"),
    "lowest_everywhere": ("table_08_datasets", LOSS, "NLR", "low"),
    "norms_everywhere": ("table_08_datasets", NORM, "NLR", "high"),
    "reliable_start": ("ablation_kappa", LOSS, "NLR, κ = 2", "low"),
    "datasets_loss": ("table_10_standard", LOSS, "NLR", "low"),
    "datasets_accuracy": ("table_10_standard", ACCURACY, "NLR", "high"),
    "datasets_norm": ("table_10_standard", NORM, "NLR", "high"),
    "datasets_head": ("table_10_head", LOSS, "NLR", "low"),
    "far_lower": ("table_09_convergence", LOSS, "NLR", "low"),
    "sgd_stalls": ("table_02_steps", LOSS, ("SGD", "500 steps"), "high"),
    "gradients_kept": ("table_09_convergence", NORM, "NLR", "high"),
    "best_strategy": ("table_11_strategies", LOSS, "NLR", "low"),
    "shallow_norm": ("table_11_strategies", NORM, SHALLOW, "high"),
    "shallow_underfits": ("table_11_strategies", LOSS, SHALLOW, "high"),
    "layerwise_cost": ("table_11_strategies", "shots", "layerwise", "high"),
}
"""Where a claim looks, and what it says is lower or higher there than all else: a reading of its
words that owes nothing to its check."""
IN_NOISE = ("effective_noise", "scaled_rate", "mitigation")
APART = ("accuracy_100", "saturated_steps", "saturated_passes", "rare_reversals")
BY_NUMBERS = {
    "losses_and_gradients": Verdict.CANNOT_HOLD,
    "loss_levels": Verdict.NOT_SPECIFIED,
    "training_length": Verdict.NOT_SPECIFIED,
    "qdataset_levels": Verdict.NOT_SPECIFIED,
    "thresholds": Verdict.NOT_SPECIFIED,
    "figure_1": Verdict.NOT_SPECIFIED,
    "two_axes": Verdict.CANNOT_HOLD,
    "strongest_in_the_table": Verdict.CANNOT_HOLD,
    "reinit_is_rmsprop": Verdict.CANNOT_HOLD,
    "one_loss_twice": Verdict.CANNOT_HOLD,
}
CLAIMS = {claim.name: claim for claim in claims()}


def extreme(name, setting, method):
    """1 for cells that the claim says are lower or higher, -1 for other methods' at their setting.

    So that a check that looks at another method sees the contrary.
    """
    chosen = SAID[name][2]
    if isinstance(chosen, tuple):
        return (1 if method == chosen[0] else -1) * (setting == chosen[1])
    return int(method in ([chosen] if isinstance(chosen, str) else chosen))


def book(name, shift, width=0.01, keep=lambda setting, method: True):
    """The claim's table: what it names lies apart by a shift, in other modes by the opposite."""
    table, column, _, _ = SAID[name]
    own = "noise" if name in IN_NOISE else "shots"
    frames = []
    for mode in MODES:
        cells = {
            (setting.label, method.label): spread(0.5, width)
            + (shift if mode == own else -shift) * extreme(name, setting.label, method.label)
            for setting in tables()[table].settings
            for method in tables()[table].methods
            if keep(setting.label, method.label)
        }
        turned = {
            cell: values[::-1] if extreme(name, *cell) == 1 else values
            for cell, values in cells.items()
        }
        if turned:
            frames.append(runs(turned, column, mode))
    return {table: numbers(table, *frames)}


def test_every_claim_is_spoken_of_here():
    assert set(CLAIMS) == {*SAID, *BY_NUMBERS, *APART}
    assert len(claims()) == len(CLAIMS)


def test_names_are_of_cells_that_there_are():
    for table, _, chosen, _ in SAID.values():
        labels = {one.label for one in (*tables()[table].settings, *tables()[table].methods)}
        assert {chosen} <= labels if isinstance(chosen, str) else set(chosen) <= labels


@pytest.mark.parametrize("name", SAID)
def test_what_it_says_reproduces_it_and_the_contrary_contradicts_it(name):
    shift = 0.2 * PLACE[SAID[name][3]]
    found = judge(CLAIMS[name], book(name, shift))
    assert found.verdict is Verdict.REPRODUCED
    assert judge(CLAIMS[name], book(name, -shift)).verdict is Verdict.CONTRADICTED
    assert found.measured.endswith(
        "(1000 shots under noise)." if name in IN_NOISE else "(1000 shots)."
    )
    assert len(found.others) == 2
    assert all("contradicted" in line for line in found.others)


@pytest.mark.parametrize("name", SAID)
def test_noise_leaves_it_open(name):
    found = judge(CLAIMS[name], book(name, 0.0, width=0.2))
    assert found.verdict is Verdict.NOT_REPRODUCED
    assert found.interval or found.parts


@pytest.mark.parametrize("name", SAID)
def test_it_is_left_out_without_its_runs(name):
    shift = 0.2 * PLACE[SAID[name][3]]
    rest = book(name, shift, keep=lambda *cell: extreme(name, *cell) != 1)
    own = book(name, shift, keep=lambda *cell: extreme(name, *cell) == 1)
    assert judge(CLAIMS[name], rest) is None
    assert judge(CLAIMS[name], own) is None
    assert judge(CLAIMS[name], {}) is None


@pytest.mark.parametrize("name", SAID)
def test_one_seed_decides_nothing(name):
    shift = 0.2 * PLACE[SAID[name][3]]
    table = SAID[name][0]
    runs_of_one = book(name, shift)[table].runs.query("spec_seed == 0")
    found = judge(CLAIMS[name], {table: numbers(table, runs_of_one)})
    assert found is None or found.verdict is Verdict.NOT_REPRODUCED


@pytest.mark.parametrize(
    ("accuracies", "expected"),
    [
        ([1.0] * 5, Verdict.REPRODUCED),
        ([1.0, 1.0, 0.995, 1.0, 1.0], Verdict.REPRODUCED),
        ([0.93, 0.935, 0.94, 0.93, 0.935], Verdict.CONTRADICTED),
        ([0.3, 1.0, 0.9, 0.4, 0.99], Verdict.NOT_REPRODUCED),
    ],
)
def test_accuracies_of_a_hundred_percent(accuracies, expected):
    table = "table_01_negative_rate"
    cells = {("", method.label): accuracies for method in tables()[table].methods}
    found = {table: numbers(table, runs(cells, ACCURACY))}
    assert judge(CLAIMS["accuracy_100"], found).verdict is expected
    del cells["", "NLR, η' = 0.05"]
    lacking = {table: numbers(table, runs(cells, ACCURACY))}
    assert judge(CLAIMS["accuracy_100"], lacking) is None


@pytest.mark.parametrize(
    ("gap", "expected"),
    [
        (-0.01, Verdict.REPRODUCED),
        (-0.2, Verdict.CONTRADICTED),
        (0.2, Verdict.CONTRADICTED),
        (0.0, Verdict.NOT_REPRODUCED),
    ],
)
@pytest.mark.parametrize("unit", ["steps", "passes"])
def test_little_but_something_is_gained_at_the_end(unit, gap, expected):
    table = {"steps": "table_02_steps", "passes": "table_02_epochs"}[unit]
    before, noise = spread(0.5, 0.01), spread(0.0, 0.003)[::-1]
    cells = {(f"300 {unit}", "NLR"): before, (f"500 {unit}", "NLR"): before + gap + noise}
    found = {table: numbers(table, runs(cells))}
    assert judge(CLAIMS[f"saturated_{unit}"], found).verdict is expected


@pytest.mark.parametrize(
    ("flips", "expected"),
    [
        ([0, 3, 5, 2, 1], Verdict.REPRODUCED),
        ([150, 160, 170, 155, 165], Verdict.CONTRADICTED),
        ([0, 60, 10, 30, 5], Verdict.NOT_REPRODUCED),
    ],
)
def test_reversals_are_rare_in_less_than_a_twentieth_of_the_steps(flips, expected):
    table = "table_09_convergence"
    found = {table: numbers(table, runs({("", "NLR"): flips}, "flips"))}
    assert judge(CLAIMS["rare_reversals"], found).verdict is expected


def test_the_largest_reduction_has_to_reach_8_percent():
    by = {
        percent: judge(CLAIMS["up_to_8_percent"], book("up_to_8_percent", -0.005 * percent, 1e-6))
        for percent in (8.1, 8.3)
    }
    assert by[8.1].verdict is Verdict.CONTRADICTED
    assert by[8.3].verdict is Verdict.REPRODUCED


@pytest.mark.parametrize("name", BY_NUMBERS)
def test_what_the_paper_itself_decides_needs_no_runs(name):
    found = judge(CLAIMS[name], {})
    assert found.verdict is BY_NUMBERS[name]
    assert found.others == ()
    assert "shots)" not in found.measured


def test_without_runs_only_those_are_left_in_the_papers_order():
    assert [claim.name for claim in judged({})] == [name for name in CLAIMS if name in BY_NUMBERS]


def test_all_tables_together_give_all_claims():
    frames = {}
    for name, table in tables().items():
        cells = {
            (setting.label, method.label): spread(0.5, 0.1)
            for setting in table.settings
            for method in table.methods
        }
        frames[name] = numbers(name, *(runs(cells, mode=mode) for mode in MODES))
    found = judged(frames)
    assert [claim.name for claim in found] == list(CLAIMS)
    wanted = [CLAIMS["far_lower"], CLAIMS["best_rate"]]
    assert [claim.name for claim in judged(frames, wanted)] == ["far_lower", "best_rate"]
    assert all(claim.measured[0] == claim.measured[0].upper() for claim in found)
    assert all(claim.detail == CLAIMS[claim.name].assumed for claim in found)

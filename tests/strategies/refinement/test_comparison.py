"""The comparison pairs seeds, names its claims, and says what was chosen."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qnlr.diagnostics import DIAGNOSTICS
from qnlr.errors import InputError
from qnlr.strategies.refinement.comparison import two_stage_benchmarks
from qnlr.strategies.refinement.methods import EVOLUTION, METHODS, PLAIN, TWO_STAGE, Training
from qnlr.strategies.refinement.verdicts import _change, findings_of, reduction

SMALL = {
    "seeds": 2,
    "image_seeds": 2,
    "tuning_seeds": 1,
    "steps": 12,
    "every": 6,
    "convex_steps": 4,
    "rates": (0.003, 0.01),
    "adam_rates": (0.001, 0.003),
    "time_steps": (0.3, 1.0),
    "weights_per_step": 8,
    "source": "digits",
}


@pytest.fixture(scope="module")
def found():
    told = []
    findings = two_stage_benchmarks(told=lambda done, total: told.append((done, total)), **SMALL)
    assert told[-1][0] == told[-1][1]
    return findings


def test_it_is_in_the_list_of_diagnostics():
    module = two_stage_benchmarks.__module__
    assert DIAGNOSTICS["two_stage"] == f"{module}:two_stage_benchmarks"


def test_every_row_is_run_on_every_seed(found):
    runs = found.frame.groupby(["task", "method", "optimizer"])["seed"].nunique()
    assert set(runs) == {2}
    assert set(found.frame["method"]) == set(METHODS)
    assert set(found.frame["step"]) == {0, 6, 12}
    assert found.frame["training_loss"].notna().all()


def test_methods_begin_at_the_same_loss_on_a_seed(found):
    at_start = found.frame[(found.frame["step"] == 0)]
    unridged = at_start[~at_start["method"].str.contains("ridge")]
    assert (unridged.groupby(["task", "seed"])["training_loss"].nunique() == 1).all()


def test_each_claim_is_held_against_both_optimizers(found):
    statements = [check.statement for check in found.checks]
    assert len(statements) == 12 == len(set(statements))
    assert sum("27.3 %" in one for one in statements) == 2
    assert sum("11.5 %" in one for one in statements) == 2
    assert {drawing.name for drawing in found.drawings} == {
        "loss_curve",
        "loss_telecom",
        "loss_mnist",
        "parts",
    }
    assert any("stand in for MNIST" in one for one in found.caveats)


def test_rates_come_from_their_grids(found):
    chosen = found.tables["chosen rates"].set_index(["method", "optimizer"])["rate"]
    assert set(chosen[PLAIN, "sgd"]) <= set(SMALL["rates"])
    assert set(chosen[TWO_STAGE, "adam"]) <= set(SMALL["adam_rates"])
    assert set(chosen[EVOLUTION, "none"]) <= set(SMALL["time_steps"])


@given(st.lists(st.floats(0.01, 10.0), min_size=2, max_size=8), st.floats(0.1, 0.9))
def test_a_constant_ratio_is_found_exactly(losses, share):
    theirs = pd.Series(losses)
    less = reduction(share * theirs, theirs)
    assert less.mean == pytest.approx(100 * (1 - share))
    assert less.low <= less.mean + 1e-9
    assert less.mean <= less.high + 1e-9


@pytest.mark.parametrize(
    ("ratio", "spread", "holds"),
    [(0.6, 0.01, True), (0.9, 0.01, False), (1.5, 0.01, False), (0.9, 0.6, None)],
)
def test_a_claim_holds_only_where_its_interval_reaches_it(ratio, spread, holds):
    """27.3 % lower is claimed: 40 % is at least that, 10 % is not, and a wide 10 % may be."""
    kicks = np.exp(spread * np.linspace(-1, 1, 10))
    rows = [
        {"task": "curve", "method": method, "optimizer": optimizer, "seed": seed, "step": 1}
        | {"training_loss": loss, "validation_loss": loss}
        for method, optimizer in (
            (PLAIN, "sgd"), (PLAIN, "adam"), (PLAIN, "nlr"), (EVOLUTION, "none"),
            (TWO_STAGE, "sgd"), (TWO_STAGE, "adam"), (TWO_STAGE, "nlr"),
        )
        for seed, kick in enumerate(kicks)
        for loss in [ratio * kick if method == TWO_STAGE else 1.0]
    ]  # fmt: skip
    tuning = pd.DataFrame({"at_the_edge": [False]})
    findings = findings_of(pd.DataFrame(rows), tuning, ("curve: made up",), Training())
    claim = next(check for check in findings.checks if "27.3" in check.statement)
    assert claim.holds is holds
    if holds is not None:
        word, percent = ("lower", 100 * (1 - ratio)) if ratio < 1 else ("higher", 50.0)
        assert claim.measured.startswith(
            f"training loss {word} than that of {EVOLUTION} by {percent:.1f} ±"
        )
        said = next(line for line in findings.says if line.startswith("curve, sgd: two-stage"))
        assert f" {word} than without initialisation by {percent:.1f} ±" in said


def test_what_diverged_is_not_compared():
    less = reduction(pd.Series([np.inf, np.inf]), pd.Series([1.0, 2.0]))
    assert less.count == 0
    assert _change(less, "than before").startswith("not to be compared")


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"tasks": ()}, "tasks"),
        ({"tasks": ("cifar",)}, "cifar"),
        ({"rates": (0.1,)}, "same length"),
        ({"seeds": 1}, "seeds"),
        ({"steps": 0}, "steps"),
        ({"switch": "sideways"}, "switch"),
    ],
)
def test_what_is_not_valid_is_named(wrong, named):
    with pytest.raises(InputError, match=named):
        two_stage_benchmarks(**wrong)

"""What the paper's own numbers decide changes with these numbers."""

import copy

import pytest

import qnlr.paper.consistency
import qnlr.paper.reference
from qnlr.paper.claims import claims
from qnlr.paper.consistency import excess, parameters
from qnlr.paper.reference import find, reference, rows
from qnlr.paper.verdicts import judge
from qnlr.report import Verdict

CLAIMS = {claim.name: claim for claim in claims()}


@pytest.fixture
def changed(monkeypatch):
    """Change what the paper reports, by a function of its tables."""

    def change(how):
        other = copy.deepcopy(reference())
        how(other)
        for module in (qnlr.paper.reference, qnlr.paper.consistency):
            monkeypatch.setattr(module, "reference", lambda: other)

    return change


def verdict(name):
    return judge(CLAIMS[name], {}).verdict


def row(tables, name, **axis):
    """The row of a table with these entries, to be changed."""
    (found,) = [r for r in tables[name]["rows"] if axis.items() <= r.items()]
    return found


def test_gradients_above_both_bounds_cannot_be(changed):
    found = judge(CLAIMS["losses_and_gradients"], {})
    assert found.verdict is Verdict.CANNOT_HOLD
    everything = [one for name in reference() if name != "setup" for one in rows(name)]
    pairs = {(one.loss, one.gradient_norm, parameters(one)): one for one in everything}
    beyond = [one for one in pairs.values() if excess(one) > 1]
    assert len(pairs) < len(everything)
    assert found.measured.startswith(f"{len(beyond)} of {len(pairs)} different pairs")
    assert f"by up to {max(map(excess, beyond)):.0f} times" in found.measured
    table_6 = [one for one in rows("table_06") if one in beyond]
    assert table_6 == []  # its norms are small, so they can be

    def weaken(tables):
        for name in tables.keys() - {"setup"}:
            for one in tables[name]["rows"]:
                one["gradient_norm"] /= 1000

    changed(weaken)
    assert verdict("losses_and_gradients") is Verdict.REPRODUCED


def test_one_row_beyond_the_bounds_is_enough(changed):
    def weaken(tables):
        for name in tables.keys() - {"setup"}:
            for one in tables[name]["rows"]:
                one["gradient_norm"] /= 1000
        row(tables, "table_04", layers=7)["gradient_norm"] = 6.112

    changed(weaken)
    found = judge(CLAIMS["losses_and_gradients"], {})
    assert found.verdict is Verdict.CANNOT_HOLD
    assert found.measured.startswith("1 of ")


def test_an_excess_is_the_norm_over_the_larger_bound_at_the_rows_own_depth():
    deep = find("table_04", layers=11)
    assert (parameters(deep), parameters(find("table_06", method="nlr"))) == (198, 90)
    assert excess(deep) == pytest.approx(5.603 / (198 * (2.718281828459045**0.000355 - 1)) ** 0.5)


def test_two_experiments_with_the_same_numbers(changed):
    assert verdict("two_axes") is Verdict.CANNOT_HOLD
    changed(lambda tables: row(tables, "table_05", sigma=0.02).update(loss=0.000156))
    assert verdict("two_axes") is Verdict.REPRODUCED


def test_two_methods_with_the_same_numbers(changed):
    assert verdict("reinit_is_rmsprop") is Verdict.CANNOT_HOLD
    changed(
        lambda tables: row(tables, "table_08", method="rmsprop", dataset="ad_hoc").update(
            gradient_norm=3.843
        )
    )
    assert verdict("reinit_is_rmsprop") is Verdict.REPRODUCED


def test_stronger_gradients_that_are_weaker_in_the_table(changed):
    found = judge(CLAIMS["strongest_in_the_table"], {})
    assert found.verdict is Verdict.CANNOT_HOLD
    assert "0.1327" in found.measured
    assert "4 of 4 baselines" in found.measured
    changed(lambda tables: row(tables, "table_06", method="nlr").update(gradient_norm=0.19))
    assert verdict("strongest_in_the_table") is Verdict.REPRODUCED


def test_one_loss_with_two_values(changed):
    found = judge(CLAIMS["one_loss_twice"], {})
    assert found.verdict is Verdict.CANNOT_HOLD
    assert "59 and 243 times apart" in found.measured

    def agree(tables):
        row(tables, "table_10", method="sgd", dataset="gaussian")["loss"] = 0.0583
        row(tables, "table_10", method="nlr", dataset="gaussian")["loss"] = 0.0131

    changed(agree)
    assert verdict("one_loss_twice") is Verdict.REPRODUCED

import tomllib
from pathlib import Path

import pytest

from qnlr.diagnostics.bounds_table import bounds
from qnlr.errors import InputError
from qnlr.paper.consistency import excess, parameters
from qnlr.paper.reference import rows
from qnlr.problems.bounds import cross_entropy_bound, squared_error_bound

CONFIG = Path(__file__).parents[2] / "configs" / "theory_bounds.toml"
ROMAN = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X"]


@pytest.fixture(scope="module")
def reported():
    settings = tomllib.loads(CONFIG.read_text(encoding="utf-8"))["diagnostic"]
    assert settings.pop("name") == "bounds"
    return bounds(**{name: tuple(value) for name, value in settings.items()})


@pytest.mark.parametrize("number", range(1, 11))
def test_the_config_holds_every_row_of_the_papers_tables(reported, number):
    own = reported.frame[reported.frame["table"] == ROMAN[number - 1]]
    paper = rows(f"table_{number:02d}")
    assert own[["loss", "gradient_norm", "weights"]].to_numpy().tolist() == [
        [row.loss, row.gradient_norm, parameters(row)] for row in paper
    ]
    assert own["by_squared_error"].to_numpy() == pytest.approx(
        [row.gradient_norm / squared_error_bound(row.loss, parameters(row)) for row in paper]
    )
    # the hull of clipped cross-entropies is never below the bound for samples up to ln 2
    assert (own["excess"].to_numpy() <= [excess(row) * (1 + 1e-12) for row in paper]).all()


def test_the_config_holds_the_strategies_too(reported):
    own = reported.frame[reported.frame["table"] == "XI"]
    assert own["loss"].tolist() == [0.002935, 0.000306, 0.000216, 0.000206]
    assert own["gradient_norm"].tolist() == [7.567, 6.297, 5.852, 5.893]


def test_verdicts_are_said_table_by_table(reported):
    held = {check.statement.split(":")[0]: check.holds for check in reported.checks}
    possible = reported.frame.groupby("table")["possible"].all()
    assert held == {f"Table {table}": bool(all_of_it) for table, all_of_it in possible.items()}
    assert held["Table VI"]
    assert not held["Table I"]


def test_the_figure_has_every_pair_beside_both_bounds(reported):
    (drawing,) = reported.drawings
    assert len(drawing.frame) == 2 * len(reported.frame)
    assert (drawing.frame["above"] == (drawing.frame["norm"] > drawing.frame["bound"])).all()
    # divided by √P, the bounds are functions of the loss alone, and grow with it
    assert (drawing.frame.groupby("bound of")["bound"].diff().dropna() >= -1e-12).all()


@pytest.mark.parametrize("share", [0.5, 2.0])
def test_a_pair_is_possible_up_to_the_larger_bound(share):
    largest = max(squared_error_bound(0.01, 5), cross_entropy_bound(0.01, 5))
    found = bounds(losses=(0.01,), gradient_norms=(share * float(largest),), weights=(5,))
    assert found.frame["possible"].tolist() == [share < 1]
    assert found.frame["excess"][0] == pytest.approx(share)
    assert found.checks[0].holds is (share < 1)


def test_one_number_of_weights_and_one_table_serve_all():
    found = bounds(losses=(0.1, 0.2), gradient_norms=(1.0, 1.0), rows=("a", "b"))
    assert found.frame["weights"].tolist() == [90, 90]
    assert found.frame["row"].tolist() == ["a", "b"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"losses": (0.1, 0.2)}, "losses 2, gradient_norms 1"),
        ({"losses": ()}, "differ in length"),
        ({"losses": (0.0,)}, "losses must be above 0"),
        ({"gradient_norms": (-1.0,)}, "gradient_norms at least 0"),
        ({"weights": (0,)}, "weights = 0"),
        ({"losses": (7.0,)}, "at most 6.9"),
    ],
)
def test_settings_are_checked(settings, said):
    with pytest.raises(InputError, match=said):
        bounds(**settings)

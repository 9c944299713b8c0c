"""A claim that something has stopped falling, and what would show the contrary."""

import pytest
from fabricated import numbers, runs, spread

from qnlr.paper.checks import Holds, Ref, stalled

TABLE = "table_02_steps"
CHECK = stalled(Ref(TABLE, "SGD", "500 steps"), Ref(TABLE, "SGD", "300 steps"))


def found(before, last):
    cells = {("300 steps", "SGD"): before, ("500 steps", "SGD"): last}
    return CHECK({TABLE: numbers(TABLE, runs(cells))}, "shots")


@pytest.mark.parametrize(
    ("gap", "expected"),
    [
        (0.0, Holds.YES),
        (0.1, Holds.YES),
        (-0.01, Holds.YES),
        (-0.1, Holds.NO),
        (-0.025, Holds.OPEN),
    ],
)
def test_a_fall_of_less_than_a_twentieth_is_a_stall(gap, expected):
    before = spread(0.5, 0.01)
    noise = spread(0.0, 0.005)[::-1]
    assert found(before, before + gap + noise).holds is expected


def test_a_wide_interval_decides_nothing():
    assert found(spread(0.5, 0.01), spread(0.5, 0.3)).holds is Holds.OPEN


def test_without_two_seeds_there_is_no_claim():
    assert found(spread(0.5, 0.01)[:1], spread(0.5, 0.01)[:1]) is None
    assert CHECK({}, "shots") is None

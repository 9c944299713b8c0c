"""The paper's numbers as data, and how the cells of the tables find them."""

import math

import pytest

from qnlr.paper.reference import find, reference, rows, weights
from qnlr.paper.tables import tables

PRINTED = [
    ("table_01", {"negative_rate": 0.02}, (100.0, 0.000155, 6.381)),
    ("table_01", {"negative_rate": 0.1}, (100.0, 0.071441, 1.289)),
    ("table_02", {"epochs": 50}, (100.0, 0.000188, 6.028)),
    ("table_02", {"epochs": 500}, (100.0, 0.000154, 6.395)),
    ("table_03", {"features": 4}, (100.0, 0.002427, 5.83)),
    ("table_03", {"features": 12}, (100.0, 0.000094, 6.069)),
    ("table_04", {"layers": 7}, (99.8, 0.000209, 6.112)),
    ("table_04", {"layers": 11}, (99.4, 0.000355, 5.603)),
    ("table_05", {"sigma": 0.005}, (100.0, 0.000211, 5.866)),
    ("table_05", {"sigma": 0.05}, (100.0, 0.000198, 6.25)),
    ("table_06", {"method": "sgd"}, (95.0, 0.0583, 0.1451)),
    ("table_06", {"method": "momentum"}, (95.8, 0.0367, 0.1892)),
    ("table_06", {"method": "nlr"}, (96.2, 0.0131, 0.1327)),
    ("table_07", {"samples": 200}, (100.0, 0.001422, 4.174)),
    ("table_07", {"samples": 5000}, (100.0, 0.000036, 8.169)),
    ("table_08", {"method": "adam", "dataset": "mnist"}, (99.8, 0.004423, 4.996)),
    ("table_08", {"method": "random_reinit", "dataset": "ad_hoc"}, (90.5, 0.01593, 3.842)),
    ("table_08", {"method": "nlr", "dataset": "fashion_mnist"}, (96.2, 0.009215, 4.723)),
    ("table_09", {"method": "sgd"}, (math.nan, 0.058322, 0.1451)),
    ("table_09", {"method": "nlr"}, (math.nan, 0.013152, 0.1327)),
    ("table_10", {"method": "sgd", "dataset": "gaussian"}, (100.0, 0.00024, 5.879)),
    ("table_10", {"method": "nlr", "dataset": "qdataset"}, (94.0, 0.010872, 4.401)),
    ("table_11", {"method": "shallow"}, (math.nan, 0.002935, 7.567)),
    ("table_11", {"method": "nlr"}, (math.nan, 0.000206, 5.893)),
]
LENGTHS = {
    **dict.fromkeys((f"table_{n:02}" for n in (1, 2, 3, 4, 5, 6, 7)), 5),
    "table_08": 30,
    "table_09": 2,
    "table_10": 10,
    "table_11": 4,
}
OWN = [name for name, table in tables().items() if table.reported]


@pytest.mark.parametrize(("table", "axis", "numbers"), PRINTED)
def test_the_numbers_are_those_that_the_paper_prints(table, axis, numbers):
    assert find(table, **axis).numbers == pytest.approx(numbers, rel=0, abs=0, nan_ok=True)


def test_every_table_is_spot_checked_and_whole():
    assert {table for table, _, _ in PRINTED} == set(LENGTHS)
    assert {name for name in reference() if name != "setup"} == set(LENGTHS)
    assert {name: len(rows(name)) for name in LENGTHS} == LENGTHS


@pytest.mark.parametrize("name", LENGTHS)
def test_rows_differ_and_hold_what_can_be(name):
    found = rows(name)
    assert len({tuple(row.axis.items()) for row in found}) == len(found)
    for row in found:
        assert math.isnan(row.accuracy) or 50 < row.accuracy <= 100
        assert 0 < row.loss < 0.1
        assert 0 < row.gradient_norm < 10
        assert reference()[name]["axis"] in row.axis


def test_what_is_not_in_a_table_is_not_found():
    assert find("table_01", negative_rate=0.03) is None
    assert find("table_10", method="nlr") is None


def test_weights_are_three_rotations_on_six_qubits_in_every_layer():
    assert {layers: weights(layers) for layers in (None, 3, 5, 7, 9, 11)} == {
        None: 90,
        3: 54,
        5: 90,
        7: 126,
        9: 162,
        11: 198,
    }


def test_the_main_readings_cover_all_of_the_papers_tables():
    assert {tables()[name].reported for name in OWN} == set(LENGTHS)


@pytest.mark.parametrize("name", OWN)
def test_every_row_of_the_paper_stands_beside_exactly_one_cell(name):
    table = tables()[name]
    cells = [
        table.paper_row(setting, method) for setting in table.settings for method in table.methods
    ]
    found = [cell for cell in cells if cell is not None]
    assert sorted(map(repr, found)) == sorted(map(repr, rows(table.reported)))


def test_a_row_stands_beside_the_cell_that_it_is_of():
    found = tables()
    steps = found["table_02_steps"]
    row = steps.paper_row(steps.settings[3], next(m for m in steps.methods if m.label == "NLR"))
    assert (row.axis, row.loss) == ({"epochs": 300}, 0.000155)
    assert steps.paper_row(steps.settings[3], steps.methods[0]) is None
    rates = found["table_01_negative_rate"]
    by_label = {
        method.label: rates.paper_row(rates.settings[0], method) for method in rates.methods
    }
    assert by_label["SGD"] is by_label["Adam"] is None
    assert by_label["NLR, η' = 0.1"].gradient_norm == 1.289
    datasets = found["table_08_datasets"]
    by_label = {m.label: datasets.paper_row(datasets.settings[4], m) for m in datasets.methods}
    assert by_label["random re-initialisation"].loss == 0.01593
    assert by_label["NLR"].axis == {"method": "nlr", "dataset": "ad_hoc"}
    assert by_label["Gaussian perturbation"] is by_label["NLR, η' not scaled"] is None
    kappa = found["ablation_kappa"]
    assert {kappa.paper_row(kappa.settings[0], method) for method in kappa.methods} == {None}

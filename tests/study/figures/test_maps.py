import itertools
import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import LogNorm, SymLogNorm
from matplotlib.patches import Rectangle

from qnlr.diagnostics.findings import Map
from qnlr.study.figures import draw, svg_text


def grid(x=(0.0, 1.0, 2.0), y=(-1.0, 1.0), value=lambda a, b: a + b):
    rows = [(a, b, value(a, b)) for a, b in itertools.product(x, y)]
    return pd.DataFrame(rows, columns=["a", "b", "loss"])


def heat(frame, **options):
    return Map(frame, "a", "b", "loss", "θ₁ (rad)", "θ₂ (rad)", "loss L", **options)


def mesh(figure):
    return figure.axes[0].collections[0]


def test_each_value_stands_at_its_place_whatever_the_order_of_rows():
    frame = grid().sample(frac=1, random_state=0)
    figure = draw(heat(frame, title="Loss"))
    np.testing.assert_array_equal(mesh(figure).get_array(), [[-1, 0, 1], [1, 2, 3]])
    axes, bar = figure.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("θ₁ (rad)", "θ₂ (rad)")
    assert axes.get_title(loc="left") == "Loss"
    assert bar.get_ylabel() == "loss L"
    assert axes.get_xlim() == (-0.5, 2.5)


def test_places_without_a_value_have_no_colour():
    figure = draw(heat(grid().iloc[1:]))
    assert mesh(figure).get_array().mask.tolist() == [[True, False, False], [False] * 3]


def test_colours_are_logarithmic_and_have_a_middle_where_values_change_sign():
    positive = draw(heat(grid(value=lambda a, b: 10.0 ** (a + b)), log=True))
    assert isinstance(mesh(positive).norm, LogNorm)
    signed = draw(heat(grid(), log=True))
    assert isinstance(mesh(signed).norm, SymLogNorm)
    assert mesh(signed).norm(0.0) == pytest.approx(0.5)
    assert mesh(signed).get_cmap().name == "RdBu_r"


def test_a_path_and_a_rectangle_are_drawn_where_they_are():
    path = pd.DataFrame({"a": [0.0, 1.0, 2.0], "b": [1.0, 0.5, -1.0]})
    figure = draw(heat(grid(), path=path, box=(0.5, 1.5, -1.0, 0.0)))
    axes = figure.axes[0]
    line, start, end = axes.get_lines()
    np.testing.assert_array_equal(line.get_xydata(), path)
    assert start.get_xydata().tolist() == [[0, 1]]
    assert end.get_xydata().tolist() == [[2, -1]]
    assert start.get_marker() != end.get_marker()
    boxes = [patch.get_bbox() for patch in axes.patches if isinstance(patch, Rectangle)]
    assert {(box.x0, box.x1, box.y0, box.y1) for box in boxes} == {(0.5, 1.5, -1, 0)}
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "start of the path",
        "its end",
    ]


def test_names_and_uneven_numbers_stand_in_a_row():
    figure = draw(heat(grid(x=("sgd", "nlr"), y=(1, 2, 50), value=lambda a, b: b)))
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["sgd", "nlr"]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["1", "2", "50"]
    assert axes.get_ylim() == (-0.5, 2.5)
    path = pd.DataFrame({"a": [0.0], "b": [2.0]})
    metric = draw(heat(grid(y=(1, 2, 50)), path=path)).axes[0]
    assert metric.get_ylim()[1] > 50


def test_a_surface_has_its_heights_and_a_path_lies_on_it():
    path = pd.DataFrame({"a": [0.0, 1.0], "b": [-1.0, 0.0]})
    (axes,) = draw(heat(grid(), surface=True, path=path)).axes
    assert axes.name == "3d"
    assert axes.get_zlabel() == "loss L"
    line = axes.get_lines()[0]
    np.testing.assert_allclose(line.get_data_3d()[2], [-1.0, 1.0], atol=0.05)
    (axes,) = draw(heat(grid(value=lambda a, b: 10.0**a), surface=True, log=True)).axes
    assert axes.get_zlabel() == "log₁₀ loss L"
    assert max(axes.get_zlim()) < 3


NUMBERS = st.floats(-1e9, 1e9) | st.sampled_from([np.nan, np.inf, 0.0, 1e-300])


@settings(max_examples=12)
@given(
    values=st.lists(NUMBERS, min_size=6, max_size=6),
    shape=st.sampled_from([(3, 2), (6, 1), (1, 6)]),
    log=st.booleans(),
)
def test_whatever_the_numbers_are_the_map_can_be_drawn(values, shape, log):
    given_values = iter(values)
    frame = grid(range(shape[0]), range(shape[1]), lambda a, b: next(given_values))
    ET.fromstring(svg_text(draw(heat(frame, log=log))))


@pytest.mark.parametrize("surface", [False, True])
def test_a_map_without_values_says_so(surface):
    for frame in (grid(value=lambda a, b: np.nan), grid().iloc[:0]):
        figure = draw(heat(frame, surface=surface))
        assert "no values" in [text.get_text() for text in figure.axes[0].texts]


def test_numbers_that_are_too_long_to_stand_side_by_side_are_not_all_labelled():
    short = draw(heat(grid(x=(-0.5, 0.0, 0.5)))).axes[0]
    assert [label.get_text() for label in short.get_xticklabels()] == ["−0.5", "0", "0.5"]
    long = draw(heat(grid(x=tuple(np.linspace(-9.48683, 9.48683, 9))))).axes[0]
    assert all(len(label.get_text()) <= 5 for label in long.get_xticklabels())

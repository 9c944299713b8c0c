import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qnlr.diagnostics.cave import cave, landscape
from qnlr.errors import InputError


@settings(max_examples=30)
@given(
    centre=st.tuples(st.floats(-4, 4), st.floats(-4, 4)),
    depth=st.floats(0.01, 5),
    width=st.floats(0.5, 4),
    tilt=st.floats(-1, 1),
)
def test_the_slope_is_the_gradient_of_the_cost(centre, depth, width, tilt):
    scene = landscape(centre, depth, width, tilt, points=401)
    spacing = scene.axis[1] - scene.axis[0]
    slope = np.hypot(*np.gradient(scene.cost, spacing))[1:-1, 1:-1]
    scale = abs(tilt) + depth / width
    np.testing.assert_allclose(
        scene.slope[1:-1, 1:-1], slope, atol=30 * scale * (spacing / width) ** 2
    )


def test_findings_hold_the_landscape_row_by_row():
    found, scene = cave(centre=(1.0, -1.0), points=9), landscape((1.0, -1.0), points=9)
    frame = found.frame.set_index(["theta_1", "theta_2"])
    assert len(frame) == 81
    for column, values in (("cost", scene.cost), ("gradient", scene.slope)):
        assert frame.loc[(scene.axis[2], scene.axis[5]), column] == values[5, 2]
    surface, heat = found.drawings
    assert surface.surface
    assert not heat.surface
    assert heat.box == scene.box == (0.25, 1.75, -1.75, -0.25)
    assert "(1, −1)" in heat.caption


def test_the_gradient_vanishes_in_the_cave_and_not_at_its_walls():
    scene = landscape(tilt=0.0)
    assert scene.slope[30, 30] == 0.0  # at (−2, −2)
    assert scene.slope.max() > 0.4


def test_a_grid_without_a_point_in_the_box_is_described_all_the_same():
    assert len(cave(points=2).says) == 1
    assert len(cave(points=9).says) == 2


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"centre": (1.0,)}, "centre = (1.0,) is not valid"),
        ({"centre": (9.0, 0.0)}, "two numbers from -4 to 4"),
        ({"depth": 0.0}, "depth = 0.0"),
        ({"width": -1.0}, "width = -1.0"),
        ({"points": 1}, "points = 1"),
    ],
)
def test_what_is_not_valid_is_refused(values, words):
    with pytest.raises(InputError) as caught:
        cave(**values)
    assert words in str(caught.value)

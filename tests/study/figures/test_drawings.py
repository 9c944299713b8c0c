import itertools
import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import rgb_to_hsv, to_rgb

from qnlr.diagnostics.findings import Lines
from qnlr.study.figures import draw, save, svg_text

QUBITS = [2, 4, 6, 8]


def variances(names=("global", "local"), layers=(1,)):
    frame = pd.DataFrame(
        [
            {"observable": name, "layers": depth, "qubits": n, "variance": (i + 1) * 2.0**-n}
            for (i, name), depth, n in itertools.product(enumerate(names), layers, QUBITS)
        ]
    )
    theory = 1.1 * frame["variance"]
    return frame.assign(
        low=0.5 * frame["variance"], high=2 * frame["variance"], theory=theory, odd=theory > 0.05
    )


def lines(frame, **options):
    return Lines(frame, "qubits", "variance", "qubits n", "variance (1/rad²)", **options)


def shown(figure):
    return [axes for axes in figure.axes if axes.get_visible()]


def drawn(axes, marker):
    return [line for line in axes.get_lines() if line.get_marker() == marker]


def labels(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def test_lines_go_through_the_values_and_are_told_apart_by_more_than_colour():
    frame = variances()
    (axes,) = shown(draw(lines(frame, by="observable", title="Variance")))
    first, second = drawn(axes, "o")[0], drawn(axes, "s")[0]
    for line, name in ((first, "global"), (second, "local")):
        rows = frame[frame["observable"] == name]
        np.testing.assert_array_equal(line.get_xdata(), rows["qubits"])
        np.testing.assert_array_equal(line.get_ydata(), rows["variance"])
    assert first.get_linestyle() != second.get_linestyle()
    assert first.get_color() != second.get_color()
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("qubits n", "variance (1/rad²)")
    assert axes.get_title(loc="left") == "Variance"


def test_rows_are_joined_along_x_whatever_their_order():
    frame = variances(("global",)).iloc[[2, 0, 3, 1]]
    (line,) = drawn(shown(draw(lines(frame)))[0], "o")
    assert list(line.get_xdata()) == QUBITS


def test_intervals_reach_from_low_to_high_as_bars_or_as_a_band():
    frame = variances(("global",))
    axes = shown(draw(lines(frame, low="low", high="high")))[0]
    (bars,) = axes.collections
    ends = np.array([segment[:, 1] for segment in bars.get_segments()])
    np.testing.assert_allclose(ends, frame[["low", "high"]])
    axes = shown(draw(lines(frame, low="low", high="high", band=True)))[0]
    outline = axes.collections[0].get_paths()[0].vertices
    for x, low, high in frame[["qubits", "low", "high"]].to_numpy():
        at = outline[outline[:, 0] == x][:, 1]
        assert {low, high} <= set(at)


def test_theory_is_one_thin_line_where_it_is_the_same_for_all_and_in_the_legend():
    frame = variances().assign(theory=lambda rows: 2.0 ** -rows["qubits"])
    figure = draw(lines(frame, by="observable", expected="theory"))
    theory = [line for line in shown(figure)[0].get_lines() if line.get_color() == "#333333"]
    assert len(theory) == 1
    np.testing.assert_allclose(theory[0].get_ydata(), [2.0**-n for n in QUBITS])
    assert theory[0].get_linewidth() < drawn(shown(figure)[0], "o")[0].get_linewidth()
    assert labels(figure) == ["global", "local", "theory"]


@pytest.mark.parametrize("joined", [True, False])
def test_theory_of_each_line_is_thin_in_a_darker_shade_of_its_colour(joined):
    figure = draw(lines(variances(), by="observable", expected="theory", joined=joined))
    (axes,) = shown(figure)
    thin = drawn(axes, "none")
    measured = [drawn(axes, "o")[0], drawn(axes, "s")[0]]
    assert len(thin) == 2
    for theory, line in zip(thin, measured, strict=True):
        np.testing.assert_allclose(theory.get_ydata(), 1.1 * line.get_ydata())
        thin_hsv, hsv = (rgb_to_hsv(to_rgb(one.get_color())) for one in (theory, line))
        assert thin_hsv[0] == pytest.approx(hsv[0])
        assert thin_hsv[2] < hsv[2]
        assert theory.get_linewidth() < line.get_linewidth()
        assert theory.get_linestyle() == "-"
    assert labels(figure) == ["global", "local", "theory"]
    assert figure.legends[0].get_lines()[-1].get_color() == "#333333"


def test_marked_points_are_ringed_and_named():
    frame = variances(("global",))
    figure = draw(lines(frame, marked="odd", marks="reversed"))
    rings = [line for line in shown(figure)[0].get_lines() if line.get_markerfacecolor() == "none"]
    np.testing.assert_array_equal(rings[0].get_ydata(), frame.loc[frame["odd"], "variance"])
    assert labels(figure) == ["reversed"]
    assert labels(draw(lines(frame.assign(odd=False), marked="odd", marks="reversed"))) == []


def test_panels_stand_at_most_three_across_and_say_what_they_are():
    figure = draw(lines(variances(layers=(1, 2, 4, 8)), by="observable", panel="layers"))
    assert [axes.get_title(loc="left") for axes in shown(figure)] == [
        "layers = 1", "layers = 2", "layers = 4", "layers = 8",
    ]  # fmt: skip
    left = [round(axes.get_position().x0, 3) for axes in shown(figure)]
    assert len(set(left)) == 3
    assert labels(figure) == ["global", "local"]


def test_panels_share_a_scale_unless_one_of_them_could_not_be_read_then():
    frame = variances(layers=(1, 2))
    alike = shown(draw(lines(frame, panel="layers")))
    assert alike[0].get_ylim() == alike[1].get_ylim()
    frame.loc[frame["layers"] == 2, ["variance", "low", "high"]] *= 1000
    unlike = shown(draw(lines(frame, panel="layers")))
    assert unlike[0].get_ylim()[1] < 1 < unlike[1].get_ylim()[1]
    again = shown(draw(lines(frame, panel="layers", logy=True)))
    assert again[0].get_ylim() == again[1].get_ylim()


def test_a_logarithmic_panel_shows_all_values_and_lets_intervals_that_reach_zero_leave_it():
    frame = variances(("global",)).assign(low=-1.0)
    axes = shown(draw(lines(frame, low="low", high="high", logy=True)))[0]
    assert axes.get_yscale() == "log"
    low, high = axes.get_ylim()
    assert frame["variance"].min() / 3 < low < frame["variance"].min()
    assert frame["high"].max() <= high < 3 * frame["high"].max()
    frame = frame.assign(variance=[0.1, -0.1, 0.0, 0.01])
    assert shown(draw(lines(frame, logy=True)))[0].get_yscale() == "symlog"


def test_names_along_x_stand_below_the_axis_in_their_order():
    frame = pd.DataFrame({"qubits": ["warm start", "random"], "variance": [2.0, 1.0]})
    axes = shown(draw(lines(frame, joined=False)))[0]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["warm start", "random"]
    assert list(drawn(axes, "o")[0].get_ydata()) == [2.0, 1.0]
    assert drawn(axes, "o")[0].get_linestyle() == "None"


def test_points_in_crowds_lose_their_markers_if_they_are_joined():
    frame = pd.DataFrame({"qubits": range(500), "variance": np.linspace(1, 2, 500)})
    assert drawn(shown(draw(lines(frame)))[0], "o") == []
    assert len(drawn(shown(draw(lines(frame, joined=False)))[0], "o")) == 1


@pytest.mark.parametrize("rows", [slice(0, 0), slice(0, 1)])
@pytest.mark.parametrize("panel", [None, "layers"])
def test_nothing_and_one_point_are_drawn(rows, panel):
    frame = variances().iloc[rows]
    figure = draw(
        lines(
            frame, by="observable", panel=panel, low="low", high="high", expected="theory",
            marked="odd", logx=True, logy=True,
        )
    )  # fmt: skip
    texts = [text.get_text() for text in shown(figure)[0].texts]
    assert texts == (["no values"] if frame.empty else [])


NUMBERS = st.floats(-1e9, 1e9) | st.sampled_from([np.nan, np.inf, -np.inf, 0.0, 1e-300])


@settings(max_examples=12)
@given(
    y=st.lists(NUMBERS, min_size=4, max_size=12),
    options=st.fixed_dictionaries(
        {key: st.booleans() for key in ("joined", "band", "logx", "logy")}
        | {
            "by": st.sampled_from([None, "layers"]),
            "panel": st.sampled_from([None, "layers"]),
            "expected": st.sampled_from([None, "theory"]),
        }
    ),
)
def test_whatever_the_numbers_are_the_figure_can_be_drawn(y, options):
    x = np.arange(len(y)) % 4
    frame = pd.DataFrame({"qubits": x, "variance": y, "layers": np.arange(len(y)) // 4})
    frame["low"], frame["high"] = frame["variance"] - 1, frame["variance"] * 2
    frame["theory"] = frame["variance"][::-1].to_numpy()
    ET.fromstring(svg_text(draw(lines(frame, low="low", high="high", **options))))


def test_a_frame_is_left_as_it_was_and_gives_the_same_bytes_again(tmp_path):
    frame = variances()
    before = frame.copy()
    first, second = (
        save(draw(lines(frame, by="observable", logy=True)), tmp_path, name)
        for name in ("first", "second")
    )
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()
    pd.testing.assert_frame_equal(frame, before)


def test_theory_is_drawn_for_each_line_where_lines_stand_at_different_x():
    frame = variances()
    frame = frame[(frame["observable"] == "global") == frame["qubits"].isin(QUBITS[::2])]
    figure = draw(lines(frame, by="observable", expected="theory", thin="upper bound"))
    theory = drawn(shown(figure)[0], "none")
    assert [line.get_xdata().tolist() for line in theory] == [QUBITS[::2], QUBITS[1::2]]
    assert labels(figure) == ["global", "local", "upper bound"]


def test_values_too_small_for_a_scale_linear_around_zero_are_drawn_on_a_linear_one():
    frame = pd.DataFrame({"qubits": QUBITS, "variance": [0.0, 0.0, 0.0, 1e-300]})
    figure = draw(lines(frame, logy=True))
    assert shown(figure)[0].get_yscale() == "linear"

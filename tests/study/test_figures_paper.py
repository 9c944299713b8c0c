import subprocess
import sys
import xml.etree.ElementTree as ET

import matplotlib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qnlr.errors import InputError
from qnlr.study.figures import against_axis, curves, forest, plateau, save, svg_text
from qnlr.study.figures.style import columns_within, looks
from qnlr.study.stats import mean_interval

MODES = ["exact", "1000 shots", "noise ν = 0.01"]
METHODS = ["sgd", "adam", "nlr"]


def results(modes=MODES, methods=METHODS, xs=(1, 3, 5)):
    rows = [
        {"mode": mode, "method": method, "x": x, "mean": 0.1 * (i + 1) + 0.05 * j + 0.01 * k}
        for i, mode in enumerate(modes)
        for j, method in enumerate(methods)
        for k, x in enumerate(xs)
    ]
    frame = pd.DataFrame(rows)
    return frame.assign(low=frame["mean"] - 0.02, high=frame["mean"] + 0.03)


def history(steps=6, seeds=3, modes=MODES[:2], methods=("sgd", "nlr")):
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "mode": mode,
            "method": method,
            "spec_seed": seed,
            "step": step,
            "metric_loss": rng.uniform(0.5, 1.5),
            "metric_flipped": method == "nlr" and mode != "exact" and step == 2 and seed < 2,
        }
        for mode in modes
        for method in methods
        for seed in range(seeds)
        for step in range(steps)
    )


def shown(figure):
    return [axes for axes in figure.axes if axes.get_visible()]


def titles(figure):
    return [axes.get_title(loc="left") for axes in shown(figure)]


def means(axes):
    return [line for line in axes.get_lines() if line.get_marker() not in ("_", "*")]


def legend_texts(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_every_mode_has_a_panel_and_every_method_a_line_with_its_interval():
    frame = results()
    figure = against_axis(frame, "layers L", "training loss")
    assert titles(figure) == MODES
    assert legend_texts(figure) == METHODS
    assert shown(figure)[0].get_ylabel() == "training loss"
    assert {axes.get_xlabel() for axes in shown(figure)} == {"layers L"}
    for axes, mode in zip(shown(figure), MODES, strict=True):
        assert axes.get_ylim() == shown(figure)[0].get_ylim()
        for line, container, method in zip(means(axes), axes.containers, METHODS, strict=True):
            rows = frame[(frame["mode"] == mode) & (frame["method"] == method)]
            _, _, (bars,) = container
            np.testing.assert_allclose(line.get_ydata(), rows["mean"])
            ends = np.array([bar[:, 1] for bar in bars.get_segments()])
            np.testing.assert_allclose(ends, rows[["low", "high"]])


@pytest.mark.parametrize("log_x", [False, True])
def test_methods_stand_side_by_side_around_x(log_x):
    figure = against_axis(results(), "x", "y", log_x=log_x)
    places = np.array([line.get_xdata() for line in means(shown(figure)[0])])
    assert (np.diff(places, axis=0) > 0).all()
    np.testing.assert_allclose(places[1], [1, 3, 5])
    assert (places[-1, :-1] < places[0, 1:]).all()


def test_an_interval_below_0_leaves_a_logarithmic_panel_and_nothing_else_does():
    frame = results().assign(low=-0.5)
    axes = shown(against_axis(frame, "x", "y"))[0]
    low, high = axes.get_ylim()
    assert 0 < low < frame["mean"].min()
    assert high > frame["high"].max()
    segments = axes.containers[0][2][0].get_segments()
    assert all(0 < segment[0, 1] < low for segment in segments)


def test_what_has_no_logarithm_is_drawn_linearly_around_0():
    frame = results()
    frame.loc[0, "mean"] = 0.0
    assert shown(against_axis(frame, "x", "y"))[0].get_yscale() == "symlog"
    assert shown(against_axis(results(), "x", "y"))[0].get_yscale() == "log"
    assert shown(against_axis(results(), "x", "y", log_y=False))[0].get_yscale() == "linear"
    assert shown(against_axis(results(xs=(0, 1)), "x", "y", log_x=True))[0].get_xscale() == "symlog"


def test_values_of_the_paper_are_grey_and_at_their_methods_place():
    frame = results().assign(paper=np.nan)
    frame.loc[frame["method"] == "nlr", "paper"] = 0.004
    figure = against_axis(frame, "x", "y")
    assert legend_texts(figure)[-1] == "paper"
    axes = shown(figure)[0]
    (paper,) = [line for line in axes.get_lines() if line.get_marker() == "*"]
    np.testing.assert_array_equal(paper.get_ydata(), [0.004] * 3)
    np.testing.assert_array_equal(paper.get_xdata(), means(axes)[2].get_xdata())
    assert axes.get_ylim()[0] < 0.004
    both = against_axis(frame.assign(paper=0.3), "x", "y")
    assert legend_texts(both)[-1] == "paper (outlined in the method's colour)"


def test_categories_are_named_in_order_and_not_joined():
    frame = results(xs=["mnist", "gaussian"])
    axes = shown(against_axis(frame, "dataset", "loss", categorical=True))[0]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["mnist", "gaussian"]
    assert all(line.get_linestyle() == "None" for line in means(axes))
    with pytest.raises(InputError, match="categorical=True"):
        against_axis(frame, "dataset", "loss")


def test_labels_of_x_leave_each_other_room():
    xs = (0.005, 0.01, 0.02, 0.05, 0.1)
    even = shown(against_axis(results(xs=xs), "ν", "loss", log_x=True))[0]
    assert [text.get_text() for text in even.get_xticklabels()] == [f"{x:g}" for x in xs]
    crowded = shown(against_axis(results(xs=xs), "ν", "loss"))[0]
    assert [text.get_text() for text in crowded.get_xticklabels()] == ["0.005", "0.05", "0.1"]


def test_one_mode_one_method_one_x_one_seed():
    frame = results(MODES[:1], ["sgd"], [5]).assign(low=np.nan, high=np.nan)
    figure = against_axis(frame, "x", "y", log_x=True)
    axes = shown(figure)[0]
    assert means(axes)[0].get_xdata() == pytest.approx([5])
    assert figure.legends[0].get_title().get_text() == ""
    assert svg_text(figure)
    assert svg_text(against_axis(frame.assign(mean=np.nan), "x", "y"))


def differences():
    frame = results().rename(columns={"x": "panel"})
    frame["panel"] = frame["panel"].map({1: "gaussian", 3: "mnist", 5: "ad_hoc"})
    columns = ["mean", "low", "high"]
    frame[columns] -= 0.2
    return frame


def test_a_forest_shows_every_difference_with_its_interval():
    frame = differences()
    figure = forest(frame, "training loss, difference to SGD")
    assert titles(figure) == ["gaussian", "mnist", "ad_hoc"]
    assert legend_texts(figure) == MODES
    assert figure.get_supxlabel() == "training loss, difference to SGD"
    for axes in shown(figure):
        rows = frame[frame["panel"] == axes.get_title(loc="left")]
        zero, *dots = axes.get_lines()
        assert list(zero.get_xdata()) == [0.0, 0.0]
        np.testing.assert_allclose([dot.get_xdata()[0] for dot in dots], rows["mean"])
        ends = np.array([bar.get_segments()[0][:, 0] for bar in axes.collections])
        np.testing.assert_allclose(ends, rows[["low", "high"]])
        clear = (rows["low"] > 0) | (rows["high"] < 0)
        filled = [dot.get_markerfacecolor() != "white" for dot in dots]
        assert filled == clear.tolist()
        assert [text.get_text() for text in axes.texts] == ["better ←", "→ worse"]
        assert axes.get_xlim()[0] < rows["low"].min()
        assert axes.get_xlim()[1] > rows["high"].max()


def test_methods_are_rows_and_modes_beside_each_other_in_them():
    axes = shown(forest(differences(), "difference"))[0]
    rows = np.array([dot.get_ydata()[0] for dot in axes.get_lines()[1:]]).reshape(3, 3)
    np.testing.assert_array_equal(np.rint(rows), [[0, 1, 2]] * 3)
    assert (np.diff(rows, axis=0) > 0).all()
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the first method is on top


def test_what_is_far_out_is_seen_and_does_not_hide_the_rest():
    frame = differences()
    far = frame.index[frame["panel"] == "mnist"][0]
    frame.loc[far, ["mean", "low", "high"]] = [400.0, 390.0, 410.0]
    panels = shown(forest(frame, "difference"))
    assert [axes.get_xscale() for axes in panels] == ["linear", "symlog", "linear"]
    axes = panels[1]
    assert axes.get_title(loc="left") == "mnist (log scale)"
    assert axes.get_xlim()[1] > 410
    labels = [text.get_text() for text in axes.get_xticklabels()]
    assert labels[-2] == "0"
    assert 100 <= float(labels[-1]) <= axes.get_xlim()[1]
    near = [dot.get_xdata()[0] for dot in axes.get_lines()[1:] if dot.get_xdata()[0] < 1]
    scaled = axes.transAxes.inverted().transform(
        axes.transData.transform([(x, 0.0) for x in (min(near), max(near))])
    )
    assert np.ptp(scaled[:, 0]) > 0.1


def test_a_single_pair_has_no_interval_and_shows_nothing():
    frame = differences().assign(low=np.nan, high=np.nan)
    axes = shown(forest(frame, "difference"))[0]
    assert {dot.get_markerfacecolor() for dot in axes.get_lines()[1:]} == {"white"}
    assert svg_text(forest(frame.assign(mean=0.0), "difference"))


def test_curves_show_means_over_seeds_and_their_intervals():
    frame = history()
    figure = curves(frame, "metric_loss", "mini-batch loss")
    panels = shown(figure)[:2]
    assert titles(figure)[:2] == MODES[:2]
    assert legend_texts(figure) == ["sgd", "nlr", "flip in half of the seeds", "flip in all seeds"]
    for axes, mode in zip(panels, MODES, strict=False):
        assert len(axes.get_lines()) == 2
        for line, band, method in zip(
            axes.get_lines(), axes.collections, ["sgd", "nlr"], strict=True
        ):
            rows = frame[(frame["mode"] == mode) & (frame["method"] == method)]
            expected = [mean_interval(x) for _, x in rows.groupby("step")["metric_loss"]]
            np.testing.assert_allclose(line.get_ydata(), [each.mean for each in expected])
            ends = band.get_paths()[0].vertices[:, 1]
            assert ends.min() == pytest.approx(min(each.low for each in expected))
            assert ends.max() == pytest.approx(max(each.high for each in expected))


def test_strips_show_the_share_of_seeds_that_flipped():
    figure = curves(history(), "metric_loss", "loss")
    exact, shots = shown(figure)[2:]
    (none,), (some,) = exact.get_images(), shots.get_images()
    assert not none.get_array().any()
    np.testing.assert_allclose(some.get_array(), [[0, 0, 2 / 3, 0, 0, 0]])
    assert some.get_extent()[:2] == [-0.5, 5.5]
    assert len(exact.get_lines()) == 1  # of nlr alone
    still = history().assign(metric_flipped=False)
    assert len(shown(curves(still, "metric_loss", "loss"))) == 2
    assert len(shown(curves(still.drop(columns="metric_flipped"), "metric_loss", "loss"))) == 2


def test_smoothing_averages_within_seeds_and_is_told():
    frame = history(methods=["sgd"])
    axes = shown(curves(frame, "metric_loss", "loss", window=3))[0]
    assert axes.get_ylabel() == "loss\n(rolling mean of 3 steps)"
    means = frame[frame["mode"] == "exact"].groupby("step")["metric_loss"].mean().to_numpy()
    inner = np.convolve(means, np.ones(3) / 3, mode="valid")
    np.testing.assert_allclose(axes.get_lines()[0].get_ydata()[1:-1], inner)
    with pytest.raises(InputError, match="window = 4 is not odd"):
        curves(frame, "metric_loss", "loss", window=4)


def test_long_histories_are_thinned_and_it_is_told():
    frame = history(steps=1000, seeds=1, modes=["exact"], methods=["sgd"])
    figure = curves(frame, "metric_loss", "loss")
    (axes,) = shown(figure)
    assert axes.get_lines()[0].get_xdata().tolist() == list(range(0, 1000, 2))
    assert axes.get_xlabel() == "step (1 in 2 drawn)"
    assert not axes.collections
    assert figure.legends[0].get_title().get_text() == "one seed"


def test_the_papers_end_stands_behind_the_last_step():
    figure = curves(history(), "metric_loss", "loss", {"nlr": 0.1, "cobyla": 2.0}, log_y=True)
    assert "paper" in legend_texts(figure)
    for axes in shown(figure)[:2]:
        star = axes.get_lines()[-1]
        assert star.get_ydata() == [0.1]
        assert star.get_xdata()[0] > 5
        assert axes.get_yscale() == "log"
        assert 0 < axes.get_ylim()[0] < 0.1


def test_four_modes_share_one_range_and_the_fifth_place_stays_empty():
    modes = [*MODES, "device"]
    figure = curves(history(modes=modes), "metric_loss", "loss")
    panels = [axes for axes in shown(figure) if axes.get_title(loc="left")]
    assert [axes.get_title(loc="left") for axes in panels] == modes
    assert len({axes.get_ylim() for axes in panels}) == 1
    assert len(shown(figure)) == 8
    assert [axes.get_xlabel() for axes in shown(figure)].count("step") == 3
    assert titles(against_axis(results(modes=modes), "x", "y")) == modes


def test_one_value_can_be_drawn_logarithmically():
    frame = history(steps=1, seeds=1).assign(metric_loss=1.0)
    figure = curves(frame, "metric_loss", "loss", log_y=True)
    assert shown(figure)[0].get_lines()[0].get_ydata().tolist() == [1.0]
    diverged = history().assign(metric_loss=np.inf)
    assert svg_text(curves(diverged, "metric_loss", "loss", log_y=True))


def test_values_that_are_not_finite_are_left_out():
    frame = history()
    frame.loc[frame["spec_seed"] == 0, "metric_loss"] = np.nan
    line = shown(curves(frame, "metric_loss", "loss"))[0].get_lines()[0]
    rest = frame[(frame["spec_seed"] > 0) & (frame["mode"] == "exact") & (frame["method"] == "sgd")]
    np.testing.assert_allclose(line.get_ydata(), rest.groupby("step")["metric_loss"].mean())


def cave():
    x, y = np.linspace(-4, 4, 21), np.linspace(-4, 4, 25)
    cost = 1 - np.exp(-((x + 2) ** 2) - (y[:, None] + 2) ** 2)
    return x, y, cost, np.abs(np.gradient(cost, axis=0))


def test_the_plateau_is_boxed_and_the_gradient_is_what_was_given():
    x, y, cost, gradient = cave()
    figure = plateau(x, y, cost, gradient, (-2, -2), (0, 3, 1, 4))
    surface, heat, bar = figure.axes
    assert surface.name == "3d"
    assert surface.get_title(loc="left") == "(a) cost, with a cave at (−2, −2)"
    np.testing.assert_array_equal(heat.collections[0].get_array(), gradient)
    (box,) = heat.patches
    assert box.get_bbox().extents.tolist() == [0, 1, 3, 4]
    assert box.get_edgecolor() == matplotlib.colors.to_rgba("cyan")
    assert heat.get_lines()[0].get_xydata().tolist() == [[-2, -2]]
    assert bar.get_ylabel() == "gradient magnitude ‖∇C(θ)‖"
    with pytest.raises(InputError, match=r"cost has shape \(21, 25\)"):
        plateau(x, y, cost.T, gradient, (-2, -2), (0, 3, 1, 4))


FIGURES = {
    "axis": lambda: against_axis(results(), "layers", "loss"),
    "forest": lambda: forest(differences(), "difference"),
    "curves": lambda: curves(history(), "metric_loss", "loss"),
    "plateau": lambda: plateau(*cave(), (-2, -2), (0, 3, 1, 4)),
}


@pytest.mark.parametrize("name", FIGURES)
def test_the_same_data_give_the_same_bytes(name, tmp_path):
    figure, again = FIGURES[name](), FIGURES[name]()
    files = save(figure, tmp_path / "new" / "a", name)
    assert [file.name for file in files] == [f"{name}.png", f"{name}.pdf", f"{name}.svg"]
    for file, other in zip(files, save(again, tmp_path / "b", name), strict=True):
        assert file.read_bytes() == other.read_bytes()
    text = svg_text(figure)
    assert files[2].read_text() == text
    assert text.startswith("<svg")
    assert ET.fromstring(text).tag.endswith("svg")
    assert "<text" in text
    assert "<dc:date>" not in text
    assert b"CreationDate" not in files[1].read_bytes()
    assert len(text) < 300_000


@pytest.mark.slow
def test_bytes_do_not_depend_on_the_process(tmp_path):
    program = """
import hashlib, sys
from pathlib import Path
import pandas as pd
from qnlr.study.figures import against_axis, save
frame = pd.DataFrame({"method": ["a", "ν"], "mode": "m", "x": 1, "mean": 1.0})
frame = frame.assign(low=0.5, high=2.0)
files = save(against_axis(frame, "x", "y"), Path(sys.argv[1]), "figure")
print(*(hashlib.sha256(file.read_bytes()).hexdigest() for file in files))
"""
    told = [
        subprocess.run(
            [sys.executable, "-c", program, str(tmp_path)],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert told[0] == told[1]


def test_settings_of_the_user_change_nothing_and_are_kept():
    plain = svg_text(FIGURES["axis"]())
    with matplotlib.rc_context({"font.size": 30.0, "svg.fonttype": "path"}):
        assert svg_text(FIGURES["axis"]()) == plain
        assert matplotlib.rcParams["font.size"] == 30.0


def test_unknown_formats_and_incomplete_frames_are_named(tmp_path):
    with pytest.raises(InputError, match='format "jpg" is not known'):
        save(FIGURES["forest"](), tmp_path, "x", ["png", "jpg"])
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match="lacks mean"):
        against_axis(results().drop(columns="mean"), "x", "y")
    with pytest.raises(InputError, match="no rows"):
        forest(differences().head(0), "x")
    with pytest.raises(InputError, match="two values for one step"):
        curves(pd.concat([history(), history()]), "metric_loss", "loss")


def test_methods_look_different_as_long_as_there_are_ways_to():
    names = [f"method {number}" for number in range(308)]
    assert len(set(looks(names).values())) == 308
    alike = looks(names[:28]).values()
    assert len({(look.color, look.linestyle) for look in alike}) == 28


@given(st.lists(st.text("ab", max_size=60), min_size=1, max_size=12), st.floats(50, 900))
def test_a_legend_is_no_wider_than_there_is_room(labels, width):
    columns = columns_within(labels, width)
    assert 1 <= columns <= len(labels)
    assert columns_within(labels, 2 * width) >= columns

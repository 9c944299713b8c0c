"""Legends of what a study shows per step: in the panels, or below them where names are long."""

import itertools

import pandas as pd
import pytest

from qnlr.study.figures import per_step


def history(methods, settings=("shots=100", "shots=1000")):
    rows = [
        {
            "label": f"{method} {setting}",
            "setting": setting,
            "baseline": "",
            "spec_seed": 0,
            "step": step,
            "metric_loss": 1.0 / (step + 1),
        }
        for setting, method, step in itertools.product(settings, methods, range(3))
    ]
    return pd.DataFrame(rows)


def test_short_names_are_in_every_panel():
    figure = per_step(history(["sgd", "nlr"]), "metric_loss", "loss")
    assert not figure.legends
    for axes in figure.axes:
        assert [text.get_text() for text in axes.get_legend().get_texts()] == ["sgd", "nlr"]


def test_long_names_are_below_all_panels():
    names = ["adaptive_nlr " + "beta=0.9 " * 8 + end for end in ("first", "last")]
    figure = per_step(history(names), "metric_loss", "loss")
    (legend,) = figure.legends
    found = [text.get_text().replace("\n", " ") for text in legend.get_texts()]
    assert found == names
    figure.draw_without_rendering()
    below = legend.get_window_extent().y1
    for axes in figure.axes:
        assert axes.get_legend() is None
        assert axes.get_tightbbox().y0 >= below
        assert axes.get_position().width > 0.35
        assert axes.get_position().height * figure.get_figheight() > 2.5


def test_ten_methods_are_told_apart():
    (axes,) = per_step(history([f"way {n}" for n in range(10)], [""]), "metric_loss", "loss").axes
    assert len({(line.get_color(), line.get_linestyle()) for line in axes.get_lines()}) == 10


@pytest.mark.parametrize("missing", ["sgd", "nlr"])
def test_a_method_looks_the_same_in_all_panels(missing):
    frame = history(["sgd", "nlr", "adam"])
    frame = frame[frame["label"] != f"{missing} shots=100"]
    first, second = (
        {line.get_label(): line.get_color() for line in axes.get_lines()}
        for axes in per_step(frame, "metric_loss", "loss").axes
    )
    assert missing not in first
    assert first.items() <= second.items()
    assert len(set(second.values())) == 3


def test_long_settings_are_broken_into_lines():
    figure = per_step(history(["sgd"], ["samples=1000 " * 12]), "metric_loss", "loss")
    assert max(map(len, figure.axes[0].get_title(loc="left").splitlines())) <= 80

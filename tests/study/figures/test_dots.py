"""Dots with intervals: what is infinite, and what is labelled."""

from itertools import pairwise

import numpy as np
import pandas as pd

from qnlr.study.figures import dots


def frame(*means):
    return pd.DataFrame(
        {"panel": "", "mode": "exact", "method": [f"method {at}" for at in range(len(means))]}
    ).assign(mean=means, low=np.nan, high=np.nan)


def test_labels_of_a_scale_that_is_linear_around_zero_do_not_meet():
    drawing = dots(frame(-30.0, 0.5, 400.0), "excess", "", scale="symlog", linear_below=2.0)
    axes = drawing.axes[0]
    drawing.draw_without_rendering()
    labels = axes.get_xticklabels()
    assert [label.get_text() for label in labels] == ["−10", "0", "10", "100"]
    boxes = [label.get_window_extent() for label in labels]
    assert all(one.x1 < other.x0 for one, other in pairwise(boxes))


def test_labels_of_a_narrow_panel_are_thinned():
    panels = [frame(-30.0, 0.5, 1000.0).assign(panel=name) for name in "abcd"]
    drawing = dots(pd.concat(panels), "excess", "", scale="symlog", linear_below=2.0)
    drawing.draw_without_rendering()
    for axes in drawing.axes[1:]:
        labels = [label for label in axes.get_xticklabels() if label.get_visible()]
        assert [label.get_text() for label in labels] == ["−10", "0", "10", "100"]
        boxes = [label.get_window_extent() for label in labels]
        assert all(one.x1 + 3 < other.x0 for one, other in pairwise(boxes))


def test_what_is_infinite_is_an_open_triangle_at_the_right_edge():
    axes = dots(frame(1.0, np.inf), "ratio", "", scale="log").axes[0]
    inside, outside = axes.get_lines()
    assert inside.get_xdata()[0] == 1.0
    assert outside.get_xdata()[0] == axes.get_xlim()[1]
    assert (outside.get_marker(), outside.get_markerfacecolor()) == (">", "white")

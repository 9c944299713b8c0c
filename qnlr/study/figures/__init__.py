"""Figures; the only package that imports Matplotlib, and it does so when a figure is drawn."""

from qnlr.study.figures.axis import against_axis as against_axis
from qnlr.study.figures.curves import curves as curves
from qnlr.study.figures.dots import dots as dots
from qnlr.study.figures.drawings import draw as draw
from qnlr.study.figures.forest import forest as forest
from qnlr.study.figures.per_step import drawn_per_step as drawn_per_step
from qnlr.study.figures.per_step import per_step as per_step
from qnlr.study.figures.per_step import save_figures as save_figures
from qnlr.study.figures.plateau import plateau as plateau
from qnlr.study.figures.saving import save as save
from qnlr.study.figures.saving import svg_text as svg_text

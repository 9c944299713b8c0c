"""Studies: from a config to a grid of runs, their results, and what they show."""

from qnlr.study.execute import Report as Report
from qnlr.study.execute import execute as execute
from qnlr.study.figures import save_figures as save_figures
from qnlr.study.observer import Observer as Observer
from qnlr.study.observer import RunProgress as RunProgress
from qnlr.study.results import load_history as load_history
from qnlr.study.results import load_results as load_results
from qnlr.study.schema import RunSpec as RunSpec
from qnlr.study.spec import Study as Study
from qnlr.study.spec import load_study as load_study
from qnlr.study.spec import run_id as run_id
from qnlr.study.summary import summary as summary
from qnlr.study.tune import tune as tune

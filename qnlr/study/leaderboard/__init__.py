"""A leaderboard of optimizers: tuned and not, at equal budgets, with a page that judges them.

Read :mod:`qnlr.study.leaderboard.board` first: it says what a leaderboard is.
"""

from qnlr.study.leaderboard.board import Board as Board
from qnlr.study.leaderboard.config import is_board as is_board
from qnlr.study.leaderboard.config import load_board as load_board
from qnlr.study.leaderboard.config import require_no_board as require_no_board
from qnlr.study.leaderboard.execute import BoardReport as BoardReport
from qnlr.study.leaderboard.execute import hold as hold
from qnlr.study.leaderboard.execute import leaderboard as leaderboard

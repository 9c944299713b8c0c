"""Optimizers, tuned and untuned, on seven problems in four modes: ranks, losses, and costs."""

from qnlr.study.leaderboard.script import main

if __name__ == "__main__":
    main("leaderboard")

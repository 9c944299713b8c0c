"""Remark 1: leaving a ball, and leaving a plateau."""

from qnlr.study.diagnosis import main

if __name__ == "__main__":
    main("theory_remark_1")

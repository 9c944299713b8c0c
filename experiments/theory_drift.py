"""Drift: which way NLR goes when losses are measured."""

from qnlr.study.diagnosis import main

if __name__ == "__main__":
    main("theory_drift")

"""Theorem 2: NLR where gradients are informative."""

from qnlr.study.diagnosis import main

if __name__ == "__main__":
    main("theory_theorem_2")

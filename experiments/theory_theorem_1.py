"""Theorem 1: diffusion on a plateau."""

from qnlr.study.diagnosis import main

if __name__ == "__main__":
    main("theory_theorem_1")

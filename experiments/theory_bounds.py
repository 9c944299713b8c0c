"""Bounds: which reported losses and gradient norms can occur together."""

from qnlr.study.diagnosis import main

if __name__ == "__main__":
    main("theory_bounds")

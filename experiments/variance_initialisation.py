"""Narrow Gaussian weights where uniform ones are on a plateau."""

from qnlr.study.diagnosis import main

if __name__ == "__main__":
    main("variance_initialisation")

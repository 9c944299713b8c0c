"""Deep random circuits: derivatives vary as those of a 2-design."""

from qnlr.study.diagnosis import main

if __name__ == "__main__":
    main("variance_two_design")

"""The random circuits of McClean et al.: how deep a 2-design is."""

from qnlr.study.diagnosis import main

if __name__ == "__main__":
    main("variance_random_axes")

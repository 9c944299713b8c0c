"""Gate noise: gradients against depth."""

from qnlr.study.diagnosis import main

if __name__ == "__main__":
    main("variance_noise")

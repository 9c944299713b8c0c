"""Shallow random circuits: local observables against global ones."""

from qnlr.study.diagnosis import main

if __name__ == "__main__":
    main("variance_local_cost")

"""Lemma 1: when a probe fails."""

from qnlr.study.diagnosis import main

if __name__ == "__main__":
    main("theory_lemma_1")

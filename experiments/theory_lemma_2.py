"""Lemma 2: how far backtracking goes where a probe failed."""

from qnlr.study.diagnosis import main

if __name__ == "__main__":
    main("theory_lemma_2")

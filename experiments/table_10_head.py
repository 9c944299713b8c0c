"""Table X with a trained scale and bias, and cross-entropy."""

from qnlr.paper.script import main

if __name__ == "__main__":
    main("table_10_head")

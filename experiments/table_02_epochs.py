"""Table II: training length, read as passes over the training data."""

from qnlr.paper.script import main

if __name__ == "__main__":
    main("table_02_epochs")

"""Table X: SGD against NLR on every dataset."""

from qnlr.paper.script import main

if __name__ == "__main__":
    main("table_10_standard")

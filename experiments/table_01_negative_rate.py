"""Table I: the negative learning rate η'."""

from qnlr.paper.script import main

if __name__ == "__main__":
    main("table_01_negative_rate")

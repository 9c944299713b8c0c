"""Table VIII: optimizers on every dataset, each at its tuned learning rate."""

from qnlr.paper.script import main

if __name__ == "__main__":
    main("table_08_tuned")

"""Table VIII: optimizers on every dataset, all at the same learning rate 0.01."""

from qnlr.paper.script import main

if __name__ == "__main__":
    main("table_08_datasets")

"""Table VI: optimizers, all at the same learning rate 0.01."""

from qnlr.paper.script import main

if __name__ == "__main__":
    main("table_06_optimizers")

"""Table VI: optimizers, each at the learning rate that tuning found for it."""

from qnlr.paper.script import main

if __name__ == "__main__":
    main("table_06_tuned")

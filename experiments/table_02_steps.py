"""Table II: training length, read as steps."""

from qnlr.paper.script import main

if __name__ == "__main__":
    main("table_02_steps")

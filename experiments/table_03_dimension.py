"""Table III: the input dimension d."""

from qnlr.paper.script import main

if __name__ == "__main__":
    main("table_03_dimension")

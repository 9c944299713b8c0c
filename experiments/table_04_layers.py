"""Table IV: the depth L."""

from qnlr.paper.script import main

if __name__ == "__main__":
    main("table_04_layers")

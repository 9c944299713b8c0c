"""Table XI: what else is done about plateaus."""

from qnlr.paper.script import main

if __name__ == "__main__":
    main("table_11_strategies")

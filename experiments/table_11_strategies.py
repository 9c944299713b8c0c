"""Table XI: what else is done about plateaus, beside NLR; every strategy with SGD and with NLR."""

from qnlr.paper.script import main

if __name__ == "__main__":
    main("table_11_strategies")

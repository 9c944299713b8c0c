"""Figure 2: loss per step."""

from qnlr.paper.script import main

if __name__ == "__main__":
    main("figure_02_loss")

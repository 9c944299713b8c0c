"""Figure 3: gradient norm per step."""

from qnlr.paper.script import main

if __name__ == "__main__":
    main("figure_03_gradient_norm")

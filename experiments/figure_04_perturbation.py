"""Figure 4: final loss against the perturbation σ."""

from qnlr.paper.script import main

if __name__ == "__main__":
    main("figure_04_perturbation")

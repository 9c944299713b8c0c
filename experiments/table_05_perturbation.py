"""Table V, Figure 4: its axis read as the perturbation σ."""

from qnlr.paper.script import main

if __name__ == "__main__":
    main("table_05_perturbation")

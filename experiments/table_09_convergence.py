"""Table IX: where the curves of Figures 2 and 3 end."""

from qnlr.paper.script import main

if __name__ == "__main__":
    main("table_09_convergence")

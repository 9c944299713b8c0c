"""Left open by the paper: κ = η'/η."""

from qnlr.paper.script import main

if __name__ == "__main__":
    main("ablation_kappa")

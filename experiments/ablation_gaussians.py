"""Left open by the paper: the Gaussians' means and covariance."""

from qnlr.paper.script import main

if __name__ == "__main__":
    main("ablation_gaussians")

"""Two-stage refinement on the three benchmarks of its paper, with its baselines and ablations."""

from qnlr.study.diagnosis import main

if __name__ == "__main__":
    main("two_stage")

"""Table VII: the number of samples n."""

from qnlr.paper.script import main

if __name__ == "__main__":
    main("table_07_samples")

"""Table V: its axis read as the noise rate ν."""

from qnlr.paper.script import main

if __name__ == "__main__":
    main("table_05_noise")

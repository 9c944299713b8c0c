"""Figure 1: a synthetic landscape with a cave at (−2, −2), and the magnitude of its gradient."""

from pathlib import Path

from qnlr.paper.plateau import draw_config
from qnlr.paper.reproduce import default_configs


def main(results: Path = Path("results")) -> list[Path]:
    return draw_config(default_configs() / "figure_01_plateau.toml", results)


if __name__ == "__main__":
    print(*main(), sep="\n")

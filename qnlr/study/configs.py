"""Where the configs are that come with the package."""

from __future__ import annotations

from pathlib import Path


def default_configs() -> Path:
    """Return the folder of the paper's configs: ``configs`` here, or that of the package."""
    package = Path(__file__).parent.parent
    places = [Path("configs"), package / "configs", package.parent / "configs"]
    return next((place for place in places if (place / "paper.toml").is_file()), places[0])

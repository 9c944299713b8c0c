"""Every script in experiments/ runs, on a small scale."""

import runpy
from pathlib import Path

import pytest

EXPERIMENTS = Path(__file__).parent.parent / "experiments"


@pytest.mark.slow
def test_quickstart(tmp_path):
    main = runpy.run_path(str(EXPERIMENTS / "quickstart.py"))["main"]
    table = main(tmp_path, steps=2, seeds=2)
    assert len(table) == 4
    assert table["shows"].tolist()[0] == "baseline"
    assert {file.name for file in tmp_path.iterdir()} == {"loss.png", "gradient_norm.png"}


def test_quickstart_is_short_enough_to_be_read():
    lines = (EXPERIMENTS / "quickstart.py").read_text().splitlines()
    assert sum(bool(line.strip()) for line in lines) <= 40

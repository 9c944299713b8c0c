"""The paper's configs on a small scale: two qubits, one layer, few samples, steps and seeds."""

import re
from pathlib import Path

from qnlr.study import Observer

ROOT = Path(__file__).parents[2]
PAPER = """\
name = "paper"
[data]
name = "gaussian"
features = 4
samples = 40
[circuit]
qubits = 2
layers = 1
ansatz = "hardware_efficient"
encoding = "amplitude"
observable = { name = "z", qubit = 0 }
[[backend]]
name = "simulator"
[[backend]]
name = "simulator"
shots = 100
[[backend]]
name = "simulator"
shots = 100
noise = { name = "rate", rate = 0.01 }
[training]
batch_size = 8
evaluate_every = 50
"""


class Counting(Observer):
    """Counts the runs that begin and end."""

    def __init__(self):
        self.begun, self.ended = [], []

    def begin_study(self, runs, done, dropped):
        self.runs, self.done, self.dropped = runs, done, dropped

    def begin_run(self, progress):
        self.begun.append(progress.run_id)

    def end_run(self, progress, outcome):
        self.ended.append(progress.run_id)


def write(folder, names, steps=100):
    """Write the setup and those studies that extend it; their optimizers stay what they are."""
    folder.mkdir()
    (folder / "paper.toml").write_text(PAPER, encoding="utf-8")
    for name in names:
        text = (ROOT / "configs" / f"{name}.toml").read_text(encoding="utf-8")
        text, seeds = re.subn(r"^seeds = \d+$", "seeds = 2", text, flags=re.MULTILINE)
        text, lengths = re.subn(r"^steps = \d+$", f"steps = {steps}", text, flags=re.MULTILINE)
        assert seeds == lengths == 1
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    return folder

"""Digits 3 against 8 under noise: NLR with each of its triggers against SGD, part by part."""

from pathlib import Path

import numpy as np
import pandas as pd
from rich.progress import track

from qnlr import NLR, SGD
from qnlr.backends import SimulatorBackend
from qnlr.circuits import amplitude, hardware_efficient, variational_circuit, z
from qnlr.data import digits
from qnlr.noise import from_rate, noise_level
from qnlr.optimizers import AnyIncrease, StandardErrors, Tolerance
from qnlr.problems import Classification
from qnlr.rng import stream
from qnlr.study import save_figures, summary
from qnlr.training import Streams, Training, TrainingSettings


def main(folder: Path = Path("results"), steps: int = 500, seeds: int = 5) -> pd.DataFrame:
    ansatz, encoding, noise = hardware_efficient(6, 5), amplitude(8, 6), from_rate(0.01)
    circuit = variational_circuit(encoding, ansatz, z(6))
    backend = SimulatorBackend(circuit, shots=1000, noise=noise)
    settings, level = TrainingSettings(steps, batch_size=32), noise_level(noise, ansatz)
    rows, histories = [], []
    for seed in track(range(seeds), "training"):
        data = digits(stream("data", seed), stream("split", seed), classes=(3, 8), features=8)
        problem = Classification(circuit, encoding, data)
        weights = stream("init", seed).uniform(-np.pi, np.pi, problem.num_weights)
        methods = {"sgd": SGD(0.01)}
        for trigger in (AnyIncrease(), Tolerance(0.1), StandardErrors(2.0)):
            methods[f"nlr {trigger}"] = NLR(0.01, trigger=trigger, noise_level=level)
        for label, optimizer in methods.items():
            streams = Streams.spawn(seed, run=label)
            training = Training(problem, backend, optimizer, settings, streams, weights)
            outcome = training.run()
            about = {"label": label, "setting": "", "baseline": "sgd", "spec_seed": seed}
            ended = {"status": outcome.status, **training.metrics(outcome), **training.costs()}
            rows.append({**about, **ended})
            histories.append(pd.DataFrame(training.history.state_dict()).assign(**about))
    print(*save_figures(pd.concat(histories), folder), sep="\n")
    return summary(pd.DataFrame(rows))


if __name__ == "__main__":
    print(main().to_string())

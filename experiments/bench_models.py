"""Models of qiskit-machine-learning on qnlr beside the same models on other primitives.

Two pieces of work: one step of ``VQC.fit`` (4 qubits, 12 weights, 40 samples), and the forward and
backward pass of an ``EstimatorQNN`` (6 qubits, 90 weights, 32 samples). All in one process; rows of
one work take turns. What is exact must give equal numbers, or nothing is timed.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from bench_simulator import environment
from qiskit.circuit.library import real_amplitudes, zz_feature_map
from qiskit.primitives import StatevectorEstimator, StatevectorSampler
from qiskit_aer.primitives import EstimatorV2, SamplerV2
from qiskit_machine_learning.algorithms import VQC
from qiskit_machine_learning.neural_networks import EstimatorQNN
from rich.progress import Progress

from qnlr import SGD, BatchedSampler, accelerate
from qnlr.circuits import amplitude, hardware_efficient, z
from qnlr.models import broadcast
from qnlr.noise import from_rate

SHOTS = 1024
Call = Callable[[], object]


def vqc_steps(samples: int, seed: int = 0) -> dict[str, Call]:
    """Return what makes a fit of one step of a ``VQC``, by what it runs on."""
    rng, ansatz = np.random.default_rng(seed), real_amplitudes(4, reps=2)
    x, y = rng.uniform(size=(samples, 4)), np.arange(samples) % 2
    start = rng.uniform(-np.pi, np.pi, ansatz.num_parameters)

    def model(sampler: object = None) -> VQC:
        return VQC(
            feature_map=zz_feature_map(4),
            ansatz=ansatz,
            optimizer=SGD(0.1, maxiter=1),
            initial_point=start,
            sampler=sampler,
        )

    models = {
        "accelerate, exact": accelerate(model()),
        "accelerate, shots": accelerate(model(), shots=SHOTS, seed=seed),
        "accelerate, shots and noise": accelerate(
            model(), shots=SHOTS, seed=seed, noise_model=from_rate(0.01).model
        ),
        "sampler=BatchedSampler(), nothing else": model(BatchedSampler(default_shots=SHOTS)),
        "broadcast, Aer SamplerV2": broadcast(model(SamplerV2(default_shots=SHOTS))),
        "Aer SamplerV2": model(SamplerV2(default_shots=SHOTS)),
        "reference sampler": model(StatevectorSampler(default_shots=SHOTS)),
        "default (exact)": model(),
    }
    exact = [models[name].fit(x, y).weights for name in ("accelerate, exact", "default (exact)")]
    np.testing.assert_allclose(*exact, atol=1e-10)
    return {name: lambda one=one: one.fit(x, y) for name, one in models.items()}


def estimator_passes(samples: int, seed: int = 0) -> dict[str, Call]:
    """Return what makes a forward and a backward pass of an ``EstimatorQNN``."""
    rng, ansatz, encoding = np.random.default_rng(seed), hardware_efficient(6, 5), amplitude(8, 6)
    x = encoding.angles_from(rng.normal(size=(samples, 8)))
    weights = rng.uniform(-np.pi, np.pi, ansatz.num_parameters)

    def network(estimator: object = None, precision: float = 0.0) -> EstimatorQNN:
        return EstimatorQNN(
            circuit=encoding.circuit.compose(ansatz),
            input_params=encoding.circuit.parameters,
            weight_params=ansatz.parameters,
            observables=z(6),
            estimator=estimator,
            default_precision=precision,
        )

    noise = from_rate(0.01).model
    networks = {
        "accelerate, exact": accelerate(network()),
        "accelerate, shots": accelerate(network(), shots=SHOTS, seed=seed),
        "accelerate, shots and noise": accelerate(
            network(), shots=SHOTS, seed=seed, noise_model=noise
        ),
        "broadcast, Aer EstimatorV2": broadcast(network(EstimatorV2(), SHOTS**-0.5)),
        "reference estimator": network(StatevectorEstimator(seed=rng), SHOTS**-0.5),
    }
    slow = broadcast(network(EstimatorV2())).backward(x, weights)[1]
    np.testing.assert_allclose(networks["accelerate, exact"].backward(x, weights)[1], slow, 0, 1e-9)
    return {
        name: lambda one=one: (one.forward(x, weights), one.backward(x, weights))
        for name, one in networks.items()
    }


def medians(calls: dict[str, Call], repeats: int, seconds: float, tick: Call) -> pd.DataFrame:
    """Time calls in turns, each for so many seconds or repeats, at least twice."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(2):
        for name, call in calls.items():
            if not times[name]:
                call()  # what is compiled or cached once
            end = time.perf_counter() + seconds / 2
            while True:
                start = time.perf_counter()
                call()
                times[name].append(1e3 * (time.perf_counter() - start))
                if time.perf_counter() > end or len(times[name]) >= repeats:
                    break
            tick()
    rows = []
    for name, found in times.items():
        low, middle, high = np.percentile(found, [25, 50, 75])
        rows.append({"on": name, "median_ms": middle, "iqr_ms": high - low, "repeats": len(found)})
    frame = pd.DataFrame(rows)
    return frame.assign(ratio=frame["median_ms"] / frame["median_ms"].iloc[0])


def main(
    folder: Path, repeats: int = 200, seconds: float = 6.0, samples: tuple[int, int] = (40, 32)
) -> pd.DataFrame:
    """Time both works and write table and environment."""
    works = {
        "VQC.fit of one step": vqc_steps(samples[0]),
        "EstimatorQNN passes": estimator_passes(samples[1]),
    }
    with Progress() as progress:
        task = progress.add_task("timing", total=2 * sum(map(len, works.values())))
        frames = [
            medians(calls, repeats, seconds, lambda: progress.advance(task)).assign(work=work)
            for work, calls in works.items()
        ]
    table = pd.concat(frames, ignore_index=True)
    table = table[["work", "on", "median_ms", "iqr_ms", "ratio", "repeats"]]
    folder.mkdir(parents=True, exist_ok=True)
    table.to_csv(folder / "table.csv", index=False, float_format="%.4g")
    (folder / "environment.json").write_text(json.dumps(environment(), indent=2) + "\n")
    return table


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("results/bench_models"))
    parser.add_argument("--quick", action="store_true", help="two repeats, two samples")
    asked = parser.parse_args()
    quick = {"repeats": 2, "seconds": 0.0, "samples": (2, 2)} if asked.quick else {}
    print(main(asked.output, **quick).to_string(float_format="{:.4g}".format))

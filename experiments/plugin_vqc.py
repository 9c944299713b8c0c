"""Iris with qiskit-machine-learning's VQC, 1000 shots a circuit, one seed: NLR, ADAM, COBYLA."""

import time

import numpy as np
import pandas as pd
from qiskit.circuit.library import real_amplitudes, z_feature_map
from qiskit_machine_learning.algorithms import VQC
from qiskit_machine_learning.optimizers import ADAM, COBYLA
from rich.progress import track
from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import MinMaxScaler

from qnlr import NLR, accelerate
from qnlr.optimizers import AdaptiveMoments, StandardErrors


def main(steps: int = 100, samples: int = 100, shots: int = 1000, seed: int = 0) -> pd.DataFrame:
    X, y = load_iris(return_X_y=True)
    split = train_test_split(X, y, train_size=samples, stratify=y, random_state=seed)
    train, test, train_labels, test_labels = split
    scaler = MinMaxScaler().fit(train)
    train, test = scaler.transform(train), scaler.transform(test)
    circuits = {"feature_map": z_feature_map(4, reps=1), "ansatz": real_amplitudes(4, reps=2)}
    start, settings = np.full(12, 0.1), {"trigger": StandardErrors(2.0), "maxiter": steps}
    optimizers = {
        "NLR": NLR(0.5, **settings),
        "NLR, Adam's direction": NLR(0.1, direction=AdaptiveMoments(), **settings),
        "ADAM": ADAM(maxiter=steps, lr=0.1),
        "COBYLA": COBYLA(maxiter=10 * steps),
    }
    rows, warm_up = {}, [("NLR", optimizers["NLR"])]  # the first fit loads what the others share
    for name, optimizer in track([*warm_up, *optimizers.items()], "training"):
        slow = VQC(**circuits, output_shape=3, optimizer=optimizer, initial_point=start)
        model = accelerate(slow, shots=shots, seed=seed)
        began = time.perf_counter()
        model.fit(train, train_labels)
        row = {"optimizer": name, "seconds": time.perf_counter() - began}
        row |= {"loss": model.fit_result.fun, "circuits": model.neural_network.cost.circuits}
        rows[name] = {**row, "accuracy": model.score(test, test_labels)}
    return pd.DataFrame(rows.values())


if __name__ == "__main__":
    print(main().round(2).to_string(index=False))

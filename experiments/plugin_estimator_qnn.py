"""Breast cancer with an EstimatorQNN, noise, 1000 shots, one seed: what NLR's trigger decides."""

import numpy as np
import pandas as pd
from qiskit.circuit.library import z_feature_map
from qiskit.quantum_info import SparsePauliOp
from qiskit_machine_learning.algorithms import NeuralNetworkClassifier
from qiskit_machine_learning.neural_networks import EstimatorQNN
from sklearn.datasets import load_breast_cancer
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from qnlr import NLR, SGD, accelerate
from qnlr.circuits import hardware_efficient
from qnlr.models import ProgressBar
from qnlr.noise import from_rate
from qnlr.optimizers import StandardErrors


def main(steps: int = 100, samples: int = 100, shots: int = 1000, seed: int = 0) -> pd.DataFrame:
    X, y = load_breast_cancer(return_X_y=True)
    split = train_test_split(X, 2 * y - 1, train_size=samples, stratify=y, random_state=seed)
    train, test, train_labels, test_labels = split
    angles = make_pipeline(StandardScaler(), PCA(4), MinMaxScaler((0, np.pi / 2))).fit(train)
    train, test = angles.transform(train), angles.transform(test)
    features, ansatz, z = z_feature_map(4, reps=1), hardware_efficient(4, 3), SparsePauliOp("ZIII")
    parts = {"input_params": features.parameters, "weight_params": ansatz.parameters}
    network = EstimatorQNN(circuit=features.compose(ansatz), observables=z, **parts)
    start, rows = np.random.default_rng(seed).uniform(-np.pi, np.pi, len(ansatz.parameters)), []
    optimizers = {"SGD": SGD(0.1), "NLR, any increase": NLR(0.1)}
    optimizers["NLR, two standard errors"] = NLR(0.1, trigger=StandardErrors(2.0))
    for name, optimizer in optimizers.items():
        optimizer.set_params(maxiter=steps, callback=ProgressBar(description=name))
        model = NeuralNetworkClassifier(network, optimizer=optimizer, initial_point=start)
        model = accelerate(model, noise_model=from_rate(0.01).model, shots=shots, seed=seed)
        loss, flips = model.fit(train, train_labels).fit_result.fun, model.fit_result.flips
        row = {"optimizer": name, "loss": float(loss), "error": loss.std, "flips": flips}
        rows.append({**row, "accuracy": model.score(test, test_labels)})
    return pd.DataFrame(rows)


if __name__ == "__main__":
    print(main().round(3).to_string(index=False))

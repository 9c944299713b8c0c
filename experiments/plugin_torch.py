"""Digits 3 against 8 with PyTorch: a quantum layer between two linear ones, trained by Adam."""

import numpy as np
import pandas as pd
import torch
from qiskit.circuit.library import z_feature_map
from qiskit.quantum_info import SparsePauliOp
from qiskit_machine_learning.connectors import TorchConnector
from qiskit_machine_learning.neural_networks import EstimatorQNN
from rich.progress import track
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

from qnlr import accelerate
from qnlr.circuits import hardware_efficient


def main(epochs: int = 10, samples: int = 200, batch: int = 20, seed: int = 0) -> pd.DataFrame:
    torch.manual_seed(seed)
    X, y = load_digits(return_X_y=True)
    X, y = X[np.isin(y, (3, 8))] / 16.0, y[np.isin(y, (3, 8))] == 8
    split = train_test_split(X, y, train_size=samples, stratify=y, random_state=seed)
    train, test, labels, test_labels = (torch.tensor(part, dtype=torch.float32) for part in split)
    features, ansatz = z_feature_map(4, reps=1), hardware_efficient(4, 2)
    parts = {"input_params": features.parameters, "weight_params": ansatz.parameters}
    circuit, z = features.compose(ansatz), [SparsePauliOp("ZIII"), SparsePauliOp("IIIZ")]
    # The first linear layer learns through the gradients by the inputs.
    network = EstimatorQNN(circuit=circuit, observables=z, **parts, input_gradients=True)
    quantum = TorchConnector(accelerate(network))
    model = nn.Sequential(nn.Linear(64, 4), quantum, nn.Linear(2, 1), nn.Flatten(0))
    optimizer, loss, rows = torch.optim.Adam(model.parameters(), 0.02), nn.BCEWithLogitsLoss(), []
    for epoch in track(range(epochs), "training"):
        for taken in torch.randperm(samples).split(batch):
            optimizer.zero_grad()
            loss(model(train[taken]), labels[taken]).backward()
            optimizer.step()
        with torch.no_grad():
            value, right = loss(model(train), labels), (model(test) > 0) == (test_labels > 0)
        rows.append({"epoch": epoch, "loss": value.item(), "accuracy": right.float().mean().item()})
    return pd.DataFrame(rows)


if __name__ == "__main__":
    print(main().round(3).to_string(index=False))

"""Breast cancer with a quantum classifier in scikit-learn, 1000 shots a circuit, tuned on a grid.

Intervals are of the mean over folds, which share training samples: if anything, too narrow.
"""

import numpy as np
import pandas as pd
from rich.progress import track
from scipy.stats import bootstrap
from sklearn.datasets import load_breast_cancer
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from qnlr import NLR, SGD, Adam, VariationalClassifier
from qnlr.optimizers import StandardErrors

RATES = (0.03, 0.1, 0.3)
METHODS = {"NLR": NLR(trigger=StandardErrors(2.0)), "SGD": SGD(), "Adam": Adam()}


def main(steps=100, rates=RATES, folds=10, shots=1000, seed=0) -> pd.DataFrame:
    data, labels = load_breast_cancer(return_X_y=True)
    outer, inner = (StratifiedKFold(n, shuffle=True, random_state=seed) for n in (folds, 3))
    features = make_pipeline(StandardScaler(), PCA(7))  # and a constant one: three qubits
    models = {"logistic regression": make_pipeline(features, LogisticRegression())}
    grid = {"variationalclassifier__optimizer__learning_rate": rates}
    for name, optimizer in METHODS.items():
        quantum = VariationalClassifier(
            steps=steps, optimizer=optimizer, shots=shots, random_state=seed
        )
        models[name] = GridSearchCV(make_pipeline(features, quantum), grid, cv=inner)
    rows, splits = {}, [*outer.split(data, labels)]
    for name, model in models.items():
        shown = track(splits, name)
        scores = np.array([cross_val_score(model, data, labels, cv=[one])[0] for one in shown])
        low, high = bootstrap((scores,), np.mean, rng=seed).confidence_interval
        rows[name] = {"accuracy": scores.mean(), "95 % from": low, "to": high}
    return pd.DataFrame(rows).T.rename_axis("model").reset_index()


if __name__ == "__main__":
    print(main().round(3).to_string(index=False))

import copy

import pytest

SMALL = {
    "name": "small",
    "seeds": 2,
    "data": {"name": "digits", "features": 4},
    "circuit": {"qubits": 2, "layers": 1},
    "backend": {"name": "aer", "shots": 50, "noise": {"name": "rate", "rate": 0.01}},
    "training": {"steps": 4, "batch_size": 4, "checkpoint_every": 2},
    "optimizer": [
        {"name": "sgd", "learning_rate": 0.3},
        {"name": "nlr", "learning_rate": 0.3, "corrective": "perturbed_reversal"},
    ],
}


@pytest.fixture
def small():
    """A study of four quick runs, as a dict that a test may change."""
    return copy.deepcopy(SMALL)

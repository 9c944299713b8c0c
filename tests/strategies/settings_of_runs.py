"""Tiny runs that strategies are tried on: a classifier, and the energy of a Hamiltonian."""

from qnlr.study import load_study
from qnlr.study.build import Builder
from qnlr.training import TrainingSettings

CLASSIFIER = {
    "data": {"name": "digits", "features": 4},
    "circuit": {"qubits": 2, "layers": 2},
    "problem": {"head": "scale_bias"},
    "training": {"steps": 8, "batch_size": 4, "evaluate_every": 4},
}
BARE = {**CLASSIFIER, "problem": {"head": "bare"}}
ISING = {
    "circuit": {"qubits": 3, "layers": 2},
    "problem": {"name": "vqe", "hamiltonian": {"name": "transverse_ising", "field": 0.7}},
    "training": {"steps": 8, "evaluate_every": 4},
}
TIED = {**ISING, "circuit": {**ISING["circuit"], "ansatz": "hamiltonian_variational"}}
RUNS = {"classifier": CLASSIFIER, "ising": ISING, "tied": TIED}

# Settings with which eight steps go through all that a strategy does.
STRATEGY_TABLES = {
    "resets": {"name": "resets", "patience": 2, "threshold": 0.9, "until": 1.0},
    "restarts": {"name": "restarts", "trials": 2, "search": 0.5},
    "on_plateau": {"name": "on_plateau", "patience": 2},
    "escape_pulses": {"name": "escape_pulses", "patience": 2, "length": 2},
    "two_stage": {"name": "two_stage", "most_steps": 3, "switch": "steps"},
}

SHARED = Builder()  # compiled circuits are kept from test to test


def spec_of(run, strategy="none", optimizer="sgd", shots=20, seeds=1, **tables):
    """Return the spec of a run, with tables of its own laid over."""
    config = {
        "name": "tiny",
        "seeds": seeds,
        **run,
        "backend": {"name": "simulator", **({} if shots is None else {"shots": shots})},
        "strategy": STRATEGY_TABLES.get(strategy, strategy)
        if isinstance(strategy, str)
        else strategy,
        "optimizer": optimizer,
        **tables,
    }
    return load_study(config).runs[-1]


def built(run, strategy="none", optimizer="sgd", shots=20, **tables):
    """Return a run, built."""
    return SHARED.run(spec_of(run, strategy, optimizer, shots, **tables))


def setting_of(run, shots=None, **tables):
    """Return what a strategy plans from."""
    spec = spec_of(run, shots=shots, **tables)
    settings = TrainingSettings(**spec.model_dump(mode="json")["training"])
    return SHARED._instances(spec, settings, None)


def plain(training):
    """Return the state without the wall-clock times."""
    state = training.state_dict()
    for name in ("meter", "evaluation_meter"):
        state[name].pop("seconds")
    return state

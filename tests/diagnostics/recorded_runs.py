"""Recorded runs to look around, made as a study makes them."""

import numpy as np
import pandas as pd

from qnlr.backends import SimulatorBackend
from qnlr.circuits import hamiltonian_variational, transverse_ising
from qnlr.diagnostics.recorded import Recorded
from qnlr.optimizers import NLR
from qnlr.problems.energy import energy_problem
from qnlr.study import load_study
from qnlr.study.build import Builder
from qnlr.training import Streams, Training, TrainingSettings

SMALL = {
    "name": "recorded",
    "data": {"name": "gaussian", "features": 4, "samples": 40},
    "circuit": {"qubits": 3, "layers": 2, "observable": {"name": "z", "qubit": 2}},
    "backend": {"name": "simulator", "shots": 200},
    "training": {"steps": 25, "batch_size": 8},
    "optimizer": [{"name": "nlr", "learning_rate": 0.2}],
}


def record(name="a run", **tables):
    """Make a run and keep its weights before and after every step.

    Args:
        name: What it is called.
        **tables: Tables of the config that differ.
    """
    return kept(name, Builder().run(load_study({**SMALL, **tables}).runs[0]))


def record_energy():
    """Find the ground state of an Ising chain with weights that turn many gates each."""
    hamiltonian = transverse_ising(4)
    problem = energy_problem(hamiltonian, hamiltonian_variational(4, 2, hamiltonian=hamiltonian))
    backend, streams = SimulatorBackend(problem.model, shots=500), Streams.spawn(0, "energy")
    settings = TrainingSettings(steps=15, batch_size=1)
    return kept(
        "an energy",
        Training(problem, backend, NLR(0.02), settings, streams, np.full(4, 0.3)),
    )


def kept(name, training):
    """Make a run and keep its weights before and after every step."""
    weights = [np.array(training.optimizer.state.x)]
    training.run(on_step=lambda at: weights.append(np.array(at.optimizer.state.x)))
    steps = tuple(range(len(weights)))
    return Recorded(
        name, training, np.array(weights), steps, pd.DataFrame(training.history.columns)
    )

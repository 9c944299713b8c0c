"""A leaderboard that takes seconds, and optimizers that are broken in several ways."""

UPHILL = """\
from qnlr.optimizers import SGD


class Uphill(SGD):
    def tell(self, ask_data, tell_data):
        tell_data.eval_jac = -tell_data.eval_jac
        super().tell(ask_data, tell_data)
"""
NOT_A_NUMBER = """\
from qnlr.optimizers import SGD


class Lost(SGD):
    def tell(self, ask_data, tell_data):
        tell_data.eval_jac = tell_data.eval_jac * float("nan")
        super().tell(ask_data, tell_data)
"""
RAISES = """\
from qnlr.optimizers import SGD


class Raises(SGD):
    def tell(self, ask_data, tell_data):
        raise ZeroDivisionError("by zero, in my own code")
"""


def tiny():
    """Return a leaderboard on two qubits: a dataset and a chain, exact and on shots."""
    return {
        "name": "tiny",
        "leaderboard": {
            "reference": "sgd",
            "subject": "nlr",
            "parameter_free": ["spsa"],
            "seeds": 2,
            "tuning_seeds": [1000],
            "rates": [0.03, 0.3],
            "decades": [0.003, 0.3],
            "steps": 8,
            "most_steps": 30,
            "evaluations": 4,
        },
        "training": {"batch_size": 4},
        "problem": [
            {
                "name": "digits",
                "data": {"name": "digits", "features": 4},
                "circuit": {"qubits": 2, "layers": 1},
            },
            {
                "name": "chain",
                "problem": {"name": "vqe", "hamiltonian": {"name": "transverse_ising"}},
                "circuit": {
                    "qubits": 2,
                    "layers": 1,
                    "ansatz": {"name": "hamiltonian_variational", "tied": False},
                },
                "init": {"low": 0.0, "high": 1.0},
                "training": {"batch_size": 1},
            },
        ],
        "mode": [
            {"name": "exact", "backend": {"name": "simulator"}},
            {"name": "100 shots", "backend": {"name": "simulator", "shots": 100}},
        ],
        "entry": [
            {"name": "sgd", "optimizer": "sgd", "sweep": "learning_rate"},
            {"name": "nlr", "optimizer": "nlr", "sweep": "learning_rate", "decades": [0.3]},
            {"name": "spsa", "optimizer": "spsa"},
        ],
    }

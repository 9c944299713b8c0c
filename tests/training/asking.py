"""An optimizer that chooses its own shots, as a test says."""

import numpy as np

from qnlr.optimizers import NLR, Ask


class Asking(NLR):
    """The negative-rate method, with shots by a rule of the test.

    Args:
        spread: Gives the shots of a gradient, from the number of the step and of the weights.
        at_probe: Shots of the probe, or None for the backend's.
    """

    wants_shots = True

    def __init__(self, spread, at_probe=None, rate=0.3):
        super().__init__(rate, seed=1)
        self.spread, self.at_probe, self.base_shots, self.told = spread, at_probe, None, []

    def start(self, fun, x0, jac=None, bounds=None):
        self.base_at_start = self.base_shots
        super().start(fun, x0, jac, bounds)

    @property
    def planned_shots(self):
        probe = self.base_shots if self.at_probe is None else self.at_probe
        return self.spread(self.state.nit, self.state.x.size), probe

    def ask(self):
        asked = super().ask()
        if asked.x_jac is None:
            return Ask(asked.x_fun, shots=self.at_probe)
        return Ask(asked.x_fun, asked.x_jac, self.planned_shots[0])

    def tell(self, ask_data, tell_data):
        self.told.append((ask_data, tell_data))
        super().tell(ask_data, tell_data)


def same(step, size):
    return 11 + step


def spread(step, size):
    return (5 + step) * (np.arange(size) % 3)


def growing(step, size):
    return np.full(size, 10 * 2**step)


def shots_of_steps(run):
    return np.diff([0, *run.history.columns["cost_shots"]]).tolist()

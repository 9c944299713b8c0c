"""Other ways to spend probes and shots than AdaptiveNLR's, to hold against it in equal shots.

    qnlr run configs/adaptive_probing.toml

Each class changes one thing, and is an optimizer of its own in a file, as in ``my_optimizer.py``.
"""

from dataclasses import replace

import numpy as np

from qnlr import AdaptiveNLR
from qnlr.optimizers import AdaptiveRate, Ask, Probe
from qnlr.optimizers.sglbo import NormTested


class Once(AdaptiveRate):
    """The rule with a single probe: a step whose probe is worse is left out."""

    most_probes = 1

    def next_probe(self, feedback, state):
        """Return that one probe is all."""


class OneProbe(AdaptiveNLR):
    """One probe of a gradient, and nothing is searched."""

    def __init__(self, initial_rate=0.1, level=0.025, **common):
        super().__init__(initial_rate, level, **common)
        self.rate = Once(initial_rate, level, search=1)


class Afterwards(AdaptiveRate):
    """The rule a step late: a probe where the last step came from judges that step."""

    most_probes = 1

    def initial_state(self):
        """Return the state before the first step, which has none before it."""
        return {**super().initial_state(), "before": {}}

    def next_probe(self, feedback, state):
        """Return that one probe is all."""

    def __call__(self, feedback, state):
        """Return the rate of this step, after what the last one was worth."""
        if before := state["before"]:
            past = replace(
                feedback,
                loss=feedback.probes[-1].loss,
                probe_loss=feedback.loss,
                probes=(Probe(before["rate"], feedback.loss),),
                slope=before["slope"],
                direction_norm=before["direction_norm"],
            )
            state = super().__call__(past, state)[1]
        rate = min(state["rate"], self.bound(feedback, state))
        known = {"slope": feedback.slope, "direction_norm": feedback.direction_norm}
        return rate, {**state, "before": {"rate": rate, **known}}


class FreshProbes(AdaptiveNLR):
    """A probe on the next mini-batch, on which neither the gradient nor the step was made.

    There the last point is measured beside the present one. A step that is seen to be worse cannot
    be taken back, but halves the rate.
    """

    def __init__(self, initial_rate=0.1, level=0.025, **common):
        super().__init__(initial_rate, level, **common)
        self.rate = Afterwards(initial_rate, level, search=1)

    def start(self, fun, x0, jac=None, bounds=None):
        """Begin, with no step behind."""
        super().start(fun, x0, jac, bounds)
        self.last = None

    def tell(self, ask_data, tell_data):
        """Take what was measured; behind a gradient, have the last point measured."""
        here = self.state.here
        super().tell(ask_data, tell_data)
        if ask_data.x_jac is None:
            self.last = here
        else:
            last = here if self.last is None else self.last
            self.state.pending = replace(self.state.pending, probe=last)

    def state_dict(self):
        """Return the state as plain data."""
        return {**super().state_dict(), "last": self.state.here if self.last is None else self.last}

    def load_state_dict(self, plain):
        """Continue from a saved state."""
        super().load_state_dict(plain)
        self.last = plain["last"]


class AndMore:
    """A rule that goes on where another one is content: to twice its rate, and to the other side.

    Of these three the rate that reads lowest is taken.
    """

    def __init__(self, rule):
        self.rule = rule
        self.most_probes = rule.most_probes + 2
        self.initial_state, self.probe_rate = rule.initial_state, rule.probe_rate

    def _content(self, feedback, state):
        """Return what the rule within was told until it was content; None if it is not yet."""
        for count in range(1, len(feedback.probes) + 1):
            probes = feedback.probes[:count]
            told = replace(feedback, probes=probes, probe_loss=probes[-1].loss)
            if self.rule.next_probe(told, state) is None:
                return told
        return None

    def next_probe(self, feedback, state):
        """Return the rate of another probe, or None."""
        told = self._content(feedback, state)
        if told is None:
            return self.rule.next_probe(feedback, state)
        rate, more = told.probes[-1].rate, len(feedback.probes) - len(told.probes)
        return (2 * rate, -rate, None)[more]

    def __call__(self, feedback, state):
        """Return the rate of the lowest reading, and the next state."""
        told = self._content(feedback, state)
        if told is None:  # no probe was left before it was content
            return self.rule(feedback, state)
        rate, following = self.rule(told, state)
        lowest = min(feedback.probes[len(told.probes) :], key=lambda one: one.loss, default=None)
        taken = [one.loss for one in told.probes if one.rate == rate]
        if lowest is None or not lowest.loss < min((feedback.loss, *taken)):
            return rate, following
        found = min(abs(lowest.rate), self.rule.bound(told, following))
        return lowest.rate, {**following, "rate": found}


class GreedyProbes(AdaptiveNLR):
    """Two more probes of every gradient, one of them negative; the lowest reading is taken."""

    def __init__(self, initial_rate=0.1, **common):
        super().__init__(initial_rate, **common)
        self.rate = AndMore(self.rate)


class SharpProbes(AdaptiveNLR):
    """Probes with sixteen times the shots of the gradient's circuits.

    The loss that they are held against has not, so that a difference has 0.73 of its error.
    """

    wants_shots = True
    base_shots = None

    def ask(self):
        """Return what to measure next, and the shots of a probe."""
        asked = super().ask()
        if asked.x_jac is not None or self.base_shots is None:
            return asked
        return Ask(asked.x_fun, shots=16 * self.base_shots)

    @property
    def planned_shots(self):
        """Shots of a gradient's circuits and of all probes; None where values are exact."""
        shots = self.base_shots
        return None if shots is None else (shots, self.rate.most_probes * 16 * shots)


class NormTest(AdaptiveNLR):
    """A gradient with as few shots as its norm needs, and more as the signal drowns.

    The loss that probes are held against has as many as the gradient, and so another error.
    """

    wants_shots = True

    def __init__(self, initial_rate=0.1, kappa=0.5, min_shots=10, **common):
        super().__init__(initial_rate, **common)
        self.kappa, self.min_shots, self.shots = kappa, min_shots, min_shots
        self.base_shots = None

    def ask(self):
        """Return what to measure next, and the shots of the gradient."""
        asked = super().ask()
        if asked.x_jac is None or self.base_shots is None:
            return asked
        return Ask(asked.x_fun, asked.x_jac, shots=self.shots)

    def tell(self, ask_data, tell_data):
        """Take what was measured, and choose the shots of the next gradient."""
        if ask_data.x_jac is not None and getattr(tell_data, "stds", None) is not None:
            test = NormTested(self.kappa, self.min_shots, 10 * self.base_shots)
            gradient, stds = (np.ravel(part) for part in (tell_data.eval_jac, tell_data.stds))
            self.shots = test(gradient, {"shots": self.shots, "stds": stds})[1]["shots"]
        super().tell(ask_data, tell_data)

    @property
    def planned_shots(self):
        """Shots of a gradient's circuits and of all probes; None where values are exact."""
        shots = self.base_shots
        return None if shots is None else (self.shots, self.rate.most_probes * shots)

    def state_dict(self):
        """Return the state as plain data."""
        return {**super().state_dict(), "shots": self.shots}

    def load_state_dict(self, plain):
        """Continue from a saved state."""
        super().load_state_dict(plain)
        self.shots = plain["shots"]

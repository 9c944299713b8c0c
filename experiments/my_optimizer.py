"""An optimizer of your own in one file, to hold against all others.

    qnlr leaderboard configs/leaderboard.toml --optimizer experiments/my_optimizer.py

It also fits into any other config, as ``optimizer = { name = "file", path = "my_optimizer.py" }``,
relative to the config. The file is executed: only use one that you would run as a script.
"""

from qnlr.optimizers import HeavyBall, SignedRateOptimizer


class ShrinkingSteps:
    """A rate that shrinks with the square root of the step, η / √(t + 1)."""

    def __init__(self, learning_rate):
        self.learning_rate = learning_rate

    def initial_state(self):
        """Return what is remembered before the first step."""
        return {"rate": self.learning_rate}

    def probe_rate(self, state):
        """Return a rate to be told the loss at its step first, or None for no such probe."""

    def __call__(self, feedback, state):
        """Return the rate of a step, and what is remembered after it."""
        rate = self.learning_rate / (feedback.step + 1) ** 0.5
        return rate, {"rate": rate}


class MyOptimizer(SignedRateOptimizer):
    """Momentum with a rate that shrinks: a direction, and a rate rule of its own.

    An argument ``learning_rate`` is tuned; ``common`` takes the seed and the number of steps.
    """

    def __init__(self, learning_rate=0.1, momentum=0.8, **common):
        super().__init__(HeavyBall(momentum), ShrinkingSteps(learning_rate), **common)

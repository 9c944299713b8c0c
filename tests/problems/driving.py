"""A training of a problem without data, by the loop itself."""

from qnlr.rng import stream
from qnlr.training import Status, Streams, Training, TrainingSettings


def driven(problem, optimizer, backend, weights, steps, seed=0):
    """Return the weights after some steps of an optimizer."""
    streams = Streams(
        batches=stream("batches", seed),
        shots=stream("shots", seed),
        evaluation=lambda step: stream("evaluation", seed, step),
        gradient=stream("gradient", seed),
    )
    settings = TrainingSettings(steps=steps, batch_size=1, evaluate_every=0)
    training = Training(problem, backend, optimizer, settings, streams, weights)
    assert training.run().status is Status.FINISHED
    return training.optimizer.state.x

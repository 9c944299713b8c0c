"""One class against the rest: binary models on one circuit, trained by the one training loop."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import expit

from qnlr.errors import InputError
from qnlr.models.classification.assembly import Parts
from qnlr.models.classification.fitted import Progress, Trained
from qnlr.models.classification.optimizing import kind_of
from qnlr.optimizers import AskTell
from qnlr.problems import Batch, Classification, Logistic, Loss
from qnlr.rng import stream
from qnlr.training import Outcome, Status, Streams, Training, TrainingSettings
from qnlr.types import FloatArray


class OneAgainstRest(Classification):
    """A binary problem on samples that are encoded already, of which one label may be missing.

    There are no test samples: the training loop is asked for no evaluations.

    Args:
        parts: The model.
        angles: Encoding angles, shape (N, D).
        labels: +1 for the class, −1 for the rest, shape (N,).
    """

    def __init__(self, parts: Parts, angles: FloatArray, labels: FloatArray) -> None:
        self.model, self.encoding = parts.model, parts.encoding
        self.sample_loss, self.head = parts.loss, parts.head
        self.train = self.test = Batch(angles, labels)


def train(
    problem: OneAgainstRest,
    parts: Parts,
    optimizer: Callable[[int, int], AskTell],
    seed: int,
    number: int,
    more: int,
    batch_size: int,
    before: Trained | None,
    progress: Progress,
) -> Trained:
    """Train a binary model, from its beginning or from where it stood.

    Models of all classes see the same mini-batches; initial weights and shots are their own. An
    optimizer that cannot go on from the state of the one before begins anew at its weights.

    Args:
        problem: One class against the rest.
        parts: The model.
        optimizer: Makes the optimizer, from its seed and the number of steps in all.
        seed: Seed of the classifier.
        number: Number of the binary model, from 0.
        more: How many steps to make.
        batch_size: B, at most N.
        before: The model as it stood, or None to begin.
        progress: Told of every step; if it has been stopped, no step is made.

    Returns:
        The model.

    Raises:
        InputError: If a setting is not valid, or training diverged.
    """
    made = 0 if before is None else before.steps
    total = made + more
    drawn = stream("init", seed, number).uniform(-np.pi, np.pi, problem.num_circuit_weights)
    initial = np.append(drawn, problem.head.initial(stream("head", seed, number)))
    training = Training(
        problem,
        parts.backend,
        optimizer(int(stream("optimizer", seed, number).integers(2**32)), total),
        TrainingSettings(steps=total, batch_size=batch_size, checkpoint_every=total),
        Streams.spawn(seed, run=number),
        initial if before is None else before.weights,
    )
    try:
        if before is not None:
            _go_on(training, before)
        outcome = training.run(
            on_step=lambda run: progress.step(number, run),
            interrupted=lambda: progress.listeners.stopped,
        )
        state, found = training.state_dict(), np.array(training.optimizer.state.x)
    except OverflowError as error:  # of a head's weights, before a loss is infinite
        raise _diverged(f"numbers are too large at step {training.steps_done + 1}") from error
    finally:
        training.optimizer.close()
    if outcome.status is Status.DIVERGED:
        raise _diverged(outcome.sentence)
    if training.steps_done == made:
        outcome = _no_step(outcome)
    return Trained(found, state, outcome, kind_of(training.optimizer))


def _go_on(training: Training, before: Trained) -> None:
    state, optimizer = before.state, training.optimizer
    if kind_of(optimizer) != before.optimizer:
        state = {**state, "optimizer": optimizer.state_dict()}
    training.load_state_dict(state)
    optimizer.state.nit = before.steps  # an optimizer that began anew has counted fewer


def _no_step(outcome: Outcome) -> Outcome:
    if outcome.status is Status.INTERRUPTED:
        return Outcome(outcome.status, "no step was made: a callback had stopped the fit before")
    return Outcome(
        outcome.status,
        f"no step was made: {outcome.sentence}; give another optimizer, or fit anew",
    )


def _diverged(reason: str) -> InputError:
    return InputError(
        f'training diverged: {reason}; take a smaller learning rate, or head = "bare"'
    )


def outputs(
    parts: Parts, weights: FloatArray, angles: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """Measure the outputs of all binary models: in one job, but in several of a local simulation.

    Args:
        parts: The model.
        weights: Those of every binary model, shape (K, P + H).
        angles: Encoding angles, shape (B, D).
        rng: Draws the shot noise.

    Returns:
        Shape (B, K).
    """
    own = len(parts.model.weights)
    size = len(angles) if parts.rows is None else max(1, parts.rows // len(weights))
    measured = np.concatenate(
        [
            parts.backend.values(weights[:, :own], angles[first : first + size], rng).values
            for first in range(0, len(angles), size)
        ],
        axis=1,
    )
    heads = zip(measured, weights[:, own:], strict=True)
    return np.stack([parts.head.value(values, head) for values, head in heads], axis=1)


def probabilities(found: FloatArray, loss: Loss) -> FloatArray:
    r"""Turn outputs into probabilities of the classes.

    .. math:: p_k ∝ \frac{1}{2} \Big(1 + \frac{o_k}{\max(1, \max_j |o_j|)}\Big)

    that is (1 + o)/2, clipped, for two classes; for more, outputs of a sample beyond [−1, 1] are
    scaled back into it, which keeps their order, and the sum is made 1. For the logistic loss,
    whose outputs are logits, p_k ∝ 1/(1 + exp(−o_k)).

    Args:
        found: Outputs, shape (B, K); K = 1 for two classes.
        loss: The loss that the models were trained with.

    Returns:
        Shape (B, K), or (B, 2) for K = 1.

    Example:
        >>> from qnlr.problems import SquaredError
        >>> probabilities(np.array([[0.5], [-1.2]]), SquaredError())
        array([[0.25, 0.75],
               [1.  , 0.  ]])
        >>> probabilities(np.array([[0.2, -0.4, -1.0]]), SquaredError()).round(3)
        array([[0.667, 0.333, 0.   ]])
    """
    if isinstance(loss, Logistic):
        each = np.asarray(expit(found))
    else:
        each = 0.5 * (1.0 + found / np.maximum(1.0, np.abs(found).max(axis=1, keepdims=True)))
    if each.shape[1] == 1:
        return np.concatenate([1.0 - each, each], axis=1)
    total = each.sum(axis=1, keepdims=True)
    even = np.full_like(each, 1.0 / each.shape[1])
    return np.asarray(np.divide(each, total, out=even, where=total > 0))

"""What fitting a classifier leaves behind."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.exceptions import NotFittedError

from qnlr.backends import Meter
from qnlr.models.classification.identity import Described
from qnlr.models.classification.preparation import Preparation
from qnlr.optimizers.callbacks import Listeners
from qnlr.training import Outcome, Training
from qnlr.types import Cost, FloatArray


@dataclass(frozen=True)
class Trained:
    """A binary model as training left it.

    Args:
        weights: Those of the circuit, then the head's.
        state: What a :class:`~qnlr.training.Training` needs to go on, as plain data.
        outcome: How training ended.
        optimizer: Which one the state is of, see
            :func:`~qnlr.models.classification.optimizing.kind_of`.
    """

    weights: FloatArray
    state: dict[str, Any]
    outcome: Outcome
    optimizer: str

    @property
    def cost(self) -> Cost:
        """What training has spent."""
        return Meter.from_state(self.state["meter"]).cost

    @property
    def steps(self) -> int:
        """The number of steps made."""
        return len(self.state["history"]["step"])


@dataclass(frozen=True)
class Fitted:
    """All that fitting a classifier has learned.

    Args:
        classes: The labels, sorted.
        preparation: What is done to features.
        seed: Seed of all random numbers.
        models: A binary model for each class, or one for two classes.
        made_of: What was fitted, see :func:`~qnlr.models.classification.identity.described`.
    """

    classes: np.ndarray
    preparation: Preparation
    seed: int
    models: tuple[Trained, ...]
    made_of: Described

    @property
    def positive(self) -> np.ndarray:
        """The class that each binary model tells from the rest."""
        return positive(self.classes)

    @property
    def weights(self) -> FloatArray:
        """Weights of all binary models, shape (K, P + H)."""
        return np.stack([model.weights for model in self.models])


def positive(classes: np.ndarray) -> np.ndarray:
    """Return the classes that are told from the rest: all, but only the second of two."""
    return classes if len(classes) > 2 else classes[1:]


class Progress:
    """A fit under way: who is told of its steps, and what it has spent.

    Args:
        listeners: Told of the steps of all models, which are numbered through.
        costs: What each model has spent before.
    """

    def __init__(self, listeners: Listeners, costs: list[Cost]) -> None:
        self.listeners = listeners
        self.costs = costs
        self.steps = 0

    def step(self, number: int, training: Training) -> None:
        """Note a step of a binary model, and tell the listeners."""
        self.costs[number] = training.meter.cost
        self.listeners.tell(replace(training.optimizer.state.record, step=self.steps))
        self.steps += 1


class Learned:
    """The attributes of a fitted classifier, read from what fitting left behind."""

    _fitted: Fitted

    def _known(self) -> Fitted:
        if "_fitted" not in vars(self):  # an AttributeError, too, as hasattr() wants it
            raise NotFittedError(f"this {type(self).__name__} is not fitted yet; call fit first")
        return self._fitted

    @property
    def classes_(self) -> np.ndarray:
        """The labels, sorted."""
        return self._known().classes

    @property
    def weights_(self) -> FloatArray:
        """Weights of the circuit, then the head's, one row for each binary model."""
        return self._known().weights

    @property
    def history_(self) -> pd.DataFrame:
        """A row for every step of every model; ``class`` is its class."""
        pairs = zip(self._known().positive, self._known().models, strict=True)
        trained = [(label, model.state["history"]) for label, model in pairs if model.steps]
        frames = [pd.DataFrame(columns).assign(**{"class": k}) for k, columns in trained]
        return pd.concat(frames, ignore_index=True)

    @property
    def n_iter_(self) -> int:
        """Steps made, by the model that made most."""
        return max(model.steps for model in self._known().models)

    @property
    def outcomes_(self) -> tuple[Outcome, ...]:
        """How training ended, one for each model."""
        return tuple(model.outcome for model in self._known().models)

    @property
    def cost_(self) -> Cost:
        """Circuits, shots and jobs of training; it grows while that goes on."""
        if "_progress" not in vars(self):
            self._known()
        return self.cost

    @property
    def cost(self) -> Cost:
        """The same as ``cost_``, and nothing before training: what ``StopAt(of=...)`` reads."""
        progress: Progress | None = vars(self).get("_progress")
        if progress is not None:
            return sum(progress.costs, Cost())
        fitted: Fitted | None = vars(self).get("_fitted")
        return sum((model.cost for model in fitted.models), Cost()) if fitted else Cost()

"""What fitting a classifier leaves behind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from qnlr.backends import Meter
from qnlr.models.classification.preparation import Preparation
from qnlr.training import Outcome
from qnlr.types import Cost, FloatArray


@dataclass(frozen=True)
class Trained:
    """A binary model as training left it.

    Args:
        weights: Those of the circuit, then the head's.
        state: What a :class:`~qnlr.training.Training` needs to go on, as plain data.
        outcome: How training ended.
    """

    weights: FloatArray
    state: dict[str, Any]
    outcome: Outcome

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
    """

    classes: np.ndarray
    preparation: Preparation
    seed: int
    models: tuple[Trained, ...]

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


class Learned:
    """The attributes of a fitted classifier, read from what fitting left behind."""

    _fitted: Fitted

    @property
    def classes_(self) -> np.ndarray:
        """The labels, sorted."""
        return self._fitted.classes

    @property
    def weights_(self) -> FloatArray:
        """Weights of the circuit, then the head's, one row for each binary model."""
        return self._fitted.weights

    @property
    def history_(self) -> pd.DataFrame:
        """A row for every step of every model; ``class`` is its class."""
        pairs = zip(self._fitted.positive, self._fitted.models, strict=True)
        frames = [pd.DataFrame(model.state["history"]).assign(**{"class": k}) for k, model in pairs]
        return pd.concat(frames, ignore_index=True)

    @property
    def n_iter_(self) -> int:
        """Steps made, by the model that made most."""
        return max(model.steps for model in self._fitted.models)

    @property
    def outcomes_(self) -> tuple[Outcome, ...]:
        """How training ended, one for each model."""
        return tuple(model.outcome for model in self._fitted.models)

    @property
    def cost_(self) -> Cost:
        """Circuits, shots and jobs of training."""
        return sum((model.cost for model in self._fitted.models), Cost())

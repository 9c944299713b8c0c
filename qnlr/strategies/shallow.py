"""A shallow circuit: too few layers for a plateau, and perhaps for the task."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qnlr.errors import InputError, require_count
from qnlr.strategies.strategy import Setting, start_at
from qnlr.training import Plan, Stage


@dataclass(frozen=True)
class Shallow:
    """Train the first layers of the ansatz alone, and leave the others out.

    Source: NLR paper, Table XI, after McClean et al., Nat. Commun. 9, 4812 (2018).

    Args:
        layers: How many layers are left, at least 1.

    Raises:
        InputError: If there are none.

    Example:
        >>> Shallow(layers=2)
        Shallow(layers=2)
    """

    layers: int = 1

    def __post_init__(self) -> None:
        require_count("layers", self.layers)

    def plan(self, setting: Setting) -> Plan:
        """Return one stage, on fewer layers, at the weights that these were drawn."""
        if self.layers > setting.layers:
            raise InputError(
                f"layers = {self.layers} is not valid; the circuit has {setting.layers}, and a "
                "shallow one is to have no more"
            )
        part = setting.instance(layers=self.layers)
        weights = first_layers(setting, setting.weights, part.problem.num_weights)
        return Plan((Stage("shallow", (part,), start_at(weights), setting.steps),))


def first_layers(setting: Setting, weights: np.ndarray, number: int) -> np.ndarray:
    """Return weights of the first layers, with those of the head.

    Args:
        setting: The run; its ansatz counts its weights layer by layer.
        weights: Weights of the whole circuit, then of the head.
        number: How many a circuit of fewer layers has, with those of the head.

    Returns:
        Shape (number,).
    """
    own = circuit_weights(setting)
    head = weights[own:]
    return np.concatenate([weights[: number - head.size], head])


def circuit_weights(setting: Setting) -> int:
    """Return how many weights the circuit of a run has, without those of a head.

    Args:
        setting: The run.
    """
    problem = setting.part.problem
    return problem.num_circuit_weights if setting.has_data else problem.num_weights

"""Identity-block initialisation: a deep circuit that begins as the identity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qnlr.backends import Meter
from qnlr.circuits.initialisations import identity, identity_blocks
from qnlr.errors import InputError, require_count
from qnlr.strategies.shallow import circuit_weights
from qnlr.strategies.strategy import Setting
from qnlr.training import Plan, Stage
from qnlr.types import FloatArray

MAX_LAYERS = 10_000


@dataclass(frozen=True)
class IdentityBlocks:
    """Train blocks of layers and their inverses, which begin as the identity.

    The blocks' layers are those of the hardware-efficient ansatz, whichever one the run has, with
    as many weights each. Half of a block is drawn uniformly from [−π, π], the other half undoes it;
    then all weights are trained. Every layer needs its inverse, so their number is even.

    Source: Grant et al., Quantum 3, 214 (2019).

    Args:
        layers: Number of layers, even; None for the run's, or one less if that is odd.

    Raises:
        InputError: If it is below 2, above 10,000 or odd.

    Example:
        >>> IdentityBlocks().layers is None
        True
    """

    layers: int | None = None

    def __post_init__(self) -> None:
        if self.layers is None:
            return
        if require_count("layers", self.layers, low=2, high=MAX_LAYERS) % 2:
            raise InputError(f"layers = {self.layers} is not valid; it must be even")

    def plan(self, setting: Setting) -> Plan:
        """Return one stage."""
        layers = max(2, setting.layers - setting.layers % 2) if self.layers is None else self.layers
        ansatz = identity_blocks(setting.qubits, layers)
        part = setting.instance(ansatz=ansatz)
        head = setting.weights[circuit_weights(setting) :]

        def start(ended: object, rng: np.random.Generator, meter: Meter) -> FloatArray:
            drawn = identity(rng, setting.qubits, layers, ansatz.num_parameters)
            return np.concatenate([drawn, head])

        return Plan((Stage("identity blocks", (part,), start, setting.steps),))

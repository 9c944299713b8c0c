"""Gaussian small-angle initialisation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qnlr.backends import Meter
from qnlr.circuits.initialisations import gaussian
from qnlr.errors import require_count
from qnlr.strategies.shallow import circuit_weights
from qnlr.strategies.strategy import Setting
from qnlr.training import Plan, Stage
from qnlr.types import FloatArray


@dataclass(frozen=True)
class SmallAngles:
    r"""Begin near the identity: all angles from a narrow normal distribution.

    .. math:: θ_k \sim \mathcal{N}(0, γ^2), \qquad γ^2 = \frac{1}{4 S (L + 2)}

    Source: Zhang et al., arXiv:2203.09376 (NeurIPS 2022), Theorem 4.1.

    Args:
        locality: S, how many qubits a term of the observable acts on; None to look at it.

    Raises:
        InputError: If it is below 1.

    Example:
        >>> SmallAngles(locality=1)
        SmallAngles(locality=1)
    """

    locality: int | None = None

    def __post_init__(self) -> None:
        if self.locality is not None:
            require_count("locality", self.locality)

    def plan(self, setting: Setting) -> Plan:
        """Return one stage."""
        own = circuit_weights(setting)
        paulis = setting.observable.paulis
        widest = int((paulis.x | paulis.z).sum(axis=1).max())
        locality = max(1, widest) if self.locality is None else self.locality

        def start(ended: object, rng: np.random.Generator, meter: Meter) -> FloatArray:
            drawn = gaussian(rng, setting.qubits, setting.layers, own, locality)
            return np.concatenate([drawn, setting.weights[own:]])

        return Plan((Stage("small angles", (setting.part,), start, setting.steps),))

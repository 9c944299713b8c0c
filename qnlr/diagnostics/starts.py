"""Where training may start: random weights of several kinds, for any circuit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from qnlr.errors import require_positive, unknown_name
from qnlr.types import FloatArray

Draw = Callable[[np.random.Generator, tuple[int, ...], float], FloatArray]

STARTS: dict[str, Draw] = {
    "uniform": lambda rng, shape, spread: rng.uniform(-np.pi, np.pi, shape),
    "small_angles": lambda rng, shape, spread: rng.normal(0.0, spread, shape),
}
"""Distributions of initial weights: uniform over [−π, π], and normal around 0."""


def starting_weights(
    initialisation: str, shape: tuple[int, ...], spread: float, rng: np.random.Generator
) -> FloatArray:
    """Draw initial weights.

    Args:
        initialisation: ``"uniform"`` over [−π, π], or ``"small_angles"``, normal around 0.
        shape: Shape of what is drawn.
        spread: Standard deviation of small angles, in radians, above 0.
        rng: Draws them.

    Returns:
        The weights.

    Raises:
        InputError: If the initialisation is not known, or the spread is not above 0.

    Source:
        Zhang et al., NeurIPS 35, 18612 (2022), for small angles against plateaus.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> starting_weights("small_angles", (2, 2), 0.1, rng).round(3)
        array([[ 0.013, -0.013],
               [ 0.064,  0.01 ]])
    """
    if initialisation not in STARTS:
        raise unknown_name("initialisation", initialisation, STARTS)
    return STARTS[initialisation](rng, shape, require_positive("spread", spread))

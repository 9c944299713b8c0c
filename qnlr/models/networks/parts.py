"""What networks on an estimator and on a sampler have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from qiskit.circuit import Parameter
from qiskit_machine_learning.neural_networks import EstimatorQNN, NeuralNetwork, SamplerQNN

from qnlr.errors import InputError
from qnlr.types import FloatArray

Slopes = tuple[FloatArray | None, FloatArray | None]


def rows_of(
    network: NeuralNetwork, input_data: FloatArray | None, weights: FloatArray | None
) -> FloatArray:
    """Return inputs and weights of every sample, shape (N, inputs + weights)."""
    found, size = network._preprocess_forward(input_data, weights)
    rows = np.asarray(found, dtype=float)
    if not np.isfinite(rows).all():
        raise InputError("inputs or weights hold a NaN or an infinity; they must be finite")
    return rows if rows.ndim > 1 else rows.reshape(size or 1, -1)


def differentiated(network: EstimatorQNN | SamplerQNN) -> Sequence[Parameter]:
    """Return the parameters that a network differentiates its outputs by: inputs come first."""
    parameters = network._circuit.parameters
    return list(parameters if network.input_gradients else parameters[network.num_inputs :])


def split(network: EstimatorQNN | SamplerQNN, slopes: FloatArray) -> Slopes:
    """Return derivatives by inputs, if they are asked for, and by weights."""
    if not network.input_gradients:
        return None, slopes
    return slopes[..., : network.num_inputs], slopes[..., network.num_inputs :]


def require_kind(name: str, part: Any, kind: type, example: str) -> None:
    """Refuse a primitive or gradient of another kind; None stands for the default.

    Args:
        name: What it is.
        part: What was given.
        kind: What it must derive from.
        example: One that would do.

    Raises:
        InputError: If it is of another kind.
    """
    if part is not None and not isinstance(part, kind):
        raise InputError(
            f"{name} = {type(part).__name__} is not valid; it must be a {kind.__name__}, such as "
            f"{example}"
        )

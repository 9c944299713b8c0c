"""What gradients of qiskit-machine-learning are asked, checked with one clear sentence each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit_machine_learning.gradients import BaseEstimatorGradient, BaseSamplerGradient

from qnlr.errors import InputError, unknown_name
from qnlr.types import FloatArray


class CheckedEstimatorGradient(BaseEstimatorGradient):
    """A gradient of expectation values that refuses what is not valid by an ``InputError``."""

    @staticmethod
    def _validate_arguments(
        circuits: Sequence[QuantumCircuit],
        observables: Sequence[Any],
        parameter_values: Sequence[Sequence[float]] | np.ndarray,
        parameters: Sequence[Sequence[Parameter]],
    ) -> None:
        for observable in observables:
            if not hasattr(observable, "num_qubits"):
                raise InputError(
                    f"observable = {observable!r} is not valid; it must be an operator, such as "
                    "a SparsePauliOp"
                )
        _require_own_parameters(circuits, parameters)
        try:
            BaseEstimatorGradient._validate_arguments(
                circuits, observables, parameter_values, parameters
            )
        except ValueError as error:
            raise InputError(str(error)) from None


class CheckedSamplerGradient(BaseSamplerGradient):
    """A gradient of probabilities that refuses what is not valid by an ``InputError``."""

    @staticmethod
    def _validate_arguments(
        circuits: Sequence[QuantumCircuit],
        parameter_values: Sequence[Sequence[float]],
        parameters: Sequence[Sequence[Parameter]],
    ) -> None:
        _require_own_parameters(circuits, parameters)
        try:
            BaseSamplerGradient._validate_arguments(circuits, parameter_values, parameters)
        except ValueError as error:
            raise InputError(str(error)) from None


def _require_own_parameters(
    circuits: Sequence[QuantumCircuit], parameters: Sequence[Sequence[Parameter]]
) -> None:
    known: dict[int, set[Parameter]] = {}
    for circuit, asked in zip(circuits, parameters, strict=False):
        own = known.setdefault(id(circuit), set(circuit.parameters))
        foreign = [one for one in asked if one not in own]
        if foreign:
            raise InputError(
                f"parameter {foreign[0].name} is not one of the circuit's; a gradient was asked "
                "for parameters of another circuit: take those of circuit.parameters"
            )


def option(options: dict[str, Any], name: str, default: Any) -> Any:
    """Return the only option that a gradient takes.

    Args:
        options: Those of ``run``.
        name: Its name.
        default: Its value where it is not given.

    Returns:
        The value.

    Raises:
        InputError: If there is another one.

    Example:
        >>> option({"shots": 100}, "shots", None), option({}, "shots", None)
        (100, None)
    """
    for other in options:
        if other != name:
            raise unknown_name("option", other, [name])
    return options.get(name, default)


def element_values(parameter_values: Sequence[Any] | np.ndarray, numbers: list[int]) -> FloatArray:
    """Return the parameter values of some elements as one array.

    Args:
        parameter_values: D values for every element.
        numbers: Which of them.

    Returns:
        Shape (E, D).

    Raises:
        InputError: If they are not finite numbers.

    Example:
        >>> element_values([[0.1, 0.2], [0.3], [0.4, 0.5]], [0, 2])
        array([[0.1, 0.2],
               [0.4, 0.5]])
    """
    rows = [parameter_values[number] for number in numbers]
    try:
        values = np.array(rows, dtype=float)
    except (TypeError, ValueError):
        raise InputError(f"parameter values {rows[0]!r} are not valid; give numbers") from None
    if not np.isfinite(values).all():
        wrong = values[~np.isfinite(values)][0]
        raise InputError(f"a parameter value is {wrong}; all must be finite numbers")
    return values
